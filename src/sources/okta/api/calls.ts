/**
 * The calls of Okta's API that the bridge makes, and for each the answers that Okta documents
 * (developer.okta.com/docs/api). Any other answer is not Okta's.
 */

import { type Body, type DocumentedAnswers, object, type Shape } from '../../../connectors/answers.ts';
import { type Refusal, readRefusal, readTokenRefusal } from './errors.ts';

export interface Call<Done> {
  /** An absolute URL of the organisation's own origin. */
  readonly url: string;
  /** The call needs no credential, and takes none along. */
  readonly isPublic?: true;
  readonly answers: DocumentedAnswers<Done, Refusal>;
}

type Fields = Readonly<Record<string, unknown>>;

/** A user or a group as Okta shows it. */
export interface OktaRecord {
  readonly id: string;
  readonly record: Fields;
}

export const USERS_SCOPE = 'okta.users.read';
export const GROUPS_SCOPE = 'okta.groups.read';

const PAGE_SIZE = 200;

export interface OktaCalls {
  organization(): Call<{ readonly id: string }>;
  users(query: Readonly<Record<string, string>>): Call<readonly OktaRecord[]>;
  user(id: string): Call<OktaRecord>;
  groups(query: Readonly<Record<string, string>>): Call<readonly OktaRecord[]>;
  group(id: string): Call<OktaRecord>;
  members(groupId: string): Call<readonly OktaRecord[]>;
  groupsOf(userId: string): Call<readonly OktaRecord[]>;
}

export function oktaCalls(origin: string): OktaCalls {
  const url = (path: string, query: Readonly<Record<string, string>> = {}) => {
    const made = new URL(path, origin);
    for (const [name, value] of Object.entries(query)) made.searchParams.set(name, value);
    return made.href;
  };
  const limit = String(PAGE_SIZE);
  const list = (path: string, read: Read, query: Readonly<Record<string, string>> = {}) => ({
    url: url(path, { limit, ...query }),
    answers: { done: { 200: listOf(read) }, refusal: readRefusal },
  });
  const one = (path: string, read: Read) => ({
    url: url(path),
    answers: { done: { 200: object(read) }, refusal: readRefusal },
  });
  return {
    organization: () => ({
      url: url('/.well-known/okta-organization'),
      isPublic: true,
      answers: {
        done: { 200: object(({ id }) => (isText(id) ? { id } : undefined)) },
        refusal: readRefusal,
      },
    }),
    users: (query) => list('/api/v1/users', readUser, query),
    user: (id) => one(`/api/v1/users/${encodeURIComponent(id)}`, readUser),
    groups: (query) => list('/api/v1/groups', readGroup, query),
    group: (id) => one(`/api/v1/groups/${encodeURIComponent(id)}`, readGroup),
    members: (groupId) => list(`/api/v1/groups/${encodeURIComponent(groupId)}/users`, readUser),
    groupsOf: (userId) => list(`/api/v1/users/${encodeURIComponent(userId)}/groups`, readGroup),
  };
}

export interface OktaToken {
  readonly token: string;
  readonly type: 'Bearer' | 'DPoP';
  readonly seconds: number;
}

export const TOKEN_ANSWERS: DocumentedAnswers<OktaToken, Refusal> = {
  done: {
    200: object(({ access_token: token, token_type: type, expires_in: seconds }) => {
      if (!isText(token) || !/^[\x21-\x7e]+$/.test(token)) return undefined;
      if (type !== 'Bearer' && type !== 'DPoP') return undefined;
      return { token, type, seconds: Number(seconds) || 0 };
    }),
  },
  refusal: readTokenRefusal,
};

type Read = (value: Fields) => OktaRecord | undefined;

const readUser: Read = (record) =>
  isText(record.id) && isText(record.status) ? { id: record.id, record } : undefined;
const readGroup: Read = (record) =>
  isText(record.id) && isText(record.type) ? { id: record.id, record } : undefined;

/** Every element must be of the kind that was asked for: any other list is not Okta's answer. */
function listOf(read: Read): Shape<readonly OktaRecord[]> {
  return (body: Body) => {
    if (body.is !== 'json' || !Array.isArray(body.value)) return undefined;
    const shape = object(read);
    const records = body.value.map((value) => shape({ is: 'json', value }));
    return records.includes(undefined) ? undefined : (records as readonly OktaRecord[]);
  };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
