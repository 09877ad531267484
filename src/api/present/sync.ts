/** Shows a sync run. */

import type { z } from 'zod';
import type { SyncRunRecord } from '../../db/runs/syncRuns.ts';
import type { StoreRecord } from '../../db/stores/stores.ts';
import { summaryOf } from '../../sync/syncRuns.ts';
import type { ApiDeps } from '../deps.ts';
import { storeHref } from '../href.ts';
import type { SyncRun } from '../schemas/stores/runs.ts';

type Shown = z.input<typeof SyncRun>;

export async function showSync(deps: ApiDeps, store: StoreRecord, run: SyncRunRecord) {
  const { id, storeId, state, cause, repair, correlationId } = run;
  const { createdAt, startedAt, finishedAt, progress, error } = run;
  const summary = await summaryOf(deps.db, run);
  return {
    ...{ id, storeId, state, cause, repair, correlationId },
    ...{ createdAt, startedAt, finishedAt, progress, summary },
    drift: run.drift as Shown['drift'],
    ...(cause === 'apply' ? { previewId: run.previewId, refused: run.refused as Shown['refused'] } : {}),
    ...(error === null ? {} : { error }),
    _links: { self: { href: storeHref(deps, store, 'syncs', id) } },
  };
}
