/**
 * `/v1/admin-tokens`: who may use this API. Only the answer that makes a token shows it; lists and events never do.
 */

import { hashToken, newToken } from '../../../auth/tokens.ts';
import { createAdminToken, renewAdminToken, revokeAdminToken } from '../../../control/access/adminTokens.ts';
import {
  type AdminTokenRecord,
  countAdminTokens,
  getAdminToken,
  listAdminTokens,
} from '../../../db/access/adminTokens.ts';
import { RequestError } from '../../../model/errors.ts';
import { isoTime } from '../../../support/clock.ts';
import type { ApiDeps } from '../../deps.ts';
import { created, endpoint, noContent, ok } from '../../endpoint.ts';
import { href } from '../../href.ts';
import { keyOfRecord, PAGE, page, readCursorOfRecords } from '../../lists.ts';
import { notFound } from '../../path.ts';
import {
  AdminToken,
  AdminTokenList,
  MadeAdminToken,
  NewAdminToken,
  Renewal,
} from '../../schemas/access/adminTokens.ts';

const TOKENS = '/admin-tokens';
const TOKEN = '/admin-tokens/:tokenId';
const MANAGE = 'manage admin tokens';

export const adminTokens = {
  listAdminTokens: endpoint({
    method: 'get',
    path: TOKENS,
    scope: 'read',
    unboundTo: MANAGE,
    summary: 'List the admin tokens',
    query: PAGE,
    answers: { 200: AdminTokenList },
    handle: async (call, deps) =>
      ok(
        page(call, {
          name: 'adminTokens',
          rows: await listAdminTokens(deps.db, call.query.limit + 1, readCursorOfRecords(call.query)),
          count: await countAdminTokens(deps.db),
          keyOf: keyOfRecord,
          show: (token) => show(deps, token),
        }),
      ),
  }),

  createAdminToken: endpoint({
    method: 'post',
    path: TOKENS,
    scope: 'write',
    unboundTo: MANAGE,
    summary: 'Make an admin token, shown this once',
    body: NewAdminToken,
    answers: { 201: MadeAdminToken },
    refusals: { 409: 'Another token of the environment has the name.' },
    handle: async ({ admin, body, cause }, deps) => {
      const validUntil = body.validUntil ? futureTime(body.validUntil, deps.clock.now()) : null;
      if (body.scopes.some((scope) => !admin.scopes.has(scope))) {
        throw new RequestError(403, 'A token cannot give away a scope that it does not have itself.');
      }
      const { name, environmentId = null } = body;
      const wanted = { name, scopes: [...new Set(body.scopes)], environmentId, validUntil };
      const token = newToken('admin');
      const made = await createAdminToken(deps, wanted, hashToken(token), cause);
      return created({ ...show(deps, made), token }, tokenHref(deps, made));
    },
  }),

  readAdminToken: endpoint({
    method: 'get',
    path: TOKEN,
    scope: 'read',
    unboundTo: MANAGE,
    summary: 'Show an admin token, without the token itself',
    answers: { 200: AdminToken },
    handle: async ({ params: { tokenId } }, deps) => {
      const token = await getAdminToken(deps.db, tokenId);
      if (!token) throw notFound('admin token', tokenId);
      return ok(show(deps, token));
    },
  }),

  renewAdminToken: endpoint({
    method: 'post',
    path: '/admin-tokens/:tokenId/renew',
    scope: 'write',
    unboundTo: MANAGE,
    summary: 'Move the end of an admin token, also of one that has ended',
    body: Renewal,
    answers: { 200: AdminToken },
    handle: async ({ params: { tokenId: id }, admin: { scopes }, body, cause }, deps) => {
      const validUntil = body.validUntil ? futureTime(body.validUntil, deps.clock.now()) : body.validUntil;
      return ok(show(deps, await renewAdminToken(deps, { id, validUntil, scopes }, cause)));
    },
  }),

  revokeAdminToken: endpoint({
    method: 'delete',
    path: TOKEN,
    scope: 'write',
    unboundTo: MANAGE,
    summary: 'Revoke an admin token at once',
    answers: { 204: null },
    handle: async ({ params: { tokenId }, cause }, deps) => {
      await revokeAdminToken(deps, tokenId, cause);
      return noContent;
    },
  }),
};

function futureTime(text: string, now: number): string {
  const at = Date.parse(text);
  const time = Number.isNaN(at) ? '' : isoTime(at);
  // ISO times of years beyond 9999 have another form and would not sort.
  if (at <= now || time.length !== isoTime(0).length) {
    const detail = 'validUntil must be a time in the future';
    throw new RequestError(400, 'validUntil is not in the future.', [{ pointer: '/validUntil', detail }]);
  }
  return time;
}

function tokenHref(deps: ApiDeps, { id }: AdminTokenRecord): string {
  return href(deps, 'admin-tokens', id);
}

function show(deps: ApiDeps, token: AdminTokenRecord) {
  return { ...token, _links: { self: { href: tokenHref(deps, token) } } };
}
