/** Settles one person on one store: look, plan, pass the brake, apply, record. */

import { forgetAccount, groupsOfAccount } from '../db/ledger.ts';
import {
  deleteLink,
  getLink,
  getUserLinkByRemoteId,
  groupLinksByRemoteId,
  insertLink,
  type LinkPatch,
  type LinkRecord,
  rememberDrift,
  setRemovalSince,
  updateLink,
} from '../db/links.ts';
import { groupsOfPerson } from '../db/memberDifferences.ts';
import { forgetObservation, type Observation, observe, observedAs } from '../db/observations.ts';
import type { Db } from '../db/open.ts';
import { speakingUser } from '../db/persons.ts';
import { getSyncStatus } from '../db/syncStatuses.ts';
import { enqueueTask, PRIORITY } from '../db/tasks.ts';
import { type Change, isLoss, type MembershipChange, type Skip } from '../model/change.ts';
import type { Attributes, DesiredUser } from '../model/desired.ts';
import { RemoteError } from '../model/errors.ts';
import type { RemoteUser } from '../model/remote.ts';
import { keptAttributes, planUser, type UserSituation } from '../plan/user.ts';
import { loadDesiredUser } from './desired.ts';
import { afterWrite } from './drift.ts';
import { type Gate, openGate, tickOff } from './gate.ts';
import { type Leaving, verifyLeaver } from './leavers.ts';
import { forbiddenAsSkip } from './refusal.ts';
import type { TaskRun } from './run.ts';
import { countOthersMovedOut } from './scopeMoves.ts';
import { type Settled, settle } from './settled.ts';
import { takenBy, userSituation } from './situation.ts';

type UserChange = Exclude<Change, MembershipChange>;

/** Looks again after a conflict or a vanished account; more than that is no accident. */
const PASSES_MAX = 3;

export async function settleUser(run: TaskRun): Promise<void> {
  for (let pass = 1; ; pass++) {
    try {
      return await settleOnce(run);
    } catch (error) {
      if (!(error instanceof RemoteError) || pass === PASSES_MAX || !(await lookAgain(run, error)))
        throw error;
    }
  }
}

/** True where another look can settle it: somebody has the identifier, or the account vanished. */
async function lookAgain(run: TaskRun, error: RemoteError): Promise<boolean> {
  if (error.disposition === 'conflict') {
    run.doubt = true;
    return true;
  }
  if (error.disposition !== 'missing') return false;
  const link = await getLink(run.deps.db, run.view.store.id, run.task.subject);
  if (!link) return false;
  await forgetVanished(run, link);
  return true;
}

async function settleOnce(run: TaskRun): Promise<void> {
  const { store } = run.view;
  const { link, situation, taken } = await situate(run);
  const { desired } = situation;
  const plan = taken ? { changes: [], skipped: [taken] } : planUser(situation);
  if (desired.outOfScope && plan.changes.some(isLoss)) await countOthersMovedOut(run);
  const gate = await openGate(run, plan.changes, {
    personKey: () => desired.id,
    desired: () => desired.lifecycle,
  });
  const settled: Settled = {
    heldReasons: gate.heldReasons,
    skipped: [...plan.skipped, ...gate.skipped],
    forgotten: desired.lifecycle === 'gone',
    leaving: {
      lifecycle: desired.lifecycle,
      hadAccess: isUsable(link?.state ?? situation.account?.state),
    },
  };
  const before = await getSyncStatus(run.deps.db, store.id, run.task.subject);
  const changes = gate.allowed as readonly UserChange[];
  const work = new Application(run, situation, gate, link);
  for (const [index, change] of changes.entries()) {
    const refused = await work.apply(change, index === changes.length - 1 ? settled : null);
    if (refused) return run.record((tx) => settle(tx, run, { ...settled, refusals: [refused] }));
  }
  if (changes.length > 0) return;
  const verified = gate.heldReasons.length > 0 ? {} : await verifyLeaver(run, desired, link);
  await run.record(async (tx) => {
    if (link) await keepCount(tx, run, link, desired);
    // A person who was not as desired may be now, and then the groups that left them out follow.
    if (before && before.status !== 'synced' && desired.lifecycle === 'active')
      await settleGroupsOf(tx, run, link?.remoteId);
    await settle(tx, run, {
      ...settled,
      skipped: [...settled.skipped, ...(verified.skipped ?? [])],
      leaving: { ...(settled.leaving as Leaving), ...verified.leaving },
    });
  });
}

