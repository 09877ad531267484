/**
 * Handles rules that name a group when the group is deleted, and when it comes back under another id. Events tell
 * both, and neither takes anything from anybody. Part of the transaction that writes the group.
 */

import { retireLosses, standingOfSubject } from '../db/brake/losses.ts';
import { appendEvent, type NewEvent } from '../db/events.ts';
import { deletedGroupsAs, type GroupRecord } from '../db/identity/groups.ts';
import type { Db } from '../db/open.ts';
import { deleteHeldTask } from '../db/queue/tasks.ts';
import { linksOfSubject } from '../db/seen/linkLists.ts';
import { getLink, passLink } from '../db/seen/links.ts';
import { deleteSyncStatus } from '../db/seen/syncStatuses.ts';
import { moveDeparted, recordDeparted } from '../db/stores/departedMembers.ts';
import { type RuleRecord, rulesNaming, updateRule } from '../db/stores/rules.ts';
import { getStore, lockStore } from '../db/stores/stores.ts';
import type { Cause } from '../model/cause.ts';

/** Called before the memberships of the group end. Answers the rules that name it. */
export async function rememberMembers(tx: Db, group: GroupRecord): Promise<readonly RuleRecord[]> {
  const rules = await rulesNaming(tx, group.environmentId, [group.id]);
  if (rules.length > 0) await recordDeparted(tx, group.id);
  return rules;
}

/** Called after the event of the deletion, because that is the cause. */
export async function sayGroupGone(
  tx: Db,
  group: GroupRecord,
  rules: readonly RuleRecord[],
  cause: Cause,
  at: string,
): Promise<void> {
  for (const rule of rules) {
    await ruleEvent(tx, group, rule, cause, at, {
      kind: 'rule.groupGone',
      outcome: rule.active ? 'held' : 'skipped',
      reason: `the rule "${rule.name}" names the group "${group.displayName}", which was deleted`,
      after: { id: rule.id, name: rule.name },
    });
  }
}

/** A new group with the `externalId` of deleted groups of its connection takes their place in rules. */
export async function enterRules(tx: Db, group: GroupRecord, cause: Cause, at: string): Promise<void> {
  if (group.externalId === null || group.externalId === '') return;
  const before = await deletedGroupsAs(tx, group.connectionId, group.externalId);
  await standInRules(tx, group, before, 'came back under another id', cause, at);
}

/** The group takes the place of the earlier ones in every rule that names one. `why` is the reason in the event. */
export async function standInRules(
  tx: Db,
  group: GroupRecord,
  before: readonly string[],
  why: string,
  cause: Cause,
  at: string,
): Promise<void> {
  const stores = new Set((await rulesNaming(tx, group.environmentId, before)).map(({ storeId }) => storeId));
  if (stores.size === 0) return;
  // Waits for an admin who is saving one of these rules, or makes the admin wait.
  for (const id of [...stores].sort()) await lockStore(tx, id);
  for (const rule of await rulesNaming(tx, group.environmentId, before)) {
    const groups = [...new Set(rule.groups.map((id) => (before.includes(id) ? group.id : id)))];
    await updateRule(tx, { ...rule, groups, updatedAt: at });
    await ruleEvent(tx, group, rule, cause, at, {
      kind: 'rule.groupReplaced',
      outcome: 'success',
      reason: `the group "${group.displayName}" ${why} and takes its place in the rule "${rule.name}"`,
      before: { id: rule.id, groups: rule.groups },
      after: { id: rule.id, groups },
    });
  }
  for (const id of before) {
    await moveDeparted(tx, id, group.id);
    await passRemoteGroups(tx, id, group.id);
  }
}

/**
 * On each store the new group feeds the remote group of the deleted one, unless it feeds another group there. Held
 * losses of the deleted one end.
 */
async function passRemoteGroups(tx: Db, fromId: string, toId: string): Promise<void> {
  const from = { kind: 'group', id: fromId } as const;
  for (const { id, storeId } of await linksOfSubject(tx, from)) {
    if (await getLink(tx, storeId, { kind: 'group', id: toId })) continue;
    await passLink(tx, id, toId);
    const held = await standingOfSubject(tx, storeId, from);
    await retireLosses(
      tx,
      held.map((loss) => loss.id),
    );
    await deleteHeldTask(tx, storeId, from);
    await deleteSyncStatus(tx, storeId, from);
  }
}

async function ruleEvent(
  tx: Db,
  { id, environmentId, displayName }: GroupRecord,
  { storeId }: RuleRecord,
  cause: Cause,
  at: string,
  event: Pick<NewEvent, 'kind' | 'outcome' | 'reason' | 'before' | 'after'>,
): Promise<void> {
  const store = await getStore(tx, storeId);
  await appendEvent(tx, at, {
    environmentId,
    cause,
    subject: { kind: 'group', id, display: displayName },
    ...(store ? { store: { id: store.id, name: store.name } } : {}),
    ...event,
  });
}
