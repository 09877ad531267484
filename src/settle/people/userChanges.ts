/** Applies the changes of one person's plan, one after the other, and keeps the link in step with each. */

import type { Applied, VendorCall } from '../../connectors/connector.ts';
import { groupsHeldOf } from '../../db/brake/held.ts';
import type { Db } from '../../db/open.ts';
import type { Intent } from '../../db/queue/queue.ts';
import { enqueueTask, PRIORITY } from '../../db/queue/tasks.ts';
import { rememberDrift } from '../../db/seen/drift.ts';
import { forgetAccount, groupsOfAccount } from '../../db/seen/ledger.ts';
import {
  groupLinksByRemoteId,
  insertLink,
  type LinkPatch,
  type LinkRecord,
  updateLink,
} from '../../db/seen/links.ts';
import { groupsOfPerson } from '../../db/seen/memberDifferences.ts';
import { forgetObservation } from '../../db/seen/observations.ts';
import type { UserChange } from '../../model/change.ts';
import type { Attributes, DesiredUser } from '../../model/desired.ts';
import type { RemoteUser } from '../../model/remote.ts';
import { keptAttributes, type UserSituation } from '../../plan/user.ts';
import type { Attempt } from '../attempt.ts';
import { afterWrite } from '../drift.ts';
import { type Gate, tickOff } from '../gate.ts';
import type { Leaving } from '../leavers.ts';
import { conclude, type Outcome, type StatusChange } from '../outcome.ts';
import { forbiddenAsSkip } from '../refusal.ts';
import { endWaitForSeats } from '../seats.ts';
import { namesOfLink, protects } from '../situation.ts';
import { whyOf } from '../why.ts';

/** The groups that want the person, and those whose memberships hang on the account. */
export async function enqueueGroupsOf(tx: Db, attempt: Attempt, remoteId: string | undefined): Promise<void> {
  const { store, settings } = attempt.context;
  if (settings.groupProvisioning === 'Off') return;
  const groupIds = new Set(await groupsOfPerson(tx, attempt.task.subject.id));
  for (const remoteGroupId of remoteId === undefined ? [] : await groupsOfAccount(tx, store.id, remoteId)) {
    const [feeding] = await groupLinksByRemoteId(tx, store.id, remoteGroupId);
    if (feeding) groupIds.add(feeding.subject.id);
  }
  for (const id of groupIds) await enqueueGroup(tx, attempt, id);
}

function enqueueGroup(tx: Db, attempt: Attempt, id: string): Promise<void> {
  const { store } = attempt.context;
  return enqueueTask(tx, store.id, {
    environmentId: store.environmentId,
    subject: { kind: 'group', id },
    priority: PRIORITY.normal,
    correlationIds: attempt.task.causes,
    at: attempt.now(),
  });
}

/**
 * Somebody who was not as desired, or may have been otherwise than was known, may be now: the groups that
 * left them out follow. While nothing new is said of them they do not: a group that a rule names asks for
 * its members in its turn, and the two would never come to rest.
 */
export function groupsFollow(
  attempt: Attempt,
  { lifecycle }: DesiredUser,
  { before, after }: StatusChange,
): boolean {
  if (lifecycle !== 'active') return false;
  if (attempt.unknownOutcome) return true;
  if (before === null || before.status === 'synced') return false;
  return before.status !== after.status || before.reason !== after.reason;
}

/** Applies the changes of one plan and keeps the link in step. */
export class Application {
  readonly #attempt: Attempt;
  readonly #desired: DesiredUser;
  readonly #account: RemoteUser | null;
  readonly #kept: Attributes;
  readonly #gate: Gate;
  #link: LinkRecord | null;

  constructor(attempt: Attempt, situation: UserSituation, gate: Gate, link: LinkRecord | null) {
    this.#attempt = attempt;
    this.#desired = situation.desired;
    this.#account = situation.account;
    this.#kept = keptAttributes(situation);
    this.#gate = gate;
    this.#link = link;
  }

