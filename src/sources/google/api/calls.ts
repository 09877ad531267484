/**
 * The calls of Google's Directory API that the bridge makes, and for each the answers that Google documents
 * (developers.google.com/admin-sdk/directory). Any other answer is not Google's.
 */

import { type DocumentedAnswers, object, type Shape } from '../../../connectors/answers.ts';
import type { GoogleSettings } from '../settings.ts';
import { type Refusal, readRefusal, readTokenRefusal } from './errors.ts';

const SCOPES = 'https://www.googleapis.com/auth/admin.directory.';
export const USERS_SCOPE = `${SCOPES}user.readonly`;
export const GROUPS_SCOPE = `${SCOPES}group.readonly`;
export const MEMBERS_SCOPE = `${SCOPES}group.member.readonly`;
/**
 * Allows reading and writing. An admin who delegated it for another tool may not have delegated the narrower scope.
 */
export const MEMBERS_SCOPE_WIDE = `${SCOPES}group.member`;

export type Fields = Readonly<Record<string, unknown>>;

export interface GoogleRecord {
  readonly id: string;
  readonly record: Fields;
}

export interface GooglePage {
  readonly records: readonly GoogleRecord[];
  readonly next: string | null;
}

export interface Call<Done> {
  readonly url: string;
  /** The call uses the first of these scopes that is delegated. */
  readonly scopes: readonly string[];
  readonly answers: DocumentedAnswers<Done, Refusal>;
}

export interface GoogleCalls {
  users(pageToken: string | null, maxResults?: number): Call<GooglePage>;
  /** Those deleted in the last 20 days or so, each with its `deletionTime`. */
  deletedUsers(pageToken: string | null): Call<GooglePage>;
  user(key: string): Call<GoogleRecord>;
  groups(pageToken: string | null, maxResults?: number): Call<GooglePage>;
  group(id: string): Call<GoogleRecord>;
  members(groupId: string, pageToken: string | null): Call<GooglePage>;
  /** Whether this person is a direct member. */
  member(groupId: string, userId: string): Call<boolean>;
  /** Whether this person is a member, also through a group inside. */
  hasMember(groupId: string, userId: string): Call<boolean>;
}

const USERS_PAGE = 500;
const GROUPS_PAGE = 200;
const MEMBERS_PAGE = 200;
const OF_USERS = [USERS_SCOPE];
const OF_GROUPS = [GROUPS_SCOPE];
export const OF_MEMBERS = [MEMBERS_SCOPE, MEMBERS_SCOPE_WIDE];

export function googleCalls({ origin, customer }: Pick<GoogleSettings, 'origin' | 'customer'>): GoogleCalls {
  const url = (path: string, query: Readonly<Record<string, string | null>> = {}) => {
    const made = new URL(`/admin/directory/v1/${path}`, origin);
    for (const [name, value] of Object.entries(query)) if (value !== null) made.searchParams.set(name, value);
    return made.href;
  };
  const id = encodeURIComponent;
  const page = (key: string, read: Read) => ({ done: { 200: pageOf(key, read) }, refusal: readRefusal });
  const one = <T>(read: (record: Fields) => T | undefined) => ({
    done: { 200: object(read) },
    refusal: readRefusal,
  });
  return {
    users: (pageToken, maxResults = USERS_PAGE) => ({
      url: url('users', {
        ...{ customer, maxResults: String(maxResults), orderBy: 'email', projection: 'full', pageToken },
      }),
      scopes: OF_USERS,
      answers: page('users', readUser),
    }),
    deletedUsers: (pageToken) => ({
      url: url('users', {
        ...{ customer, maxResults: String(USERS_PAGE), orderBy: 'email', showDeleted: 'true', pageToken },
      }),
      scopes: OF_USERS,
      answers: page('users', readUser),
    }),
    user: (key) => ({
      url: url(`users/${id(key)}`, { projection: 'full' }),
      scopes: OF_USERS,
      answers: one(readUser),
    }),
    groups: (pageToken, maxResults = GROUPS_PAGE) => ({
      url: url('groups', { customer, maxResults: String(maxResults), pageToken }),
      scopes: OF_GROUPS,
      answers: page('groups', readGroup),
    }),
    group: (groupId) => ({ url: url(`groups/${id(groupId)}`), scopes: OF_GROUPS, answers: one(readGroup) }),
    members: (groupId, pageToken) => ({
      url: url(`groups/${id(groupId)}/members`, { maxResults: String(MEMBERS_PAGE), pageToken }),
      scopes: OF_MEMBERS,
      answers: page('members', readMember),
    }),
    member: (groupId, userId) => ({
      url: url(`groups/${id(groupId)}/members/${id(userId)}`),
      scopes: OF_MEMBERS,
      answers: one((record) => (readMember(record)?.id === userId ? true : undefined)),
    }),
    hasMember: (groupId, userId) => ({
      url: url(`groups/${id(groupId)}/hasMember/${id(userId)}`),
      scopes: OF_MEMBERS,
      answers: one(({ isMember }) => (typeof isMember === 'boolean' ? isMember : undefined)),
    }),
  };
}

export const TOKEN_ANSWERS: DocumentedAnswers<{ readonly token: string; readonly seconds: number }, Refusal> =
  {
    done: {
      200: object(({ access_token: token, expires_in: seconds }) =>
        isText(token) && /^[\x21-\x7e]+$/.test(token) ? { token, seconds: Number(seconds) || 0 } : undefined,
      ),
    },
    refusal: readTokenRefusal,
  };

type Read = (record: Fields) => GoogleRecord | undefined;

const readUser: Read = (record) =>
  isText(record.id) && isText(record.primaryEmail) ? { id: record.id, record } : undefined;
const readGroup: Read = (record) =>
  isText(record.id) && isText(record.email) ? { id: record.id, record } : undefined;
const readMember: Read = (record) =>
  isText(record.id) && isText(record.type) ? { id: record.id, record } : undefined;

/** An empty page has no list, only its kind. */
function pageOf(key: string, read: Read): Shape<GooglePage> {
  return object(({ [key]: list, kind, nextPageToken }) => {
    if (list === undefined ? kind !== `admin#directory#${key}` : !Array.isArray(list)) return undefined;
    const shape = object(read);
    const records = ((list ?? []) as readonly unknown[]).map((value) => shape({ is: 'json', value }));
    if (records.includes(undefined)) return undefined;
    return {
      records: records as readonly GoogleRecord[],
      next: isText(nextPageToken) ? nextPageToken : null,
    };
  });
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
