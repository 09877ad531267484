/**
 * `…/connections/{id}/scim-configuration`: what an IdP is told to connect to, and its tokens. A token is in
 * the answer to its POST and nowhere else.
 */

import { isDeepStrictEqual } from 'node:util';
import { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import { SCIM_SCOPES } from '../auth/scopes.ts';
import { hashToken, newToken } from '../auth/tokens.ts';
import { auditedConnection, auditedScimToken } from '../control/audited.ts';
import { replanStores } from '../control/endings/directoryChange.ts';
import {
  countScimTokens,
  deleteScimToken,
  insertScimToken,
  listScimTokens,
  SCIM_TOKENS_MAX,
  type ScimTokenRecord,
} from '../db/access/scimTokens.ts';
import { appendEvent } from '../db/events.ts';
import { listAttributesSeen } from '../db/identity/attributesSeen.ts';
import {
  type ConnectionRecord,
  getConnection,
  type InboundMapping,
  lockConnection,
  USER_ID_ATTRIBUTES,
  updateConnection,
} from '../db/identity/connections.ts';
import { remapPrimaryEmails } from '../db/identity/primaryEmails.ts';
import {
  attributeMistake,
  effectiveInbound,
  isKnown,
  isMapped,
  mappedResource,
  overridesIn,
  sourceMistake,
  userIdAttribute,
} from '../directory/inbound.ts';
import { type Mistake, RequestError } from '../model/errors.ts';
import { primaryEmail } from '../model/resource.ts';
import { isoTime } from '../support/clock.ts';
import { newId } from '../support/ids.ts';
import { checkBody, parseBody, READ_ONLY, summary } from './body.ts';
import { type AdminDeps, adminOf, environmentOf, href, idParam, notFound } from './context.ts';
import { refuseDeleting } from './deletion.ts';
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

const MAPPING_MAX = 100;
const PATH_CHARACTERS_MAX = 500;

const Entry = z.strictObject({
  attribute: z.string(),
  scim: z.string().max(PATH_CHARACTERS_MAX, `must have at most ${PATH_CHARACTERS_MAX} characters`).nullable(),
});

const Replacement = z.strictObject({
  userIdAttribute: z.string().optional(),
  mapping: z.array(Entry).max(MAPPING_MAX, `must have at most ${MAPPING_MAX} entries`).optional(),
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
      res.json(await show(deps, await replace(deps, req, res)));
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

/** What is left out is at its default afterwards. Throws a 400 with one entry for each mistake. */
async function replace(deps: AdminDeps, req: Request, res: Response): Promise<ConnectionRecord> {
  const id = idParam(req);
  const environment = environmentOf(res);
  await connectionOf(deps, req, res);
  const chosen = readReplacement(req);
  const { cause } = adminOf(res);
  const at = isoTime(deps.clock.now());
  const { connection, remapped } = await deps.db.transaction(async (tx) => {
    const before = await lockConnection(tx, environment.id, id);
    if (!before) throw notFound('connection', id);
    refuseDeleting('connection', before);
    const { mapping } = chosen;
    const userIdAttribute = chosen.userIdAttribute ?? USER_ID_ATTRIBUTES[before.strategy];
    const remapped = !isDeepStrictEqual(before.mapping, mapping);
    if (!remapped && userIdAttribute === before.userIdAttribute) return { connection: before, remapped };
    const after: ConnectionRecord = { ...before, userIdAttribute, mapping, updatedAt: at };
    await updateConnection(tx, after);
    await appendEvent(tx, at, {
      environmentId: environment.id,
      cause,
      kind: 'connection.updated',
      outcome: 'success',
      before: auditedConnection(before),
      after: auditedConnection(after),
    });
    if (emailSource(before.mapping) !== emailSource(mapping)) {
      const view = mappedResource(mapping);
      await remapPrimaryEmails(tx, id, (user) => primaryEmail(view(user)));
    }
    if (remapped) await replanStores(tx, at, environment.id, cause);
    return { connection: after, remapped };
  });
  if (remapped) deps.propagation.wake.signal();
  return connection;
}

function emailSource(overrides: readonly InboundMapping[] | null): string | null {
  return effectiveInbound(overrides).find(({ attribute }) => attribute === 'primaryEmail')?.scim ?? null;
}

interface Chosen {
  /** Undefined: the strategy's default. */
  readonly userIdAttribute: string | undefined;
  /** What differs from the default. */
  readonly mapping: readonly InboundMapping[] | null;
}

function readReplacement(req: Request): Chosen {
  const { data, errors } = checkBody(Replacement, req);
  const mapping = data?.mapping ?? [];
  const mistakes = [...errors, ...userIdMistakes(data?.userIdAttribute), ...mappingMistakes(mapping)];
  if (mistakes.length > 0) throw new RequestError(400, summary(mistakes), mistakes);
  const name = data?.userIdAttribute;
  return {
    userIdAttribute: name === undefined ? undefined : (userIdAttribute(name) ?? undefined),
    mapping: overridesIn(mapping),
  };
}

function userIdMistakes(name: string | undefined): Mistake[] {
  if (name === undefined || userIdAttribute(name) !== null) return [];
  const detail =
    'userIdAttribute must be the SCIM name of one text that the identity provider sends for each user, such as externalId, userName or an attribute of the enterprise extension with its URN';
  return [{ pointer: '/userIdAttribute', detail }];
}

function mappingMistakes(mapping: readonly InboundMapping[]): Mistake[] {
  return mapping.flatMap((entry, index) => {
    const first = mapping.findIndex(({ attribute }) => attribute === entry.attribute);
    const attribute =
      attributeMistake(entry) ?? (first < index ? `is mapped by entry ${first} already` : null);
    const scim = entry.scim === null ? null : sourceMistake(entry.scim);
    return [
      ...(attribute ? [{ pointer: `/mapping/${index}/attribute`, detail: `attribute ${attribute}` }] : []),
      ...(scim ? [{ pointer: `/mapping/${index}/scim`, detail: `scim cannot be read from: ${scim}` }] : []),
    ];
  });
}

async function show(deps: AdminDeps, connection: ConnectionRecord) {
  const mapping = effectiveInbound(connection.mapping);
  const seen = await listAttributesSeen(deps.db, connection.id);
  return {
    connectionId: connection.id,
    scimBaseUrl: `${deps.publicUrl}/scim/v2`,
    userIdAttribute: connection.userIdAttribute,
    mapping,
    attributesSeen: seen.map((attribute) => ({
      ...attribute,
      known: isKnown(attribute.kind, attribute.name),
      mapped: isMapped(attribute.kind, attribute.name, mapping),
    })),
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
    refuseDeleting('connection', connection);
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
