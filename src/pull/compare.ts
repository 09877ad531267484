/**
 * Turns a staged scan into the lines of its run: what would change, what is unknown, and whether the brake holds it.
 * It asks the source about whoever is missing, and writes nothing but the lines.
 */

import type { CallContext } from '../connectors/connector.ts';
import type { GroupRecord } from '../db/identity/groups.ts';
import type { Db } from '../db/open.ts';
import {
  discardedLosses,
  dropSomeLines,
  forgetDiscarded,
  insertLines,
  type NewLine,
} from '../db/pull/changes.ts';
import type { PulledRecord } from '../db/pull/connections.ts';
import { deletedSourceIds, groupsBySourceId, knownUsers, memberSourceIds } from '../db/pull/directory.ts';
import type { Findings, PullRun } from '../db/pull/runs.ts';
import { stagedPage } from '../db/pull/staging.ts';
import { announceCause } from '../db/queue/causes.ts';
import { type Lease, recordPages, recordUnder } from '../db/queue/leases.ts';
import type { PullSettings, PullSummary } from '../model/pull/pull.ts';
import { withDefaults } from '../model/settings.ts';
import { heldBecause } from '../plan/pull/brake.ts';
import { type Meaning, provesAbsence } from '../plan/pull/missing.ts';
import { inOrder } from '../plan/pull/order.ts';
import type { Source, SourceDefinition } from '../sources/source.ts';
import { isoTime } from '../support/clock.ts';
import { doubtLeavers, ghostsAmong, type Judged, judgeAbsent } from './absent.ts';
import type { PullDeps } from './deps.ts';
import { compareGroups } from './groups.ts';
import { isLeaving, LineSink } from './lines.ts';
import { depthOf } from './managers.ts';
import { comparePeople, type Shown } from './people.ts';

/** The scan ended well and still cannot be true. */
export class ScanRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ScanRefused';
  }
}

