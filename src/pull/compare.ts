/**
 * Turns a staged scan into the lines of its run: what would change, what is unknown, and whether the brake holds it.
 * It asks the source about whoever is missing, and writes nothing but the run and its lines.
 */

import type { CallContext } from '../connectors/connector.ts';
import type { Db } from '../db/open.ts';
import {
  discardedLosses,
  dropSomeLines,
  forgetDiscarded,
  insertLines,
  lossKey,
  type NewLine,
} from '../db/pull/changes.ts';
import type { PulledRecord } from '../db/pull/connections.ts';
import { groupsBySourceId, knownUsers, memberSourceIds } from '../db/pull/directory.ts';
import type { PullRun } from '../db/pull/runs.ts';
import { announceCause } from '../db/queue/causes.ts';
import { type Lease, recordPages, recordUnder } from '../db/queue/leases.ts';
import type { PullSettings, PullSummary } from '../model/pull/pull.ts';
import { withDefaults } from '../model/settings.ts';
import { heldBecause } from '../plan/pull/brake.ts';
import { type Meaning, provesAbsence } from '../plan/pull/missing.ts';
import { inOrder } from '../plan/pull/order.ts';
import type { Source, SourceDefinition } from '../sources/source.ts';
import { isoTime } from '../support/clock.ts';
import { type Judged, judgeAbsent } from './absent.ts';
import type { PullDeps } from './deps.ts';
import { compareGroups } from './groups.ts';
import { depthOf } from './managers.ts';
import { comparePeople } from './people.ts';

/** The scan ended well and still cannot be true. */
export class ScanRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ScanRefused';
  }
}

export interface Comparison {
  readonly lines: readonly NewLine[];
  readonly summary: PullSummary;
  /** Why the run is held; null where it may go on. */
  readonly held: string | null;
  /** Sentences for the run, beside what it changes. */
  readonly problems: readonly string[];
  /** Something could not be read, or somebody is unknown. */
  readonly isPartial: boolean;
  /** Losses, as keys, that an admin discarded and this scan shows again. */
  readonly stillDiscarded: ReadonlySet<string>;
}

export interface CompareInput {
  readonly record: PulledRecord;
  readonly run: PullRun;
  readonly settings: PullSettings;
  readonly definition: SourceDefinition;
  readonly source: Pick<Source, 'lookup'>;
  readonly context: CallContext;
}

const LEAVES: readonly string[] = ['deactivate', 'remove'];

