/** Why a change is made, in words for the audit log: the rule, or where the person stands. */

import { findGroupEvenDeleted } from '../db/identity/groups.ts';
import { lastDeletedUser, speakingUser } from '../db/identity/persons.ts';
import { type Db, dialectOf } from '../db/open.ts';
import type { DesiredUser } from '../model/desired.ts';
import type { StoreContext } from '../stores/desired.ts';
import { groupInScope, peopleInScope, scopeOf } from '../stores/scope.ts';

const DELETED = 'deleted in the identity provider';
const FILTERED = 'filtered out: the settings of the connection leave it out';

/** In words, as the transaction that records the change finds things. */
export async function whyOf(tx: Db, context: StoreContext, desired: DesiredUser): Promise<string> {
  const { name, status } = context.store;
  switch (desired.lifecycle) {
    case 'active':
      return whyInScope(tx, context, desired);
    case 'inactive':
      return 'inactive in the directory';
    case 'gone':
      if (status === 'DELETING') return `${name} is being deleted`;
      if (desired.outOfScope) return `out of scope: no active rule of ${name} includes this person`;
      return (await lastDeletedUser(tx, desired.id))?.filtered ? FILTERED : DELETED;
  }
}

/** Why the bridge lets go of a group that a store had. */
export async function whyGroupGone(tx: Db, { store, scope }: StoreContext, groupId: string): Promise<string> {
  if (store.status === 'DELETING') return `${store.name} is being deleted`;
  const group = await findGroupEvenDeleted(tx, groupId);
  if (group?.keepRemote) return 'its connection goes, and what it fed stays';
  if (!group || group.deletedAt !== null) return group?.filtered ? FILTERED : DELETED;
  if (!groupInScope(scope, groupId)) return `out of scope: no active rule of ${store.name} has this group`;
  return 'the mapping of the store names another group now';
}

async function whyInScope(tx: Db, { store, scope }: StoreContext, desired: DesiredUser): Promise<string> {
  const { rules } = scope;
  if (rules.length === 0) return `in scope: ${store.name} has no active rule, so everyone is`;
  const user = await speakingUser(tx, desired.id);
  for (const rule of user ? rules : []) {
    const included = await peopleInScope(tx, scopeOf([rule], dialectOf(tx)), user ? [user] : []);
    if (included.has(desired.id)) return `in scope by the rule "${rule.name}"`;
  }
  return 'in scope when it was planned';
}
