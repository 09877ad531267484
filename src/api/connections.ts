/** `…/connections`: where identities come from. One that has people goes with them, step by step. */

import { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import { auditedConnection } from '../control/audited.ts';
import { deleteConnection } from '../control/endings/connectionDeletion.ts';
import { appendEvent } from '../db/events.ts';
import {
  type ConnectionRecord,
  countConnections,
  getConnection,
  hasPrimaryConnection,
  insertConnection,
  listConnections,
  lockConnection,
  type NewConnection,
  STRATEGIES,
  type Strategy,
  UNKNOWN_ATTRIBUTES,
  USER_ID_ATTRIBUTES,
  updateConnection,
} from '../db/identity/connections.ts';
import { lockEnvironment } from '../db/identity/environments.ts';
import { storesWaitedFor } from '../db/identity/tombstones.ts';
import { isUniqueViolation } from '../db/open.ts';
import { RequestError } from '../model/errors.ts';
import { isoTime } from '../support/clock.ts';
import { newId } from '../support/ids.ts';
import { metadataObject, nameText, parseBody, READ_ONLY } from './body.ts';
import { type AdminDeps, adminOf, environmentOf, href, idParam, notFound } from './context.ts';
import { readDeletionOptions, refuseDeleting, showDeletion } from './deletion.ts';
import { keyOfRecord, knownQuery, readPageOfRecords, sendPage } from './page.ts';
import { route } from './problem.ts';

const RETENTION_DAYS_MAX = 1095;

const SETTINGS = {
  name: nameText,
  strategy: z.enum(STRATEGIES),
  isPrimary: z.boolean().optional(),
  unknownAttributes: z.enum(UNKNOWN_ATTRIBUTES).default('Reject'),
  retentionDays: z
    .int()
    .min(0, 'must be at least 0')
    .max(RETENTION_DAYS_MAX, `must be at most ${RETENTION_DAYS_MAX}`)
    .nullable()
    .default(null),
  metadata: metadataObject.default({}),
};
const Body = z.strictObject(SETTINGS);
const Replacement = z.strictObject({ ...SETTINGS, ...READ_ONLY, status: z.unknown().optional() });

export function connections(deps: AdminDeps): Router {
  const router = Router({ mergeParams: true });
  route(router, '/', {
    get: (req, res) => list(deps, req, res),
    post: (req, res) => create(deps, req, res),
  });
  route(router, '/:id', {
    get: async (req, res) => {
      const id = idParam(req);
      const connection = await getConnection(deps.db, environmentOf(res).id, id);
      if (!connection) throw notFound('connection', id);
      res.json(await showWithWaiting(deps, connection));
    },
    put: (req, res) => replace(deps, req, res),
    delete: (req, res) => remove(deps, req, res),
  });
  return router;
}

async function list(deps: AdminDeps, req: Request, res: Response): Promise<void> {
  knownQuery(req, []);
  const page = readPageOfRecords(req);
  const { id } = environmentOf(res);
  const rows = await listConnections(deps.db, id, page.limit + 1, page.after);
  const count = await countConnections(deps.db, id);
  sendPage(deps, req, res, page, {
    name: 'connections',
    rows,
    count,
    keyOf: keyOfRecord,
    toJson: (connection) => show(deps, connection),
  });
}

async function create(deps: AdminDeps, req: Request, res: Response): Promise<void> {
  const body = parseBody(Body, req);
  const environment = environmentOf(res);
  const at = isoTime(deps.clock.now());
  const made = await refuseTakenName(body.name, () =>
    deps.db.transaction(async (tx) => {
      // The lock makes exactly one of two first connections the primary one.
      const tenant = await lockEnvironment(tx, environment.id);
      if (!tenant) throw notFound('environment', environment.id);
      refuseDeleting('environment', tenant);
      const isPrimary = !(await hasPrimaryConnection(tx, environment.id));
      refuseOtherPrimary(body.isPrimary, isPrimary);
      const connection: NewConnection = {
        id: newId(),
        environmentId: environment.id,
        name: body.name,
        strategy: body.strategy,
        isPrimary,
        unknownAttributes: body.unknownAttributes,
        retentionDays: body.retentionDays,
        metadata: body.metadata,
        userIdAttribute: USER_ID_ATTRIBUTES[body.strategy],
        mapping: null,
        createdAt: at,
        updatedAt: at,
      };
      const inserted = { ...connection, deletion: null };
      await insertConnection(tx, connection);
      await appendEvent(tx, at, {
        environmentId: environment.id,
        cause: adminOf(res).cause,
        kind: 'connection.created',
        outcome: 'success',
        after: auditedConnection(connection),
      });
      return inserted;
    }),
  );
  res.status(201).location(connectionHref(deps, made)).json(show(deps, made));
}

async function replace(deps: AdminDeps, req: Request, res: Response): Promise<void> {
  const body = parseBody(Replacement, req);
  const id = idParam(req);
  const environment = environmentOf(res);
  const at = isoTime(deps.clock.now());
  const replaced = await refuseTakenName(body.name, () =>
    deps.db.transaction(async (tx) => {
      const before = await lockConnection(tx, environment.id, id);
      if (!before) throw notFound('connection', id);
      refuseDeleting('connection', before);
      refuseOtherPrimary(body.isPrimary, before.isPrimary);
      const { name, strategy, unknownAttributes, retentionDays, metadata } = body;
      const userIdAttribute = userIdAttributeAfter(before, strategy);
      const changes = { name, strategy, unknownAttributes, retentionDays, metadata, userIdAttribute };
      const after = { ...before, ...changes, updatedAt: at };
      await updateConnection(tx, after);
      await appendEvent(tx, at, {
        environmentId: environment.id,
        cause: adminOf(res).cause,
        kind: 'connection.updated',
        outcome: 'success',
        before: auditedConnection(before),
        after: auditedConnection(after),
      });
      return after;
    }),
  );
  res.json(show(deps, replaced));
}

/** Another strategy brings its default, unless an admin chose otherwise. */
function userIdAttributeAfter({ strategy, userIdAttribute }: ConnectionRecord, next: Strategy): string {
  return userIdAttribute === USER_ID_ATTRIBUTES[strategy] ? USER_ID_ATTRIBUTES[next] : userIdAttribute;
}

async function remove(deps: AdminDeps, req: Request, res: Response): Promise<void> {
  const id = idParam(req);
  const environment = environmentOf(res);
  const options = readDeletionOptions(req);
  const done = await deleteConnection(deps.propagation, environment.id, id, options, adminOf(res).cause);
  const connection = done ? null : await getConnection(deps.db, environment.id, id);
  if (connection) res.status(202).json(await showWithWaiting(deps, connection));
  else res.status(204).end();
}

function refuseOtherPrimary(asked: boolean | undefined, isPrimary: boolean): void {
  if (asked === undefined || asked === isPrimary) return;
  const detail = 'isPrimary cannot be chosen: the oldest connection of an environment is its primary one';
  throw new RequestError(400, 'isPrimary is read only.', [{ pointer: '/isPrimary', detail }]);
}

async function refuseTakenName<T>(name: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    const detail = 'name is taken; choose another';
    throw new RequestError(409, `This environment has a connection ${name} already.`, [
      { pointer: '/name', detail },
    ]);
  }
}

function connectionHref(deps: AdminDeps, connection: ConnectionRecord, ...path: string[]): string {
  return href(deps, 'environments', connection.environmentId, 'connections', connection.id, ...path);
}

/** Of one that is being deleted also what that waits for. */
async function showWithWaiting(deps: AdminDeps, connection: ConnectionRecord) {
  const shown = show(deps, connection);
  if (!shown.deletion) return shown;
  const waitsFor = await storesWaitedFor(deps.db, connection.id);
  return { ...shown, deletion: { ...shown.deletion, waitsFor } };
}

function show(deps: AdminDeps, connection: ConnectionRecord) {
  return {
    id: connection.id,
    environment: { id: connection.environmentId },
    name: connection.name,
    strategy: connection.strategy,
    isPrimary: connection.isPrimary,
    unknownAttributes: connection.unknownAttributes,
    retentionDays: connection.retentionDays,
    metadata: connection.metadata,
    ...showDeletion(connection),
    createdAt: connection.createdAt,
    updatedAt: connection.updatedAt,
    _links: {
      self: { href: connectionHref(deps, connection) },
      scimConfiguration: { href: connectionHref(deps, connection, 'scim-configuration') },
    },
  };
}