function isUsable(state: string | undefined): boolean {
  return state === 'enabled' || state === 'invited';
}

/** `REMOVE_AFTER_DAYS` counts while the account is disabled and its person gone, whoever brought that about. */
async function keepCount(tx: Db, run: TaskRun, link: LinkRecord, desired: DesiredUser): Promise<void> {
  const counts = link.state === 'disabled' && desired.lifecycle === 'gone';
  if (counts === (link.removalSince !== null)) return;
  await setRemovalSince(tx, link.id, counts ? run.now() : null);
}

interface Situated {
  readonly link: LinkRecord | null;
  readonly situation: UserSituation;
  /** The account under the identifier belongs to somebody else. */
  readonly taken: Skip | null;
}

async function situate(run: TaskRun): Promise<Situated> {
  const { db } = run.deps;
  const { store } = run.view;
  const desired = await loadDesiredUser(db, run.view, run.task.subject.id);
  let link = await getLink(db, store.id, run.task.subject);
  if (link && link.state !== 'removed' && run.doubt) link = await refresh(run, link, desired);
  const linked = link !== null && link.state !== 'removed';
  const account = linked ? null : await accountOf(run, desired);
  const owner = account ? await ownerOf(run, account) : null;
  return {
    link,
    situation: userSituation(run.view, desired, link, account, run.now()),
    taken: owner ? takenBy(desired, account as RemoteUser) : null,
  };
}

/** How long an account counts as it was last seen: a store that was just scanned is not asked again for each. */
const FRESH_MS = 10 * 60_000;

function isFresh(run: TaskRun, seen: Observation): boolean {
  return run.deps.clock.now() - Date.parse(seen.seenAt) < FRESH_MS;
}

/**
 * The account under the person's identifier. After a complete scan a first creation relies on the vendor,
 * who refuses a second account with one identifier, and an adoption on what was just seen; should either
 * be wrong, we look. Everything else looks.
 */
async function accountOf(run: TaskRun, desired: DesiredUser): Promise<RemoteUser | null> {
  const { store, settings, connector } = run.view;
  if (desired.identifier === null || desired.lifecycle === 'gone') return null;
  const mayCreate = desired.lifecycle === 'active' && settings.createUsers;
  if (!run.doubt && store.scannedAt !== null) {
    const seen = await observedAs(run.deps.db, store.id, 'user', desired.identifier);
    if (seen && isFresh(run, seen)) return seen.remote as RemoteUser;
    if (!seen && mayCreate) return null;
  }
  const { context } = run.calling('find');
  const found = (await connector.find('user', desired.identifier, context)) as RemoteUser | null;
  if (found) await run.record((tx) => observe(tx, store.id, [found], run.now()));
  return found;
}

/** The link of another person who is still there; the account of one whom the directory lost is free to be taken. */
async function ownerOf(run: TaskRun, account: RemoteUser): Promise<LinkRecord | null> {
  const { db } = run.deps;
  const other = await getUserLinkByRemoteId(db, run.view.store.id, account.remoteId);
  if (!other || other.subject.id === run.task.subject.id) return null;
  // Out of scope is not gone: with the next change of title they are back, and want their account.
  const speaking = await speakingUser(db, other.subject.id);
  // Whose data was purged cannot be known again: whoever has the identifier now is who they were.
  if (speaking && speaking.purgedAt === null) return other;
  await run.record(async (tx) => {
    await deleteLink(tx, other.id);
    await run.event(tx, {
      kind: 'link.deleted',
      outcome: 'success',
      subject: other.subject,
      reason: `the account ${account.display} passes to ${run.task.subject.id}, who has its identifier now`,
    });
  });
  return null;
}

/**
 * After an unknown outcome: what is there now is what the next plan starts from. The link of an account
 * that is not there any more stays, as `removed`, for the next account of the person.
 */
async function refresh(run: TaskRun, link: LinkRecord, desired: DesiredUser): Promise<LinkRecord> {
  const { connector, store } = run.view;
  const { context } = run.calling('read');
  const remote = (await connector.read('user', link.remoteId, context)) as RemoteUser | null;
  if (!remote) return forgetVanished(run, link);
  const arrived = arrivedAttributes(run, remote);
  const patch = {
    ...stateAfterDoubt(run, link, remote, desired),
    applied: { ...link.applied, ...arrived },
    observed: { ...link.observed, ...remote.attributes },
  };
  await run.record(async (tx) => {
    await updateLink(tx, link.id, patch, run.now());
    await observe(tx, store.id, [remote], run.now());
    await membershipsAfterDoubt(tx, run, link, patch.state);
    await sayFound(tx, run, link, patch.state, arrived);
  });
  return { ...link, ...patch };
}

