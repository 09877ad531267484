/**
 * Keys: values that no two accounts, or groups, of a store share, such as an address, a user name or a group's name.
 * Records which linked account or group has which key, and which subjects want one that another has. Nothing here
 * decides who waits.
 */

import type { Knex } from 'knex';
import type { Kind, Subject } from '../../model/subject.ts';
import { chunks } from '../chunks.ts';
import { lower } from '../columns.ts';
import type { Db } from '../open.ts';

export interface Key {
  readonly attribute: string;
  readonly value: string;
}

/** The keys by attribute, in lower case. */
export type KeysOfLink = ReadonlyMap<string, string>;

export async function keysOfLink(db: Db, linkId: string): Promise<KeysOfLink> {
  const rows = await db('link_keys').where({ link_id: linkId }).select('attribute', 'value_lower');
  return new Map(rows.map((row) => [row.attribute, row.value_lower]));
}

/** `before`: what `keysOfLink` answered in this transaction. */
export async function replaceKeysOfLink(
  db: Db,
  storeId: string,
  linkId: string,
  before: KeysOfLink,
  keys: readonly Key[],
): Promise<void> {
  if (before.size > 0) await db('link_keys').where({ link_id: linkId }).delete();
  if (keys.length === 0) return;
  const ofLink = { link_id: linkId, store_id: storeId };
  const rows = keys.map(({ attribute, value }) => ({ ...ofLink, attribute, value_lower: lower(value) }));
  await db('link_keys').insert(rows);
}

export interface KeyHolder {
  readonly kind: Kind;
  readonly attribute: string;
  readonly valueLower: string;
  readonly subjectId: string;
  /** The name of the account or group, as the vendor shows it. */
  readonly remoteName: string;
}

/** The linked accounts or groups that have these keys, except the subject's own. */
export async function holdersOf(
  db: Db,
  storeId: string,
  subject: Subject,
  keys: readonly Key[],
): Promise<readonly KeyHolder[]> {
  if (keys.length === 0) return [];
  const rows: Record<string, string>[] = await holding(db, storeId, subject, keys.map(inLower))
    .orderBy('l.id')
    .select('k.attribute', 'k.value_lower', 'l.subject_id', 'l.remote_name');
  return keys.flatMap(({ attribute }) =>
    rows.filter((row) => row.attribute === attribute).map((row) => toHolder(subject.kind, row)),
  );
}

export function inLower({ attribute, value }: Key): Key {
  return { attribute, value: lower(value) };
}

/** For `exists`: links of other subjects that have one of these keys, whose values are in lower case. */
export function holding(db: Db, storeId: string, subject: Subject, keys: readonly Key[]): Knex.QueryBuilder {
  return db('link_keys as k')
    .join('links as l', 'l.id', 'k.link_id')
    .where({ 'k.store_id': storeId, 'l.kind': subject.kind })
    .whereNot({ 'l.state': 'removed' })
    .whereNot({ 'l.subject_id': subject.id })
    .where((any) => {
      for (const { attribute, value } of keys)
        any.orWhere({ 'k.attribute': attribute, 'k.value_lower': value });
    });
}

function toHolder(kind: Kind, row: Record<string, string>): KeyHolder {
  return {
    kind,
    attribute: row.attribute as string,
    valueLower: row.value_lower as string,
    subjectId: row.subject_id as string,
    remoteName: row.remote_name as string,
  };
}

/**
 * `waiting`: the holder is about to give the key up. `taken`: the vendor refused the key. `stuck`: some subjects want
 * each other's keys in a circle, and the vendor takes no temporary value.
 */
export type KeyWaitState = 'waiting' | 'taken' | 'stuck';

/** What the account or group has until it gets the wanted value; both null where it still has its own. */
export interface Meanwhile {
  /** The temporary value that it has, or may have. */
  readonly temporary: string | null;
  /** The value that it had before. */
  readonly former: string | null;
}

