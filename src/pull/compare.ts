/**
 * Turns a staged scan into the lines of its run: what would change, what is unknown, and whether the brake holds the
 * run. It asks the source about people and groups that the scan did not show, and writes only the lines.
 */

import type { CallContext } from '../connectors/connector.ts';
import { chunks } from '../db/chunks.ts';
import type { Db } from '../db/open.ts';
import { discardedLosses, dropSomeLines, insertLines, type NewLine } from '../db/pull/changes.ts';
import type { PulledRecord } from '../db/pull/connections.ts';
import {
  deletedSourceIds,
  holdersOfNames,
  knownGroups,
  knownUsers,
  namesBySourceId,
} from '../db/pull/directory.ts';
import type { Findings, PullRun } from '../db/pull/runs.ts';
import { stage, stagedAmong } from '../db/pull/staging.ts';
import { type Lease, recordPages, recordUnder } from '../db/queue/leases.ts';
import type { PullSettings, PullSummary } from '../model/pull/pull.ts';
import { withDefaults } from '../model/settings.ts';
import type { Kind } from '../model/subject.ts';
import { heldBecause } from '../plan/pull/brake.ts';
import { provesAbsence } from '../plan/pull/missing.ts';
import type { Source, SourceDefinition } from '../sources/source.ts';
import { isoTime } from '../support/clock.ts';
import { ghostsAmong, type Judged, judgeAbsent, withKnown } from './absent.ts';
import {
  absentGroups,
  isFilteredOut,
  leaves,
  NO_GROUPS,
  UNKNOWN_GROUPS_MAX,
  unknownGroup,
} from './comparison/absentGroups.ts';
import { Arrivals } from './comparison/arrivals.ts';
import { FoundLines } from './comparison/found.ts';
import { missingGroups, shownGroups } from './comparison/groupNames.ts';
import { compareGroups, type NamedPerson } from './comparison/groups.ts';
import { readKeys, unreadAmong } from './comparison/keys.ts';
import { Leavers } from './comparison/leavers.ts';
import { LineSink } from './comparison/lines.ts';
import { depthOf } from './comparison/managers.ts';
import { comparePeople } from './comparison/people.ts';
import { leaveOutPurged } from './comparison/purged.ts';
import { isPresent } from './comparison/shown.ts';
import type { PullDeps } from './deps.ts';
import { ScanRefused } from './refused.ts';

/** The totals of the run's lines; the lines themselves are in the database. */
export interface Comparison {
  readonly summary: PullSummary;
  /** Why the run is held; null where it may go on. */
  readonly held: string | null;
  /** What an admin should read besides the changes; null where there is nothing. */
  readonly error: string | null;
  /** What the source could not read, and which lists the bridge did not believe. */
  readonly unread: Findings['unread'];
  /** Something could not be read, or the bridge could not find out about somebody. */
  readonly isPartial: boolean;
  /** The scan is good enough to judge those whom it does not show: each is gone, or left out by the settings. */
  readonly isCertain: boolean;
  /** People who would lose access or a membership. */
  readonly losing: number;
  /** People whose userName or address would be replaced. */
  readonly renaming: number;
  /** Keys of losses that an admin discarded before and that this scan shows again. */
  readonly stillDiscarded: ReadonlySet<string>;
}

export interface CompareInput {
  readonly record: PulledRecord;
  readonly run: PullRun;
  readonly settings: PullSettings;
  readonly definition: SourceDefinition;
  readonly source: Pick<Source, 'lookup' | 'isMember'>;
  readonly context: CallContext;
  readonly lease: Lease;
}

/**
 * Writes the run's lines page by page and replaces those of an earlier attempt; nobody uses them before the run goes
 * on. Throws ScanRefused.
 */
