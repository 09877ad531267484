/**
 * Accounts that enriching connections have seen, to whom each belongs, and which speaks for its person. An account
 * never makes, changes or removes a person.
 */

import { isDeepStrictEqual } from 'node:util';
import { type Identity, speakingAmong } from '../../model/pull/identity.ts';
import { chunks } from '../chunks.ts';
import { fromBoolean, fromJson, fromJsonOrNull, toJson } from '../columns.ts';
import type { Db } from '../open.ts';

export interface IdentityRecord extends Identity {
  readonly connectionId: string;
  /** Its attributes count for its person. */
  readonly isSpeaking: boolean;
  /** ISO time */
  readonly since: string;
}

export interface ChangedIdentity {
  readonly identity: Identity;
  /** Null where the account was not seen before. */
  readonly before: IdentityRecord | null;
}

export interface Compared {
  readonly changed: readonly ChangedIdentity[];
  readonly unchanged: number;
  /** Persons about whom these accounts now say something else than before. */
  readonly personIds: ReadonlySet<string>;
}

/** Finds the identities that differ from the stored ones. */
export async function compareIdentities(
  db: Db,
  connectionId: string,
  identities: readonly Identity[],
): Promise<Compared> {
  const ids = identities.map(({ vendorId }) => vendorId);
  const known = await identitiesAmong(db, connectionId, ids);
  const changed = identities
    .map((identity) => ({ identity, before: known.get(identity.vendorId) ?? null }))
    .filter(({ identity, before }) => before === null || !isSame(before, identity));
  const persons = changed.flatMap(({ identity, before }) => [identity.personId, before?.personId ?? null]);
  return {
    changed,
    unchanged: identities.length - changed.length,
    personIds: new Set(persons.filter((id) => id !== null)),
  };
}

function isSame(a: Identity, b: Identity): boolean {
  return isDeepStrictEqual(comparable(a), comparable(b));
}

function comparable({ state, name, email, attributes, personId, matchedBy, doubt }: Identity) {
  return { state, name, email, attributes: { ...attributes }, personId, matchedBy, doubt };
}

/** How many rows one statement writes, of 11 values each. */
const ROWS_PER_INSERT_MAX = 80;

/** Saves identities. After the last ones, call `settleSpeakers`. */
export async function writeIdentities(
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

/** Chooses the speaking identity of each of these persons, whose accounts have changed. */
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
    const wrong = new Set(rows.filter(({ isSpeaking }) => isSpeaking).map(({ vendorId }) => vendorId));
    for (const id of speaking) wrong.delete(id);
    await mark(tx, connectionId, [...wrong], false);
    await mark(tx, connectionId, speaking, true);
  }
  await tx('identities').where({ connection_id: connectionId, speaks: true }).whereNull('person_id').update({
    speaks: false,
  });
}

async function mark(tx: Db, connectionId: string, vendorIds: readonly string[], isSpeaking: boolean) {
  for (const some of chunks(vendorIds))
    await tx('identities')
      .where({ connection_id: connectionId })
      .whereNot({ speaks: isSpeaking })
      .whereIn('vendor_id', some)
      .update({ speaks: isSpeaking });
}

/** The identities by the vendor's id. */
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

/** The identities that the run did not show, in the order of their ids, after `after`. */
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

/** Two people turned out to be one: the newcomer's accounts are the other person's from then on. */
export async function giveIdentities(tx: Db, newcomerId: string, personId: string): Promise<void> {
  const rows: { connection_id: string }[] = await tx('identities')
    .where({ person_id: newcomerId })
    .distinct('connection_id');
  await tx('identities').where({ person_id: newcomerId }).update({ person_id: personId });
  for (const { connection_id } of rows) await settleSpeakers(tx, connection_id, [personId]);
}

/** Accounts that belong to nobody, in the order of their ids, after `after`. */
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
    isSpeaking: fromBoolean(row.speaks),
    since: row.since as string,
  };
}
