/** Which peers have something for a worker to do. It is one statement, because each process asks every second. */

import { GAP_MAX_MS } from '../../model/alerts/alerts.ts';
import { isoTime } from '../../support/clock.ts';
import { type Db, rowsOf } from '../open.ts';

export interface DuePeer {
  readonly id: string;
  readonly kind: 'store' | 'alert' | 'connection';
  /** A request waits for an answer about the peer, or for a preview. The peer may be inactive or paused. */
  readonly isAsked: boolean;
}

/**
 * Peers that a request waits for, with an inquiry or a preview. The rows of inquiries do not say what kind of peer it
 * is.
 */
const ASKED = `
  select peer_id as id, 1 as asked,
    case when peer_id in (select connection_id from pulled_connections) then 'connection' else 'store' end as kind
  from inquiries where answer is null and expires_at > :now
  union
  select store_id, 1, 'store' from previews where state = 'RUNNING' and expires_at > :now`;

/**
 * A store that is being deleted counts even without tasks: after a crash, forgetting it may be all that is left to
 * do.
 */
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
 * Alerts with pending messages whose receiver does not have to be left alone. No gap reaches beyond `:latest`, unless
 * the clock was set back.
 */
const ALERTS = `
  select id, 0, 'alert' from alerts
  where active and (retry_at is null or retry_at <= :now or retry_at > :latest)
    and exists (select 1 from alert_deliveries where alert_id = alerts.id and alert_deliveries.state = 'pending')`;

/**
 * A run that waited for a decision is due where an admin approved something, or nothing waits any more. While the
 * connection is paused, a preview is due all the same.
 */
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
    or paused is not null and (
      retry_at <= :now
      or exists (
        select 1 from pull_runs
        where connection_id = c.connection_id and state in ('QUEUED', 'RUNNING') and mode = 'preview'
      )
    )`;

/** As text, because knex takes several times as long to build it as SQLite to answer it. */
const DUE = `${[ASKED, STORES, ALERTS, CONNECTIONS].join('\n  union')}\n  order by asked desc, id`;

/** Each peer once, those that a request waits for first. `now`: an ISO time. */
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