/** What an earlier attempt did belongs in the audit log although its answer never came. */
async function sayFound(
  tx: Db,
  run: TaskRun,
  link: LinkRecord,
  found: LinkPatch['state'],
  arrived: Attributes,
): Promise<void> {
  const meant = run.task.intent?.ops ?? [];
  const moved = found !== undefined && found !== link.state;
  const op = moved ? (found === 'enabled' ? 'enable' : 'disable') : null;
  if (op !== null && meant.includes(op))
    await run.foundEvent(tx, op, link.remoteName, { remoteId: link.remoteId });
  const news = Object.entries(arrived).some(([name, value]) => link.applied[name] !== value);
  if (news && meant.includes('update')) await run.foundEvent(tx, 'update', link.remoteName, arrived);
}

/** What would have followed the change whose answer was lost. */
async function membershipsAfterDoubt(
  tx: Db,
  run: TaskRun,
  link: LinkRecord,
  found: LinkPatch['state'],
): Promise<void> {
  if (found === undefined || found === link.state) return;
  if (found === 'enabled') return settleGroupsOf(tx, run, link.remoteId);
  if (found === 'disabled' && run.view.connector.capabilities.disableDropsMemberships)
    await forgetAccount(tx, run.view.store.id, link.remoteId);
}

function stateAfterDoubt(
  run: TaskRun,
  link: LinkRecord,
  remote: RemoteUser,
  desired: DesiredUser,
): LinkPatch {
  if (remote.state === 'enabled' || remote.state === 'invited')
    return { state: remote.state, disabledBy: null };
  if (remote.state === 'locked') return { state: 'disabled', disabledBy: 'locked' };
  if (link.state === 'disabled') return {};
  const ours = run.task.intent?.ops.includes('disable') ?? false;
  const why = desired.lifecycle === 'gone' ? 'gone' : 'inactive';
  return { state: 'disabled', disabledBy: ours ? why : 'hand' };
}

/** An attribute that we meant to send and that is there now was applied. */
function arrivedAttributes(run: TaskRun, remote: RemoteUser): Attributes {
  const meant = Object.entries(run.task.intent?.attributes ?? {});
  return Object.fromEntries(meant.filter(([name, value]) => remote.attributes[name] === value));
}

async function forgetVanished(run: TaskRun, link: LinkRecord): Promise<LinkRecord> {
  const { store } = run.view;
  const removed = { state: 'removed', disabledBy: null, removalSince: null } as const;
  await run.record(async (tx) => {
    await updateLink(tx, link.id, removed, run.now());
    await forgetAccount(tx, store.id, link.remoteId);
    await forgetObservation(tx, store.id, 'user', link.remoteId);
    if (run.task.intent?.ops.includes('delete'))
      return run.foundEvent(tx, 'delete', link.remoteName, { remoteId: link.remoteId });
    await run.event(tx, {
      kind: 'link.vanished',
      outcome: 'failure',
      subject: link.subject,
      reason: `the account ${link.remoteName} (${link.remoteId}) is not there any more`,
    });
  });
  return { ...link, ...removed };
}

/** The groups that want the person, and those whose memberships hang on the account. */
async function settleGroupsOf(tx: Db, run: TaskRun, remoteId: string | undefined): Promise<void> {
  const { store, settings } = run.view;
  if (settings.groupProvisioning === 'Off') return;
  const groupIds = new Set(await groupsOfPerson(tx, run.task.subject.id));
  for (const remoteGroupId of remoteId === undefined ? [] : await groupsOfAccount(tx, store.id, remoteId)) {
    const [feeding] = await groupLinksByRemoteId(tx, store.id, remoteGroupId);
    if (feeding) groupIds.add(feeding.subject.id);
  }
  for (const id of groupIds) {
    await enqueueTask(tx, store.id, {
      environmentId: store.environmentId,
      subject: { kind: 'group', id },
      priority: PRIORITY.normal,
      correlationIds: run.task.causes,
      at: run.now(),
    });
  }
}

