/**
 * Carries out the lines of a run through the directory's own commands, a few in each turn. A turn is one transaction:
 * its lines and their marks are committed at once, under the lease. Each line looks at the directory first, and does
 * nothing where it has taken effect already.
 */

import { findUser, type UserRecord } from '../db/identity/users.ts';
import type { Db } from '../db/open.ts';
import { type Line, type LineState, linesOf, markLines } from '../db/pull/changes.ts';
import { anyNameAside, putNamesAside } from '../db/pull/circles.ts';
import type { PulledRecord } from '../db/pull/connections.ts';
import { groupBySourceId, usersBySourceId } from '../db/pull/directory.ts';
import { forgetRecords, keepGroupFacts, keepRecords, recordsAmong } from '../db/pull/records.ts';
import type { PullRun } from '../db/pull/runs.ts';
import { stagedOne, stagedPage } from '../db/pull/staging.ts';
import { type Lease, recordUnder } from '../db/queue/leases.ts';
import { transact } from '../db/transaction.ts';
import { changeGroup, createGroup, deleteGroup } from '../directory/groups.ts';
import { DirectoryRefusal } from '../directory/refusal.ts';
import { changeUser, createUser, deleteUser } from '../directory/users.ts';
import type { Write } from '../directory/write.ts';
import type { MappedTarget } from '../model/pull/pull.ts';
import type { Resource } from '../model/resource.ts';
import { CIRCLE_MAX, namesOf } from '../plan/pull/order.ts';
import type { SourceGroup, SourceUser } from '../sources/source.ts';
import { pagesOf } from './comparison/keys.ts';
import { isOlder } from './comparison/people.ts';
import type { PullDeps } from './deps.ts';
import { resourceOf } from './resource.ts';

/** On SQLite, who else writes waits for a turn: some 30 ms. */
const LINES_PER_TURN = 25;

export interface ApplyInput {
  readonly record: PulledRecord;
  readonly run: PullRun;
  readonly lease: Lease;
  readonly mapping: readonly MappedTarget[];
  /** Only lines in this state are carried out. */
  readonly state: Extract<LineState, 'planned' | 'approved'>;
}

/**
 * Carries out the next few lines. Answers false where none were left. @throws LeaseLost, and then nothing was carried
 * out.
 */
export async function applyNext(deps: PullDeps, input: ApplyInput): Promise<boolean> {
  // The first call of identifierHash asks the database, which is not possible inside the transaction.
  await deps.identifierHash();
  let hasWork = false;
  const signal = () => {
    hasWork = true;
  };
  const isAny = await recordUnder(deps.db, input.lease, async (tx) => {
    const lines = await nextLines(tx, input);
    await applyLines({ ...deps, db: tx, wake: { ...deps.wake, signal } }, input, lines);
    return lines.length > 0;
  });
  if (hasWork) deps.wake.signal();
  return isAny;
}

async function applyLines(deps: PullDeps, input: ApplyInput, lines: readonly Line[]): Promise<void> {
  const { run } = input;
  const done: number[] = [];
  for (const batch of batchesOf(lines)) {
    const isCircle = batch[0]?.detail.circle !== undefined;
    if (isCircle) await passNamesRound(deps, input, batch);
    // Where the names went round, each line finds nothing left to do. Where they did not, each person who leaves must
    // still be deactivated.
    for (const part of isCircle ? batch.map((line) => [line]) : [batch]) {
      const refusal = await carryOut(deps, input, part);
      const seqs = part.map(({ seq }) => seq);
      if (refusal === null) done.push(...seqs);
      else await markLines(deps.db, run.id, seqs, 'refused', refusal);
    }
  }
  await markLines(deps.db, run.id, done, 'done');
}

/** The next lines; when the last one is part of a circle, with the rest of that circle. */
async function nextLines(db: Db, { run, state }: ApplyInput): Promise<readonly Line[]> {
  const lines = await linesOf(db, run.id, [state], 0, LINES_PER_TURN);
  const last = lines.at(-1);
  if (last?.detail.circle === undefined) return lines;
  const after = await linesOf(db, run.id, [state], last.seq, CIRCLE_MAX);
  const other = after.findIndex(({ detail }) => detail.circle !== last.detail.circle);
  return [...lines, ...after.slice(0, other === -1 ? after.length : other)];
}

