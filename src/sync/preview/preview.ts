/**
 * A preview: the plan of a whole store, of which nothing is applied. A request asks for it, and a worker makes it
 * page by page under the store's lease; after each page any worker can go on. `pages.ts` says what a page is.
 */

import type { CallContext } from '../../connectors/connector.ts';
import type { Db } from '../../db/open.ts';
import { type Lease, recordUnder } from '../../db/queue/leases.ts';
import {
  deleteExpiredPreviews,
  finishPreview,
  getPreview,
  insertPreview,
  nextOpenPreview,
  type PreviewPosition,
  type PreviewRecord,
  savePreviewPosition,
} from '../../db/runs/previews.ts';
import type { StoreRecord } from '../../db/stores/stores.ts';
import { transact } from '../../db/transaction.ts';
import type { Cause } from '../../model/cause.ts';
import { RemoteError } from '../../model/errors.ts';
import { isDoubted } from '../../settle/doubtedList.ts';
import type { PropagationDeps } from '../../stores/deps.ts';
import type { StoreContext } from '../../stores/desired.ts';
import { withSelf } from '../../stores/self.ts';
import { storeEvent } from '../../stores/storeEvents.ts';
import { type Clock, isoTime } from '../../support/clock.ts';
import {
  holdBeyondLimit,
  PREVIEW_PAGES,
  PREVIEW_PHASES,
  type PreviewPhase,
  type PreviewStep,
} from './pages.ts';

const LIFETIME_MS = 24 * 3_600_000;
/** How long a request waits for a preview to be done; a small one is. */
const ANSWER_WITHIN_MS = 2_000;
/** A page that fails this often in a row ends the preview. */
const PAGE_FAILURES_MAX = 8;

/**
 * Answers when the preview is done, or after two seconds while it goes on. Throws a RequestError where no worker
 * would make it (503 `no_worker`), and then nothing is saved.
 */
export async function startPreview(
  deps: PropagationDeps,
  store: StoreRecord,
  cause: Cause,
): Promise<PreviewRecord> {
  const { db, clock, inquiries } = deps;
  await inquiries.requireWorker();
  const now = clock.now();
  await deleteExpiredPreviews(db, isoTime(now));
  const preview = await transact(db, async (tx) => {
    const made = await insertPreview(tx, {
      environmentId: store.environmentId,
      storeId: store.id,
      createdAt: isoTime(now),
      expiresAt: isoTime(now + LIFETIME_MS),
    });
    await storeEvent(tx, isoTime(now), store, cause, 'preview.requested', { after: { previewId: made.id } });
    return made;
  });
  const isOver = async () => {
    const current = await getPreview(db, store.id, preview.id, isoTime(clock.now()));
    return current?.state === 'RUNNING' ? null : current;
  };
  return (await inquiries.waitFor(isOver, ANSWER_WITHIN_MS)) ?? preview;
}

export interface PreviewDeps {
  readonly db: Db;
  readonly clock: Clock;
  giveWay(): Promise<boolean>;
  proveRights(): Promise<void>;
}

/**
 * Makes one page of the store's oldest open preview. `none`: the store has no open preview. `over`: this one has
 * ended.
 */
export async function previewStep(
  deps: PreviewDeps,
  context: StoreContext,
  lease: Lease,
  callContext: CallContext,
): Promise<'none' | 'page' | 'over'> {
  const { db, clock } = deps;
  const open = await nextOpenPreview(db, context.store.id, isoTime(clock.now()));
  if (!open) return 'none';
  const position = open.position ?? (await begin(deps, context, open));
  if (position.version !== context.store.updatedAt) {
    await fail(db, open, 'The settings of the store were changed meanwhile; ask for a new preview.');
    return 'over';
  }
  let isOver = false;
  const step: PreviewStep = {
    ...{ db, callContext, preview: open, began: position.began },
    giveWay: deps.giveWay,
    proveRights: deps.proveRights,
    context: open.position === null ? await withSelf(db, context) : context,
    now: () => isoTime(clock.now()),
    record: (work) => recordUnder(db, lease, work),
    list: position.list,
    standing: { failures: position.failures, unread: position.unread ?? 0 },
    async moveOn(tx, cursor, { list, unread = 0 } = {}) {
      const { version, began } = position;
      const phase = cursor === null ? phaseAfter(position) : position.phase;
      const goesOn = { ...(cursor !== null && list ? { list } : {}), ...(unread > 0 ? { unread } : {}) };
      if (phase !== null)
        return savePreviewPosition(tx, open.id, { phase, cursor, failures: 0, version, began, ...goesOn });
      await holdBeyondLimit(tx, step);
      await finishPreview(tx, open.id, { state: 'DONE', error: null });
      isOver = true;
    },
  };
  await PREVIEW_PAGES[position.phase as PreviewPhase](step, position.cursor);
  return isOver ? 'over' : 'page';
}

async function begin(
  { db, clock }: PreviewDeps,
  { store }: StoreContext,
  { id }: PreviewRecord,
): Promise<PreviewPosition> {
  const began = isoTime(clock.now());
  const position = { phase: PREVIEW_PHASES[0], cursor: null, failures: 0, version: store.updatedAt, began };
  await savePreviewPosition(db, id, position);
  return position;
}

function phaseAfter({ phase }: PreviewPosition): PreviewPhase | null {
  return PREVIEW_PHASES[PREVIEW_PHASES.indexOf(phase as PreviewPhase) + 1] ?? null;
}

const FAULT = 'The bridge failed on this preview; its log says why.';

/**
 * A page failed. Where the vendor may answer better later, the worker tries the page again, up to a limit; otherwise
 * the preview ends. Answers whether it has ended.
 */
export async function settlePreviewFailure(
  { db, clock }: Pick<PreviewDeps, 'db' | 'clock'>,
  { store }: StoreContext,
  error: unknown,
): Promise<boolean> {
  const preview = await nextOpenPreview(db, store.id, isoTime(clock.now()));
  if (!preview) return true;
  const disposition = error instanceof RemoteError ? error.disposition : null;
  if (disposition === 'rateLimited') return false;
  const failures = (preview.position?.failures ?? 0) + 1;
  const mayPass = (disposition === 'transient' || disposition === 'unknownOutcome') && !isDoubted(error);
  if (mayPass && preview.position && failures < PAGE_FAILURES_MAX) {
    await savePreviewPosition(db, preview.id, { ...preview.position, failures });
    return false;
  }
  await fail(db, preview, error instanceof RemoteError ? error.message : FAULT);
  return true;
}

function fail(db: Db, { id }: PreviewRecord, error: string): Promise<void> {
  return finishPreview(db, id, { state: 'FAILED', error });
}
