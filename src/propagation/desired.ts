/** Loads how a subject should be on a store, from the directory as it is now. Never asks a vendor. */

import type { Connector, StoreTypeDefinition } from '../connectors/connector.ts';
import { findGroupEvenDeleted } from '../db/groups.ts';
import type { Db } from '../db/open.ts';
import { lastDeletedUser, speakingUsers } from '../db/persons.ts';
import type { StoreRecord } from '../db/stores.ts';
import type { UserRecord } from '../db/users.ts';
import type { DesiredGroup, DesiredUser, Lifecycle } from '../model/desired.ts';
import { primaryEmail, type Resource } from '../model/resource.ts';
import type { CommonSettings } from '../model/settings.ts';
import { sourceValue } from '../model/source.ts';

/** What of a store decides how a subject should be. */
export interface StoreView {
  readonly store: StoreRecord;
  readonly settings: CommonSettings;
  readonly definition: StoreTypeDefinition;
  readonly connector: Connector;
}

export async function loadDesiredUser(db: Db, view: StoreView, personId: string): Promise<DesiredUser> {
  const [desired] = await loadDesiredUsers(db, view, [personId]);
  return desired as DesiredUser;
}

/** In the order of the ids. */
export async function loadDesiredUsers(
  db: Db,
  view: StoreView,
  personIds: readonly string[],
): Promise<readonly DesiredUser[]> {
  const speaking = await speakingUsers(db, personIds);
  const desired: DesiredUser[] = [];
  for (const id of personIds) {
    const user = speaking.get(id) ?? null;
    const shown = user ?? (await lastDeletedUser(db, id));
    desired.push(desiredOf(view, id, user === null ? 'gone' : lifecycleOf(view, user.active), shown));
  }
  return desired;
}

function desiredOf(
  view: StoreView,
  personId: string,
  lifecycle: Lifecycle,
  shown: UserRecord | null,
): DesiredUser {
  const resource = shown?.resource ?? {};
  const desired: DesiredUser = {
    kind: 'user',
    id: personId,
    display: shown?.userName ?? personId,
    lifecycle,
    identifier: identifierOf(view.settings, resource),
    attributes: mapped(view, resource),
  };
  return view.connector.normalize(desired).desired as DesiredUser;
}

function lifecycleOf(view: StoreView, active: boolean): Lifecycle {
  if (view.store.status === 'DELETING') return 'gone';
  return active ? 'active' : 'inactive';
}

function identifierOf(settings: CommonSettings, user: Resource): string | null {
  if (settings.uniqueUserIdentifier === 'primaryEmail') return primaryEmail(user);
  return typeof user.userName === 'string' ? user.userName : null;
}

/** What the vendor requires is never cleared; everything else that the directory lacks is empty. */
function mapped(view: StoreView, user: Resource): Record<string, string> {
  const required = new Set(view.definition.userAttributes.filter((a) => a.required).map((a) => a.name));
  const attributes: Record<string, string> = {};
  for (const { targetAttribute, sourceAttribute } of view.definition.defaultMapping) {
    const value = sourceValue(user, sourceAttribute);
    if (value !== null || !required.has(targetAttribute)) attributes[targetAttribute] = value ?? '';
  }
  return attributes;
}

export async function loadDesiredGroup(db: Db, view: StoreView, groupId: string): Promise<DesiredGroup> {
  const group = await findGroupEvenDeleted(db, groupId);
  const live = group !== null && group.deletedAt === null && view.store.status !== 'DELETING';
  const name = group?.displayName ?? groupId;
  const desired: DesiredGroup = {
    kind: 'group',
    id: groupId,
    display: name,
    lifecycle: live ? 'active' : 'gone',
    name,
  };
  return view.connector.normalize(desired).desired as DesiredGroup;
}

/** Where many people stand; those whom the directory does not have are `gone`. */
export async function lifecyclesOf(
  db: Db,
  view: StoreView,
  personIds: readonly string[],
): Promise<ReadonlyMap<string, Lifecycle>> {
  const speaking = await speakingUsers(db, personIds);
  return new Map(
    personIds.map((id) => {
      const user = speaking.get(id);
      return [id, user ? lifecycleOf(view, user.active) : 'gone'];
    }),
  );
}