/** Throws ScanRefused. */
export async function compareRun(
  { db, clock }: Pick<PullDeps, 'db' | 'clock'>,
  input: CompareInput,
): Promise<Comparison> {
  const { record, run, settings, definition, source, context } = input;
  const isFull = run.mode !== 'delta';
  const known = await knownUsers(db, run.connectionId);
  const now = isoTime(clock.now());
  const people = await comparePeople({ db, run, settings, definition, known, now });
  const active = [...known.values()].filter((user) => user.active).length;
  if (isFull && people.ids.size === 0 && known.size > 0)
    throw new ScanRefused(
      `The source shows nobody, and there were ${known.size} people: nothing was changed.`,
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
  const leaving = new Set([...people.lines, ...removed].filter(isLeaving).map(({ sourceId }) => sourceId));
  const groups = await compareGroups({
    ...{ db, run, settings, known, leaving },
    named: new Map(
      people.lines
        .filter(({ sourceId }) => !known.has(sourceId))
        .map((line) => [line.sourceId, line.display]),
    ),
    present: people.present,
    everyone: people.ids,
    mayLeave: certain && run.findings.unread.every(({ what, id }) => what !== 'user' || id !== null),
  });
  if (isFull && settings.groups.mode === 'All' && groups.shown === 0 && groups.existing > 0)
    throw new ScanRefused(
      `The source shows no groups, and there were ${groups.existing}: nothing was changed.`,
    );
  const goneGroups = await absentGroups(input, groups.absent);
  const removedGroups = await linesOfGroups(db, run, certain ? goneGroups : []);
  const all = inOrder([...people.lines, ...removed, ...groups.lines, ...removedGroups.lines], (id) =>
    depthOf(id, people.leads),
  );
  const discarded = await discardedLosses(db, run.connectionId);
  const isDeclined = (line: NewLine) => discarded.has(lossKey(line));
  const lines = all.filter((line) => !isDeclined(line));
  const stillDiscarded = new Set(all.filter(isDeclined).map(lossKey));
  const { BRAKE_PERCENT, BRAKE_MIN } = withDefaults(
    definition.settings,
    run.trial?.configuration ?? record.configuration,
  );
  const held = heldBecause({
    active,
    leaving: lines.filter((line) => isLeaving(line) && known.get(line.sourceId)?.active !== false).length,
    groups: shrinkingOf(lines, [...groups.shrinking, ...removedGroups.shrinking]),
    percent: Number(BRAKE_PERCENT),
    min: Number(BRAKE_MIN),
  });
  const unknown = judged.filter(({ meaning }) => meaning === 'unknown' || !certain).length;
  const counted = countOf(lines, {
    unchanged: people.unchanged,
    filtered: people.filtered + judged.filter(({ meaning }) => meaning.startsWith('filtered')).length,
    skipped: people.skipped + stillDiscarded.size,
    unknown,
  });
  const isPartial = unknown > 0 || run.findings.unread.length > 0;
  const problems = [...people.problems, ...run.findings.unread.map(({ reason }) => reason)];
  return { lines, summary: counted, held, problems, isPartial, stillDiscarded };
}

function isLeaving({ op, kind }: Pick<NewLine, 'op' | 'kind'>): boolean {
  return kind === 'user' && LEAVES.includes(op);
}

/** What an admin has declined of a group shrinks it no more. */
function shrinkingOf<G extends { readonly name: string; readonly leaving: number }>(
  lines: readonly NewLine[],
  groups: readonly G[],
): readonly G[] {
  const left = new Map<string, number>();
  for (const { op, kind, detail, display } of lines) {
    const name =
      kind === 'group' && op === 'remove' ? display : op === 'leave' ? detail.group?.display : undefined;
    if (name !== undefined) left.set(name, (left.get(name) ?? 0) + 1);
  }
  return groups.filter(({ name }) => left.has(name));
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

async function linesOfGroups(db: Db, run: PullRun, ids: readonly string[]) {
  const existing = await groupsBySourceId(db, run.connectionId);
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

function countOf(
  lines: readonly NewLine[],
  seen: Pick<PullSummary, 'unchanged' | 'filtered' | 'skipped' | 'unknown'>,
): PullSummary {
  const count = (kind: NewLine['kind'], op: NewLine['op']) =>
    lines.filter((line) => line.kind === kind && line.op === op).length;
  return {
    created: count('user', 'create') + count('user', 'match'),
    updated: count('user', 'update'),
    deactivated: count('user', 'deactivate'),
    reactivated: count('user', 'reactivate'),
    deleted: count('user', 'remove'),
    ...seen,
    groups: {
      created: count('group', 'create'),
      updated: count('group', 'update'),
      deleted: count('group', 'remove'),
      joined: count('user', 'join'),
      left: count('user', 'leave'),
    },
  };
}

const LINES_AT_ONCE = 500;

/** The lines in place of those of an attempt before, page by page: nobody goes by them before the run goes on. */
export async function writeLines(
  db: Db,
  lease: Lease,
  run: PullRun,
  lines: readonly NewLine[],
): Promise<void> {
  await recordPages(db, lease, (tx) => dropSomeLines(tx, run.id));
  for (let from = 0; from < lines.length; from += LINES_AT_ONCE) {
    const page = lines.slice(from, from + LINES_AT_ONCE);
    await recordUnder(db, lease, (tx) => insertLines(tx, run.id, from + 1, page));
  }
}

/** What an admin declined and is no question any more, and how many people the lines could take something from. */
export async function announceLines(
  tx: Db,
  run: PullRun,
  { lines, stillDiscarded }: Pick<Comparison, 'lines' | 'stillDiscarded'>,
  announced: { readonly description: string; readonly at: string },
): Promise<void> {
  if (run.mode === 'full') await forgetDiscarded(tx, run.connectionId, stillDiscarded);
  const people = new Set(
    lines.filter((line) => isLeaving(line) || line.op === 'leave').map((line) => line.sourceId),
  );
  if (people.size < 2) return;
  const { correlationId } = run;
  await announceCause(tx, { correlationId, ...announced }, { people: people.size, identities: 0 });
}
