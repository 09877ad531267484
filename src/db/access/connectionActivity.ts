/** When each connection last sent a request, how far its setup is, and which of its requests were refused lately. */

import type { Db } from '../open.ts';

/** In the order of a setup. */
export const SETUP_STEPS = [
  'tokenUsed',
  'connectionTest',
  'firstUser',
  'firstGroup',
  'firstUpdate',
  'firstLeaver',
] as const;
export type SetupStep = (typeof SETUP_STEPS)[number];

const COLUMNS: Readonly<Record<SetupStep, string>> = {
  tokenUsed: 'token_used_at',
  connectionTest: 'connection_test_at',
  firstUser: 'first_user_at',
  firstGroup: 'first_group_at',
  firstUpdate: 'first_update_at',
  firstLeaver: 'first_leaver_at',
};

export interface RefusedRequest {
  readonly at: string;
  readonly method: string;
  /** Without its query, which holds people's names. */
  readonly path: string;
  readonly status: number;
  readonly detail: string;
}

export interface Activity {
  readonly lastRequestAt: string | null;
  /** When each step was first seen; absent where it was not. */
  readonly seenAt: Readonly<Partial<Record<SetupStep, string>>>;
  /** The newest first. */
  readonly refusals: readonly RefusedRequest[];
}

export const REFUSALS_KEPT_MAX = 20;

/** A step that was seen before keeps its time. Deleting a connection's tokens deletes these rows. */
export async function saveActivity(
  tx: Db,
  connectionId: string,
  { lastRequestAt, seenAt, refusals }: Activity,
): Promise<void> {
  const steps = SETUP_STEPS.map((step) => [COLUMNS[step], seenAt[step] ?? null] as const);
  const kept = steps.map(([column]) => [
    column,
    tx.raw('coalesce(??, ??)', [`connection_activity.${column}`, `excluded.${column}`]),
  ]);
  const last = 'last_request_at';
  const row = { connection_id: connectionId, [last]: lastRequestAt, ...Object.fromEntries(steps) };
  await tx('connection_activity')
    .insert(row)
    .onConflict('connection_id')
    .merge({ [last]: tx.raw('excluded.last_request_at'), ...Object.fromEntries(kept) });
  if (refusals.length === 0) return;
  const oldestFirst = refusals.slice(0, REFUSALS_KEPT_MAX).toReversed();
  await tx('connection_refusals').insert(oldestFirst.map((one) => ({ connection_id: connectionId, ...one })));
  const oldestKept = await tx('connection_refusals')
    .where({ connection_id: connectionId })
    .orderBy('id', 'desc')
    .offset(REFUSALS_KEPT_MAX - 1)
    .first('id');
  if (oldestKept)
    await tx('connection_refusals')
      .where({ connection_id: connectionId })
      .where('id', '<', oldestKept.id)
      .delete();
}

export async function readActivity(db: Db, connectionId: string): Promise<Activity> {
  const row = await db('connection_activity').where({ connection_id: connectionId }).first();
  const seen = SETUP_STEPS.flatMap((step) => {
    const at: string | null = row?.[COLUMNS[step]] ?? null;
    return at === null ? [] : [[step, at] as const];
  });
  const refusals: RefusedRequest[] = await db('connection_refusals')
    .where({ connection_id: connectionId })
    .orderBy('id', 'desc')
    .limit(REFUSALS_KEPT_MAX)
    .select('at', 'method', 'path', 'status', 'detail');
  return { lastRequestAt: row?.last_request_at ?? null, seenAt: Object.fromEntries(seen), refusals };
}

export async function forgetActivity(tx: Db, connectionId: string): Promise<void> {
  await tx('connection_activity').where({ connection_id: connectionId }).delete();
  await tx('connection_refusals').where({ connection_id: connectionId }).delete();
}
