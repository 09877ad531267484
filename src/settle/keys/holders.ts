/**
 * Keeps records of which linked account or group has which key. When a key becomes free, the same transaction wakes
 * the subjects that want it.
 */

import { lower } from '../../db/columns.ts';
import type { Db } from '../../db/open.ts';
import { enqueueTask, PRIORITY } from '../../db/queue/enqueue.ts';
import {
  type Key,
  type KeysOfLink,
  keysOfLink,
  replaceKeysOfLink,
  type ShownKey,
  takeWaitersFor,
} from '../../db/seen/keys.ts';
import type { LinkRecord } from '../../db/seen/links.ts';
import { type Remote, titleOf } from '../../model/remote.ts';
import type { Kind, Subject } from '../../model/subject.ts';
import { GROUP_KEY } from '../../plan/keys.ts';
import type { StoreContext } from '../../stores/desired.ts';

/** What found the key changed: an attempt, or a sync. */
export interface KeyWork {
  readonly context: StoreContext;
  readonly task: { readonly causes: readonly string[] };
  now(): string;
}

/** The attributes that no two accounts share. */
export function identityAttributes({ definition }: StoreContext): readonly string[] {
  return definition.userAttributes.filter(({ identity }) => identity).map(({ name }) => name);
}

function keysHeld(
  context: StoreContext,
  { subject, state, remoteName, applied, observed }: LinkRecord,
): readonly Key[] {
  if (state === 'removed') return [];
  if (subject.kind === 'group') return [{ attribute: GROUP_KEY, value: remoteName }];
  return identityAttributes(context).flatMap((attribute) => {
    const value = observed[attribute] ?? applied[attribute] ?? '';
    return value === '' ? [] : [{ attribute, value }];
  });
}

/** The keys of the accounts or groups that a page of a scan shows. */
export function keysShown(context: StoreContext, remotes: readonly Remote[]): readonly ShownKey[] {
  const identity = identityAttributes(context);
  return remotes.flatMap((remote) => {
    const { remoteId } = remote;
    if (remote.kind === 'group') return [{ remoteId, attribute: GROUP_KEY, value: titleOf(remote) }];
    const { attributes } = remote;
    return identity.map((attribute) => ({ remoteId, attribute, value: attributes[attribute] ?? '' }));
  });
}

/**
 * Part of the transaction that wrote the link. `known`: the keys of the link, where that transaction has read them.
 */
export async function recordKeys(
  tx: Db,
  work: KeyWork,
  link: LinkRecord,
  known: KeysOfLink | null = null,
): Promise<void> {
  const { context } = work;
  const before = known ?? (await keysOfLink(tx, link.id));
  const held = keysHeld(context, link);
  const after = new Map(held.map(({ attribute, value }) => [attribute, lower(value)]));
  const freed = [...before].filter(([attribute, value]) => after.get(attribute) !== value);
  if (freed.length === 0 && after.size === before.size) return;
  await replaceKeysOfLink(tx, context.store.id, link.id, before, held);
  await wakeWaiters(tx, work, link.subject, freed);
}

/** The account or group is gone, and its link ends with this transaction. */
export async function releaseKeys(tx: Db, work: KeyWork, link: LinkRecord): Promise<void> {
  await wakeWaiters(tx, work, link.subject, [...(await keysOfLink(tx, link.id))]);
}

async function wakeWaiters(
  tx: Db,
  work: KeyWork,
  { kind, id: own }: Subject,
  freed: readonly (readonly [attribute: string, valueLower: string])[],
): Promise<void> {
  const { store } = work.context;
  for (const id of await takeWaitersFor(tx, store.id, kind, freed))
    if (id !== own) await wake(tx, work, kind, id);
}

/**
 * Queues a subject before everybody except leavers: others may wait for it in turn, and it may have a temporary
 * value.
 */
export function wake(tx: Db, work: KeyWork, kind: Kind, id: string): Promise<void> {
  const { store } = work.context;
  return enqueueTask(tx, store.id, {
    environmentId: store.environmentId,
    subject: { kind, id },
    priority: PRIORITY.awaited,
    correlationIds: work.task.causes,
    at: work.now(),
  });
}
