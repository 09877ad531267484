/**
 * Looks at one person on one store before anything is planned: how they should be, their link, the account
 * under their identifier, and, where an earlier attempt may have reached the vendor, what is there now.
 */

import { speakingUser } from '../../db/identity/persons.ts';
import type { Db } from '../../db/open.ts';
import type { Intent } from '../../db/queue/queue.ts';
import { forgetAccount } from '../../db/seen/ledger.ts';
import {
  deleteLink,
  getLink,
  getUserLinkByRemoteId,
  insertLink,
  type LinkPatch,
  type LinkRecord,
  updateLink,
} from '../../db/seen/links.ts';
import { forgetObservation, type Observation, observe, observedAs } from '../../db/seen/observations.ts';
import type { Skip } from '../../model/change.ts';
import type { Attributes, DesiredUser } from '../../model/desired.ts';
import type { RemoteUser } from '../../model/remote.ts';
import type { UserSituation } from '../../plan/user.ts';
import { loadDesiredUser } from '../../stores/desired.ts';
import type { Attempt } from '../attempt.ts';
import { isNameless, meetAgain } from '../purged.ts';
import { takenBy, userSituation } from '../situation.ts';
import { arrivedAttributes, enqueueGroupsOf } from './userChanges.ts';

interface Situated {
  readonly link: LinkRecord | null;
  readonly situation: UserSituation;
  /** The account under the identifier belongs to somebody else. */
  readonly taken: Skip | null;
}

export async function situate(attempt: Attempt): Promise<Situated> {
  const { db } = attempt.deps;
  const { store } = attempt.context;
  const desired = await loadDesiredUser(db, attempt.context, attempt.task.subject.id);
  let link = await getLink(db, store.id, attempt.task.subject);
  if (attempt.unknownOutcome) {
    const live = link !== null && link.state !== 'removed' ? link : null;
    link = live ? await refresh(attempt, live, desired) : await claimCreated(attempt, link, desired);
  }
  const met = link !== null && isNameless(link) ? await meetAgain(attempt, link, desired) : undefined;
  if (link !== null && met !== undefined) link = met?.link ?? (await forgetVanished(attempt, link));
  const linked = link !== null && link.state !== 'removed';
  const account = linked ? (met?.account ?? null) : await accountOf(attempt, desired);
  return {
    link,
    situation: userSituation(attempt.context, desired, link, account, attempt.now()),
    taken: account && !linked && (await ownerOf(attempt, account)) ? takenBy(desired, account) : null,
  };
}

/** How long an account counts as it was last seen: a store that was just scanned is not asked again for each. */
const FRESH_MS = 10 * 60_000;

function isFresh(attempt: Attempt, seen: Observation<'user'>): boolean {
  return attempt.deps.clock.now() - Date.parse(seen.seenAt) < FRESH_MS;
}

/**
 * The account under the person's identifier. After a complete scan a first creation relies on the vendor,
 * who refuses a second account with one identifier, and an adoption on what was just seen; should either
 * be wrong, we look. Everything else looks.
 */
async function accountOf(attempt: Attempt, desired: DesiredUser): Promise<RemoteUser | null> {
  const { store, settings } = attempt.context;
  if (desired.identifier === null || desired.lifecycle === 'gone') return null;
  const mayCreate = desired.lifecycle === 'active' && settings.createUsers;
  if (!attempt.unknownOutcome && store.scannedAt !== null) {
    const seen = await observedAs(attempt.deps.db, store.id, 'user', desired.identifier);
    if (seen && isFresh(attempt, seen)) return seen.remote;
    if (!seen && mayCreate) return null;
  }
  return find(attempt, desired.identifier);
}

async function find(attempt: Attempt, identifier: string): Promise<RemoteUser | null> {
  const { store, connector } = attempt.context;
  const found = await connector.find('user', identifier, attempt.looking('find'));
  if (found) await attempt.record((tx) => observe(tx, store.id, [found], attempt.now()));
  return found;
}

