/**
 * The steps about who somebody is: what the directory has, which user speaks for them, which rule includes them,
 * which account is theirs.
 */

import type { Op } from '../../../model/change.ts';
import { dayOf, directoryClause } from '../reasons.ts';
import type { Evidence, Situation, StepResult } from './situation.ts';

export function directory({ word, speaking, display, facts }: Situation): StepResult {
  const evidence = speaking
    ? [
        { name: 'connection', value: speaking.connectionName },
        { name: 'userName', value: speaking.userName },
        ...(speaking.externalId === null ? [] : [{ name: 'externalId', value: speaking.externalId }]),
      ]
    : [];
  const isActive = word?.said === 'active';
  const returns = facts.desired.returns ? ', and the account is disabled first' : '';
  const clause = `${directoryClause(word, speaking?.userName ?? display)}${returns}`;
  return { outcome: isActive ? 'yes' : 'no', clause, evidence, at: word?.at ?? null };
}

export function speaker({ speaking, word, facts, plan: planned, isOther, display }: Situation): StepResult {
  const { doubts } = facts;
  if (!speaking) {
    const clause = word ? `${word.connectionName} spoke for them last` : `nobody speaks for ${display}`;
    return { outcome: word ? 'yes' : 'no', clause };
  }
  if (doubts.yieldsTo !== null && !isOther)
    return { outcome: 'stopped', clause: `${display} ${doubts.yieldsTo}` };
  const waits = planned.changes.find(({ hold }) => hold?.kind === 'speaker');
  if (waits?.hold) return { outcome: 'stopped', clause: waits.hold.reason };
  const why = speaking.isOfPrimary ? ', the primary connection,' : '';
  const clause = `${speaking.connectionName}${why} speaks for them`;
  return { outcome: 'yes', clause, evidence: [{ name: 'connection', value: speaking.connectionName }] };
}

export function scope({ store, speaking, scope: rules, facts, display }: Situation): StepResult {
  if (store.status === 'DELETING')
    return { outcome: 'no', clause: `${store.name} is being deleted, so nobody is in scope` };
  if (!speaking) return { outcome: 'no', clause: `nobody whom the directory does not have is in scope` };
  const { departedFrom } = facts.desired;
  if (departedFrom !== undefined)
    return { outcome: 'no', clause: `the group ${departedFrom}, which a rule names for ${display}, is gone` };
  const evidence = rules.rule === null ? [] : [{ name: 'rule', value: rules.rule }];
  return { outcome: rules.included ? 'yes' : 'no', clause: rules.clause, evidence };
}

export function match(situation: Situation): StepResult {
  const { link, facts, plan: planned, status, store, isOther, display, spared } = situation;
  const { doubts, protection, account, isTaken, desired, settings } = facts;
  const evidence = accountEvidence(situation);
  const stopped = (clause: string): StepResult => ({ outcome: 'stopped', clause, evidence });
  if (doubts.question && desired.lifecycle !== 'gone')
    return stopped(`${display} ${doubts.question.hold.reason}`);
  if (doubts.yieldsTo !== null && isOther) return stopped(`${display} ${doubts.yieldsTo}`);
  const name = status.remoteName ?? account?.display ?? facts.desired.identifier ?? '';
  if (protection)
    return stopped(
      protection.pattern === ''
        ? `the account ${name} is the one of the store's own credential, which the bridge leaves alone`
        : `the account ${name} is protected by "${protection.pattern}" in PROTECTED_ACCOUNTS`,
    );
  if (link && link.state !== 'removed') {
    const how = link.origin === 'created' ? 'the bridge made it' : 'the bridge adopted it';
    const clause = `their account is ${link.remoteName}: ${how} on ${dayOf(link.createdAt)}`;
    return { outcome: 'yes', clause, evidence, at: link.createdAt };
  }
  const waits = planned.changes.find(
    ({ hold, op }) => hold !== undefined && hold.kind !== 'rule' && (op === 'disable' || makesLink(op)),
  );
  if (waits?.hold) return stopped(waits.hold.reason);
  const left = planned.skipped.find(({ op }) => op === 'adopt');
  if (left) return stopped(left.reason);
  if (spared || isTaken) return stopped(status.reason ?? `the account ${name} is not linked to them`);
  if (facts.namesProtected.length > 0 && account === null && desired.lifecycle === 'active')
    return stopped(`${facts.namesProtected.join(', ')} would be one that PROTECTED_ACCOUNTS names`);
  if (desired.identifier === null && desired.lifecycle === 'active') {
    const missing = settings.uniqueUserIdentifier === 'primaryEmail' ? 'primary email' : 'userName';
    return stopped(`${display} has no ${missing}, so no account can be told to be theirs`);
  }
  if (link) return { outcome: 'no', clause: `the account ${link.remoteName}, which was theirs, is gone` };
  if (account) {
    const clause = `the account ${account.display} on ${store.name} has their identifier`;
    return { outcome: 'yes', clause, evidence };
  }
  return { outcome: 'no', clause: `no account on ${store.name} is known to be theirs` };
}

function accountEvidence({ status, facts }: Situation): Evidence[] {
  const { account } = facts;
  const { remoteId = account?.remoteId, remoteName = account?.display, origin } = status;
  const privileged = status.privileged || account?.privileged === true;
  return [
    ...(remoteId === undefined ? [] : [{ name: 'remoteId', value: remoteId }]),
    ...(remoteName === undefined ? [] : [{ name: 'remoteName', value: remoteName }]),
    ...(origin === undefined ? [] : [{ name: 'origin', value: origin }]),
    ...(privileged ? [{ name: 'privileged', value: 'true' }] : []),
  ];
}

function makesLink(op: Op): boolean {
  return op === 'adopt' || op === 'create';
}
