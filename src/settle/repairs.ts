/**
 * Puts right what a look found wrong in the records, in the transaction of the attempt's first record. An attempt
 * that ends before it leaves everything as it was.
 */

import type { Db } from '../db/open.ts';
import { type Attribute, insertQuestion } from '../db/people/questions.ts';
import { doubtingMembershipsOf } from '../db/seen/ledger.ts';
import { type LinkPatch, type LinkRecord, saveLink, updateLink } from '../db/seen/links.ts';
import { forgetObservation, observe } from '../db/seen/observations.ts';
import { forgetRefusedOfAccount } from '../db/seen/refusedMemberships.ts';
import { type ProtectedAccount, rememberProtected, saveSpared } from '../db/seen/spared.ts';
import { send } from '../db/transaction.ts';
import type { UserChange } from '../model/change.ts';
import type { Attributes, DesiredUser } from '../model/desired.ts';
import type { Remote } from '../model/remote.ts';
import type { LossOf } from '../plan/losses.ts';
import { attributeChanges, splitIdentity } from '../plan/people/attributes.ts';
import type { Attempt } from './attempt.ts';
import { recordFoundLoss } from './gate/taken.ts';
import { enqueueGroupsOf, enqueueHeirs } from './people/groupsOf.ts';
import { rememberShown } from './people/protection.ts';
import { foundEvent } from './recovery/found.ts';
import { markedAttributes } from './situation.ts';

export type Repair =
  /** The vendor showed the account or group. */
  | { readonly kind: 'observe'; readonly remote: Remote }
  /** The account is gone. Its link stays, as `removed`, for the person's next account. */
  | { readonly kind: 'vanish'; readonly link: LinkRecord }
  /**
   * A newcomer has the identifier of an account whose owner left: an admin must say whether they are the same person.
   */
  | {
      readonly kind: 'ask';
      readonly newcomer: DesiredUser;
      readonly formerId: string;
      readonly attribute: Attribute;
    }
  /** The vendor showed what an earlier attempt did to a linked account. */
  | {
      readonly kind: 'recover';
      readonly link: LinkRecord;
      readonly patch: LinkPatch;
      readonly arrived: Attributes;
    }
  /**
   * An earlier attempt made the account or group, and its answer was lost. `before`: the person's link, which now
   * leads to it.
   */
  | {
      readonly kind: 'claim';
      readonly link: LinkRecord;
      readonly before: LinkRecord | null;
      readonly remote: Remote;
    }
  /** An account is protected from now on, whatever it is called later. */
  | { readonly kind: 'protect'; readonly account: ProtectedAccount }
  /** The bridge leaves alone the account under the person's identifier; null: it leaves none alone any more. */
  | { readonly kind: 'spare'; readonly personId: string; readonly remoteId: string | null }
  /** The account of a purged person is known again. */
  | { readonly kind: 'meet'; readonly link: LinkRecord; readonly patch: LinkPatch };

export const REMOVED = { state: 'removed', disabledBy: null, removalSince: null, notAccepted: {} } as const;

export async function applyRepairs(tx: Db, attempt: Attempt, repairs: readonly Repair[]): Promise<void> {
  for (const repair of repairs) await applyRepair(tx, attempt, repair);
}

async function applyRepair(tx: Db, attempt: Attempt, repair: Repair): Promise<void> {
  const { store } = attempt.context;
  switch (repair.kind) {
    case 'observe':
      await rememberShown(tx, attempt.context, [repair.remote], attempt.now());
      return observe(tx, store.id, [repair.remote], attempt.now());
    case 'protect':
    case 'spare':
      return recordSparing(tx, store.id, repair, attempt.now());
    case 'vanish':
      return vanish(tx, attempt, repair.link);
    case 'ask':
      return ask(tx, attempt, repair);
    case 'recover':
      return recover(tx, attempt, repair);
    case 'claim':
      return claim(tx, attempt, repair);
    case 'meet':
      return updateLink(tx, repair.link.id, repair.patch, attempt.now());
  }
}

/** Records which accounts a look found to leave alone; a sync records it too. */
export async function recordSparing(tx: Db, storeId: string, repair: Repair, at: string): Promise<void> {
  if (repair.kind === 'protect') await rememberProtected(tx, storeId, [repair.account], at);
  if (repair.kind === 'spare') await saveSpared(tx, storeId, repair.personId, repair.remoteId);
}

async function ask(tx: Db, attempt: Attempt, asked: Extract<Repair, { kind: 'ask' }>): Promise<void> {
  const { newcomer, formerId, attribute } = asked;
  const { environmentId } = attempt.context.store;
  const question = { newcomerId: newcomer.id, formerId, environmentId, attribute, askedAt: attempt.now() };
  if (!(await insertQuestion(tx, question))) return;
  await attempt.event(tx, {
    kind: 'identity.asked',
    outcome: 'held',
    subject: { kind: 'user', id: newcomer.id, display: newcomer.display },
    reason: `has the ${attribute} of somebody who left, and another externalId`,
    after: { former: formerId, attribute },
  });
}