/** What the lines of the run come to; they themselves are written. */
export interface Comparison {
  readonly summary: PullSummary;
  /** Why the run is held; null where it may go on. */
  readonly held: string | null;
  /** Sentences for the run, beside what it changes. */
  readonly problems: readonly string[];
  /** What could not be read, and what was and is not believed. */
  readonly unread: Findings['unread'];
  /** Something could not be read, or somebody is unknown. */
  readonly isPartial: boolean;
  /** People who would lose something. */
  readonly losing: number;
  /** Losses, as keys, that an admin discarded and this scan shows again. */
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
 * Writes the lines in place of those of an attempt before, page by page: nobody goes by them before the run goes on.
 * Throws ScanRefused.
 */
export async function compareRun(
  { db, clock }: Pick<PullDeps, 'db' | 'clock'>,
  input: CompareInput,
): Promise<Comparison> {
  const { record, run, settings, definition, source, context, lease } = input;
  const isFull = run.mode !== 'delta';
  const known = await knownUsers(db, run.connectionId);
  const now = isoTime(clock.now());
  const people = await comparePeople({ db, run, settings, definition, known, now });
  await leaveOutGhosts(db, input, people);
  const active = [...known.values()].filter((user) => user.active).length;
  if (isFull && people.ids.size === 0 && known.size > 0)
    throw new ScanRefused(
      `The source shows nobody, and there were ${known.size} people: nothing was changed.`,
    );
  const existing = await groupsBySourceId(db, run.connectionId);
  const showsGroups = (await stagedPage(db, run.id, 'group', '', 1)).length > 0;
  if (isFull && settings.groups.mode === 'All' && !showsGroups && existing.size > 0)
    throw new ScanRefused(
      `The source shows no groups, and there were ${existing.size}: nothing was changed.`,
    );
  const absent = isFull ? [...known.keys()].filter((id) => !people.ids.has(id)) : [];
  const judged = await judgeAbsent(run, 'user', absent, source, context);
  const certain = provesAbsence(judged.map(({ meaning }) => meaning));
  const gone = certain
    ? judged.filter(({ meaning }) => meaning === 'gone' || meaning === 'filteredLeaves')
    : [];
  const outside = run.takesFiltered ? people.outside.map(({ sourceId }) => sourceId) : [];
  const removed: NewLine[] = [...gone.map(({ id }) => id), ...outside].flatMap((id) => {
    const user = known.get(id);
    if (!user) return [];
    const { id: subjectId, personId, userName } = user;
    return [{ op: 'remove', kind: 'user', sourceId: id, subjectId, personId, display: userName, detail: {} }];
  });
  for (const { sourceId } of removed) people.present.delete(sourceId);
  const leavers = [...people.lines, ...removed].filter(isLeaving);
  const leaving = new Set(leavers.map(({ sourceId }) => sourceId));
  const goes = new Set(leavers.filter(({ op }) => op === 'remove').map(({ sourceId }) => sourceId));
  const named = new Map(
    people.lines.filter(({ sourceId }) => !known.has(sourceId)).map((line) => [line.sourceId, line.display]),
  );
  await recordPages(db, lease, (tx) => dropSomeLines(tx, run.id));
  const sink = new LineSink({
    discarded: await discardedLosses(db, run.connectionId),
    wasActive: (id) => known.get(id)?.active !== false,
    write: (firstSeq, page) => recordUnder(db, lease, (tx) => insertLines(tx, run.id, firstSeq, page)),
  });
  const depth = (id: string) => depthOf(id, people.leads);
  for (const line of inOrder([...people.lines.splice(0), ...removed], depth)) await sink.add(line);
  const groups = await compareGroups(
    {
      ...{ db, run, settings, known, leaving, named, existing },
      removed: goes,
      present: people.present,
      everyone: people.ids,
      doubt: (group, ids) => doubtLeavers(source, group, ids, context),
      mayLeave: certain && run.findings.unread.every(({ what, id }) => what !== 'user' || id !== null),
    },
    (line) => sink.add(line),
  );
  const goneGroups = certain ? await absentGroups(input, groups.absent) : [];
  const removedGroups = await linesOfGroups(db, existing, goneGroups);
  for (const line of removedGroups.lines) await sink.add(line);
  await sink.flush();
  const { BRAKE_PERCENT, BRAKE_MIN } = withDefaults(
    definition.settings,
    run.trial?.configuration ?? record.configuration,
  );
  const held = heldBecause({
    active,
    leaving: sink.leaving,
    groups: [...groups.shrinking, ...removedGroups.shrinking].filter(({ name }) => sink.shrinks(name)),
    percent: Number(BRAKE_PERCENT),
    min: Number(BRAKE_MIN),
  });
  const unknown = judged.filter(({ meaning }) => meaning === 'unknown' || !certain).length;
  const { losing, stillDiscarded } = sink;
  const summary = sink.summary({
    unchanged: people.unchanged,
    filtered: people.filtered + judged.filter(({ meaning }) => meaning.startsWith('filtered')).length,
    skipped: people.skipped + stillDiscarded.size,
    unknown,
  });
  const unread = [...run.findings.unread, ...groups.doubted];
  const isPartial = unknown > 0 || unread.length > 0;
  const problems = [...people.problems, ...unread.map(({ reason }) => reason)];
  return { summary, held, problems, unread, isPartial, losing, stillDiscarded };
}

/** A replica that lags brings nobody back who was deleted. */
async function leaveOutGhosts(db: Db, { run, source, context }: CompareInput, people: Shown): Promise<void> {
  const coming = people.lines.filter(({ op }) => op === 'create' || op === 'match');
  const ids = coming.map(({ sourceId }) => sourceId);
  const ghosts = await ghostsAmong(await deletedSourceIds(db, run.connectionId, ids), source, context);
  if (ghosts.size === 0) return;
  const others = people.lines.splice(0).filter(({ sourceId }) => !ghosts.has(sourceId));
  people.lines.push(...others);
  for (const id of ghosts) {
    people.present.delete(id);
    people.skipped += 1;
    people.problems.push(`${id} is in the list, and the source does not show who that is: not brought back.`);
  }
}

/** Groups that the choice leaves out go where an admin applied it; others are asked for. */
async function absentGroups(input: CompareInput, ids: readonly string[]): Promise<readonly string[]> {
  const { run, settings, source, context } = input;
  const { mode, selected } = settings.groups;
  const isChosen = (id: string) =>
    mode === 'All' || (mode === 'Selected' && selected.some((one) => one.id === id));
  const left = run.takesFiltered ? ids.filter((id) => !isChosen(id)) : [];
  const judged: readonly Judged[] = await judgeAbsent(run, 'group', ids.filter(isChosen), source, context);
  const goes = (meaning: Meaning) => meaning === 'gone' || meaning === 'filteredLeaves';
  return [...left, ...judged.filter(({ meaning }) => goes(meaning)).map(({ id }) => id)];
}

async function linesOfGroups(db: Db, existing: ReadonlyMap<string, GroupRecord>, ids: readonly string[]) {
  const lines: NewLine[] = [];
  const shrinking: { name: string; members: number; leaving: number }[] = [];
  for (const id of ids) {
    const group = existing.get(id);
    if (!group) continue;
    const members = (await memberSourceIds(db, group.id)).size;
    shrinking.push({ name: group.displayName, members, leaving: members });
    const { id: subjectId, displayName: display } = group;
    lines.push({ op: 'remove', kind: 'group', sourceId: id, subjectId, personId: null, display, detail: {} });
  }
  return { lines, shrinking };
}

/** What an admin declined and is no question any more, and how many people the lines could take something from. */
export async function announceLines(
  tx: Db,
  run: PullRun,
  { losing, stillDiscarded }: Pick<Comparison, 'losing' | 'stillDiscarded'>,
  announced: { readonly description: string; readonly at: string },
): Promise<void> {
  if (run.mode === 'full') await forgetDiscarded(tx, run.connectionId, stillDiscarded);
  if (losing < 2) return;
  const { correlationId } = run;
  await announceCause(tx, { correlationId, ...announced }, { people: losing, identities: 0 });
}
