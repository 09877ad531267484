/**
 * What a gate looks up before every change, in one statement. Usually it finds nothing of the subject. Where nothing
 * else must be known, the same statement writes down the intent.
 */

import type { Knex } from 'knex';
import type { Subject } from '../../model/subject.ts';
import { chunks } from '../chunks.ts';
import { toJson } from '../columns.ts';
import { kept } from '../knex/kept.ts';
import { type Db, dialectOf, isCrossed } from '../open.ts';
import { type CauseRow, type CausesOnStore, causesRows, sumUp } from '../queue/causes.ts';
import type { Lease } from '../queue/leases.ts';
import type { Intent } from '../queue/queue.ts';
import { holding, inLower, type Key } from '../seen/keys.ts';
import { storeHeld } from '../stores/contextVersions.ts';
import { type LossRecord, standingOfSubject } from './losses.ts';
import { undoneAmong } from './undoneCauses.ts';

export interface BooksQuestion {
  readonly storeId: string;
  readonly subject: Subject;
  /** The keys that the subject wants. */
  readonly keys: readonly Key[];
  /** The people to look up in the brake's window. */
  readonly personKeys: readonly string[];
  readonly correlationIds: readonly string[];
  /** When the window begins; an ISO time. */
  readonly windowStart: string;
}

export interface Books {
  /** All standing losses of the subject: held, approved, discarded or given back. */
  readonly known: readonly LossRecord[];
  /** Changes of an applied preview are still to be made on the store, for any subject. */
  readonly isSomeApplied: boolean;
  /** Another account or group of the store has one of the keys. */
  readonly isKeyHeld: boolean;
  readonly window: WindowRecord;
  /** The requests that caused the task. */
  readonly causes: CausesOnStore;
  /** Those of which an admin undid something. */
  readonly undone: ReadonlySet<string>;
}

export interface WindowRecord {
  /** When it begins; an ISO time. */
  readonly since: string;
  /** How many people lost something since then. */
  readonly used: number;
  /** The base of the window's oldest entry; null where the window is empty. */
  readonly base: number | null;
  readonly inWindow: ReadonlySet<string>;
}

/** The caller has locked the store. */
export async function readBooks(tx: Db, question: BooksQuestion): Promise<Books> {
  const { storeId, subject, personKeys } = question;
  const asked = { ...question, keys: question.keys.map(inLower) };
  // Usually there is one chunk, and one statement reads everything.
  const [some = [], ...others] = chunks(personKeys);
  const rows = [...(await allRows(tx, { ...asked, personKeys: some }))];
  for (const more of others) rows.push(...(await personRows(tx, { ...asked, personKeys: more })));
  const of = (what: BookRow['what']) => rows.filter((row) => row.what === what);
  const [window] = of('window');
  const base = window?.subjects ?? null;
  return {
    known: of('standing').length === 0 ? [] : await standingOfSubject(tx, storeId, subject),
    isSomeApplied: of('applied').length > 0,
    isKeyHeld: of('key').length > 0,
    window: {
      since: question.windowStart,
      used: Number(window?.people),
      base: base === null ? null : Number(base),
      inWindow: new Set(of('person').map(({ id }) => id)),
    },
    causes: sumUp(
      storeId,
      of('cause').map((row) => ({ ...row, correlation_id: row.id })),
    ),
    undone: new Set(of('undone').map(({ id }) => id)),
  };
}

/** For the window: how many people, and the base of the oldest entry. */
interface BookRow extends Omit<CauseRow, 'correlation_id'> {
  readonly what: 'window' | 'person' | 'cause' | 'undone' | 'applied' | 'key' | 'standing';
  readonly id: string;
}

