/** `…/stores/{id}/preview`: plans what would change on a store without changing it, and applies exactly that plan. */

import type { z } from 'zod';
import { countMovedSince } from '../../../db/runs/movedSince.ts';
import {
  countPreviewItems,
  getPreview,
  listPreviewItems,
  type PreviewList,
  type PreviewRecord,
} from '../../../db/runs/previews.ts';
import type { StoreRecord } from '../../../db/stores/stores.ts';
import { isoTime } from '../../../support/clock.ts';
import { startApply } from '../../../sync/preview/applyPreview.ts';
import { startPreview } from '../../../sync/preview/preview.ts';
import { presentChange } from '../../../sync/preview/shownChange.ts';
import type { ApiDeps } from '../../deps.ts';
import { accepted, created, endpoint, ok } from '../../endpoint.ts';
import { storeHref } from '../../href.ts';
import { PAGE, type PageQuery, page, readCursor } from '../../lists.ts';
import { notFound } from '../../path.ts';
import { showSync } from '../../present/sync.ts';
import {
  ApplyPreview,
  ChangeList,
  OrphanList,
  Preview,
  SkippedChangeList,
} from '../../schemas/stores/changes.ts';
import { SyncRun } from '../../schemas/stores/runs.ts';

const PREVIEWS = '/environments/:envId/propagation/stores/:storeId/preview';
const PREVIEW = `${PREVIEWS}/:previewId` as const;
/** The preview itself shows this many items of each list; its pages show all. */
const SHOWN_MAX = 100;

/** The items under each name, as the preview stored them. */
type Shown = Pick<z.input<typeof Preview>, 'changes' | 'skipped' | 'orphans'>;

const KEPT_AS = { changes: 'change', skipped: 'skipped', orphans: 'orphan' } as const satisfies Record<
  keyof Shown,
  PreviewList
>;

export const previews = {
  createPreview: endpoint({
    method: 'post',
    path: PREVIEWS,
    scope: 'write',
    summary: 'Preview what a repairing sync, or the activation, would do now',
    answers: { 201: Preview },
    handle: async ({ store, cause }, deps) => {
      const preview = await startPreview(deps.propagation, store, cause);
      return created(await show(deps, store, preview), storeHref(deps, store, 'preview', preview.id));
    },
  }),

  readPreview: endpoint({
    method: 'get',
    path: PREVIEW,
    scope: 'read',
    summary: 'Show a preview with the first of its changes',
    answers: { 200: Preview },
    handle: async ({ store, params }, deps) =>
      ok(await show(deps, store, await previewOf(deps, store, params.previewId))),
  }),

  listPreviewChanges: endpoint({
    method: 'get',
    path: `${PREVIEW}/changes`,
    scope: 'read',
    scans: true,
    summary: 'List the changes of a preview',
    query: PAGE,
    answers: { 200: ChangeList },
    handle: async (call, deps) => ok(await pageOf(call, deps, 'changes')),
  }),

  listPreviewSkipped: endpoint({
    method: 'get',
    path: `${PREVIEW}/skipped`,
    scope: 'read',
    scans: true,
    summary: 'List what a preview leaves undone, and why',
    query: PAGE,
    answers: { 200: SkippedChangeList },
    handle: async (call, deps) => ok(await pageOf(call, deps, 'skipped')),
  }),

  listPreviewOrphans: endpoint({
    method: 'get',
    path: `${PREVIEW}/orphans`,
    scope: 'read',
    scans: true,
    summary: 'List the accounts there that nobody in the directory matches',
    query: PAGE,
    answers: { 200: OrphanList },
    handle: async (call, deps) => ok(await pageOf(call, deps, 'orphans')),
  }),

  applyPreview: endpoint({
    method: 'post',
    path: `${PREVIEW}/apply`,
    scope: 'write',
    summary: 'Apply exactly what the preview lists, and is still the identical change',
    body: ApplyPreview,
    answers: { 202: SyncRun },
    refusals: { 409: 'The preview is not done, or the store is not active.' },
    handle: async ({ store, params, body, cause }, deps) => {
      const preview = await previewOf(deps, store, params.previewId);
      const run = await startApply(deps.propagation, store, preview, body, cause);
      return accepted(await showSync(deps, store, run), {
        location: storeHref(deps, store, 'syncs', run.id),
      });
    },
  }),
};

async function previewOf(deps: ApiDeps, store: StoreRecord, id: string): Promise<PreviewRecord> {
  const preview = await getPreview(deps.db, store.id, id, isoTime(deps.clock.now()));
  if (!preview) throw notFound('preview', id);
  return preview;
}

interface Asked {
  readonly store: StoreRecord;
  readonly params: { readonly previewId: string };
  readonly query: PageQuery;
  readonly url: URL;
}

async function pageOf<Name extends keyof Shown>(call: Asked, deps: ApiDeps, name: Name) {
  const preview = await previewOf(deps, call.store, call.params.previewId);
  const key = readCursor(call.query, ['text', 'integer']);
  const from = key && { sortKey: String(key[0]), position: Number(key[1]) };
  return page(call, {
    name,
    rows: await listPreviewItems(deps.db, preview.id, KEPT_AS[name], from, call.query.limit + 1),
    count: await countPreviewItems(deps.db, preview.id, KEPT_AS[name]),
    keyOf: (item) => [item.sortKey, item.position],
    show: (item) => present(preview, name, item.body),
  });
}

function present<Name extends keyof Shown>(
  preview: PreviewRecord,
  name: Name,
  body: Readonly<Record<string, unknown>>,
) {
  return (name === 'changes' ? presentChange(preview, body) : body) as unknown as Shown[Name][number];
}

async function show(deps: ApiDeps, store: StoreRecord, preview: PreviewRecord) {
  const first = async <Name extends keyof Shown>(name: Name) => {
    const items = await listPreviewItems(deps.db, preview.id, KEPT_AS[name], null, SHOWN_MAX);
    return items.map((item) => present(preview, name, item.body));
  };
  const self = storeHref(deps, store, 'preview', preview.id);
  const { id, state, createdAt, expiresAt, losing, error } = preview;
  const changedSince = await countMovedSince(deps.db, store, createdAt);
  const { losses: _, heldLosses: __, ...summary } = preview.summary;
  return {
    ...{ id, storeId: store.id, state, createdAt, expiresAt, losing, changedSince, summary },
    ...(error === null ? {} : { error }),
    changes: await first('changes'),
    skipped: await first('skipped'),
    orphans: await first('orphans'),
    _links: {
      self: { href: self },
      changes: { href: `${self}/changes` },
      skipped: { href: `${self}/skipped` },
      orphans: { href: `${self}/orphans` },
    },
  };
}