  /** With `last`, the task is outcome in the transaction that records the change. Answers a refusal. */
  async apply(change: UserChange, last: Outcome | null) {
    const attempt = this.#attempt;
    const { calls, callContext } = attempt.calling(change.op);
    try {
      const applied =
        change.op === 'adopt' ? null : await attempt.context.connector.apply(change, callContext);
      await attempt.record(async (tx) => {
        const before = this.#link;
        const intended =
          change.op === 'adopt' ? await attempt.intendedCreation(tx, this.#desired.identifier) : null;
        this.#link = await this.#write(tx, change, applied, intended);
        await tickOff(tx, attempt, this.#gate, change);
        if (change.op === 'create') await endWaitForSeats(tx, attempt);
        if (intended) await this.#tellFound(tx, this.#link);
        else await this.#tell(tx, change, calls);
        const accessTaken = change.op === 'disable' || change.op === 'delete';
        const leaving = { ...(last?.leaving as Leaving), accessTaken };
        const said = last ? await conclude(tx, attempt, { ...last, leaving }) : null;
        if (
          ['create', 'adopt', 'enable'].includes(change.op) ||
          this.#losesProtection(before, this.#link) ||
          (said && groupsFollow(attempt, this.#desired, said))
        )
          await enqueueGroupsOf(tx, attempt, this.#link.remoteId);
      });
      return null;
    } catch (error) {
      return forbiddenAsSkip(attempt, change, calls, error);
    }
  }

  async #tell(tx: Db, change: UserChange, calls: VendorCall[]): Promise<void> {
    const attempt = this.#attempt;
    const why = change.op === 'update' ? {} : { reason: await whyOf(tx, attempt.context, this.#desired) };
    await attempt.changeEvent(tx, change, { calls, ...describe(change), ...why });
  }

  async #tellFound(tx: Db, { remoteId, remoteName, applied }: LinkRecord): Promise<void> {
    await this.#attempt.foundEvent(tx, 'create', remoteName, { remoteId, ...applied });
  }

  /** A rename may end it, and then the account may lose the memberships that nobody wants. */
  #losesProtection(before: LinkRecord | null, after: LinkRecord): boolean {
    const { context } = this.#attempt;
    return (
      before !== null &&
      protects(context, before.remoteId, namesOfLink(context, before)) &&
      !protects(context, after.remoteId, namesOfLink(context, after))
    );
  }

  async #write(
    tx: Db,
    change: UserChange,
    applied: Applied<'user'> | null,
    intended: Intent | null,
  ): Promise<LinkRecord> {
    const attempt = this.#attempt;
    const { store, connector } = attempt.context;
    const remote = applied?.observed ?? null;
    switch (change.op) {
      case 'create': {
        const shown = { ...change.attributes, ...applied?.sent, ...remote?.attributes };
        return this.#put(tx, {
          remoteId: applied?.remoteId as string,
          remoteName: remote?.display ?? change.identifier,
          origin: 'created',
          state: 'enabled',
          disabledBy: null,
          applied: change.attributes,
          observed: shown,
        });
      }
      case 'adopt':
        return this.#put(tx, this.#adoption(this.#account as RemoteUser, intended));
      case 'update': {
        const to = Object.fromEntries(change.attributes.map((attribute) => [attribute.name, attribute.to]));
        const link = this.#link as LinkRecord;
        const patch = {
          applied: { ...link.applied, ...to },
          observed: { ...link.observed, ...to, ...applied?.sent, ...remote?.attributes },
          ...(remote ? { remoteName: remote.display } : {}),
        };
        return this.#put(tx, patch, Object.keys(to));
      }
      case 'enable':
        return this.#put(tx, { state: 'enabled', disabledBy: null, removalSince: null });
      case 'disable':
        if (connector.capabilities.disableDropsMemberships) await this.#dropMemberships(tx, change.remoteId);
        return this.#put(tx, {
          state: 'disabled',
          disabledBy: this.#desired.lifecycle === 'gone' ? 'gone' : 'inactive',
          removalSince: this.#desired.lifecycle === 'gone' ? attempt.now() : null,
        });
      case 'delete':
        await this.#dropMemberships(tx, change.remoteId);
        await forgetObservation(tx, store.id, 'user', change.remoteId);
        return this.#put(tx, { state: 'removed', disabledBy: null, removalSince: null });
    }
  }

  /** They went with the account, and so did what was held of them: a group that is gone may have waited for that. */
  async #dropMemberships(tx: Db, remoteId: string): Promise<void> {
    const { store } = this.#attempt.context;
    await forgetAccount(tx, store.id, remoteId);
    for (const id of await groupsHeldOf(tx, store.id, this.#attempt.task.subject.id))
      await enqueueGroup(tx, this.#attempt, id);
  }

  /** An account that our own unanswered create made is ours, not found. */
  #adoption(account: RemoteUser, intended: Intent | null) {
    const disabled = account.state === 'disabled' || account.state === 'locked';
    return {
      remoteId: account.remoteId,
      remoteName: account.display,
      origin: intended ? ('created' as const) : ('adopted' as const),
      state: disabled ? ('disabled' as const) : ('enabled' as const),
      // A disabled account is adopted to be enabled; should that fail, it is not taken for somebody's decision.
      disabledBy: account.state === 'locked' ? ('locked' as const) : disabled ? ('inactive' as const) : null,
      applied: intended ? arrivedAttributes(intended, account) : this.#kept,
      observed: account.attributes,
    };
  }

  /** What the bridge has just written is no longer as somebody left it. `written` null: the state. */
  async #endDrift(tx: Db, link: LinkRecord, written: readonly string[] | null): Promise<LinkRecord['drift']> {
    if (link.drift === null) return null;
    const left = afterWrite(link.drift, written);
    await rememberDrift(tx, link.id, left, this.#attempt.now());
    return left;
  }

  async #put(tx: Db, patch: LinkPatch, written: readonly string[] | null = null): Promise<LinkRecord> {
    const attempt = this.#attempt;
    if (this.#link) {
      await updateLink(tx, this.#link.id, patch, attempt.now());
      return { ...this.#link, ...patch, drift: await this.#endDrift(tx, this.#link, written) };
    }
    const { store } = attempt.context;
    return insertLink(
      tx,
      {
        environmentId: store.environmentId,
        storeId: store.id,
        subject: attempt.task.subject,
        remoteId: patch.remoteId as string,
        remoteName: patch.remoteName as string,
        origin: patch.origin ?? 'adopted',
        state: patch.state ?? 'enabled',
        ...patch,
      },
      attempt.now(),
    );
  }
}

/** What an auditor wants to see of a change. */
function describe(change: UserChange): { before?: unknown; after?: unknown } {
  switch (change.op) {
    case 'create':
      return { after: { identifier: change.identifier, ...change.attributes } };
    case 'update':
      return {
        before: Object.fromEntries(change.attributes.map((attribute) => [attribute.name, attribute.from])),
        after: Object.fromEntries(change.attributes.map((attribute) => [attribute.name, attribute.to])),
      };
    default:
      return { after: { remoteId: change.remoteId } };
  }
}

/** An attribute that we meant to send and that is there now was applied. */
export function arrivedAttributes(intent: Intent | null, remote: RemoteUser): Attributes {
  const meant = Object.entries(intent?.attributes ?? {});
  return Object.fromEntries(meant.filter(([name, value]) => remote.attributes[name] === value));
}