export const NOT_ASIDE: Meanwhile = { temporary: null, former: null };

/** A subject wants a key that another account or group has. */
export interface KeyWait extends Key, Meanwhile {
  readonly subjectId: string;
  readonly state: KeyWaitState;
  /** The vendor's words; '' while it waits. They name nobody else. */
  readonly reason: string;
  /** When a scan last showed an account or group that has the key, as an ISO time. */
  readonly shownAt?: string;
  /** The bridge asked for the key once although a scan showed nobody who has it. */
  readonly hidden?: true;
}

/** Replaces the subject's waits. */
export async function replaceKeyWaits(
  db: Db,
  storeId: string,
  subject: Subject,
  waits: readonly Omit<KeyWait, 'subjectId'>[],
): Promise<void> {
  const key = { store_id: storeId, kind: subject.kind, subject_id: subject.id };
  await db('key_waits').where(key).delete();
  if (waits.length === 0) return;
  const byAttribute = new Map(waits.map((wait) => [wait.attribute, wait]));
  await db('key_waits').insert(
    [...byAttribute.values()].map(
      ({ attribute, value, state, reason, temporary, former, shownAt, hidden }) => ({
        ...key,
        attribute,
        value,
        value_lower: lower(value),
        state,
        reason,
        temporary,
        former,
        shown_at: shownAt ?? null,
        hidden: hidden ?? false,
      }),
    ),
  );
}

export interface KnownWait extends KeyWait {
  /** The linked account or group that has the key; null where none is known to. */
  readonly holder: Pick<KeyHolder, 'subjectId' | 'remoteName'> | null;
}

/** The waits of these subjects, with the holders of the keys. */
export async function keyWaitsOf(
  db: Db,
  storeId: string,
  kind: Kind,
  subjectIds: readonly string[],
): Promise<readonly KnownWait[]> {
  const found: KnownWait[] = [];
  for (const some of chunks(subjectIds))
    found.push(...(await waits(db, storeId, kind).whereIn('w.subject_id', some)).map(toWait));
  return found;
}

/** How many edges of the graph one read may hold. */
const GRAPH_MAX = 20_000;

/** Who waits for whom because of one attribute: by the subject that wants a key, the subject that has it. */
export async function waitGraph(
  db: Db,
  storeId: string,
  kind: Kind,
  attribute: string,
): Promise<ReadonlyMap<string, string>> {
  const rows = await waits(db, storeId, kind)
    .where('w.attribute', attribute)
    .whereNotNull('l.subject_id')
    .limit(GRAPH_MAX);
  return new Map(
    rows.map((row: Record<string, string>) => [row.subject_id, row.holder_id] as [string, string]),
  );
}

function waits(db: Db, storeId: string, kind: Kind) {
  return db('key_waits as w')
    .leftJoin('link_keys as k', (on) => {
      on.on('k.store_id', 'w.store_id')
        .andOn('k.attribute', 'w.attribute')
        .andOn('k.value_lower', 'w.value_lower');
    })
    .leftJoin('links as l', (on) => {
      on.on('l.id', 'k.link_id')
        .andOn('l.kind', 'w.kind')
        .andOn('l.subject_id', '<>', 'w.subject_id')
        .andOnVal('l.state', '<>', 'removed');
    })
    .where({ 'w.store_id': storeId, 'w.kind': kind })
    .orderBy(['w.subject_id', 'w.attribute'])
    .select('w.*', 'l.subject_id as holder_id', 'l.remote_name as holder_name');
}

function toWait(row: Record<string, string | null>): KnownWait {
  return {
    subjectId: row.subject_id as string,
    attribute: row.attribute as string,
    value: row.value as string,
    state: row.state as KeyWaitState,
    reason: row.reason as string,
    temporary: row.temporary ?? null,
    former: row.former ?? null,
    ...(row.shown_at ? { shownAt: row.shown_at } : {}),
    ...(row.hidden ? { hidden: true } : {}),
    holder: row.holder_id ? { subjectId: row.holder_id, remoteName: row.holder_name as string } : null,
  };
}

