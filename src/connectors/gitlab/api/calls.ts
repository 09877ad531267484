/**
 * For each call of GitLab's API that the bridge makes, the answers that GitLab documents (docs.gitlab.com/api,
 * lib/api of its source). Any other answer is not GitLab's.
 */

import { type Body, type DocumentedAnswers, nothing, object, type Shape } from '../../answers.ts';
import { type OwnWords, type Refusal, readRefusal } from './errors.ts';

/** A user, group or membership as GitLab shows it. */
export type Row = Readonly<Record<string, unknown>>;

export type Answers<Done> = DocumentedAnswers<Done, Refusal>;

/** `words`: GitLab's words for refusing this call; `gone` among them says that the thing does not exist. */
function answers<Done>(done: Answers<Done>['done'], words: OwnWords = {}): Answers<Done> {
  return {
    done,
    refusal: (status: number, body: Body) => object((value) => readRefusal(status, value, words))(body),
  };
}

const isUser = (row: Row) => typeof row.id === 'number' && typeof row.username === 'string';
const isGroup = (row: Row) => typeof row.id === 'number' && typeof row.full_path === 'string';
const isMember = (row: Row) => isUser(row) && typeof row.access_level === 'number';

/** `id`: only the row with this id is accepted. */
function row(isOne: (row: Row) => boolean, id?: string): Shape<Row> {
  return object((value) =>
    isOne(value) && (id === undefined || String(value.id) === id) ? value : undefined,
  );
}

function rows(isOne: (row: Row) => boolean): Shape<readonly Row[]> {
  return (body) => {
    if (body.is !== 'json' || !Array.isArray(body.value)) return undefined;
    const all = body.value.every(
      (one: unknown) => typeof one === 'object' && one !== null && isOne(one as Row),
    );
    return all ? (body.value as Row[]) : undefined;
  };
}

/** `true` where the state changed; `false` or `null` where it did not. */
const hasChanged: Shape<boolean> = (body) => {
  if (body.is !== 'json') return undefined;
  return body.value === true || body.value === false || body.value === null ? body.value === true : undefined;
};

const NO_USER = /^404 User Not Found$/i;
const NO_GROUP = /^404 Group Not Found$/i;
/** Rails' words for a missing record. For a membership they mean that the group exists. */
const NO_RECORD = /^404 (Member )?Not found$/i;
const SEATS = /seat|licen[cs]e/i;
const TAKEN = /^(Email|Username) has already been taken$/i;

export const currentUser = answers({ 200: row(isUser) });
export const ownToken = answers(
  { 200: object((value) => (Array.isArray(value.scopes) ? value : undefined)) },
  { words: /^404 / },
);
export const listUsers = answers({ 200: rows(isUser) });
export const readUser = (id: string) => answers({ 200: row(isUser, id) }, { gone: NO_USER });
export const createUser = answers(
  { 201: row(isUser) },
  { words: new RegExp(`${TAKEN.source}|${SEATS.source}`, 'i'), isService: true },
);
export const editUser = (id: string) => answers({ 200: row(isUser, id) }, { gone: NO_USER, words: TAKEN });
export const blockUser = answers({ 201: hasChanged }, { gone: NO_USER, words: /cannot be blocked/i });
export const unblockUser = answers({ 201: hasChanged }, { gone: NO_USER, words: /cannot be unblocked/i });
export const deleteUser = answers({ 204: nothing }, { gone: NO_USER, words: /sole-owner/i });

export const listGroups = answers({ 200: rows(isGroup) });
/** `id` is absent where the bridge asks for a path, which may be one that the group had before. */
export const readGroup = (id?: string) => answers({ 200: row(isGroup, id) }, { gone: NO_GROUP });
export const createGroup = answers({ 201: row(isGroup) }, { words: /^Failed to save group/i });
export const editGroup = (id: string) => answers({ 200: row(isGroup, id) }, { gone: NO_GROUP });

export const listMembers = answers({ 200: rows(isMember) }, { gone: NO_GROUP });
export const readMember = (userId: string) =>
  answers({ 200: row(isMember, userId) }, { words: NO_RECORD, gone: NO_GROUP });
/** Where an administrator must approve promotions, GitLab answers with a message instead of the member. */
export const addMember = (userId: string) =>
  answers(
    { 201: memberOrMessage(userId) },
    {
      gone: NO_GROUP,
      words: new RegExp(`already exists|${NO_USER.source}|${SEATS.source}`, 'i'),
      isService: true,
    },
  );
export const editMember = (userId: string) =>
  answers(
    { 200: memberOrMessage(userId) },
    { gone: NO_GROUP, words: new RegExp(`${NO_RECORD.source}|${SEATS.source}`, 'i'), isService: true },
  );
export const removeMember = answers(
  { 204: nothing },
  { gone: NO_GROUP, words: new RegExp(`${NO_RECORD.source}|\\bowner\\b`, 'i') },
);

function memberOrMessage(userId: string): Shape<Row> {
  const member = row(isMember, userId);
  const message = object((value) =>
    value.status === 'success' && isHash(value.message) ? value : undefined,
  );
  return (body) => member(body) ?? message(body);
}

function isHash(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
