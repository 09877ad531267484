/**
 * Removes a purged person's data from rows about others: from events, and from everything else that may name the
 * person.
 */

import { foldedSql, foldingOf } from '../../support/folding.ts';
import { fromJson, toJson } from '../columns.ts';
import { type Db, dialectOf } from '../open.ts';

const EVENT_COLUMNS = ['subject_display', 'request', 'calls', 'before', 'after', 'reason'] as const;

export interface EventSpan {
  readonly environmentId: string;
  /** The last event of the previous span; 0 to start. */
  readonly after: number;
  readonly size: number;
}

/** Redacts the needles in one span of events. Answers the last id; null after the last span. */
export async function redactEvents(
  tx: Db,
  span: EventSpan,
  needles: readonly string[],
  redact: (value: unknown) => unknown,
): Promise<number | null> {
  const mine = () => tx('events').where({ environment_id: span.environmentId }).where('id', '>', span.after);
  const end = await mine()
    .orderBy('id')
    .offset(span.size - 1)
    .first('id');
  const query = mine().select('id', ...EVENT_COLUMNS);
  if (end) query.where('id', '<=', end.id);
  await redactRows(tx, { table: 'events', key: ['id'], columns: EVENT_COLUMNS }, query, needles, redact);
  return end ? Number(end.id) : null;
}

/**
 * Rows about one subject that may name other people too. Previews are not listed, because they are deleted after a
 * day.
 */
const RECORDS: readonly Records[] = [
  { table: 'sync_statuses', key: ['store_id', 'kind', 'subject_id'], columns: ['reason', 'vendor'] },
  { table: 'tasks', key: ['id'], columns: ['error'] },
  { table: 'losses', key: ['id'], columns: ['change', 'reason'] },
  { table: 'links', key: ['id'], columns: ['drift'] },
  { table: 'sync_runs', key: ['id'], columns: ['drift', 'refused', 'error'] },
];

/** As `redactEvents`, for all other tables. */
export async function redactRecords(
  tx: Db,
  environmentId: string,
  needles: readonly string[],
  redact: (value: unknown) => unknown,
): Promise<void> {
  for (const records of RECORDS) {
    const { table, key, columns } = records;
    const query = tx(table)
      .where({ environment_id: environmentId })
      .where((any) => {
        for (const column of columns) any.orWhereNotNull(column);
      })
      .select(...key, ...columns);
    await redactRows(tx, records, query, needles, redact);
  }
}

interface Records {
  readonly table: string;
  readonly key: readonly string[];
  readonly columns: readonly string[];
}

/** Columns of plain text; the others are JSON. */
const TEXT_COLUMNS = new Set([
  'events.subject_display',
  'events.reason',
  'sync_statuses.reason',
  'losses.reason',
  'sync_runs.error',
]);

async function redactRows(
  tx: Db,
  { table, key, columns }: Records,
  query: ReturnType<Db>,
  needles: readonly string[],
  redact: (value: unknown) => unknown,
): Promise<void> {
  const texts = columns.map(() => "coalesce(cast(?? as text), '')").join(" || ' ' || ");
  const [find, lowered] =
    dialectOf(tx) === 'sqlite' ? ['instr', `lower(${texts})`] : ['strpos', `lower((${texts}) collate "C")`];
  query.where((any) => {
    for (const needle of needles.flatMap(asStored)) {
      const folding = foldingOf(needle);
      const bindings = [...columns, ...folding.pairs.flat(), folding.value];
      any.orWhereRaw(`${find}(${foldedSql(lowered, folding)}, ?) > 0`, bindings);
    }
  });
  for (const row of (await query) as Record<string, unknown>[]) {
    const redacted = columns
      .filter((column) => row[column] !== null)
      .map((column) => {
        const value = row[column];
        const isText = TEXT_COLUMNS.has(`${table}.${column}`);
        return [column, isText ? redact(value) : toJson(redact(fromJson(value)))];
      });
    await tx(table)
      .where(Object.fromEntries(key.map((column) => [column, row[column]])))
      .update(Object.fromEntries(redacted));
  }
}

/** The needle as plain text has it, and as JSON does, where quotes and backslashes differ. */
function asStored(needle: string): readonly string[] {
  const inJson = JSON.stringify(needle).slice(1, -1);
  return inJson === needle ? [needle] : [needle, inJson];
}