export async function compareRun(
  { db, clock, identifierHash }: Pick<PullDeps, 'db' | 'clock' | 'identifierHash'>,
  input: CompareInput,
): Promise<Comparison> {
  const { record, run, settings, definition, context, lease } = input;
  const source = { ...input.source, ...withKnown(db, record, input.source) };
  const isFull = run.mode !== 'delta';
  const { connectionId } = run;
  const known = await knownUsers(db, connectionId);
  const now = isoTime(clock.now());
  const arrivals = new Arrivals({ db, connectionId, source, context });
  const found = foundLines(db, run, lease);
  const purged = await leaveOutPurged({
    ...{ db, run, known, now, hash: await identifierHash() },
    write: (work) => recordUnder(db, lease, work),
  });
  const keys = await readKeys({ db, run, settings, definition, known, now });
  if (isFull && keys.ids.size === 0 && known.ids.size > 0)
    throw new ScanRefused(
      `The source shows nobody, and there were ${known.ids.size} people: nothing was changed.`,
    );
  const judge = async (asked: Iterable<string>) => {
    const missing = [...asked].filter((id) => !keys.ids.has(id));
    return judgeAbsent(run, 'user', missing, source, context);
  };
  const notShown = isFull ? await judge(known.ids.keys()) : [];
  const stays = staying(notShown);
  const rivals = keys.addresses.rivals();
  const gone = isFull ? rivals.filter((id) => !stays.has(id)) : goneAmong(await judge(rivals));
  keys.addresses.forget(new Set(gone));
  const people = await comparePeople({
    ...{ db, run, settings, definition, known, keys, now, arrivals, found },
    unread: unreadAmong(known, keys, run, stays),
  });
  const existing = await knownGroups(db, connectionId);
  const shown = await shownGroups(db, run.id, existing, settings.tags);
  if (isFull && settings.groups.mode === 'All' && shown.size === 0 && existing.size > 0)
    throw new ScanRefused(
      `The source shows no groups, and there were ${existing.size}: nothing was changed.`,
    );
  // A delta shows no deletions. It asks only about people whose names others take, and believes only the answer
  // "gone".
  const judged = isFull
    ? notShown
    : (await judge(await found.holdersOfTaken())).filter(({ meaning }) => leaves(meaning));
  const certain = isCertain(judged);
  const goes = certain ? goneAmong(judged) : [];
  const filtered = new Set([...judged.filter(isFilteredOut).map(({ id }) => id), ...people.outside]);
  const removed = run.takesFiltered ? [...goes, ...people.outside] : goes;
  for (const id of removed) people.absent.add(id);
  for (const ids of chunks(removed))
    for (const line of await removalsOf(db, connectionId, ids, filtered)) await found.add(line);
  await recordPages(db, lease, (tx) => dropSomeLines(tx, run.id));
  const sink = new LineSink({
    discarded: await discardedLosses(db, run.connectionId),
    wasActive: (id) => !known.inactive.has(id),
    write: (firstSeq, page) => recordUnder(db, lease, (tx) => insertLines(tx, run.id, firstSeq, page)),
  });
  const refuse = ({ sourceId, subjectId }: NewLine) => {
    people.skipped += 1;
    if (subjectId === null) people.absent.add(sourceId);
    people.problems.add(`${sourceId} would have a userName that somebody else has.`);
  };
  for await (const line of found.inOrder((id) => depthOf(id, keys.managers.leads), refuse))
    await sink.add(line);
  const back = [...shown.keys()].filter((id) => !existing.has(id));
  const deleted = await deletedSourceIds(db, connectionId, 'group', back);
  const doubtful = await ghostsAmong('group', deleted, source, context);
  for (const id of doubtful.ghosts)
    people.problems.add(
      `The group ${id} is in the list, and the source does not show it when asked: not brought back.`,
    );
  for (const id of [...doubtful.ghosts, ...doubtful.unknown]) shown.delete(id);
  const missingIds = missingGroups(shown, existing, isFull);
  const absent = certain ? await absentGroups({ ...input, source }, missingIds) : NO_GROUPS;
  const shownGone = [...shown].flatMap(([id, { isGone }]) => (isGone && existing.has(id) ? id : []));
  const removedGroups = new Set([...shownGone, ...absent.gone]);
  const isSettled = (kind: Kind, id: string) =>
    kind === 'user' ? isFull || keys.ids.has(id) : shown.has(id) || removedGroups.has(id);
  const groups = await compareGroups(
    {
      ...{ db, run, existing, shown, removedGroups },
      filteredGroups: absent.filtered,
      ...{ leaving: found.leaving, removed: found.removed, everyone: people.ids },
      ...{ takenOver: people.takenOver, staying: stays },
      isPresent: (id) => isPresent(people, known, id),
      named: (ids) => peopleNamed(db, run, ids),
      reported: (sentence) => people.problems.add(sentence),
      leavers: new Leavers({ db, source, context, isSettled, existing }),
      mayLeave: certain && run.findings.unread.every(({ what, id }) => what !== 'user' || id !== null),
    },
    (line) => sink.add(line),
  );
  people.skipped += groups.refused;
  await sink.flush();
  const { BRAKE_PERCENT, BRAKE_MIN } = withDefaults(
    definition.settings,
    run.trial?.configuration ?? record.configuration,
  );
  const held = heldBecause({
    active: known.ids.size - known.inactive.size,
    ...{ leaving: sink.leaving, renaming: sink.renaming },
    groups: groups.shrinking.filter(({ name }) => sink.shrinks(name)),
    percent: Number(BRAKE_PERCENT),
    min: Number(BRAKE_MIN),
  });
  const unknown = people.unknown + judged.filter(({ meaning }) => meaning === 'unknown' || !certain).length;
  const { losing, renaming, stillDiscarded } = sink;
  const summary = sink.summary({
    unchanged: people.unchanged,
    filtered: people.filtered + judged.filter(({ meaning }) => meaning.startsWith('filtered')).length,
    skipped: people.skipped + stillDiscarded.size + groups.loops + leftOut(run) + purged,
    unknown,
  });
  const unknownGroups = [
    ...[...doubtful.unknown].map((id) => unknownGroup(id, 'was deleted and is in the list')),
    // A delta need not show a group that has not changed.
    ...(isFull ? absent.unknown : []),
  ];
  const unread = [...run.findings.unread, ...groups.doubted, ...unknownGroups.slice(0, UNKNOWN_GROUPS_MAX)];
  const isPartial = unknown > 0 || unread.length > 0;
  for (const { reason } of [...unread, ...judged]) if (reason !== undefined) people.problems.add(reason);
  for (const { reason, count } of run.findings.skipped)
    people.problems.add(`Left out: ${reason} (${count}).`);
  const error = people.problems.sentence;
  return { summary, held, error, unread, isPartial, isCertain: certain, losing, renaming, stillDiscarded };
}

