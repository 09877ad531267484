/**
 * `/v1/admin-tokens`: who may use this API. A token is in the answer to its POST and nowhere else, neither
 * in a list nor in an event.
 */

import { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import { ADMIN_SCOPES } from '../auth/scopes.ts';
import { hashToken, newToken } from '../auth/tokens.ts';
import { auditedAdminToken } from '../control/audited.ts';
import {
  type AdminTokenRecord,
  countAdminTokens,
  deleteAdminToken,
  getAdminToken,
  insertAdminToken,
  listAdminTokens,
} from '../db/access/adminTokens.ts';
import { appendEvent } from '../db/events.ts';
import { DEFAULT_ENVIRONMENT_ID, lockEnvironment } from '../db/identity/environments.ts';
import { RequestError } from '../model/errors.ts';
import { isoTime } from '../support/clock.ts';
import { newId } from '../support/ids.ts';
import { idText, nameText, parseBody } from './body.ts';
import { type AdminDeps, adminOf, href, idParam, notFound, requireUnbound } from './context.ts';
import { keyOfRecord, knownQuery, readPageOfRecords, sendPage } from './page.ts';
import { route } from './problem.ts';

const Body = z.strictObject({
  name: nameText,
  scopes: z.array(z.enum(ADMIN_SCOPES)).min(1, 'must name at least one of read, write'),
  environmentId: idText.nullish(),
  validUntil: z.iso
    .datetime({ offset: true, error: 'must be a time such as 2030-01-31T12:00:00Z' })
    .nullish(),
});

export function adminTokens(deps: AdminDeps): Router {
  const router = Router();
  router.use((_req, res, next) => {
    requireUnbound(res, 'admin tokens');
    next();
  });
  route(router, '/', {
    get: (req, res) => list(deps, req, res),
    post: (req, res) => create(deps, req, res),
  });
  route(router, '/:id', {
    get: async (req, res) => {
      const id = idParam(req);
      const token = await getAdminToken(deps.db, id);
      if (!token) throw notFound('admin token', id);
      res.json(show(deps, token));
    },
    delete: (req, res) => revoke(deps, req, res),
  });
  return router;
}

async function list(deps: AdminDeps, req: Request, res: Response): Promise<void> {
  knownQuery(req, []);
  const page = readPageOfRecords(req);
  const rows = await listAdminTokens(deps.db, page.limit + 1, page.after);
  const count = await countAdminTokens(deps.db);
  sendPage(deps, req, res, page, {
    name: 'adminTokens',
    rows,
    count,
    keyOf: keyOfRecord,
    toJson: (token) => show(deps, token),
  });
}

async function create(deps: AdminDeps, req: Request, res: Response): Promise<void> {
  const body = parseBody(Body, req);
  const { cause, scopes } = adminOf(res);
  const now = deps.clock.now();
  const validUntil = body.validUntil ? futureTime(body.validUntil, now) : null;
  if (body.scopes.some((scope) => !scopes.has(scope))) {
    throw new RequestError(403, 'A token cannot give away a scope that it does not have itself.');
  }
  const token = newToken('admin');
  const record: AdminTokenRecord = {
    id: newId(),
    name: body.name,
    scopes: [...new Set(body.scopes)],
    environmentId: body.environmentId ?? null,
    createdAt: isoTime(now),
    validUntil,
    lastUsedAt: null,
  };
  await deps.db.transaction(async (tx) => {
    const { environmentId } = record;
    if (environmentId !== null && !(await lockEnvironment(tx, environmentId))) {
      const detail = 'environmentId must be the id of an environment';
      throw new RequestError(400, 'There is no such environment.', [{ pointer: '/environmentId', detail }]);
    }
    await insertAdminToken(tx, record, hashToken(token));
    await appendEvent(tx, record.createdAt, {
      environmentId: eventEnvironment(record),
      cause,
      kind: 'admin-token.created',
      outcome: 'success',
      after: auditedAdminToken(record),
    });
  });
  res
    .status(201)
    .location(href(deps, 'admin-tokens', record.id))
    .json({ ...show(deps, record), token });
}

async function revoke(deps: AdminDeps, req: Request, res: Response): Promise<void> {
  const id = idParam(req);
  await deps.db.transaction(async (tx) => {
    const gone = await deleteAdminToken(tx, id);
    if (!gone) throw notFound('admin token', id);
    await appendEvent(tx, isoTime(deps.clock.now()), {
      environmentId: eventEnvironment(gone),
      cause: adminOf(res).cause,
      kind: 'admin-token.revoked',
      outcome: 'success',
      before: auditedAdminToken(gone),
    });
  });
  res.status(204).end();
}

function futureTime(text: string, now: number): string {
  const at = Date.parse(text);
  const time = Number.isNaN(at) ? '' : isoTime(at);
  // Years beyond 9999 have another form, which would not sort.
  if (at <= now || time.length !== isoTime(0).length) {
    const detail = 'validUntil must be a time in the future';
    throw new RequestError(400, 'validUntil is not in the future.', [{ pointer: '/validUntil', detail }]);
  }
  return time;
}

function eventEnvironment(token: AdminTokenRecord): string {
  return token.environmentId ?? DEFAULT_ENVIRONMENT_ID;
}

function show(deps: AdminDeps, token: AdminTokenRecord) {
  return { ...token, _links: { self: { href: href(deps, 'admin-tokens', token.id) } } };
}
