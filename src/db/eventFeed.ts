/**
 * The audit log in the order of commits, for readers that follow it: no event is lost, and none appears behind what
 * was read. On SQLite, ids are in that order. On PostgreSQL, a reader goes from one snapshot to the next: what the
 * later one sees and the earlier one did not was committed in between. Positions outlive the process.
 */

import type { EventRecord } from './events.ts';
import { type EventFilter, eventsAmong } from './lists/events.ts';
import { type Db, dialectOf } from './open.ts';
import { keyedReadsOf, readsOf } from './reads.ts';

/** What is committed at one moment: on PostgreSQL a snapshot, on SQLite the last id. */
export type Moment = string;

export interface FeedPosition {
  /** An event that the reader knows, as proof that the position is of this database; null: there was none. */
  readonly known: { readonly id: string; readonly at: string } | null;
  /** The reader has read everything that was committed at this moment. */
  readonly from: Moment;
  /** The reader has read what was committed at this moment, up to the id `after`. */
  readonly to: Moment;
  readonly after: number;
}

export async function momentOf(db: Db): Promise<Moment> {
  if (dialectOf(db) === 'sqlite') {
    const row = await keyedReadsOf(db)('events').max({ id: 'id' }).first();
    return String(row?.id ?? 0);
  }
  const { rows } = await db.raw('select txid_current_snapshot()::text as moment');
  return rows[0].moment;
}

/** The position after everything that is committed by now. */
export async function positionNow(db: Db, environmentId: string): Promise<FeedPosition> {
  const moment = await momentOf(db);
  const last = await readsOf(db)('events')
    .where({ environment_id: environmentId })
    .orderBy('id', 'desc')
    .first('id', 'at');
  const known = last ? { id: String(last.id), at: last.at as string } : null;
  return { known, from: moment, to: moment, after: 0 };
}

/** At most `limit` events that were committed until `to`, oldest first, each with the position after it. */
export async function readFeed(
  db: Db,
  filter: EventFilter,
  { from, to, after }: FeedPosition,
  limit: number,
): Promise<readonly { readonly event: EventRecord; readonly position: FeedPosition }[]> {
  if (from === to) return [];
  const reads = readsOf(db);
  const events = await eventsAmong(reads, filter, between(reads, from, to), { after, limit });
  return events.map((event) => ({
    event,
    position: { known: { id: event.id, at: event.at }, from, to, after: Number(event.id) },
  }));
}

function between(db: Db, from: Moment, to: Moment) {
  if (dialectOf(db) === 'sqlite')
    return db('events').where('id', '>', Number(from)).where('id', '<=', Number(to));
  // The offset keeps PostgreSQL from walking through all events in the order of ids.
  return db('events')
    .whereRaw('xact >= txid_snapshot_xmin(?::txid_snapshot)', [from])
    .whereRaw('not txid_visible_in_snapshot(xact, ?::txid_snapshot)', [from])
    .whereRaw('txid_visible_in_snapshot(xact, ?::txid_snapshot)', [to])
    .offset(db.raw('0') as unknown as number);
}

/** The reader has read everything until `to`; the next events are those until `moment`. */
export function moveOn({ known, to }: FeedPosition, moment: Moment): FeedPosition {
  return { known, from: to, to: moment, after: 0 };
}

/** False where the position is not of this database, or events after it may be gone. */
export async function isOfThisFeed(db: Db, environmentId: string, position: FeedPosition): Promise<boolean> {
  const { known, to } = position;
  if (known !== null) {
    const there = { environment_id: environmentId, id: known.id, at: known.at };
    if (!(await keyedReadsOf(db)('events').where(there).first('id'))) return false;
  }
  return endOf(db, to) <= endOf(db, await momentOf(db));
}

/**
 * The end of a moment. A restored database counts transactions anew, so a position beyond its present end is of
 * another database.
 */
function endOf(db: Db, moment: Moment): bigint {
  return BigInt(dialectOf(db) === 'sqlite' ? moment : (moment.split(':')[1] ?? ''));
}

/**
 * Events of a restored copy name transactions of another server. One that this server has yet to begin would make
 * such an event look new.
 */
export async function forgetForeignTransactions(db: Db): Promise<void> {
  if (dialectOf(db) === 'sqlite') return;
  await db('events')
    .whereNotNull('xact')
    .whereRaw('xact >= txid_snapshot_xmax(txid_current_snapshot())')
    .update({ xact: null });
}

const SEPARATOR = '~';
const MOMENT = { sqlite: /^\d{1,16}$/, postgres: /^\d{1,19}:\d{1,19}:(\d{1,19}(,\d{1,19})*)?$/ } as const;
const ID = /^\d{1,16}$/;

/** The position as clients get it: opaque, without blanks or line breaks. */
export function writePosition({ known, from, to, after }: FeedPosition): string {
  const parts = [known?.id ?? '', known?.at ?? '', from, to, String(after)];
  return Buffer.from(parts.join(SEPARATOR)).toString('base64url');
}

/** Null where this bridge did not write it. */
export function readPosition(db: Db, text: string): FeedPosition | null {
  const parts = Buffer.from(text, 'base64url').toString('utf8').split(SEPARATOR);
  const [id = '', at = '', from = '', to = '', after = ''] = parts;
  const moment = MOMENT[dialectOf(db)];
  const isKnown = id === '' ? at === '' : ID.test(id) && !Number.isNaN(Date.parse(at));
  if (parts.length !== 5 || !isKnown || !moment.test(from) || !moment.test(to) || !ID.test(after))
    return null;
  return { known: id === '' ? null : { id, at }, from, to, after: Number(after) };
}
