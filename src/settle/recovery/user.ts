/**
 * A person for whom an earlier attempt may have changed something at the vendor without an answer. Finds what is
 * there now, from which the next plan starts. Reads the vendor and writes nothing.
 */

import type { Intent } from '../../db/queue/queue.ts';
import { draftLink, getUserLinkByRemoteId, type LinkPatch, type LinkRecord } from '../../db/seen/links.ts';
import type { Attributes, DesiredUser } from '../../model/desired.ts';
import type { RemoteUser } from '../../model/remote.ts';
import { lockedBy } from '../../plan/drafting.ts';
import { mayBeLate } from '../../plan/people/attributes.ts';
import type { Attempt } from '../attempt.ts';
import { type LinkSight, losesSuccessor } from '../people/look.ts';
import { namesOfAccount, protectorOf } from '../people/protection.ts';
import { REMOVED } from '../repairs.ts';
import { markedAttributes } from '../situation.ts';

export async function recoverUser(
  attempt: Attempt,
  link: LinkRecord | null,
  desired: DesiredUser,
): Promise<LinkSight> {
  if (link !== null && link.state !== 'removed') return readLinked(attempt, link, desired);
  return findCreated(attempt, link, desired);
}

/** Where the account is gone, its link stays as `removed`, for the person's next account. */
async function readLinked(attempt: Attempt, link: LinkRecord, desired: DesiredUser): Promise<LinkSight> {
  const { connector } = attempt.context;
  const callContext = attempt.looking('read');
  const remote = await connector.read('user', link.remoteId, callContext);
  if (!remote) {
    if (isNew(attempt, link)) return { link };
    await believeAbsence(attempt);
    attempt.lost ||= losesSuccessor(desired, link);
    return { link: { ...link, ...REMOVED }, repairs: [{ kind: 'vanish', link }] };
  }
  const arrived = arrivedAttributes(attempt.intent, remote);
  const patch = {
    ...stateFound(attempt, link, remote, desired),
    applied: { ...link.applied, ...arrived },
    observed: { ...link.observed, ...meantOrNew(attempt.intent, link, remote) },
    remoteName: remote.display,
    privileged: remote.privileged === true,
  };
  return {
    link: { ...link, ...patch },
    repairs: [
      { kind: 'observe', remote },
      { kind: 'recover', link, patch, arrived },
    ],
  };
}

/**
 * Whether the vendor may not show the account yet, because it was made just now. If it is gone after all, the next
 * write will tell.
 */
export function isNew(attempt: Attempt, { updatedAt }: LinkRecord): boolean {
  return mayBeLate(attempt.now(), updatedAt);
}

/**
 * The attributes that the attempt meant to write, or that were never observed. Others that differ were changed by
 * hand; the next sync finds them, because they differ from what was observed.
 */
function meantOrNew(intent: Intent | null, { observed }: LinkRecord, remote: RemoteUser): Attributes {
  const seen = Object.entries(remote.attributes);
  return Object.fromEntries(
    seen.filter(([name, value]) => intent?.attributes[name] === value || observed[name] === undefined),
  );
}

function stateFound(attempt: Attempt, link: LinkRecord, remote: RemoteUser, desired: DesiredUser): LinkPatch {
  if (remote.state === 'enabled' || remote.state === 'invited')
    return { state: remote.state, disabledBy: null };
  if (remote.state === 'locked') return { state: 'disabled', disabledBy: lockedBy(remote) };
  if (link.state === 'disabled') return {};
  // Where the vendor refused to delete the account, the bridge disabled it instead.
  const ours = attempt.intent?.ops.some((op) => op === 'disable' || op === 'delete') ?? false;
  // An intent of an older version does not say why.
  const why = attempt.intent?.disabledBy ?? (desired.lifecycle === 'gone' ? 'gone' : 'inactive');
  return { state: 'disabled', disabledBy: ours ? why : 'hand' };
}

/**
 * Finds the account that an unanswered attempt made. It is the person's, whatever happened to the person since: a new
 * identifier must not lead to a second account, and a leaver must not keep the first.
 */
async function findCreated(
  attempt: Attempt,
  link: LinkRecord | null,
  desired: DesiredUser,
): Promise<LinkSight> {
  const { subject, environmentId } = attempt.task;
  const { intent } = attempt;
  if (intent?.identifier === undefined || !isClaim(intent, desired)) return { link };
  const { connector, store } = attempt.context;
  const callContext = attempt.looking('find');
  const remote = await connector.find('user', intent.identifier, callContext);
  if (!remote) await believeAbsence(attempt);
  if (!remote || (await getUserLinkByRemoteId(attempt.db, store.id, remote.remoteId))) return { link };
  if (!intent.ops.includes('create') && !isWhole(attempt, intent, remote)) return { link };
  if (await isAnothers(attempt, remote)) return { link, account: remote };
  const account = { ...createdAccount(remote), applied: arrivedAttributes(intent, remote) };
  const claimed = link
    ? { ...link, ...account }
    : draftLink({ environmentId, storeId: store.id, subject, ...account }, attempt.now());
  return {
    link: claimed,
    repairs: [
      { kind: 'observe', remote },
      { kind: 'claim', link: claimed, before: link, remote },
    ],
  };
}

/**
 * Whether to look for the account. After a refused creation only where the person is no longer looked for under its
 * identifier.
 */
function isClaim(intent: Intent, { identifier, lifecycle }: DesiredUser): boolean {
  if (intent.ops.includes('create')) return true;
  return intent.ops.includes('adopt') && (lifecycle === 'gone' || identifier !== intent.identifier);
}

/** The bridge makes no privileged account and none with a protected name, so such an account was there before. */
async function isAnothers({ db, context }: Attempt, remote: RemoteUser): Promise<boolean> {
  if (remote.privileged === true) return true;
  const protect = await protectorOf(db, context, [remote.remoteId]);
  return protect(remote.remoteId, namesOfAccount(context, remote)) !== null;
}

/**
 * Whether the account has everything that was sent: then the call was delivered. An account under an identifier given
 * in error is somebody else's.
 */
function isWhole({ context }: Attempt, { attributes }: Intent, remote: RemoteUser): boolean {
  const substitutable = markedAttributes(context, 'keptOnAdoption');
  return Object.entries(attributes).every(
    ([name, value]) => substitutable.includes(name) || (remote.attributes[name] ?? '') === value,
  );
}

/** An account that was disabled since is enabled again if the directory wants it, as after an adoption. */
function createdAccount(remote: RemoteUser) {
  const { remoteId, display: remoteName, attributes: observed } = remote;
  const privileged = remote.privileged === true;
  const base = { remoteId, remoteName, origin: 'created', observed, privileged } as const;
  switch (remote.state) {
    case 'disabled':
      return { ...base, state: 'disabled', disabledBy: 'inactive' } as const;
    case 'locked':
      return { ...base, state: 'disabled', disabledBy: lockedBy(remote) } as const;
    default:
      return { ...base, state: remote.state, disabledBy: null };
  }
}

/** The attributes that an earlier attempt meant to send and that are there now. */
export function arrivedAttributes(intent: Intent | null, remote: RemoteUser): Attributes {
  const meant = Object.entries(intent?.attributes ?? {});
  return Object.fromEntries(meant.filter(([name, value]) => remote.attributes[name] === value));
}

/**
 * The vendor showed no account by which somebody may have access. With fewer rights some vendors answer as if there
 * were none. Throws the RemoteError of a credential that has lost its rights.
 */
export async function believeAbsence(attempt: Attempt): Promise<void> {
  if (attempt.context.connector.showsLess) await attempt.proveRights();
}
