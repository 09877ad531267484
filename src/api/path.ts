/** Reads what a path names: checks ids and loads the environment, connection and store that they stand for. */

import type { AdminPrincipal } from '../auth/admin.ts';
import { getConnection } from '../db/identity/connections.ts';
import { getEnvironmentEvenDeleted } from '../db/identity/environments.ts';
import { getStoreOf } from '../db/stores/stores.ts';
import { RequestError } from '../model/errors.ts';
import type { ApiDeps } from './deps.ts';
import type { Endpoint } from './endpoint.ts';

const ID = /^[A-Za-z0-9_.-]{1,64}$/;

type Params = Readonly<Record<string, string>>;

/** Text that cannot be an id answers 404 before the database is asked. */
export function readParams(given: Readonly<Record<string, string | readonly string[]>>): Params {
  for (const value of Object.values(given)) {
    if (typeof value !== 'string' || !ID.test(value)) throw notFound('such thing', String(value));
  }
  return given as Params;
}

/** `what` names the kind of record: "connection". */
export function notFound(what: string, id: string): RequestError {
  const shown = ID.test(id) ? ` ${id}` : '';
  return new RequestError(404, `There is no ${what}${shown} here.`);
}

/** Loads the records for the parameters of a path. */
export async function readRecords(
  endpoint: Pick<Endpoint, 'afterDeletion'>,
  { db }: Pick<ApiDeps, 'db'>,
  admin: AdminPrincipal,
  { envId, connectionId, storeId }: Params,
) {
  if (envId === undefined) return {};
  // A token that is bound to one environment gets a 404 for every other.
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
