/** The steps about what is done: what the plan has, what waits for a decision, and what the vendor answered. */

import type { Change, Op } from '../../../model/change.ts';
import type { PersonStatus } from '../person.ts';
import { dayOf } from '../reasons.ts';
import type { Situation, StepResult } from './situation.ts';

export function plan({ store, status, facts, plan: planned, task }: Situation): StepResult {
  if (store.status === 'INACTIVE')
    return {
      outcome: 'stopped',
      clause: `${store.name} is inactive: nothing is done there before it is activated`,
    };
  const waitsForPreview = facts.settings.applyMode === 'Approval' && status.status === 'unsynced';
  if (waitsForPreview && planned.changes.length > 0)
    return {
      outcome: 'stopped',
      clause: status.reason ?? 'APPLY_MODE is Approval, and no applied preview says so',
    };
  const reasons = [...new Set(planned.skipped.map(({ reason }) => reason))];
  if (reasons.length > 0) return { outcome: 'no', clause: reasons.join('; ') };
  const isSettled = status.status === 'synced' || (task === null && status.held.length === 0);
  if (planned.changes.length === 0 || isSettled)
    return { outcome: 'yes', clause: nothingToDo(status, facts.desired.lifecycle) };
  const words = [...new Set(planned.changes.map(changeClause))];
  return { outcome: 'yes', clause: `the bridge is to ${words.join(', ')}` };
}

function nothingToDo({ accountState }: PersonStatus, lifecycle: string): string {
  if (lifecycle === 'active') return 'the account is to be as it is';
  const hasNone = accountState === 'none' || accountState === 'removed';
  return hasNone ? 'there is no account to take anything from' : 'the account is to have no access';
}

function changeClause(change: Change): string {
  if (change.op !== 'update') return CHANGE[change.op];
  return `change ${change.attributes.map(({ name }) => name).join(' and ')} of the account`;
}

const CHANGE: Readonly<Record<Exclude<Op, 'update'>, string>> = {
  create: 'make an account',
  adopt: 'adopt the account',
  enable: 'enable the account',
  disable: 'disable the account',
  delete: 'delete the account',
  grant: 'make the account a member of a group',
  revoke: 'end a membership of the account',
};

export function brake({ status, declined, incident, plan: planned, facts }: Situation): StepResult {
  const { held } = status;
  const [first] = held;
  if (first) {
    const what = [...new Set(held.map(({ change }) => changeClause(change)))].join(' and to ');
    const where = incident ? ` in incident ${incident.number}` : '';
    const evidence = [
      ...(incident ? [{ name: 'incident', value: String(incident.number) }] : []),
      ...(first.cause === null ? [] : [{ name: 'cause', value: first.cause }]),
    ];
    const clause = `whether to ${what} waits for a decision${where}: ${first.reason}`;
    return { outcome: 'stopped', clause, evidence, at: first.since };
  }
  const decided = planned.skipped.length === 0 && status.status === 'unsynced' ? declined.at(-1) : undefined;
  if (decided) {
    const { state, undoBy, decidedBy, undoAt, decidedAt } = decided;
    const [who, at] = state === 'undone' ? [undoBy, undoAt] : [decidedBy, decidedAt];
    const what = state === 'undone' ? 'gave back what was taken' : 'decided that it is not done';
    return { outcome: 'stopped', clause: `${who}${at ? `, on ${dayOf(at)},` : ''} ${what}`, at };
  }
  const loses = facts.desired.lifecycle !== 'active';
  return { outcome: 'yes', clause: loses ? 'the brake lets the loss pass' : 'nothing waits for a decision' };
}

export function vendor(situation: Situation): StepResult {
  const { status, store, task, leaver } = situation;
  const { vendor: answer, reason, lastSyncAt } = status;
  const evidence = [
    ...(answer?.status ? [{ name: 'status', value: String(answer.status) }] : []),
    ...(answer?.code ? [{ name: 'code', value: answer.code }] : []),
    ...(answer ? [{ name: 'message', value: answer.message }] : []),
  ];
  if (status.status === 'pending') {
    if (store.paused)
      return { outcome: 'stopped', clause: reason ?? `${store.name} is paused`, evidence, at: status.since };
    if (task?.error) return { outcome: 'stopped', clause: `it ${reason}`, evidence, at: task.failedAt };
    if (leaver?.disabledAt)
      return {
        outcome: 'notReached',
        clause: `${store.name} took it, and the account is read back until no access is left`,
        at: leaver.disabledAt,
      };
    const clause = status.status === 'pending' && reason ? reason : `it is on its way to ${store.name}`;
    return { outcome: 'notReached', clause };
  }
  const parked = task?.state === 'parked' ? ', and the bridge gave up until somebody retries it' : '';
  if (status.status === 'failed')
    return {
      outcome: 'no',
      clause: `${reason ?? `${store.name} refused it`}${parked}`,
      evidence,
      at: lastSyncAt,
    };
  if (status.status === 'partiallySynced')
    return {
      outcome: 'no',
      clause: reason ?? `${store.name} did not take all of it`,
      evidence,
      at: lastSyncAt,
    };
  if (status.status === 'unsynced') return left(situation);
  if (status.accountState === 'none')
    return { outcome: 'notReached', clause: `nothing was asked of ${store.name}` };
  const clause = lastSyncAt
    ? `${store.name} confirmed it on ${dayOf(lastSyncAt)}`
    : `${store.name} confirmed it`;
  return { outcome: 'yes', clause, at: lastSyncAt };
}

/** Why something is left undone on purpose: the plan says so, or an admin discarded the task. */
function left({ status, store, plan: planned, scope: rules, word, link }: Situation): StepResult {
  const isLeft = planned.skipped.length > 0;
  if (!isLeft && link && (link.state === 'disabled' || link.state === 'removed') && !rules.included)
    return {
      outcome: 'yes',
      clause: `${store.name} confirmed it on ${dayOf(link.updatedAt)}`,
      at: link.updatedAt,
    };
  if (isLeft || (word?.said === 'active' && !rules.included) || status.reason === null)
    return { outcome: 'notReached', clause: `nothing was asked of ${store.name}` };
  return { outcome: 'stopped', clause: status.reason };
}
