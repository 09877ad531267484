/**
 * Applies a preview. Each of its items permits exactly one change, and its subjects are queued. The tasks plan anew,
 * and a change that is no longer identical is refused.
 */

import { addPeopleToCause, closeCause } from '../../db/brake/brakeLedger.ts';
import { openHeld } from '../../db/brake/heldLists.ts';
import type { Db } from '../../db/open.ts';
import { enqueueTask, PRIORITY } from '../../db/queue/enqueue.ts';
import { type AppliedChange, insertApplied, takeLeftover } from '../../db/runs/appliedChanges.ts';
import {
  getPreview,
  type ItemPosition,
  listPreviewItems,
  type PreviewRecord,
} from '../../db/runs/previews.ts';
import { insertSyncRun, type SyncRunRecord } from '../../db/runs/syncRuns.ts';
import { takeUnshownWaits } from '../../db/seen/keys.ts';
import { vendorRefusals } from '../../db/seen/syncStatuses.ts';
import { lockStore, type StoreRecord } from '../../db/stores/stores.ts';
import { transact } from '../../db/transaction.ts';
import type { Cause } from '../../model/cause.ts';
import { endsAccess, type Op } from '../../model/change.ts';
import { RequestError } from '../../model/errors.ts';
import type { Kind } from '../../model/subject.ts';
import type { PropagationDeps } from '../../stores/deps.ts';
import { storeEvent } from '../../stores/storeEvents.ts';
import { isoTime } from '../../support/clock.ts';
import type { Step } from '../recordDrift.ts';
import { beganOf, lookAtDrift } from './appliedDrift.ts';
import { presentChange } from './shownChange.ts';

/** Throws a 409 where the store is not active, or the preview is not done. */
export async function startApply(
  deps: PropagationDeps,
  store: StoreRecord,
  preview: PreviewRecord,
  { includeHeld }: { readonly includeHeld: boolean },
  cause: Cause,
): Promise<SyncRunRecord> {
  if (preview.state !== 'DONE') {
    throw new RequestError(409, `The preview is ${preview.state}: only one that is DONE can be applied.`);
  }
  const at = isoTime(deps.clock.now());
  const run = await transact(deps.db, async (tx) => {
    const current = await lockStore(tx, store.id);
    if (current?.status !== 'ACTIVE') {
      throw new RequestError(
        409,
        `The store ${store.name} is not ACTIVE: activate it, then apply the preview.`,
      );
    }
    const run = await insertSyncRun(
      tx,
      {
        environmentId: store.environmentId,
        storeId: store.id,
        cause: 'apply',
        correlationId: cause.correlationId,
        scan: false,
        repair: true,
        previewId: preview.id,
        includeHeld,
      },
      at,
    );
    const after = { previewId: preview.id, syncId: run.id, includeHeld };
    await storeEvent(tx, at, current, cause, 'preview.applied', { after });
    return run;
  });
  deps.wake.signal();
  return run;
}

interface Item {
  readonly op: Op;
  /** True where the item undoes a change by hand. */
  readonly drift?: boolean;
  readonly subject: { readonly kind: Kind; readonly id: string };
  readonly member?: { readonly id: string };
  readonly held: boolean;
}

const ITEMS_PER_STEP = 200;

/** First step: counts everybody who would lose something, because the whole preview is one cause for the brake. */
export async function countApplied(
  step: Step,
  cursor: string | null,
): Promise<{ readonly cursor: string | null }> {
  const { items, next } = await itemsPage(step, cursor);
  const losers = items
    .filter(({ isLoss, body }) => isLoss && !(body.held && step.run.includeHeld))
    .map(({ body }) => body.member?.id ?? body.subject.id);
  const { correlationId } = step.run;
  await step.record(async (tx) => {
    await addPeopleToCause(tx, correlationId, step.context.store.id, losers);
    if (next !== null) return;
    await closeCause(tx, {
      correlationId,
      storeId: step.context.store.id,
      description: 'apply a preview',
      at: step.now(),
    });
  });
  return { cursor: next };
}

/** How many refused items a run lists; beyond that, only the count grows. */
export const REFUSED_LISTED_MAX = 1_000;

interface Applied {
  readonly cursor: string | null;
  readonly refused: readonly unknown[];
}

const WITHHELD = 'the brake holds it: apply the preview with includeHeld: true, or approve it';

