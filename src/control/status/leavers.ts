/** People who left and still have access on a store, each with the reason in words. */

import { namesOfPeople } from '../../db/identity/subjects.ts';
import type { Db } from '../../db/open.ts';
import { listOpenLeavers, type OpenLeaver } from '../../db/queue/leavers.ts';
import { reasonsOfPeople } from '../../db/seen/syncStatuses.ts';
import type { StoreRecord } from '../../db/stores/stores.ts';
import type { NamedSubject } from '../../model/subject.ts';

export interface ShownLeaver {
  readonly subject: NamedSubject<'user'>;
  readonly since: string;
  readonly overdueAt?: string;
  readonly reason: string;
  readonly correlationId: string | null;
  readonly verifying: boolean;
  readonly task: OpenLeaver['task'];
}

const LEAVERS_LISTED_MAX = 100;

/** Those who have waited longest come first. */
export async function openLeavers(db: Db, store: StoreRecord): Promise<readonly ShownLeaver[]> {
  const leavers = await listOpenLeavers(db, store.id, LEAVERS_LISTED_MAX);
  const ids = leavers.map((leaver) => leaver.personId);
  const [people, reasons] = [await namesOfPeople(db, ids), await reasonsOfPeople(db, store.id, ids)];
  return leavers.map((leaver) => {
    const { personId: id, since, overdueAt, correlationId, verifying, task } = leaver;
    return {
      subject: { kind: 'user', id, display: people.get(id)?.display ?? id },
      since,
      ...(overdueAt === null ? {} : { overdueAt }),
      reason: whyOpen(store, leaver, reasons.get(id) ?? null),
      correlationId,
      verifying,
      task,
    };
  });
}

/** `concluded` is the reason that the last attempt wrote. */
function whyOpen(
  store: StoreRecord,
  { task, verifying, failure }: OpenLeaver,
  concluded: string | null,
): string {
  if (task === 'held') return concluded ?? 'the brake holds it: approve or discard it';
  if (store.paused) return `${store.name} is paused: ${store.paused.message}`;
  if (verifying) return `disabled, and read back until ${store.name} shows no access any more`;
  if (task === 'pending') return failure === null ? 'on its way' : `failed, and is tried again: ${failure}`;
  const why = concluded ?? failure ?? `${store.name} did not confirm it`;
  return task === 'parked' ? `given up on until somebody retries the task: ${why}` : why;
}
