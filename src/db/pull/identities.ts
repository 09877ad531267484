/**
 * Accounts that enriching connections have seen, whose each is, and which of them speaks for its person there. An
 * account never makes, changes or removes a person.
 */

import { isDeepStrictEqual } from 'node:util';
import type { Attributes } from '../../model/desired.ts';
import { type Identity, speakingAmong } from '../../model/pull/identity.ts';
import { ENRICHING_STRATEGIES } from '../../model/pull/pull.ts';
import { chunks } from '../chunks.ts';
import { fromBoolean, fromJson, fromJsonOrNull, toJson } from '../columns.ts';
import type { Db } from '../open.ts';

export interface IdentityRecord extends Identity {
  readonly connectionId: string;
  /** Its attributes count for its person. */
  readonly speaks: boolean;
  /** ISO time */
  readonly since: string;
}

export interface Saved {
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  /** Persons for whom something else is said of these accounts now than before. */
  readonly personIds: ReadonlySet<string>;
}

/** Writes those that differ from what is kept. Whoever saves the last of them calls `settleSpeakers` then. */
export async function saveIdentities(
  tx: Db,
  owner: { readonly connectionId: string; readonly environmentId: string },
  identities: readonly Identity[],
  at: string,
): Promise<Saved> {
  const personIds = new Set<string>();
  const count = { created: 0, updated: 0, unchanged: 0 };
  for (const some of chunks(identities)) {
    const ids = some.map(({ vendorId }) => vendorId);
    const known = await identitiesAmong(tx, owner.connectionId, ids);
    const fresh = some.filter((identity) => {
      const before = known.get(identity.vendorId);
      if (before && isSame(before, identity)) return false;
      for (const id of [before?.personId, identity.personId]) if (id) personIds.add(id);
      return true;
    });
    count.created += fresh.filter(({ vendorId }) => !known.has(vendorId)).length;
    count.updated += fresh.filter(({ vendorId }) => known.has(vendorId)).length;
    count.unchanged += some.length - fresh.length;
    if (fresh.length > 0) await upsert(tx, owner, fresh, at);
  }
  return { ...count, personIds };
}

function isSame(a: Identity, b: Identity): boolean {
  return isDeepStrictEqual(said(a), said(b));
}

function said({ state, name, email, attributes, personId, matchedBy, doubt }: Identity) {
  return { state, name, email, attributes: { ...attributes }, personId, matchedBy, doubt };
}

/** Rows of one statement: 11 values each. */
const ROWS_PER_INSERT_MAX = 80;

async function upsert(
  tx: Db,
  { connectionId, environmentId }: { readonly connectionId: string; readonly environmentId: string },
  identities: readonly Identity[],
  at: string,
): Promise<void> {
  for (let from = 0; from < identities.length; from += ROWS_PER_INSERT_MAX) {
    const rows = identities.slice(from, from + ROWS_PER_INSERT_MAX).map((identity) => ({
      connection_id: connectionId,
      vendor_id: identity.vendorId,
      environment_id: environmentId,
      person_id: identity.personId,
      matched_by: identity.matchedBy,
      state: identity.state,
      name: identity.name,
      email: identity.email,
      attributes: toJson(identity.attributes),
      doubt: identity.doubt ? toJson(identity.doubt) : null,
      speaks: false,
      since: at,
    }));
    await tx('identities')
      .insert(rows)
      .onConflict(['connection_id', 'vendor_id'])
      .merge(['person_id', 'matched_by', 'state', 'name', 'email', 'attributes', 'doubt']);
  }
}

/** Of each of these persons, whose accounts have changed: which one speaks from now on. */
export async function settleSpeakers(
  tx: Db,
  connectionId: string,
  personIds: Iterable<string>,
): Promise<void> {
  for (const some of chunks([...personIds])) {
    const rows: IdentityRecord[] = (
      await tx('identities').where({ connection_id: connectionId }).whereIn('person_id', some)
    ).map(toIdentity);
    const speaking = [...Map.groupBy(rows, ({ personId }) => personId).values()].flatMap(
      (own) => speakingAmong(own)?.vendorId ?? [],
    );
    const wrong = new Set(rows.filter(({ speaks }) => speaks).map(({ vendorId }) => vendorId));
    for (const id of speaking) wrong.delete(id);
    await mark(tx, connectionId, [...wrong], false);
    await mark(tx, connectionId, speaking, true);
  }
  await tx('identities').where({ connection_id: connectionId, speaks: true }).whereNull('person_id').update({
    speaks: false,
  });
}