/** Second step: permits the change of each item; of those that the brake holds only where the admin said so. */
export async function enqueueApplied(step: Step, cursor: string | null): Promise<Applied> {
  const { preview, items, next } = await itemsPage(step, cursor);
  const { run, context } = step;
  const permitted = items.filter(({ body }) => !body.held || run.includeHeld);
  const drifted = permitted.flatMap(({ body }) => (body.drift ? [body.subject] : []));
  const recordDrift = preview && drifted.length > 0 ? await lookAtDrift(step, preview, drifted) : null;
  await step.record(async (tx) => {
    await recordDrift?.(tx);
    if (preview) await takeFree(tx, step, preview, permitted);
    const rows = permitted.map(({ changeKey, body }) => ({
      changeKey,
      runId: run.id,
      includeHeld: body.held,
      body: { ...body },
    }));
    await insertApplied(tx, context.store.id, rows, step.now());
    const keyOf = ({ kind, id }: Item['subject']) => `${kind} ${id}`;
    const subjects = new Map(permitted.map(({ body: { subject } }) => [keyOf(subject), subject]));
    const takes = permitted.filter(({ body }) => endsAccess(body) || body.op === 'revoke');
    const losing = new Set(takes.map(({ body }) => keyOf(body.subject)));
    for (const [key, { kind, id }] of subjects) {
      await enqueueTask(tx, context.store.id, {
        environmentId: context.store.environmentId,
        subject: { kind, id },
        priority: losing.has(key) ? PRIORITY.leaver : PRIORITY.normal,
        correlationIds: [run.correlationId],
        at: step.now(),
      });
    }
  });
  const withheld = items.filter(({ body }) => body.held && !run.includeHeld);
  return { cursor: next, refused: withheld.map(({ body }) => ({ ...body, reason: WITHHELD })) };
}

async function itemsPage(step: Step, cursor: string | null) {
  const { run, context } = step;
  const preview = run.previewId
    ? await getPreview(step.db, context.store.id, run.previewId, step.now())
    : null;
  if (!preview) return { preview, items: [], next: null };
  const after = cursor === null ? null : (JSON.parse(cursor) as ItemPosition);
  const rows = await listPreviewItems(step.db, preview.id, 'change', after, ITEMS_PER_STEP);
  const items = rows.map((row) => ({
    changeKey: row.changeKey as string,
    isLoss: row.body.isLoss === true,
    body: presentChange(preview, row.body) as unknown as Item,
  }));
  const last = rows.at(-1);
  if (rows.length < ITEMS_PER_STEP || !last) return { preview, items, next: null };
  const { sortKey, position } = last;
  return { preview, items, next: JSON.stringify({ sortKey, position } satisfies ItemPosition) };
}

/**
 * Which permitted changes are not done when every task is settled: the brake or the vendor refused them, or the new
 * plan had no such change.
 */
export async function takeRefused(tx: Db, run: SyncRunRecord) {
  if (run.cause !== 'apply') return { items: [], count: 0 };
  const { items, count } = await takeLeftover(tx, run.id, REFUSED_LISTED_MAX);
  const keys = items.map((item) => item.changeKey);
  const braked = await openHeld(tx, { store_id: run.storeId }, { column: 'change_key', values: keys });
  const held = new Map(braked.map((row) => [row.changeKey, row]));
  const subjects = items.map(({ body }) => (body as unknown as Item).subject);
  const refusals = await vendorRefusals(tx, run.storeId, subjects);
  const whyNot = ({ changeKey, body }: AppliedChange): string => {
    const { kind, id } = (body as unknown as Item).subject;
    const row = held.get(changeKey);
    if (row) return `the brake holds it now: ${row.reason}`;
    return refusals.get(`${kind} ${id}`) ?? 'the plan is not the same any more; ask for a new preview';
  };
  return { items: items.map((item) => ({ ...item.body, reason: whyNot(item) })), count };
}

/** Of the keys that the preview showed to be free, those that it permits. */
async function takeFree(
  tx: Db,
  { context }: Step,
  preview: PreviewRecord,
  permitted: readonly { readonly body: Item }[],
): Promise<void> {
  for (const kind of ['user', 'group'] as const) {
    const ids = permitted.flatMap(({ body }) => (body.subject.kind === kind ? [body.subject.id] : []));
    await takeUnshownWaits(tx, context.store.id, kind, beganOf(preview), ids);
  }
}