/** Ends the waits for these keys, because they may be free now, and answers the subjects that waited. */
export async function takeWaitersFor(
  db: Db,
  storeId: string,
  kind: Kind,
  keys: readonly (readonly [attribute: string, valueLower: string])[],
): Promise<readonly string[]> {
  const subjects = new Set<string>();
  for (const [attribute, valueLower] of keys) {
    const wanted = { store_id: storeId, kind, attribute, value_lower: valueLower };
    const rows = await db('key_waits').where(wanted).select('subject_id');
    for (const row of rows) subjects.add(row.subject_id);
    // A wait with a temporary value stays until the value is replaced.
    await db('key_waits').where(wanted).update({ state: 'waiting', reason: '' });
  }
  return [...subjects].sort();
}

export interface ShownKey extends Key {
  readonly remoteId: string;
}

/** A scan shows these keys; one's own keeps nobody waiting. `at`: an ISO time before the vendor was asked. */
export async function showKeys(
  db: Db,
  storeId: string,
  kind: Kind,
  keys: readonly ShownKey[],
  at: string,
): Promise<void> {
  const refused = { store_id: storeId, kind, state: 'taken' };
  if (keys.length === 0 || !(await db('key_waits').where(refused).first('subject_id'))) return;
  const own = await ownWanted(db, storeId, kind);
  const others = keys.filter((key) => !own.has(`${key.remoteId} ${key.attribute} ${lower(key.value)}`));
  for (const attribute of new Set(others.map((key) => key.attribute))) {
    const values = others.flatMap((key) => (key.attribute === attribute ? [lower(key.value)] : []));
    for (const some of chunks(values))
      await db('key_waits')
        .where({ ...refused, attribute })
        .whereIn('value_lower', some)
        .update({ shown_at: at, hidden: false });
  }
}

/** The refused keys, each with the account or group that is to have it. */
async function ownWanted(db: Db, storeId: string, kind: Kind): Promise<ReadonlySet<string>> {
  const own = { 'l.store_id': 'w.store_id', 'l.kind': 'w.kind', 'l.subject_id': 'w.subject_id' };
  const rows = await db('key_waits as w')
    .join('links as l', own)
    .where({ 'w.store_id': storeId, 'w.kind': kind, 'w.state': 'taken' })
    .select('l.remote_id', 'w.attribute', 'w.value_lower');
  return new Set(rows.map((row) => `${row.remote_id} ${row.attribute} ${row.value_lower}`));
}

/**
 * After a complete scan that began at the ISO time: lets those ask again whose refused key no scan has shown since,
 * and answers them. `only`: of these subjects. One who is refused all the same does not ask again before a scan shows
 * the key.
 */
export async function takeUnshownWaits(
  db: Db,
  storeId: string,
  kind: Kind,
  began: string,
  only: readonly string[] | null = null,
): Promise<readonly string[]> {
  const rows = await waits(db, storeId, kind)
    .where({ 'w.state': 'taken', 'w.hidden': false })
    .where((any) => any.whereNull('w.shown_at').orWhere('w.shown_at', '<', began));
  const linked = new Set(rows.flatMap((row) => (row.holder_id ? [waitKey(row)] : [])));
  const free = rows.filter((row) => !linked.has(waitKey(row)) && (only?.includes(row.subject_id) ?? true));
  for (const { subject_id, attribute } of free)
    await db('key_waits')
      .where({ store_id: storeId, kind, subject_id, attribute })
      .update({ state: 'waiting', reason: '', hidden: true });
  return [...new Set(free.map((row) => row.subject_id as string))];
}

function waitKey({ subject_id, attribute }: Record<string, string | null>): string {
  return `${subject_id} ${attribute}`;
}
