/**
 * What becomes of rules when a group goes that they name, and when it comes back under another id: both are said, and
 * neither takes anything from anybody. Part of the transaction that writes the group.
 */

import { appendEvent } from '../db/events.ts';
import { deletedGroupsAs, type GroupRecord } from '../db/identity/groups.ts';
import type { Db } from '../db/open.ts';
import { enqueueForAllStores, PRIORITY } from '../db/queue/tasks.ts';
import { moveDeparted, recordDeparted } from '../db/stores/departedMembers.ts';
import { rulesNaming, updateRule } from '../db/stores/rules.ts';
import { getStore, lockStore } from '../db/stores/stores.ts';
import type { Cause } from '../model/cause.ts';

type Group = Pick<GroupRecord, 'id' | 'environmentId' | 'connectionId' | 'displayName' | 'externalId'>;

/** Before the memberships of the group end. */
export async function leaveRules(tx: Db, group: Group, cause: Cause, at: string): Promise<void> {
  const rules = await rulesNaming(tx, group.environmentId, [group.id]);
  if (rules.length === 0) return;
  await recordDeparted(tx, group.id);
  for (const rule of rules) {
    const store = await getStore(tx, rule.storeId);
    await appendEvent(tx, at, {
      environmentId: group.environmentId,
      cause,
      kind: 'rule.groupGone',
      subject: { kind: 'group', id: group.id, display: group.displayName },
      ...(store ? { store: { id: store.id, name: store.name } } : {}),
      outcome: rule.active ? 'held' : 'skipped',
      reason: `the rule "${rule.name}" names the group "${group.displayName}", which was deleted; what people would lose by that waits for a decision`,
      after: { rule: { id: rule.id, name: rule.name } },
    });
  }
}

/** The group has the `externalId` of deleted ones of its connection: it stands for them from now on. */
export async function enterRules(tx: Db, group: Group, cause: Cause, at: string): Promise<void> {
  if (group.externalId === null || group.externalId === '') return;
  const before = await deletedGroupsAs(tx, group.connectionId, group.externalId);
  const stores = new Set((await rulesNaming(tx, group.environmentId, before)).map(({ storeId }) => storeId));
  if (stores.size === 0) return;
  // An admin who saves one of these rules meanwhile waits, or is waited for.
  for (const id of [...stores].sort()) await lockStore(tx, id);
  for (const rule of await rulesNaming(tx, group.environmentId, before)) {
    const groups = new Set(rule.groups.map((id) => (before.includes(id) ? group.id : id)));
    await updateRule(tx, { ...rule, groups: [...groups], updatedAt: at });
    const store = await getStore(tx, rule.storeId);
    await appendEvent(tx, at, {
      environmentId: group.environmentId,
      cause,
      kind: 'rule.groupReplaced',
      subject: { kind: 'group', id: group.id, display: group.displayName },
      ...(store ? { store: { id: store.id, name: store.name } } : {}),
      outcome: 'success',
      reason: `the group "${group.displayName}" came back under another id and takes its place in the rule "${rule.name}"`,
      before: { id: rule.id, groups: rule.groups },
      after: { id: rule.id, groups: [...groups] },
    });
  }
  for (const id of before) {
    await moveDeparted(tx, id, group.id);
    // What is held of the group that went is planned anew.
    await enqueueForAllStores(tx, {
      environmentId: group.environmentId,
      subject: { kind: 'group', id },
      priority: PRIORITY.normal,
      correlationIds: [cause.correlationId],
      at,
    });
  }
}