async function vanish(tx: Db, attempt: Attempt, link: LinkRecord): Promise<void> {
  const { store } = attempt.context;
  await updateLink(tx, link.id, REMOVED, attempt.now());
  // If the account is shown again, its memberships are still owed.
  await send(tx, [doubtingMembershipsOf(store.id, link.remoteId)]);
  await forgetRefusedOfAccount(tx, store.id, link.remoteId);
  await forgetObservation(tx, store.id, 'user', link.remoteId);
  await enqueueHeirs(tx, attempt);
  if (attempt.intent?.ops.includes('delete')) {
    await recordFoundLoss(tx, attempt, lossFound(attempt, link, 'delete'), lossOfFound(attempt, 'gone'));
    return foundEvent(tx, attempt, 'delete', link.remoteName, { remoteId: link.remoteId });
  }
  await attempt.event(tx, {
    kind: 'link.vanished',
    outcome: 'failure',
    subject: link.subject,
    reason: `the account ${link.remoteName} (${link.remoteId}) is not there any more`,
  });
}

function lossFound(attempt: Attempt, link: LinkRecord, op: 'disable' | 'delete'): UserChange {
  const { id } = attempt.task.subject;
  return { op, subject: { kind: 'user', id, display: link.remoteName }, remoteId: link.remoteId };
}

/** `desired`: what the directory wanted when the change was made. */
function lossOfFound({ task }: Attempt, desired: string): LossOf {
  return { personKey: () => task.subject.id, desired: () => desired };
}

/** `link`: as recorded before the attributes arrived. */
function replacedBy(attempt: Attempt, link: LinkRecord, arrived: Attributes): UserChange | null {
  const { applied, observed, remoteId, remoteName } = link;
  const changes = attributeChanges(arrived, applied, observed);
  const identity = markedAttributes(attempt.context, 'identity');
  const { replacing } = splitIdentity(changes, identity, { applied, observed, shown: {} });
  if (replacing.length === 0) return null;
  const subject = { kind: 'user', id: attempt.task.subject.id, display: remoteName } as const;
  return { op: 'update', subject, remoteId, attributes: replacing, replacesIdentity: true };
}

async function recover(
  tx: Db,
  attempt: Attempt,
  { link, patch, arrived }: Extract<Repair, { kind: 'recover' }>,
): Promise<void> {
  await updateLink(tx, link.id, patch, attempt.now());
  const found = patch.state !== undefined && patch.state !== link.state ? patch.state : null;
  // What would have followed the lost answer.
  if (found === 'enabled') await enqueueGroupsOf(tx, attempt, link.remoteId);
  if (found === 'disabled' && !attempt.context.connector.capabilities.disableKeepsMemberships)
    await send(tx, [doubtingMembershipsOf(attempt.context.store.id, link.remoteId)]);
  const meant = attempt.intent?.ops ?? [];
  const op = found === null ? null : found === 'enabled' ? 'enable' : 'disable';
  if (op !== null && meant.includes(op)) {
    const why = patch.disabledBy ?? 'inactive';
    if (op === 'disable')
      await recordFoundLoss(tx, attempt, lossFound(attempt, link, op), lossOfFound(attempt, why));
    await foundEvent(tx, attempt, op, link.remoteName, { remoteId: link.remoteId });
  }
  const news = Object.entries(arrived).some(([name, value]) => link.applied[name] !== value);
  if (!news || !meant.includes('update')) return;
  const replacing = replacedBy(attempt, link, arrived);
  if (replacing) await recordFoundLoss(tx, attempt, replacing, lossOfFound(attempt, 'identity'));
  await foundEvent(tx, attempt, 'update', link.remoteName, arrived);
}

async function claim(
  tx: Db,
  attempt: Attempt,
  { link, before, remote }: Extract<Repair, { kind: 'claim' }>,
): Promise<void> {
  await foundEvent(tx, attempt, 'create', remote.display, { remoteId: remote.remoteId, ...link.applied });
  if (remote.kind === 'user') await enqueueGroupsOf(tx, attempt, remote.remoteId);
  if (before === null) return saveLink(tx, link);
  const { remoteId, remoteName, origin, state, disabledBy, applied, observed, notAccepted, privileged } =
    link;
  const account = { remoteId, remoteName, origin, state, disabledBy, applied, observed, notAccepted };
  const patch = { ...account, privileged, deletedAt: null };
  await updateLink(tx, before.id, patch, attempt.now());
}
