/** The state of a subject on a store before an attempt is concluded: one read, which also locks the lease. */

import type { Subject } from '../../model/subject.ts';
import { fromBoolean } from '../columns.ts';
import { kept } from '../knex/kept.ts';
import { type Db, dialectOf } from '../open.ts';
import type { Lease } from '../queue/leases.ts';
import type { KeysOfLink } from './keys.ts';
import { type SyncStatusRecord, toSyncStatus } from './syncStatuses.ts';

export interface Standing {
  /** The subject's status before. */
  readonly said: SyncStatusRecord | null;
  readonly link: {
    readonly id: string;
    /** The link, or another link of the same remote group, remembers drift. */
    readonly hasDrift: boolean;
    readonly keys: KeysOfLink;
  } | null;
  /** The vendor refuses some memberships on this store, perhaps the subject's. */
  readonly someRefused: boolean;
}

/** Null where this worker does not have the store's lease. Nobody takes it until the transaction ends. */
export async function holdStanding(
  tx: Db,
  { peerId, holder, fence }: Lease,
  { kind, id }: Subject,
): Promise<Standing | null> {
  const rows = await held(tx, { peerId, holder, fence, kind, id });
  const [row] = rows;
  if (!row) return null;
  const keys = rows.flatMap(({ attribute, value_lower }) =>
    attribute === null ? [] : [[attribute, value_lower] as const],
  );
  const link = { hasDrift: fromBoolean(row.has_drift), keys: new Map(keys) };
  return {
    said: row.status === null ? null : toSyncStatus(row),
    link: row.link_id === null ? null : { id: row.link_id, ...link },
    someRefused: fromBoolean(row.some_refused),
  };
}

const held = kept<readonly StandingRow[], Lease & Subject>((tx, { peerId, holder, fence, kind, id }) => {
  const refused = tx('refused_memberships').where({ store_id: peerId }).select(tx.raw('1'));
  const drifted = tx('links')
    .where({ store_id: peerId, kind, remote_id: tx.ref('l.remote_id') })
    .whereNotNull('drift')
    .select(tx.raw('1'));
  const query = tx('leases as lease')
    .leftJoin('sync_statuses as s', (on) => {
      on.on('s.store_id', 'lease.peer_id').andOnVal('s.kind', kind).andOnVal('s.subject_id', id);
    })
    .leftJoin('links as l', (on) => {
      on.on('l.store_id', 'lease.peer_id').andOnVal('l.kind', kind).andOnVal('l.subject_id', id);
    })
    .leftJoin('link_keys as k', 'k.link_id', 'l.id')
    .where({ 'lease.peer_id': peerId, 'lease.holder': holder, 'lease.fence': fence })
    .select('s.*', 'k.attribute', 'k.value_lower', { link_id: 'l.id' })
    .select(tx.raw('exists ? as has_drift', [drifted]), tx.raw('exists ? as some_refused', [refused]));
  return dialectOf(tx) === 'postgres' ? query.forKeyShare('lease') : query;
});

interface StandingRow extends Record<string, unknown> {
  readonly attribute: string | null;
  readonly value_lower: string;
  readonly link_id: string | null;
  readonly has_drift: boolean | number;
  readonly some_refused: boolean | number;
}
