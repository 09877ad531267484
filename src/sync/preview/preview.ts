/**
 * A preview: the plan of a whole store, stopped before anything is applied. It is made in the process that was
 * asked for it; `pages.ts` says what it is made of.
 */

import type { VendorCall } from '../../connectors/connector.ts';
import {
  deleteExpiredPreviews,
  finishPreview,
  getPreview,
  insertPreview,
  type PreviewRecord,
} from '../../db/runs/previews.ts';
import type { StoreRecord } from '../../db/stores/stores.ts';
import type { Cause } from '../../model/cause.ts';
import { storeContextOf } from '../../stores/context.ts';
import type { PropagationDeps } from '../../stores/deps.ts';
import { withSelf } from '../../stores/self.ts';
import { storeEvent } from '../../stores/storeEvents.ts';
import { isoTime } from '../../support/clock.ts';
import { holdBeyondLimit, PREVIEW_PAGES, PREVIEW_PHASES, type PreviewStep } from './pages.ts';

const LIFETIME_MS = 24 * 3_600_000;
/** How long a request waits for a small preview to be done. */
const ANSWER_WITHIN_MS = 3_000;
const TIMEOUT_MS = 60 * 60_000;
const PAGES_MAX = 100_000;

/** Answers when the preview is done, or after a few seconds while it goes on. */
export async function startPreview(
  deps: PropagationDeps,
  store: StoreRecord,
  cause: Cause,
): Promise<PreviewRecord> {
  const now = deps.clock.now();
  await deleteExpiredPreviews(deps.db, isoTime(now));
  const maker = await deps.presence.holder();
  const preview = await deps.db.transaction(async (tx) => {
    const made = await insertPreview(tx, {
      environmentId: store.environmentId,
      storeId: store.id,
      madeBy: maker,
      createdAt: isoTime(now),
      expiresAt: isoTime(now + LIFETIME_MS),
    });
    await storeEvent(tx, isoTime(now), store, cause, 'preview.requested', { after: { previewId: made.id } });
    return made;
  });
  const finished = makePreview(deps, store, preview);
  const patience = new AbortController();
  await Promise.race([finished, deps.clock.sleep(ANSWER_WITHIN_MS, patience.signal).catch(() => {})]);
  patience.abort();
  return (await getPreview(deps.db, store.id, preview.id, isoTime(now))) ?? preview;
}

/** Never rejects: what went wrong is in the preview. */
async function makePreview(deps: PropagationDeps, store: StoreRecord, preview: PreviewRecord): Promise<void> {
  try {
    const step = await stepOf(deps, store, preview);
    for (const phase of PREVIEW_PHASES) {
      let cursor: string | null = null;
      for (let page = 0; page < PAGES_MAX; page++) {
        cursor = await PREVIEW_PAGES[phase](step, cursor);
        if (cursor === null) break;
      }
      if (cursor !== null) throw new Error(`a preview has more than ${PAGES_MAX} pages of ${phase}`);
    }
    await step.record(async (tx) => {
      await holdBeyondLimit(tx, step);
      await finishPreview(tx, preview.id, { state: 'DONE', error: null });
    });
  } catch (error) {
    deps.log.warn({ err: error, storeId: store.id, previewId: preview.id }, 'a preview failed');
    const message =
      error instanceof Error && error.name === 'RemoteError'
        ? error.message
        : 'The bridge failed on this preview; its log says why.';
    await finishPreview(deps.db, preview.id, { state: 'FAILED', error: message }).catch((failure: unknown) =>
      deps.log.error({ err: failure, previewId: preview.id }, 'could not record a failed preview'),
    );
  }
}

async function stepOf(
  deps: PropagationDeps,
  store: StoreRecord,
  preview: PreviewRecord,
): Promise<PreviewStep> {
  const calls: VendorCall[] = [];
  const context = await storeContextOf(deps.db, deps.connectors, store);
  return {
    db: deps.db,
    context: await withSelf(deps.db, context),
    preview,
    callContext: { signal: AbortSignal.timeout(TIMEOUT_MS), record: (call) => void calls.push(call) },
    now: () => isoTime(deps.clock.now()),
    record: (work) => deps.db.transaction(work),
    // The store's worker is another, and waits for nobody here.
    giveWay: () => Promise.resolve(false),
  };
}
