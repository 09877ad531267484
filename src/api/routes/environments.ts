/** `/v1/environments`: the tenants. The deletion of an environment also removes its people, step by step. */

import { refuseOtherVersion } from '../../control/conflicts.ts';
import { deleteEnvironment } from '../../control/endings/environmentDeletion.ts';
import { changeEnvironment, createEnvironment } from '../../control/identity/environments.ts';
import {
  countEnvironments,
  type EnvironmentRecord,
  getEnvironment,
  listEnvironments,
} from '../../db/identity/environments.ts';
import type { ApiDeps } from '../deps.ts';
import { accepted, created, endpoint, noContent, ok } from '../endpoint.ts';
import { href } from '../href.ts';
import { keyOfRecord, PAGE, page, readCursorOfRecords } from '../lists.ts';
import { DELETION_QUERY, deletionOptions, showDeletion } from '../schemas/deletion.ts';
import {
  Environment,
  EnvironmentList,
  EnvironmentReplacement,
  NewEnvironment,
} from '../schemas/environments.ts';

const ENVIRONMENTS = '/environments';
const ENVIRONMENT = '/environments/:envId';
const MANAGE = 'manage environments';

export const environments = {
  listEnvironments: endpoint({
    method: 'get',
    path: ENVIRONMENTS,
    scope: 'read',
    summary: 'List the environments that the token may see',
    query: PAGE,
    answers: { 200: EnvironmentList },
    handle: async (call, deps) => {
      const only = call.admin.environmentId;
      const after = readCursorOfRecords(call.query);
      return ok(
        page(call, {
          name: 'environments',
          rows: await listEnvironments(deps.db, call.query.limit + 1, after, only),
          count: await countEnvironments(deps.db, only),
          keyOf: keyOfRecord,
          show: (environment) => show(deps, environment),
        }),
      );
    },
  }),

  createEnvironment: endpoint({
    method: 'post',
    path: ENVIRONMENTS,
    scope: 'write',
    unboundTo: MANAGE,
    summary: 'Make an environment',
    body: NewEnvironment,
    answers: { 201: Environment },
    refusals: { 409: 'Another environment has the name.' },
    handle: async ({ body, cause }, deps) => {
      const made = await createEnvironment(deps, body.name, cause);
      return created(show(deps, made), environmentHref(deps, made), { version: made.updatedAt });
    },
  }),

  readEnvironment: endpoint({
    method: 'get',
    path: ENVIRONMENT,
    scope: 'read',
    summary: 'Show an environment',
    answers: { 200: Environment },
    handle: ({ environment }, deps) => shown(deps, environment),
  }),

  replaceEnvironment: endpoint({
    method: 'put',
    path: ENVIRONMENT,
    scope: 'write',
    summary: 'Rename an environment',
    body: EnvironmentReplacement,
    answers: { 200: Environment },
    refusals: { 409: 'Another environment has the name.', 412: 'It is not at the version of If-Match.' },
    handle: async ({ environment, body, expected, cause }, deps) =>
      shown(deps, await changeEnvironment(deps, environment.id, { name: body.name, expected }, cause)),
  }),

  deleteEnvironment: endpoint({
    method: 'delete',
    path: ENVIRONMENT,
    scope: 'write',
    unboundTo: MANAGE,
    summary: 'Delete an environment with all that is in it',
    query: DELETION_QUERY,
    answers: { 202: Environment, 204: null },
    refusals: {
      409: 'Nobody confirmed it, or it is the default one.',
      412: 'It is not at the version of If-Match.',
    },
    handle: async ({ environment, query, expected, cause }, deps) => {
      refuseOtherVersion(expected, environment);
      const { id } = environment;
      const done = await deleteEnvironment(deps.propagation, id, deletionOptions(query), cause);
      const left = done ? null : await getEnvironment(deps.db, id);
      return left ? accepted(show(deps, left)) : noContent;
    },
  }),
};

function shown(deps: ApiDeps, environment: EnvironmentRecord) {
  return ok(show(deps, environment), { version: environment.updatedAt });
}

function environmentHref(deps: ApiDeps, { id }: EnvironmentRecord, ...path: string[]): string {
  return href(deps, 'environments', id, ...path);
}

function show(deps: ApiDeps, environment: EnvironmentRecord) {
  const below = (...path: string[]) => ({ href: environmentHref(deps, environment, ...path) });
  const { id, name, deletion, createdAt, updatedAt } = environment;
  return {
    id,
    name,
    status: deletion ? ('DELETING' as const) : ('ACTIVE' as const),
    ...(deletion ? { deletion: showDeletion(deletion) } : {}),
    createdAt,
    updatedAt,
    _links: {
      self: below(),
      connections: below('connections'),
      users: below('users'),
      groups: below('groups'),
      stores: below('propagation', 'stores'),
      events: below('events'),
    },
  };
}
