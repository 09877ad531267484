/** What the accounts of people say, for rules, mappings and a person's own page. Reads only. */

import type { Attributes } from '../../model/desired.ts';
import type { Identity } from '../../model/pull/identity.ts';
import { onlyEnriches, type PullSettings } from '../../model/pull/pull.ts';
import { isMetadata } from '../../model/source.ts';
import { chunks } from '../chunks.ts';
import { fromJson } from '../columns.ts';
import { type Db, dialectOf } from '../open.ts';
import type { StoreRecord } from '../stores/stores.ts';

/** What the speaking identity says, by person and by the connection's handle. */
export type Enrichment = ReadonlyMap<string, ReadonlyMap<string, Attributes>>;

export async function enrichmentOf(
  db: Db,
  personIds: readonly string[],
  handles: readonly string[],
): Promise<Enrichment> {
  const found = new Map<string, Map<string, Attributes>>();
  if (handles.length === 0) return found;
  for (const some of chunks(personIds)) {
    const rows = await db('identities as i')
      .join('connections as c', 'c.id', 'i.connection_id')
      .whereIn('i.person_id', some)
      .whereIn('c.handle', handles)
      .where({ 'i.speaks': true })
      .select('i.person_id', 'i.attributes', 'c.handle');
    for (const row of rows) {
      const own = found.get(row.person_id) ?? new Map<string, Attributes>();
      found.set(row.person_id, own.set(row.handle, fromJson<Attributes>(row.attributes)));
    }
  }
  return found;
}

/** An account, as a person's page shows it. */
export interface IdentityOfPerson {
  readonly connection: { readonly id: string; readonly name: string; readonly handle: string };
  readonly vendorId: string;
  readonly state: Identity['state'];
  readonly attributes: Attributes;
}

/** In the order of the handles, the speaking identity first. */
export async function identitiesOfPerson(db: Db, personId: string): Promise<readonly IdentityOfPerson[]> {
  const rows = await db('identities as i')
    .join('connections as c', 'c.id', 'i.connection_id')
    .where({ 'i.person_id': personId })
    .orderBy([{ column: 'c.handle' }, { column: 'i.speaks', order: 'desc' }, { column: 'i.vendor_id' }])
    .select('i.vendor_id', 'i.state', 'i.attributes', 'c.id', 'c.name', 'c.handle');
  return rows.map((row: Record<string, unknown>) => ({
    connection: { id: row.id as string, name: row.name as string, handle: row.handle as string },
    vendorId: row.vendor_id as string,
    state: row.state as Identity['state'],
    attributes: fromJson<Attributes>(row.attributes),
  }));
}

/** What rules and the mappings of stores may name besides the attributes of a SCIM user. */
export interface Offered {
  /** Of connections that add identities. */
  readonly handles: ReadonlySet<string>;
  /** `metadata.costCode`, as mappings of pulled connections spell it. */
  readonly metadata: ReadonlySet<string>;
}

export async function offeredIn(db: Db, environmentId: string): Promise<Offered> {
  const rows: { handle: string; strategy: string; settings: unknown }[] = await db('connections as c')
    .join('pulled_connections as p', 'p.connection_id', 'c.id')
    .where({ 'c.environment_id': environmentId })
    .whereNull('c.deleted_at')
    .select('c.handle', 'c.strategy', 'p.settings');
  const pulled = rows.map((row) => ({ ...row, settings: fromJson<PullSettings>(row.settings) }));
  const enriching = pulled.filter(({ strategy, settings }) => onlyEnriches(strategy, settings));
  const targets = pulled.flatMap(({ settings }) => (settings.mapping ?? []).map(({ target }) => target));
  return {
    handles: new Set(enriching.map(({ handle }) => handle)),
    metadata: new Set(targets.filter(isMetadata)),
  };
}

/** The stores whose rules or mappings name values of this connection's accounts, in the order of their ids. */
export async function storesNaming(
  db: Db,
  environmentId: string,
  connectionId: string,
): Promise<readonly Pick<StoreRecord, 'id' | 'name' | 'status'>[]> {
  const own = await db('connections').where({ id: connectionId }).first('handle');
  if (!own) return [];
  const prefix = `identities.${own.handle}.`;
  const find = dialectOf(db) === 'sqlite' ? 'instr' : 'strpos';
  const names = (column: string) => [`${find}(lower(${column}), ?) > 0`, [prefix]] as const;
  const mapped = db('attribute_mappings')
    .whereRaw(...names('source_attribute'))
    .select('store_id');
  const ruled = db('rules')
    .whereRaw(...names('population_expression'))
    .select('store_id');
  return db('stores')
    .where({ environment_id: environmentId })
    .whereNull('deleted_at')
    .where((any) => {
      any.whereIn('id', mapped).orWhereIn('id', ruled);
    })
    .orderBy('id')
    .select('id', 'name', 'status');
}