/** Consecutive memberships of one group form one command, and so do names that go round in a circle. */
function batchesOf(lines: readonly Line[]): readonly (readonly Line[])[] {
  const batches: Line[][] = [];
  const keyOf = ({ detail }: Line) =>
    detail.group ? `group ${detail.group.sourceId}` : detail.circle && `circle ${detail.circle}`;
  for (const line of lines) {
    const last = batches.at(-1);
    const key = keyOf(line);
    if (key !== undefined && last?.[0] && keyOf(last[0]) === key) last.push(line);
    else batches.push([line]);
  }
  return batches;
}

/** Passes the names round in one transaction; changes nothing where the directory refuses one of them. */
async function passNamesRound(deps: PullDeps, input: ApplyInput, circle: readonly Line[]): Promise<void> {
  const { connectionId } = input.run;
  const [{ kind } = { kind: 'user' as const }] = circle;
  const holders = circle.map((line) => ({ sourceId: line.sourceId, name: namesOf(line).givesUp ?? '' }));
  try {
    await transact(deps.db, async (tx) => {
      const within = { ...deps, db: tx };
      await putNamesAside(tx, connectionId, kind, holders);
      for (const line of circle) await (kind === 'group' ? applyToGroup : applyToUser)(within, input, line);
      const ids = holders.map(({ sourceId }) => sourceId);
      if (await anyNameAside(tx, connectionId, kind, ids))
        throw new DirectoryRefusal('taken', 'Not everybody whose names go round takes one.');
    });
  } catch (error) {
    if (!(error instanceof DirectoryRefusal)) throw error;
  }
}

/**
 * Carries out lines that form one command. Answers why the directory refused, or null where all is as the lines say.
 */
async function carryOut(deps: PullDeps, input: ApplyInput, batch: readonly Line[]): Promise<string | null> {
  const [line] = batch;
  if (!line) return null;
  try {
    if (line.detail.group) await changeMembers(deps, input, line.detail.group.sourceId, batch);
    else if (line.kind === 'group') await applyToGroup(deps, input, line);
    else await applyToUser(deps, input, line);
    return null;
  } catch (error) {
    if (!(error instanceof DirectoryRefusal)) throw error;
    return error.message;
  }
}

function writeOf({ record, run }: ApplyInput, filters?: true): Write {
  const { id: connectionId, environmentId, name } = record;
  const actor = { type: 'connection' as const, id: connectionId, name };
  return {
    ...{ environmentId, connectionId },
    cause: { correlationId: run.correlationId, actor },
    origin: { kind: 'pull', source: name, ...(filters ? { filters } : {}) },
  };
}

async function applyToUser(deps: PullDeps, input: ApplyInput, line: Line): Promise<void> {
  const { db } = deps;
  const { run, mapping } = input;
  const write = writeOf(input, line.detail.filtered);
  const there =
    (await usersBySourceId(db, run.connectionId, [line.sourceId])).get(line.sourceId) ??
    (await formerHolder(db, run, line));
  if (line.op === 'remove') {
    if (there) await deleteUser(deps, write, there.id, null);
    return;
  }
  const leave = (current: Resource) => ({ ...current, active: false });
  if (there && line.op === 'deactivate' && line.detail.attributes === undefined)
    return void (await changeUser(deps, write, there.id, { precondition: null, edit: leave }));
  const user = await stagedOne<SourceUser>(db, run.id, 'user', line.sourceId);
  if (!user) return;
  const seen: SourceUser = line.op === 'deactivate' ? { ...user, state: 'inactive' } : user;
  const resource = resourceOf(seen, mapping, await idOfManager(db, run, line.detail.manager));
  if (resource === null) return;
  if (!there) return void (await createUser(deps, write, resource));
  const kept = (current: Resource) => ({ ...resource, ...picked(current, line.detail.keeps ?? []) });
  try {
    await changeUser(deps, write, there.id, { precondition: null, edit: kept });
  } catch (error) {
    if (line.op !== 'deactivate' || !(error instanceof DirectoryRefusal) || error.reason !== 'taken')
      throw error;
    // Someone who leaves must be deactivated, even if the source calls them by another name by now.
    await changeUser(deps, write, there.id, { precondition: null, edit: leave });
  }
}