/** The link of another person who is still there; the account of one whom the directory lost is free to be taken. */
async function ownerOf(attempt: Attempt, account: RemoteUser): Promise<LinkRecord | null> {
  const { db } = attempt.deps;
  const other = await getUserLinkByRemoteId(db, attempt.context.store.id, account.remoteId);
  if (!other || other.subject.id === attempt.task.subject.id) return null;
  // Out of scope is not gone: with the next change of title they are back, and want their account.
  const speaking = await speakingUser(db, other.subject.id);
  // Whose data was purged cannot be known again: whoever has the identifier now is who they were.
  if (speaking && speaking.purgedAt === null) return other;
  await attempt.record(async (tx) => {
    await deleteLink(tx, other.id);
    await attempt.event(tx, {
      kind: 'link.deleted',
      outcome: 'success',
      subject: other.subject,
      reason: `the account ${account.display} passes to ${attempt.task.subject.id}, who has its identifier now`,
    });
  });
  return null;
}

/**
 * After an unknown outcome: what is there now is what the next plan starts from. The link of an account
 * that is not there any more stays, as `removed`, for the next account of the person.
 */
async function refresh(attempt: Attempt, link: LinkRecord, desired: DesiredUser): Promise<LinkRecord> {
  const { connector, store } = attempt.context;
  const callContext = attempt.looking('read');
  const remote = await connector.read('user', link.remoteId, callContext);
  if (!remote) return forgetVanished(attempt, link);
  const arrived = arrivedAttributes(attempt.intent, remote);
  const patch = {
    ...stateAfterUnknownOutcome(attempt, link, remote, desired),
    applied: { ...link.applied, ...arrived },
    observed: { ...link.observed, ...remote.attributes },
    remoteName: remote.display,
  };
  await attempt.record(async (tx) => {
    await updateLink(tx, link.id, patch, attempt.now());
    await observe(tx, store.id, [remote], attempt.now());
    await membershipsAfterUnknownOutcome(tx, attempt, link, patch.state);
    await sayFound(tx, attempt, link, patch.state, arrived);
  });
  return { ...link, ...patch };
}

/**
 * An account that an unanswered attempt made is the person's, whatever became of the person since: another
 * identifier must not lead to a second account, and a leaver must not keep the first.
 */
async function claimCreated(
  attempt: Attempt,
  link: LinkRecord | null,
  desired: DesiredUser,
): Promise<LinkRecord | null> {
  const { subject, environmentId } = attempt.task;
  const { intent } = attempt;
  if (intent?.identifier === undefined || !isClaim(intent, desired)) return link;
  const { connector, store } = attempt.context;
  const callContext = attempt.looking('find');
  const remote = await connector.find('user', intent.identifier, callContext);
  if (!remote || (await getUserLinkByRemoteId(attempt.deps.db, store.id, remote.remoteId))) return link;
  if (!intent.ops.includes('create') && !isWhole(attempt, intent, remote)) return link;
  const made = { ...madeAccount(remote), applied: arrivedAttributes(attempt.intent, remote) };
  return attempt.record(async (tx) => {
    await observe(tx, store.id, [remote], attempt.now());
    await attempt.foundEvent(tx, 'create', remote.display, { remoteId: remote.remoteId, ...made.applied });
    await enqueueGroupsOf(tx, attempt, remote.remoteId);
    if (!link) return insertLink(tx, { environmentId, storeId: store.id, subject, ...made }, attempt.now());
    await updateLink(tx, link.id, made, attempt.now());
    return { ...link, ...made };
  });
}

/** A creation that was refused matters where the person is not looked for under its identifier any more. */
function isClaim(intent: Intent, { identifier, lifecycle }: DesiredUser): boolean {
  if (intent.ops.includes('create')) return true;
  return intent.ops.includes('adopt') && (lifecycle === 'gone' || identifier !== intent.identifier);
}