async function mark(tx: Db, connectionId: string, vendorIds: readonly string[], speaks: boolean) {
  for (const some of chunks(vendorIds))
    await tx('identities')
      .where({ connection_id: connectionId })
      .whereNot({ speaks })
      .whereIn('vendor_id', some)
      .update({ speaks });
}

/** By the vendor's id. */
export async function identitiesAmong(
  db: Db,
  connectionId: string,
  vendorIds: readonly string[],
): Promise<ReadonlyMap<string, IdentityRecord>> {
  const found = new Map<string, IdentityRecord>();
  for (const some of chunks(vendorIds)) {
    const rows = await db('identities').where({ connection_id: connectionId }).whereIn('vendor_id', some);
    for (const row of rows) found.set(row.vendor_id as string, toIdentity(row));
  }
  return found;
}

/** Those that the run did not show, in the order of their ids, those after `after`. */
export async function identitiesNotStaged(
  db: Db,
  connectionId: string,
  runId: string,
  after: string,
  limit: number,
): Promise<readonly IdentityRecord[]> {
  const rows = await db('identities')
    .where({ connection_id: connectionId })
    .where('vendor_id', '>', after)
    .whereNotExists(
      db('pull_staged')
        .where({ run_id: runId, kind: 'user' })
        .where('source_id', db.ref('identities.vendor_id'))
        .select(db.raw('1')),
    )
    .orderBy('vendor_id')
    .limit(limit);
  return rows.map(toIdentity);
}

export async function countIdentities(
  db: Db,
  connectionId: string,
): Promise<{ readonly all: number; readonly active: number; readonly unmatched: number }> {
  const of = async (where: object, unmatched = false) => {
    const query = db('identities').where({ connection_id: connectionId, ...where });
    if (unmatched) query.whereNull('person_id');
    return Number((await query.count({ n: '*' }).first())?.n ?? 0);
  };
  return { all: await of({}), active: await of({ state: 'active' }), unmatched: await of({}, true) };
}

export async function forgetIdentities(
  tx: Db,
  connectionId: string,
  vendorIds: readonly string[],
): Promise<void> {
  for (const some of chunks(vendorIds))
    await tx('identities').where({ connection_id: connectionId }).whereIn('vendor_id', some).delete();
}

/** Two people turned out to be one: the newcomer's accounts are the other's from then on. */
export async function giveIdentities(tx: Db, newcomerId: string, personId: string): Promise<void> {
  const rows: { connection_id: string }[] = await tx('identities')
    .where({ person_id: newcomerId })
    .distinct('connection_id');
  await tx('identities').where({ person_id: newcomerId }).update({ person_id: personId });
  for (const { connection_id } of rows) await settleSpeakers(tx, connection_id, [personId]);
}

/** By person, and by the handle of the connection, what the account that speaks says. */
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

/** An account as a person shows it. */
export interface IdentityOfPerson {
  readonly connection: { readonly id: string; readonly name: string; readonly handle: string };
  readonly vendorId: string;
  readonly state: Identity['state'];
  readonly attributes: Attributes;
}

/** By the handle, the one that speaks first. */
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

/** Of the connections that add identities. */
export async function enrichingHandles(db: Db, environmentId: string): Promise<ReadonlySet<string>> {
  const handles: string[] = await db('connections')
    .where({ environment_id: environmentId })
    .whereIn('strategy', ENRICHING_STRATEGIES)
    .whereNull('deleted_at')
    .pluck('handle');
  return new Set(handles);
}

/** Accounts that are nobody's, in the order of their ids, those after `after`. */
export async function unmatchedPage(
  db: Db,
  connectionId: string,
  after: string,
  limit: number,
): Promise<readonly IdentityRecord[]> {
  const rows = await db('identities')
    .where({ connection_id: connectionId })
    .whereNull('person_id')
    .where('vendor_id', '>', after)
    .orderBy('vendor_id')
    .limit(limit);
  return rows.map(toIdentity);
}

function toIdentity(row: Record<string, unknown>): IdentityRecord {
  return {
    connectionId: row.connection_id as string,
    vendorId: row.vendor_id as string,
    state: row.state as Identity['state'],
    name: row.name as string,
    email: (row.email ?? null) as string | null,
    attributes: fromJson(row.attributes),
    personId: (row.person_id ?? null) as string | null,
    matchedBy: (row.matched_by ?? null) as Identity['matchedBy'],
    doubt: fromJsonOrNull(row.doubt),
    speaks: fromBoolean(row.speaks),
    since: row.since as string,
  };
}
