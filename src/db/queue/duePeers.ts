/** Which peers have something for a worker to do. Each process asks every second, so it is one statement. */

import { GAP_MAX_MS } from '../../model/alerts/alerts.ts';
import { isoTime } from '../../support/clock.ts';
import { type Db, rowsOf } from '../open.ts';

export interface DuePeer {
  readonly id: string;
  readonly kind: 'store' | 'alert' | 'connection';
  /** A request waits, for an answer about the peer or for a preview; such a peer may be inactive or paused. */
  readonly isAsked: boolean;
}

/** A request waits for an answer about the peer, or for a preview. Whoever asks knows what the peer is; the row does not. */
const ASKED = `
  select peer_id as id, 1 as asked,
    case when peer_id in (select connection_id from pulled_connections) then 'connection' else 'store' end as kind
  from inquiries where answer is null and expires_at > :now
  union
  select store_id, 1, 'store' from previews where state = 'RUNNING' and expires_at > :now`;

/** Where a store is to be deleted, all that may be left after a crash is to forget it: that counts without tasks, too. */
const STORES = `
  select id, 0, 'store' from stores where deleted_at is null and (
    paused is null and status = 'DELETING'
    or paused is null and status = 'ACTIVE' and (
      exists (select 1 from tasks where tasks.store_id = stores.id and state = 'pending' and run_at <= :now)
      or exists (select 1 from sync_runs where sync_runs.store_id = stores.id and state in ('QUEUED', 'RUNNING'))
      or exists (select 1 from second_looks where second_looks.store_id = stores.id and at <= :now)
    )
    or paused is not null and retry_at <= :now
  )`;

/**
 * Those that have something to tell, and whose receiver is not left alone for a while. No gap reaches beyond
 * `:latest`, unless the clock was set back.
 */
const ALERTS = `
  select id, 0, 'alert' from alerts
  where active and (retry_at is null or retry_at <= :now or retry_at > :latest)
    and exists (select 1 from alert_deliveries where alert_id = alerts.id and alert_deliveries.state = 'pending')`;

/** A run that waited for a decision is due where something was approved, or nothing waits any more. */
const CONNECTIONS = `
  select connection_id, 0, 'connection' from pulled_connections as c where
    paused is null and (
      next_run_at <= :now
      or exists (select 1 from pull_runs where connection_id = c.connection_id and state in ('QUEUED', 'RUNNING'))
      or exists (
        select 1 from pull_runs as r where connection_id = c.connection_id and state = 'HELD' and (
          exists (select 1 from pull_changes where run_id = r.id and state = 'approved')
          or not exists (select 1 from pull_changes where run_id = r.id and state = 'held')
        )
      )
    )
    or paused is not null and retry_at <= :now`;

/** As a text: knex takes several times as long to build it as SQLite to answer it. */
const DUE = `${[ASKED, STORES, ALERTS, CONNECTIONS].join('\n  union')}\n  order by asked desc, id`;

/** Each once, those that a request waits for first. `now` is an ISO time. */
export async function duePeers(db: Db, now: string): Promise<readonly DuePeer[]> {
  const latest = isoTime(Date.parse(now) + GAP_MAX_MS);
  const rows = rowsOf<Row>(await db.raw(DUE, { now, latest }));
  const asking = new Set(rows.filter((row) => row.asked === 1).map(({ id }) => id));
  const kinds = new Map(rows.map(({ id, kind }) => [id, kind]));
  return [...kinds].map(([id, kind]) => ({ id, kind, isAsked: asking.has(id) }));
}

interface Row {
  readonly id: string;
  readonly asked: number;
  readonly kind: DuePeer['kind'];
}
