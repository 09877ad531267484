/**
 * The words by which searches find people: their names and each word of them, addresses, user names, and the names of
 * their accounts. Written with the user or link that they come from.
 */

import { emailsOf, type Resource } from '../../model/resource.ts';
import { lower } from '../columns.ts';
import type { Insert } from '../knex/writing.ts';
import type { Db } from '../open.ts';

export const WORD_KINDS = ['name', 'email', 'userName', 'accountName', 'accountId', 'id'] as const;
export type WordKind = (typeof WORD_KINDS)[number];

type Word = readonly [kind: WordKind, text: unknown];

/** The owner of the words. */
export interface WordSource {
  readonly environmentId: string;
  readonly personId: string;
  /** The user's id, or the link's. */
  readonly id: string;
}

/** Nobody looks for a longer word, and no index could hold it. */
const CHARACTERS_MAX = 200;

export function wordsOfUser(source: WordSource, user: Resource): Insert {
  const { displayName, name, userName } = user;
  const { givenName, familyName, formatted } = (name ?? {}) as Readonly<Record<string, unknown>>;
  const full = [givenName, familyName].filter((part) => typeof part === 'string').join(' ');
  const names = [displayName, formatted, full].filter((text) => typeof text === 'string');
  return insertOf(source, [
    ['userName', userName],
    ...emailsOf(user).map(({ value }): Word => ['email', value]),
    ...names.map((text): Word => ['name', text]),
    ...names.flatMap((text) => text.split(/\s+/).map((word): Word => ['name', word])),
  ]);
}

export function wordsOfAccount(source: WordSource, remoteName: string, remoteId: string): Insert {
  return insertOf(source, [
    ['accountName', remoteName],
    ['accountId', remoteId],
  ]);
}

/** Of equal words, the first counts. */
function insertOf({ environmentId, personId, id }: WordSource, words: readonly Word[]): Insert {
  const distinct = new Map<string, WordKind>();
  for (const [kind, text] of words) {
    const word = typeof text === 'string' ? lower(text).slice(0, CHARACTERS_MAX) : '';
    if (word !== '' && !distinct.has(word)) distinct.set(word, kind);
  }
  const whose = { environment_id: environmentId, person_id: personId, source_id: id };
  return { table: 'person_words', rows: [...distinct].map(([word, kind]) => ({ ...whose, word, kind })) };
}

export async function forgetWords(db: Db, sourceId: string): Promise<void> {
  await db('person_words').where({ source_id: sourceId }).delete();
}

export interface FoundPerson {
  readonly id: string;
  /** The alphabetically first of their words that begins so. */
  readonly word: string;
  readonly matchedOn: WordKind;
}

export interface FindPage {
  readonly environmentId: string;
  /** At least two characters. */
  readonly prefix: string;
  readonly after: Pick<FoundPerson, 'word' | 'id'> | null;
  readonly limit: number;
}

/** Answers each person once, in the order of the words. */
export async function findPeople(db: Db, page: FindPage): Promise<readonly FoundPerson[]> {
  const prefix = lower(page.prefix).slice(0, CHARACTERS_MAX);
  const query = db('person_words as found')
    .where('found.environment_id', page.environmentId)
    .where('found.word', '>=', prefix)
    .where('found.word', '<', next(prefix))
    .whereNotExists(
      db('person_words as before')
        .where('before.person_id', db.ref('found.person_id'))
        .where('before.word', '>=', prefix)
        .where('before.word', '<', db.ref('found.word'))
        .select(db.raw('1')),
    )
    .groupBy('found.word', 'found.person_id')
    .orderBy(['found.word', 'found.person_id'])
    .limit(page.limit)
    .select('found.word', 'found.person_id')
    .select(db.raw('min(found.kind) as kind'));
  if (page.after) query.whereRaw('(found.word, found.person_id) > (?, ?)', [page.after.word, page.after.id]);
  const rows: { word: string; person_id: string; kind: WordKind }[] = await query;
  return rows.map(({ word, person_id: id, kind }) => ({ id, word, matchedOn: kind }));
}

/** The first text after all that begin with the prefix. */
function next(prefix: string): string {
  return `${prefix}\u{10ffff}`;
}