/** Applies the changes of one plan and keeps the link in step. */
class Application {
  readonly #run: TaskRun;
  readonly #desired: DesiredUser;
  readonly #account: RemoteUser | null;
  readonly #kept: Attributes;
  readonly #gate: Gate;
  #link: LinkRecord | null;

  constructor(run: TaskRun, situation: UserSituation, gate: Gate, link: LinkRecord | null) {
    this.#run = run;
    this.#desired = situation.desired;
    this.#account = situation.account;
    this.#kept = keptAttributes(situation);
    this.#gate = gate;
    this.#link = link;
  }

  /** With `last`, the task is settled in the transaction that records the change. Answers a refusal. */
  async apply(change: UserChange, last: Settled | null) {
    const run = this.#run;
    const { calls, context } = run.calling(change.op);
    try {
      const applied = change.op === 'adopt' ? null : await run.view.connector.apply(change, context);
      await run.record(async (tx) => {
        this.#link = await this.#write(tx, change, applied);
        await tickOff(tx, run, this.#gate, change);
        await run.changeEvent(tx, change, { calls, ...describe(change) });
        if (['create', 'adopt', 'enable'].includes(change.op))
          await settleGroupsOf(tx, run, this.#link.remoteId);
        const accessTaken = change.op === 'disable' || change.op === 'delete';
        const leaving = { ...(last?.leaving as Leaving), accessTaken };
        if (last) await settle(tx, run, { ...last, leaving });
      });
      return null;
    } catch (error) {
      return forbiddenAsSkip(run, change, calls, error);
    }
  }

  async #write(
    tx: Db,
    change: UserChange,
    applied: Awaited<ReturnType<TaskRun['view']['connector']['apply']>> | null,
  ): Promise<LinkRecord> {
    const run = this.#run;
    const { store, connector } = run.view;
    const remote = (applied?.observed ?? null) as RemoteUser | null;
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
        return this.#put(tx, this.#adoption(this.#account as RemoteUser));
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
        if (connector.capabilities.disableDropsMemberships)
          await forgetAccount(tx, store.id, change.remoteId);
        return this.#put(tx, {
          state: 'disabled',
          disabledBy: this.#desired.lifecycle === 'gone' ? 'gone' : 'inactive',
          removalSince: this.#desired.lifecycle === 'gone' ? run.now() : null,
        });
      case 'delete':
        await forgetAccount(tx, store.id, change.remoteId);
        await forgetObservation(tx, store.id, 'user', change.remoteId);
        return this.#put(tx, { state: 'removed', disabledBy: null, removalSince: null });
    }
  }

  /** An account that our own unanswered create made is ours, not found. */
  #adoption(account: RemoteUser) {
    const meant = this.#run.task.intent;
    const disabled = account.state === 'disabled' || account.state === 'locked';
    const created = meant?.ops.includes('create') ?? false;
    return {
      remoteId: account.remoteId,
      remoteName: account.display,
      origin: created ? ('created' as const) : ('adopted' as const),
      state: disabled ? ('disabled' as const) : ('enabled' as const),
      // A disabled account is adopted to be enabled; should that fail, it is not taken for somebody's decision.
      disabledBy: account.state === 'locked' ? ('locked' as const) : disabled ? ('inactive' as const) : null,
      applied: created ? arrivedAttributes(this.#run, account) : this.#kept,
      observed: account.attributes,
    };
  }

  /** What the bridge has just written is no longer as somebody left it. `written` null: the state. */
  async #endDrift(tx: Db, link: LinkRecord, written: readonly string[] | null): Promise<LinkRecord['drift']> {
    if (link.drift === null) return null;
    const left = afterWrite(link.drift, written);
    await rememberDrift(tx, link.id, left, this.#run.now());
    return left;
  }

  async #put(tx: Db, patch: LinkPatch, written: readonly string[] | null = null): Promise<LinkRecord> {
    const run = this.#run;
    if (this.#link) {
      await updateLink(tx, this.#link.id, patch, run.now());
      return { ...this.#link, ...patch, drift: await this.#endDrift(tx, this.#link, written) };
    }
    const { store } = run.view;
    return insertLink(
      tx,
      {
        environmentId: store.environmentId,
        storeId: store.id,
        subject: run.task.subject,
        remoteId: patch.remoteId as string,
        remoteName: patch.remoteName as string,
        origin: patch.origin ?? 'adopted',
        state: patch.state ?? 'enabled',
        ...patch,
      },
      run.now(),
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
