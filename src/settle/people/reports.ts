/** Queues the people whom a person leads, where a store shows something of the manager that is no longer right. */

import type { Db } from '../../db/open.ts';
import { type Report, reportsOf, usersWhoLead } from '../../db/people/managers.ts';
import { enqueueTask, PRIORITY } from '../../db/queue/enqueue.ts';
import type { Attributes } from '../../model/desired.ts';
import { loadDesiredUsers } from '../../stores/desired.ts';
import { managerTargets, valuesOf } from '../../stores/managers.ts';
import type { Attempt } from '../attempt.ts';

/**
 * Part of the transaction that ends the manager's task: the account that it made, and the name that it settled, are
 * known now. A report whose task is under way looked at the manager earlier, so it runs again. People in a loop have
 * no manager, so nobody is queued in a circle.
 */
export async function enqueueReports(tx: Db, attempt: Attempt): Promise<void> {
  const { context, task } = attempt;
  const { store } = context;
  const targets = managerTargets(context);
  if (targets.size === 0) return;
  const behind: Report[] = [];
  for (const manager of await usersWhoLead(tx, store.id, task.subject.id)) {
    const values = valuesOf(context, targets, manager);
    const isBehind = ({ applied }: Report) =>
      [...values].some(([target, value]) => value !== null && applied[target] !== value);
    behind.push(...(await reportsOf(tx, store.id, manager.user.id)).filter(isBehind));
  }
  if (behind.length === 0) return;
  const applied = new Map(behind.map((report) => [report.personId, report.applied]));
  const differs = (id: string, wanted: Attributes) =>
    [...targets.keys()].some(
      (target) => wanted[target] !== undefined && wanted[target] !== (applied.get(id)?.[target] ?? ''),
    );
  // Always in the same order, so that two attempts never wait for each other's rows.
  const people = await loadDesiredUsers(tx, context, [...applied.keys()].sort());
  for (const { id, lifecycle, attributes } of people) {
    if (lifecycle !== 'active' || !differs(id, attributes)) continue;
    await enqueueTask(tx, store.id, {
      environmentId: store.environmentId,
      subject: { kind: 'user', id },
      priority: Math.max(PRIORITY.normal, task.priority),
      correlationIds: task.causes,
      at: attempt.now(),
    });
  }
}
