/** `…/stores/{id}/preview`: what a store would be changed to, changing nothing. */

import { Router } from 'express';
import { z } from 'zod';
import {
  countPreviewItems,
  getPreview,
  listPreviewItems,
  type PreviewList,
  type PreviewRecord,
} from '../db/runs/previews.ts';
import type { StoreRecord } from '../db/stores/stores.ts';
import { isoTime } from '../support/clock.ts';
import { startApply } from '../sync/preview/applyPreview.ts';
import { startPreview } from '../sync/preview/preview.ts';
import { presentChange } from '../sync/preview/shownChange.ts';
import { parseBody } from './body.ts';
import { type AdminDeps, adminOf, idParam, notFound, storeHref, storeOf } from './context.ts';
import { knownQuery, readPage, sendPage } from './page.ts';
import { route } from './problem.ts';
import { showSync } from './syncs.ts';

const Nothing = z.strictObject({});
const Apply = z.strictObject({ includeHeld: z.boolean().default(false) });
/** Items of each list in the preview itself; all are in its pages. */
const SHOWN_MAX = 100;
const LISTS: Readonly<Record<string, PreviewList>> = {
  changes: 'change',
  skipped: 'skipped',
  orphans: 'orphan',
};

export function previews(deps: AdminDeps): Router {
  const router = Router({ mergeParams: true });
  route(router, '/:id/preview', {
    post: async (req, res) => {
      parseBody(Nothing, req);
      const store = await storeOf(deps, req, res);
      const preview = await startPreview(deps.propagation, store, adminOf(res).cause);
      res
        .status(201)
        .location(storeHref(deps, store, 'preview', preview.id))
        .json(await show(deps, store, preview));
    },
  });
  route(router, '/:id/preview/:previewId', {
    get: async (req, res) => {
      const store = await storeOf(deps, req, res);
      res.json(await show(deps, store, await previewOf(deps, store, idParam(req, 'previewId'))));
    },
  });
  route(router, '/:id/preview/:previewId/apply', {
    post: async (req, res) => {
      const options = parseBody(Apply, req);
      const store = await storeOf(deps, req, res);
      const preview = await previewOf(deps, store, idParam(req, 'previewId'));
      const run = await startApply(deps.propagation, store, preview, options, adminOf(res).cause);
      res
        .status(202)
        .location(storeHref(deps, store, 'syncs', run.id))
        .json(showSync(deps, store, run));
    },
  });
  for (const [path, list] of Object.entries(LISTS)) {
    route(router, `/:id/preview/:previewId/${path}`, {
      get: async (req, res) => {
        knownQuery(req, []);
        const { limit, after } = readPage(req, ['integer']);
        const store = await storeOf(deps, req, res);
        const preview = await previewOf(deps, store, idParam(req, 'previewId'));
        const from = after === null ? -1 : Number(after[0]);
        sendPage(
          deps,
          req,
          res,
          { limit },
          {
            name: path,
            rows: await listPreviewItems(deps.db, preview.id, list, from, limit + 1),
            count: await countPreviewItems(deps.db, preview.id, list),
            keyOf: (item) => [item.position],
            toJson: (item) => present(preview, list, item.body),
          },
        );
      },
    });
  }
  return router;
}

async function previewOf(deps: AdminDeps, store: StoreRecord, id: string): Promise<PreviewRecord> {
  const preview = await getPreview(deps.db, store.id, id, isoTime(deps.clock.now()));
  if (!preview) throw notFound('preview', id);
  return preview;
}

function present(preview: PreviewRecord, list: PreviewList, body: Readonly<Record<string, unknown>>) {
  return list === 'change' ? presentChange(preview, body) : body;
}

async function show(deps: AdminDeps, store: StoreRecord, preview: PreviewRecord) {
  const first = async (list: PreviewList) => {
    const items = await listPreviewItems(deps.db, preview.id, list, -1, SHOWN_MAX);
    return items.map((item) => present(preview, list, item.body));
  };
  const self = storeHref(deps, store, 'preview', preview.id);
  const { id, state, createdAt, expiresAt, summary, error } = preview;
  return {
    id,
    storeId: store.id,
    state,
    createdAt,
    expiresAt,
    summary,
    ...(error === null ? {} : { error }),
    changes: await first('change'),
    skipped: await first('skipped'),
    orphans: await first('orphan'),
    _links: {
      self: { href: self },
      changes: { href: `${self}/changes` },
      skipped: { href: `${self}/skipped` },
      orphans: { href: `${self}/orphans` },
    },
  };
}