function picked(current: Resource, names: readonly string[]): Resource {
  return Object.fromEntries(names.map((name) => [name, current[name]]));
}

/**
 * The record that this person takes over, because they have its userName now. A record that is still active is not
 * taken over.
 */
async function formerHolder(db: Db, { connectionId }: PullRun, line: Line): Promise<UserRecord | undefined> {
  if (line.op !== 'reactivate' || line.subjectId === null) return undefined;
  const former = await findUser(db, connectionId, line.subjectId);
  if (former?.active)
    throw new DirectoryRefusal('taken', `${former.userName} is the name of somebody active`);
  return former ?? undefined;
}

async function idOfManager(
  db: Db,
  { connectionId }: PullRun,
  sourceId: string | null | undefined,
): Promise<string | null> {
  if (!sourceId) return null;
  return (await usersBySourceId(db, connectionId, [sourceId])).get(sourceId)?.id ?? null;
}

async function applyToGroup(deps: PullDeps, input: ApplyInput, line: Line): Promise<void> {
  const write = writeOf(input, line.detail.filtered);
  const there = await groupBySourceId(deps.db, input.run.connectionId, line.sourceId);
  if (line.op === 'remove') {
    if (there) await deleteGroup(deps, write, there.id, null);
    return;
  }
  const resource = { displayName: line.display, externalId: line.sourceId };
  if (there)
    await changeGroup(deps, write, there.id, { precondition: null, edit: () => ({ resource, members: [] }) });
  else await createGroup(deps, write, resource, []);
}

/** Adds and removes members, without people or groups that the directory refused before. */
async function changeMembers(
  deps: PullDeps,
  input: ApplyInput,
  groupSourceId: string,
  batch: readonly Line[],
): Promise<void> {
  const { db } = deps;
  const { connectionId } = input.run;
  const group = await groupBySourceId(db, connectionId, groupSourceId);
  if (!group) return;
  const users = await usersBySourceId(
    db,
    connectionId,
    batch.map(({ sourceId }) => sourceId),
  );
  const idsOf = (op: Line['op']) =>
    batch.filter((line) => line.op === op).flatMap(({ sourceId }) => users.get(sourceId)?.id ?? []);
  const members = [
    { op: 'add' as const, ids: idsOf('join') },
    { op: 'remove' as const, ids: idsOf('leave') },
  ];
  await changeGroup(deps, writeOf(input), group.id, {
    precondition: null,
    edit: (resource) => ({ resource, members }),
  });
}

const KEPT_AT_ONCE = 500;

/**
 * Runs after the last line: keeps what the source last said of each person, for the next delta, and of each group
 * where it is and when it last changed. It goes page by page; after a crash it starts again, and writes only what is
 * not kept yet.
 */
export async function keepWhatWasSeen(db: Db, lease: Lease, run: PullRun): Promise<void> {
  const staged = (after: string) => stagedPage<SourceUser>(db, run.id, 'user', after, KEPT_AT_ONCE);
  for await (const users of pagesOf<SourceUser>(staged)) {
    const ids = users.map(({ id }) => id);
    const kept = await recordsAmong<SourceUser>(db, run.connectionId, ids);
    // An older record must not replace a newer one: the next scan would then take the newer one for old.
    const newer = users.filter((user) => !isOlder(user, kept.get(user.id)));
    await recordUnder(db, lease, (tx) => keepRecords(tx, run.connectionId, newer));
  }
  const stagedGroups = (from: string) => stagedPage<SourceGroup>(db, run.id, 'group', from, KEPT_AT_ONCE);
  for await (const groups of pagesOf<SourceGroup>(stagedGroups))
    await recordUnder(db, lease, (tx) => keepGroupFacts(tx, run.connectionId, groups));
  let after = 0;
  for (;;) {
    const lines = await linesOf(db, run.id, ['done'], after, KEPT_AT_ONCE);
    const last = lines.at(-1);
    if (!last) return;
    after = last.seq;
    const removed = lines.filter(({ op, kind }) => op === 'remove' && kind === 'user');
    const ids = removed.map(({ sourceId }) => sourceId);
    if (ids.length > 0) await recordUnder(db, lease, (tx) => forgetRecords(tx, run.connectionId, ids));
  }
}
