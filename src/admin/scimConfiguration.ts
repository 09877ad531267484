/**
 * `…/connections/{id}/scim-configuration`: what an IdP is told to connect to, and its tokens. A token is in
 * the answer to its POST and nowhere else.
 */

import { isDeepStrictEqual } from 'node:util';
import { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import { SCIM_SCOPES } from '../auth/scopes.ts';
import { hashToken, newToken } from '../auth/tokens.ts';
import { listAttributesSeen } from '../db/attributesSeen.ts';
import {
  type ConnectionRecord,
  DEFAULT_USER_ID_ATTRIBUTE,
  getConnection,
  lockConnection,
} from '../db/connections.ts';
import { appendEvent } from '../db/events.ts';
import {
  countScimTokens,
  deleteScimToken,
  insertScimToken,
  listScimTokens,
  SCIM_TOKENS_MAX,
  type ScimTokenRecord,
} from '../db/scimTokens.ts';
import { RequestError } from '../model/errors.ts';
import { isoTime } from '../support/clock.ts';
import { newId } from '../support/ids.ts';
import { auditedScimToken } from './audited.ts';
import { parseBody, READ_ONLY } from './body.ts';
import { type AdminDeps, adminOf, environmentOf, href, idParam, notFound } from './context.ts';
import { route } from './problem.ts';

const SECONDS_PER_DAY = 86_400;
const LIFETIME_SECONDS_MAX = 3650 * SECONDS_PER_DAY;

const TokenBody = z.strictObject({
  scopes: z
    .array(z.enum(SCIM_SCOPES))
    .min(1, 'must name at least one scope; leave it out for all')
    .optional(),
  tokenLifetime: z
    .int()
    .min(1, 'must be at least 1 second')
    .max(LIFETIME_SECONDS_MAX, `must be at most ${LIFETIME_SECONDS_MAX} seconds`)
    .nullish(),
});

/** No mapping: attributes are kept under the names they come with. */
const DEFAULT_MAPPING: readonly unknown[] = [];
const NOT_YET = 'cannot be changed yet; that comes with a later release, leave it at its default';

const Replacement = z.strictObject({
  userIdAttribute: z
    .unknown()
    .refine((value) => value === undefined || value === DEFAULT_USER_ID_ATTRIBUTE, NOT_YET),
  mapping: z
    .unknown()
    .refine((value) => value === undefined || isDeepStrictEqual(value, DEFAULT_MAPPING), NOT_YET),
  connectionId: z.unknown().optional(),
  scimBaseUrl: z.unknown().optional(),
  attributesSeen: z.unknown().optional(),
  ...READ_ONLY,
});

export function scimConfiguration(deps: AdminDeps): Router {
  const router = Router({ mergeParams: true });
  route(router, '/:id/scim-configuration', {
    get: async (req, res) => {
      res.json(await show(deps, await connectionOf(deps, req, res)));
    },
    put: async (req, res) => {
      const connection = await connectionOf(deps, req, res);
      parseBody(Replacement, req);
      res.json(await show(deps, connection));
    },
  });
  route(router, '/:id/scim-configuration/tokens', {
    get: (req, res) => listTokens(deps, req, res),
    post: (req, res) => createToken(deps, req, res),
  });
  route(router, '/:id/scim-configuration/tokens/:tokenId', {
    delete: (req, res) => revokeToken(deps, req, res),
  });
  return router;
}

async function connectionOf(deps: AdminDeps, req: Request, res: Response): Promise<ConnectionRecord> {
  const id = idParam(req);
  const connection = await getConnection(deps.db, environmentOf(res).id, id);
  if (!connection) throw notFound('connection', id);
  return connection;
}

async function show(deps: AdminDeps, connection: ConnectionRecord) {
  return {
    connectionId: connection.id,
    scimBaseUrl: `${deps.publicUrl}/scim/v2`,
    userIdAttribute: connection.userIdAttribute,
    mapping: connection.mapping ?? DEFAULT_MAPPING,
    attributesSeen: await listAttributesSeen(deps.db, connection.id),
    createdAt: connection.createdAt,
    updatedAt: connection.updatedAt,
    _links: {
      self: { href: configurationHref(deps, connection) },
      tokens: { href: configurationHref(deps, connection, 'tokens') },
    },
  };
}

async function listTokens(deps: AdminDeps, req: Request, res: Response): Promise<void> {
  const connection = await connectionOf(deps, req, res);
  const tokens = await listScimTokens(deps.db, connection.id);
  res.json({
    _embedded: { tokens: tokens.map(showToken) },
    count: tokens.length,
    size: tokens.length,
    _links: { self: { href: configurationHref(deps, connection, 'tokens') } },
  });
}

async function createToken(deps: AdminDeps, req: Request, res: Response): Promise<void> {
  const body = parseBody(TokenBody, req);
  const id = idParam(req);
  const now = deps.clock.now();
  const token = newToken('scim');
  const record = await deps.db.transaction(async (tx) => {
    const connection = await lockConnection(tx, environmentOf(res).id, id);
    if (!connection) throw notFound('connection', id);
    if ((await countScimTokens(tx, id)) >= SCIM_TOKENS_MAX) {
      throw new RequestError(
        409,
        `${connection.name} has ${SCIM_TOKENS_MAX} tokens, the most there may be; revoke the ones that are not used any more.`,
      );
    }
    const lifetime = body.tokenLifetime ?? null;
    const made: ScimTokenRecord = {
      id: newId(),
      environmentId: connection.environmentId,
      connectionId: id,
      scopes: body.scopes ? [...new Set(body.scopes)] : SCIM_SCOPES,
      createdAt: isoTime(now),
      validUntil: lifetime === null ? null : isoTime(now + lifetime * 1000),
      lastUsedAt: null,
    };
    await insertScimToken(tx, made, hashToken(token));
    await appendEvent(tx, made.createdAt, {
      environmentId: made.environmentId,
      cause: adminOf(res).cause,
      kind: 'scim-token.created',
      outcome: 'success',
      after: auditedScimToken(made),
    });
    return made;
  });
  res.status(201).json({ ...showToken(record), token });
}

async function revokeToken(deps: AdminDeps, req: Request, res: Response): Promise<void> {
  const connection = await connectionOf(deps, req, res);
  const tokenId = idParam(req, 'tokenId');
  await deps.db.transaction(async (tx) => {
    const gone = await deleteScimToken(tx, connection.id, tokenId);
    if (!gone) throw notFound('SCIM token', tokenId);
    await appendEvent(tx, isoTime(deps.clock.now()), {
      environmentId: connection.environmentId,
      cause: adminOf(res).cause,
      kind: 'scim-token.revoked',
      outcome: 'success',
      before: auditedScimToken(gone),
    });
  });
  res.status(204).end();
}

function showToken(token: ScimTokenRecord) {
  const { id, scopes, createdAt, validUntil, lastUsedAt } = token;
  return { tokenId: id, scopes, createdAt, validUntil, lastUsedAt };
}

function configurationHref(deps: AdminDeps, connection: ConnectionRecord, ...path: string[]): string {
  const { environmentId, id } = connection;
  return href(deps, 'environments', environmentId, 'connections', id, 'scim-configuration', ...path);
}