/** Everything that was sent is there, so it was delivered. Under an identifier given in error somebody else is. */
function isWhole({ context }: Attempt, { attributes }: Intent, remote: RemoteUser): boolean {
  const substitutable = context.definition.userAttributes.filter((a) => a.keptOnAdoption).map((a) => a.name);
  return Object.entries(attributes).every(
    ([name, value]) => substitutable.includes(name) || (remote.attributes[name] ?? '') === value,
  );
}

/** One that was disabled since is enabled again, as at an adoption, if the directory wants it. */
function madeAccount(remote: RemoteUser) {
  const { remoteId, display: remoteName, attributes: observed } = remote;
  const base = { remoteId, remoteName, origin: 'created', observed } as const;
  switch (remote.state) {
    case 'disabled':
      return { ...base, state: 'disabled', disabledBy: 'inactive' } as const;
    case 'locked':
      return { ...base, state: 'disabled', disabledBy: 'locked' } as const;
    default:
      return { ...base, state: remote.state, disabledBy: null };
  }
}

/** What an earlier attempt did belongs in the audit log although its answer never came. */
async function sayFound(
  tx: Db,
  attempt: Attempt,
  link: LinkRecord,
  found: LinkPatch['state'],
  arrived: Attributes,
): Promise<void> {
  const meant = attempt.intent?.ops ?? [];
  const moved = found !== undefined && found !== link.state;
  const op = moved ? (found === 'enabled' ? 'enable' : 'disable') : null;
  if (op !== null && meant.includes(op))
    await attempt.foundEvent(tx, op, link.remoteName, { remoteId: link.remoteId });
  const news = Object.entries(arrived).some(([name, value]) => link.applied[name] !== value);
  if (news && meant.includes('update')) await attempt.foundEvent(tx, 'update', link.remoteName, arrived);
}

/** What would have followed the change whose answer was lost. */
async function membershipsAfterUnknownOutcome(
  tx: Db,
  attempt: Attempt,
  link: LinkRecord,
  found: LinkPatch['state'],
): Promise<void> {
  if (found === undefined || found === link.state) return;
  if (found === 'enabled') return enqueueGroupsOf(tx, attempt, link.remoteId);
  if (found === 'disabled' && attempt.context.connector.capabilities.disableDropsMemberships)
    await forgetAccount(tx, attempt.context.store.id, link.remoteId);
}

function stateAfterUnknownOutcome(
  attempt: Attempt,
  link: LinkRecord,
  remote: RemoteUser,
  desired: DesiredUser,
): LinkPatch {
  if (remote.state === 'enabled' || remote.state === 'invited')
    return { state: remote.state, disabledBy: null };
  if (remote.state === 'locked') return { state: 'disabled', disabledBy: 'locked' };
  if (link.state === 'disabled') return {};
  const ours = attempt.intent?.ops.includes('disable') ?? false;
  // An intent of an older version does not say why.
  const why = attempt.intent?.disabledBy ?? (desired.lifecycle === 'gone' ? 'gone' : 'inactive');
  return { state: 'disabled', disabledBy: ours ? why : 'hand' };
}

export async function forgetVanished(attempt: Attempt, link: LinkRecord): Promise<LinkRecord> {
  const { store } = attempt.context;
  const removed = { state: 'removed', disabledBy: null, removalSince: null } as const;
  await attempt.record(async (tx) => {
    await updateLink(tx, link.id, removed, attempt.now());
    await forgetAccount(tx, store.id, link.remoteId);
    await forgetObservation(tx, store.id, 'user', link.remoteId);
    if (attempt.intent?.ops.includes('delete'))
      return attempt.foundEvent(tx, 'delete', link.remoteName, { remoteId: link.remoteId });
    await attempt.event(tx, {
      kind: 'link.vanished',
      outcome: 'failure',
      subject: link.subject,
      reason: `the account ${link.remoteName} (${link.remoteId}) is not there any more`,
    });
  });
  return { ...link, ...removed };
}
