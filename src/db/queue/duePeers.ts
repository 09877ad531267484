/** Which peers have something for a worker to do. Each process asks every second, so it is one statement. */

import type { Knex } from 'knex';
import { GAP_MAX_MS } from '../../model/alerts/alerts.ts';
import { isoTime } from '../../support/clock.ts';
import type { Db } from '../open.ts';

export interface DuePeer {
  readonly id: string;
  readonly kind: 'store' | 'alert' | 'connection';
  /** A request waits, for an answer about the peer or for a preview; such a peer may be inactive or paused. */
  readonly isAsked: boolean;
}

/** Whoever asks knows what it is; the inquiry does not say. */
const ASKED_KIND =
  "case when peer_id in (select connection_id from pulled_connections) then 'connection' else 'store' end";

/** Each once, those that a request waits for first. `now` is an ISO time. */
export async function duePeers(db: Db, now: string): Promise<readonly DuePeer[]> {
  const asked = (query: Knex.QueryBuilder) => query.where('expires_at', '>', now);
  const rows: readonly Row[] = await asked(db('inquiries').whereNull('answer'))
    .select({ id: 'peer_id' }, db.raw(`1 as asked, ${ASKED_KIND} as kind`))
    .union([
      asked(db('previews').where({ state: 'RUNNING' })).select(
        { id: 'store_id' },
        db.raw("1 as asked, 'store' as kind"),
      ),
      storesWithWork(db, now),
      alertsWithWork(db, now),
      connectionsWithWork(db, now),
    ])
    .orderBy([{ column: 'asked', order: 'desc' }, 'id']);
  const asking = new Set(rows.filter((row) => row.asked === 1).map(({ id }) => id));
  const kinds = new Map(rows.map(({ id, kind }) => [id, kind]));
  return [...kinds].map(([id, kind]) => ({ id, kind, isAsked: asking.has(id) }));
}

interface Row {
  readonly id: string;
  readonly asked: number;
  readonly kind: DuePeer['kind'];
}

/** Those that have something to tell, and whose receiver is not left alone for a while. */
function alertsWithWork(db: Db, now: string): Knex.QueryBuilder {
  const waiting = db('alert_deliveries')
    .where('alert_deliveries.alert_id', db.ref('alerts.id'))
    .where('alert_deliveries.state', 'pending')
    .select(db.raw('1'));
  return db('alerts')
    .where({ active: true })
    .where((may) => {
      may.whereNull('retry_at').orWhere('retry_at', '<=', now);
      // The clock was set back: no gap is that long.
      may.orWhere('retry_at', '>', isoTime(Date.parse(now) + GAP_MAX_MS));
    })
    .whereExists(waiting)
    .select('id', db.raw("0 as asked, 'alert' as kind"));
}

function connectionsWithWork(db: Db, now: string): Knex.QueryBuilder {
  const runs = () =>
    db('pull_runs').where('pull_runs.connection_id', db.ref('pulled_connections.connection_id'));
  return db('pulled_connections')
    .where((any) => {
      any
        .where((free) => {
          free.whereNull('paused').where((work) => {
            work
              .whereExists(runs().whereIn('state', ['QUEUED', 'RUNNING']).select(db.raw('1')))
              .orWhere('next_run_at', '<=', now)
              .orWhereExists(decidedRuns(db, runs()));
          });
        })
        .orWhere((paused) => paused.whereNotNull('paused').where('retry_at', '<=', now));
    })
    .select({ id: 'connection_id' }, db.raw("0 as asked, 'connection' as kind"));
}

/** Runs that waited for a decision: something was approved, or nothing waits any more. */
function decidedRuns(db: Db, runs: Knex.QueryBuilder): Knex.QueryBuilder {
  const lines = (state: string) =>
    db('pull_changes')
      .where('pull_changes.run_id', db.ref('pull_runs.id'))
      .where({ state })
      .select(db.raw('1'));
  return runs
    .where('pull_runs.state', 'HELD')
    .where((decided) => decided.whereExists(lines('approved')).orWhereNotExists(lines('held')))
    .select(db.raw('1'));
}

function storesWithWork(db: Db, now: string): Knex.QueryBuilder {
  const ofStore = (table: string) =>
    db(table).where(`${table}.store_id`, db.ref('stores.id')).select(db.raw('1'));
  return db('stores')
    .whereNull('deleted_at')
    .where((any) => {
      any
        .where((active) => {
          active
            .whereIn('status', ['ACTIVE', 'DELETING'])
            .whereNull('paused')
            .where((work) => {
              work
                .whereExists(
                  ofStore('tasks').where('tasks.state', 'pending').where('tasks.run_at', '<=', now),
                )
                .orWhereExists(ofStore('sync_runs').whereIn('sync_runs.state', ['QUEUED', 'RUNNING']))
                .orWhereExists(ofStore('second_looks').where('second_looks.at', '<=', now));
            });
        })
        // Without tasks too: after a crash all that may be left is to forget the store.
        .orWhere((deleting) => deleting.where({ status: 'DELETING' }).whereNull('paused'))
        .orWhere((paused) =>
          paused.whereNotNull('paused').whereNotNull('retry_at').where('retry_at', '<=', now),
        );
    })
    .select('id', db.raw("0 as asked, 'store' as kind"));
}