const allRows = kept<readonly BookRow[], BooksQuestion>((db, question) => {
  const { storeId, subject, keys, correlationIds } = question;
  const oldest = ledger(db, question).orderBy('at').limit(1).select('base');
  const where = (what: BookRow['what'], found: Knex.QueryBuilder) =>
    marked(db, db.queryBuilder(), what).whereExists(found);
  return ledger(db, question)
    .select({ what: db.raw("'window'"), id: db.raw('null'), store_id: db.raw('null') })
    .select({ people: db.raw('count(*)'), subjects: oldest })
    .unionAll([
      peopleInWindow(db, question),
      causesRows(db, storeId, correlationIds)
        .select({ what: db.raw("'cause'"), id: 'correlation_id', store_id: 'store_id' })
        .select('people', 'subjects'),
      marked(db, undoneAmong(db, correlationIds), 'undone', 'correlation_id'),
      where('applied', appliedOn(db, storeId).select('store_id')),
      where('standing', standingOf(db, storeId, subject).select('id')),
      ...(keys.length === 0 ? [] : [where('key', holding(db, storeId, subject, keys).select('l.id'))]),
    ]);
});

const personRows = kept<readonly BookRow[], BooksQuestion>(peopleInWindow);

function peopleInWindow(db: Db, question: BooksQuestion): Knex.QueryBuilder {
  const found = ledger(db, question).whereIn('person_key', question.personKeys);
  return marked(db, found, 'person', 'person_key');
}

function ledger(db: Db, { storeId, windowStart }: BooksQuestion): Knex.QueryBuilder {
  return db('brake_ledger').where({ store_id: storeId }).where('at', '>', windowStart);
}

/** `id`: the column that tells the rows apart; absent where there is one at most. */
function marked(db: Db, query: Knex.QueryBuilder, what: BookRow['what'], id?: string): Knex.QueryBuilder {
  const none = db.raw('null');
  return query
    .select({ what: db.raw(`'${what}'`), id: id ?? none, store_id: none })
    .select({ people: db.raw('0'), subjects: db.raw('0') });
}

function standingOf(db: Db, storeId: string, { kind, id }: Subject): Knex.QueryBuilder {
  return db('losses').where({ store_id: storeId, kind, subject_id: id, standing: true });
}

function appliedOn(db: Db, storeId: string) {
  return db('applied_changes').where({ store_id: storeId });
}

/** A plan that takes nothing from anybody. */
export interface HarmlessPlan {
  readonly taskId: string;
  readonly subject: Subject;
  /** The keys that the subject wants. */
  readonly keys: readonly Key[];
  readonly contextVersion: number;
}

/**
 * Writes down the intent if this worker has the lease, the settings are those of the plan, and the books have
 * nothing. It is one statement, which until its end holds what `holdStore` holds. Otherwise it writes nothing and
 * answers false.
 */
export async function announceUnhindered(
  db: Db,
  lease: Lease,
  plan: HarmlessPlan,
  intent: Intent,
): Promise<boolean> {
  const announce = async (tx: Db): Promise<boolean> =>
    (await announced(tx, { ...plan, lease, keys: plan.keys.map(inLower), intent: toJson(intent) })) === 1;
  // On SQLite, transactions can share a commit.
  if (dialectOf(db) === 'sqlite') return db.transaction(announce);
  return announce(db).catch((error: unknown) => {
    if (isCrossed(error)) return false;
    throw error;
  });
}

const announced = kept<number, HarmlessPlan & { readonly lease: Lease; readonly intent: string }>(
  (tx, { lease, taskId, subject, keys, contextVersion, intent }) => {
    const { peerId: storeId } = lease;
    const query = tx('tasks')
      .with('held', storeHeld(tx, lease, 'share'))
      .where({ id: taskId })
      .whereExists(tx('held').where({ context_version: contextVersion }).select('context_version'))
      .whereNotExists(appliedOn(tx, storeId).select('store_id'))
      .whereNotExists(standingOf(tx, storeId, subject).select('id'));
    if (keys.length > 0) query.whereNotExists(holding(tx, storeId, subject, keys).select('l.id'));
    return query.update({ intent });
  },
);
