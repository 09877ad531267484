/** What every resource of the admin API is built from, and what a request carries when it arrives there. */

import type { Request, Response } from 'express';
import type { AdminPrincipal } from '../auth/admin.ts';
import type { EnvironmentRecord } from '../db/identity/environments.ts';
import { getStoreOf, type StoreRecord } from '../db/stores/stores.ts';
import { RequestError } from '../model/errors.ts';
import type { ApiDeps } from './deps.ts';

export type AdminDeps = ApiDeps;

/** Who asks, what the token may do, and under which correlation id. */
export function adminOf(res: Response): AdminPrincipal {
  const admin: AdminPrincipal | undefined = res.locals.admin;
  if (!admin) throw new Error('the admin authenticator must run before this');
  return admin;
}

/** The environment of `/v1/environments/{envId}/…`: it exists, and the token may see it. */
export function environmentOf(res: Response): EnvironmentRecord {
  const environment: EnvironmentRecord | undefined = res.locals.environment;
  if (!environment) throw new Error('the environment must be resolved before this');
  return environment;
}

const ID = /^[A-Za-z0-9_.-]{1,64}$/;

/** An id of the path. What cannot be an id is not found, before the database is asked. */
export function idParam(req: Request, name = 'id'): string {
  const value = req.params[name];
  if (typeof value !== 'string' || !ID.test(value)) throw notFound('such thing', String(value));
  return value;
}

/** `what` in words: "connection". */
export function notFound(what: string, id: string): RequestError {
  const shown = ID.test(id) ? ` ${id}` : '';
  return new RequestError(404, `There is no ${what}${shown} here.`);
}

/** The store of the path, in the environment of the path. */
export async function storeOf(deps: AdminDeps, req: Request, res: Response): Promise<StoreRecord> {
  const id = idParam(req);
  const store = await getStoreOf(deps.db, environmentOf(res).id, id);
  if (!store) throw notFound('store', id);
  return store;
}

export { href, storeHref } from './href.ts';
