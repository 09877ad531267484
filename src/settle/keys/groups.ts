/**
 * Orders the changes of one SCIM group whose wanted name another remote group has: which may go now, and the
 * temporary name where groups wait in a circle.
 */

import { lower } from '../../db/columns.ts';
import type { KeyHolder } from '../../db/seen/keys.ts';
import type { LinkRecord } from '../../db/seen/links.ts';
import type { GroupChange, Update } from '../../model/change.ts';
import type { DesiredGroup } from '../../model/desired.ts';
import { planGroup } from '../../plan/groups/group.ts';
import { GROUP_KEY, temporaryValue } from '../../plan/keys.ts';
import type { Attempt } from '../attempt.ts';
import { type GroupFacts, groupsByRecords, lookAtGroups } from '../groups/look.ts';
import { type Made, type Order, stepAside } from './aside.ts';
import { awaitedKeys } from './order.ts';

export interface OrderedGroup extends Order {
  /** The changes that may go now. */
  readonly changes: readonly GroupChange[];
}

/** `write` records the temporary name in the link. */
export async function orderGroup(
  attempt: Attempt,
  facts: GroupFacts,
  changes: readonly GroupChange[],
  write: (tx: Parameters<typeof attempt.announce>[0], made: Made<Update<'group'>>) => Promise<void>,
): Promise<OrderedGroup> {
  const { desired, link } = facts;
  const naming = changes.filter(({ op }) => op === 'create' || op === 'adopt' || op === 'update');
  const wanted = naming.length > 0 ? [{ attribute: GROUP_KEY, value: desired.name }] : [];
  const awaited = await awaitedKeys(attempt, wanted, facts.keyWaits, (holder) => givesUp(attempt, holder));
  const order = await stepAside<Update<'group'>>(attempt, awaited, {
    changes: [],
    display: desired.display,
    change: () => changeAside(attempt, desired, link),
    apply: (change, callContext) => attempt.context.connector.apply(change, callContext),
    write,
  });
  return {
    ...order,
    changes: awaited.length > 0 ? changes.filter((change) => !naming.includes(change)) : changes,
  };
}

/** Whether the bridge is about to rename the holder's remote group. */
async function givesUp(attempt: Attempt, { subjectId, valueLower }: KeyHolder): Promise<boolean> {
  const [facts] = await lookAtGroups(attempt, groupsByRecords(attempt), [subjectId]);
  if (!facts) return false;
  const { changes } = planGroup({ ...facts, takenName: null });
  return changes.some(
    (change) => change.op === 'update' && change.attributes.some(({ to }) => lower(to) !== valueLower),
  );
}

/** A temporary name in the form that the store keeps; null where that would be the wanted name again. */
function changeAside(
  { context }: Attempt,
  desired: DesiredGroup,
  link: LinkRecord | null,
): Update<'group'> | null {
  if (link === null) return null;
  const raw = temporaryValue(desired.name, desired.id);
  const to = context.connector.normalize({ ...desired, name: raw }).desired.name;
  if (to === '' || lower(to) === lower(desired.name)) return null;
  const subject = { kind: 'group', id: desired.id, display: desired.display } as const;
  const attributes = [{ name: GROUP_KEY, from: link.remoteName, to }];
  return { op: 'update', temporary: true, subject, remoteId: link.remoteId, attributes };
}
