/**
 * A person of whom an earlier attempt may have changed something at the vendor, without an answer: what is
 * there now is what the next plan starts from. Reads the vendor and writes nothing.
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

/** The link of an account that is not there any more stays, as `removed`, for the next account of the person. */
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

/** A vendor may show late what was made just now; should the account be gone after all, the next write says so. */
export function isNew(attempt: Attempt, { updatedAt }: LinkRecord): boolean {
  return mayBeLate(attempt.now(), updatedAt);
}

/** What else differs, somebody changed by hand: the next sync finds it, because it is not what was observed. */
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
  // Where a vendor refuses to delete, the account was disabled in place of it.
  const ours = attempt.intent?.ops.some((op) => op === 'disable' || op === 'delete') ?? false;
  // An intent of an older version does not say why.
  const why = attempt.intent?.disabledBy ?? (desired.lifecycle === 'gone' ? 'gone' : 'inactive');
  return { state: 'disabled', disabledBy: ours ? why : 'hand' };
}

/**
 * An account that an unanswered attempt made is the person's, whatever became of the person since: another
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

/** A creation that was refused matters where the person is not looked for under its identifier any more. */
function isClaim(intent: Intent, { identifier, lifecycle }: DesiredUser): boolean {
  if (intent.ops.includes('create')) return true;
  return intent.ops.includes('adopt') && (lifecycle === 'gone' || identifier !== intent.identifier);
}

/** The bridge makes no privileged account, and none under a protected name: what the identifier leads to was there. */
async function isAnothers({ db, context }: Attempt, remote: RemoteUser): Promise<boolean> {
  if (remote.privileged === true) return true;
  const protect = await protectorOf(db, context, [remote.remoteId]);
  return protect(remote.remoteId, namesOfAccount(context, remote)) !== null;
}

/** Everything that was sent is there, so it was delivered. Under an identifier given in error somebody else is. */
function isWhole({ context }: Attempt, { attributes }: Intent, remote: RemoteUser): boolean {
  const substitutable = markedAttributes(context, 'keptOnAdoption');
  return Object.entries(attributes).every(
    ([name, value]) => substitutable.includes(name) || (remote.attributes[name] ?? '') === value,
  );
}

/** One that was disabled since is enabled again, as at an adoption, if the directory wants it. */
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

/** An attribute that an earlier attempt meant to send and that is there now was applied. */
export function arrivedAttributes(intent: Intent | null, remote: RemoteUser): Attributes {
  const meant = Object.entries(intent?.attributes ?? {});
  return Object.fromEntries(meant.filter(([name, value]) => remote.attributes[name] === value));
}

/**
 * The vendor showed nothing of an account by which somebody may have access. With fewer rights some vendors answer as
 * if there were nothing. Throws the RemoteError of a credential that has lost them.
 */
export async function believeAbsence(attempt: Attempt): Promise<void> {
  if (attempt.context.connector.showsLess) await attempt.proveRights();
}
