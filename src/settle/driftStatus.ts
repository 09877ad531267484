/** What drift that is not repaired does to the status of its subject. It never plans a change. */

import type { Db } from '../db/open.ts';
import { rememberDrift } from '../db/seen/drift.ts';
import type { LinkRecord, RememberedDrift } from '../db/seen/links.ts';
import { getSyncStatus, upsertSyncStatus } from '../db/seen/syncStatuses.ts';
import type { Attributes } from '../model/desired.ts';
import type { Subject } from '../model/subject.ts';
import type { DriftItem } from '../plan/drift.ts';
import type { StoreContext } from '../stores/desired.ts';
import { afterWrite, driftReason, withAnswered } from './drift.ts';

/** Why a settled subject is not in sync all the same; null where nobody changed anything by hand. */
export function reasonOf(drift: RememberedDrift | null): string | null {
  return drift === null ? null : driftReason(drift.items as readonly DriftItem[]);
}

const STATE_BY_HAND: Partial<Record<DriftItem['kind'], 'enabled' | 'disabled' | 'locked' | 'removed'>> = {
  enabledThere: 'enabled',
  disabledThere: 'disabled',
  lockedThere: 'locked',
  vanished: 'removed',
};

/** The state in which a scan found an account that somebody changed by hand; null where nobody changed that. */
export function stateByHand(
  drift: RememberedDrift | null,
): 'enabled' | 'disabled' | 'locked' | 'removed' | null {
  const items = (drift?.items ?? []) as readonly DriftItem[];
  return items.map(({ kind }) => STATE_BY_HAND[kind]).find((state) => state !== undefined) ?? null;
}

/**
 * Ends the drift of what the bridge has just written. `written`: the attributes; null: the state. `answered`: what the
 * vendor's answer shows changed by hand.
 */
export async function endDrift(
  tx: Db,
  link: LinkRecord,
  written: readonly string[] | null,
  at: string,
  answered: Attributes = {},
): Promise<RememberedDrift | null> {
  const known = withAnswered(link.drift, answered);
  if (known === null) return null;
  const left = afterWrite(known, written);
  await rememberDrift(tx, link.id, left, at);
  return left;
}

/** Brings the status in line with the drift of a new scan. A status with another reason stays as it is. */
export async function restate(
  tx: Db,
  context: StoreContext,
  subject: Subject,
  reasons: { readonly before: string | null; readonly after: string | null },
  step: { readonly run: { readonly correlationId: string }; now(): string },
): Promise<void> {
  if (reasons.before === reasons.after) return;
  const known = await getSyncStatus(tx, context.store.id, subject);
  if (!known) return;
  const fromDrift = known.status === 'partiallySynced' && known.reason === reasons.before;
  if (known.status !== 'synced' && !fromDrift) return;
  await upsertSyncStatus(tx, {
    ...known,
    since: step.now(),
    status: reasons.after === null ? 'synced' : 'partiallySynced',
    reason: reasons.after,
    vendor: null,
    correlationId: step.run.correlationId,
  });
}