/** How many people the source itself left out on purpose. */
function leftOut({ findings }: PullRun): number {
  return findings.skipped.reduce((sum, { count }) => sum + count, 0);
}

function foundLines(db: Db, { id, connectionId }: PullRun, lease: Lease): FoundLines {
  return new FoundLines({
    keep: (lines) =>
      recordUnder(db, lease, (tx) =>
        stage(
          tx,
          id,
          'line',
          lines.map((line) => ({ ...line, id: line.sourceId })),
        ),
      ),
    kept: (ids) => stagedAmong<NewLine>(db, id, 'line', ids),
    holders: (names) => holdersOfNames(db, connectionId, names),
  });
}

const isCertain = (judged: readonly Judged[]) => provesAbsence(judged.map(({ meaning }) => meaning));

/** Those who are not shown and stay all the same. */
const staying = (judged: readonly Judged[]) =>
  new Set(
    (isCertain(judged) ? judged.filter(({ meaning }) => !leaves(meaning)) : judged).map(({ id }) => id),
  );

const goneAmong = (judged: readonly Judged[]) =>
  judged.filter(({ meaning }) => leaves(meaning)).map(({ id }) => id);

async function removalsOf(
  db: Db,
  connectionId: string,
  ids: readonly string[],
  filtered: ReadonlySet<string>,
): Promise<readonly NewLine[]> {
  const users = await namesBySourceId(db, connectionId, ids);
  return [...users].map(([sourceId, { id: subjectId, personId, userName: display }]) => ({
    ...{ op: 'remove', kind: 'user', sourceId, subjectId, personId, display },
    detail: filtered.has(sourceId) ? { filtered: true } : {},
  }));
}

/** Lines by id at the source: for people in the directory, and for people whom this run makes. */
async function peopleNamed(
  db: Db,
  run: PullRun,
  ids: readonly string[],
): Promise<ReadonlyMap<string, NamedPerson>> {
  const there = await namesBySourceId(db, run.connectionId, ids);
  const coming = await stagedAmong<NewLine>(
    db,
    run.id,
    'line',
    ids.filter((id) => !there.has(id)),
  );
  return new Map<string, NamedPerson>([
    ...[...coming].map(([id, { display }]) => [id, { subjectId: null, personId: null, display }] as const),
    ...[...there].map(
      ([id, user]) => [id, { subjectId: user.id, personId: user.personId, display: user.userName }] as const,
    ),
  ]);
}
