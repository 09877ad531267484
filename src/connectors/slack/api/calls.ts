/**
 * The calls of Slack's SCIM API that the bridge makes, and for each the answers that Slack documents
 * (docs.slack.dev/reference/scim-api). Any other answer is not Slack's.
 */

import type { Kind } from '../../../model/subject.ts';
import { type Body, type DocumentedAnswers, nothing, object, type Shape } from '../../answers.ts';
import { GROUP_SCHEMA, LIST_SCHEMA, type PatchOperation, patchBody, USER_SCHEMA } from '../mapping.ts';
import { type Refusal, readRefusal } from './errors.ts';

export interface Call<Done> {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Relative to the base URL, without a leading slash, each part percent-encoded: `Users/U123`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly answers: DocumentedAnswers<Done, Refusal>;
}

/** A user or a group as Slack shows it. */
export type Resource = { readonly id: string } & Readonly<Record<string, unknown>>;

export interface ResourceList {
  readonly resources: readonly Resource[];
  /** Null where Slack did not count. */
  readonly total: number | null;
}

const COLLECTION: Readonly<Record<Kind, string>> = { user: 'Users', group: 'Groups' };
const SCHEMA: Readonly<Record<Kind, string>> = { user: USER_SCHEMA, group: GROUP_SCHEMA };
/** A key that Slack shows for every user, or group. */
const NAME: Readonly<Record<Kind, string>> = { user: 'userName', group: 'displayName' };

export function list(kind: Kind, query: Readonly<Record<string, string>>): Call<ResourceList> {
  return {
    method: 'GET',
    path: COLLECTION[kind],
    query,
    answers: { done: { 200: listOf(kind) }, refusal: refusalOf() },
  };
}

export function read(kind: Kind, id: string): Call<Resource> {
  return {
    method: 'GET',
    path: pathOf(kind, id),
    answers: { done: { 200: resource(kind, id) }, refusal: refusalOf(kind) },
  };
}

export function create(kind: Kind, body: unknown): Call<Resource> {
  const made = resource(kind);
  return {
    method: 'POST',
    path: COLLECTION[kind],
    body,
    answers: { done: { 200: made, 201: made }, refusal: refusalOf() },
  };
}

/**
 * Slack shows what it changed; for a group it may answer 204 with nothing. `isSo` tells whether the shown object is as wanted; an
 * answer that shows something else confirms nothing.
 */
export function patch(
  kind: Kind,
  id: string,
  operations: readonly PatchOperation[],
  isSo: (shown: Resource) => boolean = () => true,
): Call<Resource | null> {
  const changed = resource(kind, id, isSo);
  return {
    method: 'PATCH',
    path: pathOf(kind, id),
    body: patchBody(operations),
    answers: {
      done: kind === 'group' ? { 200: changed, 204: nothing } : { 200: changed },
      refusal: refusalOf(kind),
    },
  };
}

const ACTIVATE: PatchOperation = { op: 'replace', path: 'active', value: true };

export function activateUser(id: string): Call<Resource | null> {
  return patch('user', id, [ACTIVATE], ({ active }) => active !== false);
}

/**
 * Deactivates a person without removing them. Version 1 answers with the person, which counts only if it shows them
 * as inactive.
 */
export function deactivateUser(id: string): Call<Resource | null> {
  return {
    method: 'DELETE',
    path: pathOf('user', id),
    answers: {
      done: { 204: nothing, 200: resource('user', id, ({ active }) => active === false) },
      refusal: refusalOf('user'),
    },
  };
}

/** Slack does not document with which success it answers. */
export function deleteGroup(id: string): Call<Resource | null> {
  const group = resource('group', id);
  const gone: Shape<Resource | null> = (body) => (body.is === 'empty' ? null : group(body));
  return {
    method: 'DELETE',
    path: pathOf('group', id),
    answers: { done: { 200: gone, 202: gone, 204: nothing }, refusal: refusalOf('group') },
  };
}

function pathOf(kind: Kind, id: string): string {
  return `${COLLECTION[kind]}/${encodeURIComponent(id)}`;
}

/** `id`: only the resource with this id is accepted. */
function resource(kind: Kind, id?: string, isSo: (shown: Resource) => boolean = () => true): Shape<Resource> {
  return object((value) =>
    isResource(kind, value) && (id === undefined || value.id === id) && isSo(value) ? value : undefined,
  );
}

function isResource(kind: Kind, value: Readonly<Record<string, unknown>>): value is Resource {
  if (typeof value.id !== 'string' || value.id === '') return false;
  return hasSchema(value, SCHEMA[kind]) || typeof value[NAME[kind]] === 'string';
}

/** An empty list may come without `Resources` (RFC 7644 §3.4.2). */
function listOf(kind: Kind): Shape<ResourceList> {
  return object((value) => {
    const total = typeof value.totalResults === 'number' ? value.totalResults : null;
    if (total === null && !hasSchema(value, LIST_SCHEMA)) return undefined;
    const resources: unknown = value.Resources ?? (total === 0 ? [] : null);
    if (!Array.isArray(resources)) return undefined;
    const all = resources.every((one) => typeof one === 'object' && one !== null && isResource(kind, one));
    return all ? { resources, total } : undefined;
  });
}

function hasSchema(value: Readonly<Record<string, unknown>>, schema: string): boolean {
  return Array.isArray(value.schemas) && value.schemas.includes(schema);
}

/** `about`: the kind of object whose absence a 404 may tell. */
function refusalOf(about?: Kind): (status: number, body: Body) => Refusal | undefined {
  return (status, body) => object((value) => readRefusal(status, value, about))(body);
}
