/** What a path names: ids that can be ids, and the environment, connection and store that they stand for. */

import type { AdminPrincipal } from '../auth/admin.ts';
import { getConnection } from '../db/identity/connections.ts';
import { getEnvironmentEvenDeleted } from '../db/identity/environments.ts';
import { getStoreOf } from '../db/stores/stores.ts';
import { RequestError } from '../model/errors.ts';
import type { ApiDeps } from './deps.ts';
import type { Endpoint } from './endpoint.ts';

const ID = /^[A-Za-z0-9_.-]{1,64}$/;

type Params = Readonly<Record<string, string>>;

/** What cannot be an id is not found, before the database is asked. */
export function readParams(given: Readonly<Record<string, string | readonly string[]>>): Params {
  for (const value of Object.values(given)) {
    if (typeof value !== 'string' || !ID.test(value)) throw notFound('such thing', String(value));
  }
  return given as Params;
}

/** `what` in words: "connection". */
export function notFound(what: string, id: string): RequestError {
  const shown = ID.test(id) ? ` ${id}` : '';
  return new RequestError(404, `There is no ${what}${shown} here.`);
}

/** The records that a handler is given for the parameters of its path. */
export async function readRecords(
  endpoint: Pick<Endpoint, 'afterDeletion'>,
  { db }: Pick<ApiDeps, 'db'>,
  admin: AdminPrincipal,
  { envId, connectionId, storeId }: Params,
) {
  if (envId === undefined) return {};
  // Another tenant's environment does not exist for a bound token.
  const visible = admin.environmentId === null || admin.environmentId === envId;
  const environment = visible ? await getEnvironmentEvenDeleted(db, envId) : null;
  if (!environment || (environment.deletedAt !== null && !endpoint.afterDeletion)) {
    throw notFound('environment', envId);
  }
  const connection = connectionId === undefined ? undefined : await getConnection(db, envId, connectionId);
  if (connection === null) throw notFound('connection', String(connectionId));
  const store = storeId === undefined ? undefined : await getStoreOf(db, envId, storeId);
  if (store === null) throw notFound('store', String(storeId));
  return { environment, ...(connection && { connection }), ...(store && { store }) };
}
