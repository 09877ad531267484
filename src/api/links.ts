/** `…/stores/{id}/links`: whose account or group is whose, also by hand. */

import { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import { linkByHand, unlink } from '../control/links.ts';
import { countUpTo } from '../db/paging.ts';
import { linksOf, listLinks } from '../db/seen/linkLists.ts';
import { getLinkById, type LinkRecord } from '../db/seen/links.ts';
import type { StoreRecord } from '../db/stores/stores.ts';
import { idText, longText, parseBody } from './body.ts';
import { type AdminDeps, adminOf, idParam, notFound, storeHref, storeOf } from './context.ts';
import { knownQuery, queryMistake, queryText, readPage, sendPage } from './page.ts';
import { route } from './problem.ts';

const REMOTE_ID_MAX = 255;

const Body = z.strictObject({
  subject: z.strictObject({ kind: z.enum(['user', 'group']), id: idText }),
  remoteId: longText(REMOTE_ID_MAX).trim().min(1, 'must not be empty'),
});

export function links(deps: AdminDeps): Router {
  const router = Router({ mergeParams: true });
  route(router, '/:id/links', {
    get: (req, res) => list(deps, req, res),
    post: async (req, res) => {
      const body = parseBody(Body, req);
      const store = await storeOf(deps, req, res);
      const link = await linkByHand(deps.propagation, store, body, adminOf(res).cause);
      res
        .status(201)
        .location(storeHref(deps, store, 'links', link.id))
        .json(show(deps, store, link));
    },
  });
  route(router, '/:id/links/:linkId', {
    get: async (req, res) => {
      const store = await storeOf(deps, req, res);
      const linkId = idParam(req, 'linkId');
      const link = await getLinkById(deps.db, store.id, linkId);
      if (!link) throw notFound('link', linkId);
      res.json(show(deps, store, link));
    },
    delete: async (req, res) => {
      const linkId = idParam(req, 'linkId');
      await unlink(deps.propagation, await storeOf(deps, req, res), linkId, adminOf(res).cause);
      res.status(204).end();
    },
  });
  return router;
}

async function list(deps: AdminDeps, req: Request, res: Response): Promise<void> {
  knownQuery(req, ['kind', 'subjectId', 'remoteId']);
  const { limit, after } = readPage(req, ['text']);
  const store = await storeOf(deps, req, res);
  const filter = {
    kind: readKind(req),
    subjectId: queryText(req, 'subjectId'),
    remoteId: queryText(req, 'remoteId'),
  };
  sendPage(
    deps,
    req,
    res,
    { limit },
    {
      name: 'links',
      rows: await listLinks(deps.db, store.id, {
        ...filter,
        after: after && String(after[0]),
        limit: limit + 1,
      }),
      count: await countUpTo(deps.db, linksOf(deps.db, store.id, filter)),
      keyOf: (link) => [link.id],
      toJson: (link) => show(deps, store, link),
    },
  );
}

function readKind(req: Request): 'user' | 'group' | null {
  const kind = queryText(req, 'kind');
  if (kind === null || kind === 'user' || kind === 'group') return kind;
  throw queryMistake('kind', 'must be user or group');
}

function show(deps: AdminDeps, store: StoreRecord, link: LinkRecord) {
  return {
    id: link.id,
    subject: link.subject,
    remoteId: link.remoteId,
    remoteName: link.remoteName,
    origin: link.origin,
    state: link.state,
    ...(link.disabledBy === null ? {} : { disabledBy: link.disabledBy }),
    applied: link.applied,
    observed: link.observed,
    createdAt: link.createdAt,
    updatedAt: link.updatedAt,
    _links: { self: { href: storeHref(deps, store, 'links', link.id) } },
  };
}
