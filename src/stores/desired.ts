/** Loads how a subject should be on a store, from the directory as it is now. Never asks a vendor. */

import type { AttributeMapping, Connector, StoreTypeDefinition } from '../connectors/connector.ts';
import { lower } from '../db/columns.ts';
import { findGroupsEvenDeleted, type NamedGroup, unlinkedGroups } from '../db/identity/groups.ts';
import {
  type DeletedUser,
  lastDeletedUsers,
  type SpeakingUser,
  speakingUsers,
} from '../db/identity/persons.ts';
import type { UserRecord } from '../db/identity/users.ts';
import type { Db } from '../db/open.ts';
import { enrichmentOf } from '../db/pull/enrichment.ts';
import type { LinkRecord } from '../db/seen/links.ts';
import { departedFrom } from '../db/stores/departedMembers.ts';
import type { GroupMapping } from '../db/stores/mappings.ts';
import type { StoreRecord } from '../db/stores/stores.ts';
import type { CommonSettings } from '../model/commonSettings.ts';
import type { Attributes, DesiredGroup, DesiredUser, Lifecycle, Speaker } from '../model/desired.ts';
import { identityPath } from '../model/pull/identity.ts';
import { primaryEmail, type Resource } from '../model/resource.ts';
import { sourceValue } from '../model/source.ts';
import { groupNameCore } from '../support/text/groupName.ts';
import { groupMappingFor, leadsElsewhere, mappingKey } from './groupMapping.ts';
import { type FromManager, fromManagers } from './managers.ts';
import { groupInScope, peopleInScope, type Scope } from './scope.ts';

/** Everything about a store that decides how a subject should be there. */
export interface StoreContext {
  readonly store: StoreRecord;
  readonly settings: CommonSettings;
  readonly definition: StoreTypeDefinition;
  readonly connector: Connector;
  readonly scope: Scope;
  /** A user as the mapping of its connection shows it. */
  readonly resourceOf: (user: UserRecord) => Resource;
  /** The store type's mapping with the store's overrides. */
  readonly mapping: readonly AttributeMapping[];
  readonly groupMappings: readonly GroupMapping[];
  /** Until which time deletions after REMOVE_AFTER_DAYS count as due: `now` or earlier. Both are ISO times. */
  readonly deletionTime: (now: string) => string;
}

/** In the order of the ids. */
export async function loadDesiredUsers(
  db: Db,
  context: StoreContext,
  personIds: readonly string[],
): Promise<readonly DesiredUser[]> {
  const speaking = await speakingUsers(db, personIds);
  const inScope = await peopleInScope(db, context.scope, [...speaking.values()]);
  const deleted = await lastDeletedUsers(
    db,
    personIds.filter((id) => !speaking.has(id)),
  );
  const outside = [...speaking.values()].filter((user) => user.active && !inScope.has(user.personId));
  const departed = await departedFrom(
    db,
    [...context.scope.deciding],
    outside.map(({ personId }) => personId),
  );
  const identities = await enrichmentOf(db, [...speaking.keys()], handlesOf(context));
  const fromManager = await fromManagers(db, context, [...speaking.values()]);
  return personIds.map((id) => {
    const user = speaking.get(id);
    if (user) {
      const standing = standingOf(context, user, inScope.has(id));
      const from = standing.outOfScope ? departed.get(id) : undefined;
      return desiredOf(
        context,
        id,
        { ...standing, speaker: speakerOf(user), ...(from === undefined ? {} : { departedFrom: from }) },
        user,
        fromManager(id),
        identities.get(id),
      );
    }
    const last = deleted.get(id);
    return desiredOf(
      context,
      id,
      last ? departedStanding(context, last) : GONE,
      last ?? null,
      fromManager(id),
    );
  });
}

/** The handles of the connections whose accounts the mapping names. */
function handlesOf({ mapping }: Pick<StoreContext, 'mapping'>): readonly string[] {
  return mapping.flatMap(({ sourceAttribute }) => identityPath(sourceAttribute)?.handle ?? []);
}

type Standing = Pick<DesiredUser, 'lifecycle' | 'outOfScope' | 'departedFrom' | 'keepRemote' | 'speaker'>;

const GONE: Standing = { lifecycle: 'gone' };

function departedStanding({ store }: StoreContext, last: DeletedUser): Standing {
  if (last.keepRemote) return { ...GONE, keepRemote: true };
  // Nobody deleted the person: another one was written over their user. A disabled account stays disabled, and is not
  // removed.
  return last.writtenOver && store.status !== 'DELETING' ? { lifecycle: 'inactive' } : GONE;
}

function speakerOf(user: SpeakingUser): Speaker {
  return {
    connectionId: user.connectionId,
    connectionName: user.connectionName,
    externalId: user.externalId,
    address: user.primaryEmail,
    looksLike: user.looksLike,
    since: user.createdAt,
    isOther: user.isOther,
    yields: !user.isOfPrimary && !user.matchesPeople,
    asks: user.asks,
    isOfPrimary: user.isOfPrimary,
  };
}

/** `user`: the person's speaking user; null where the directory no longer has one. */
function standingOf(context: StoreContext, user: UserRecord | null, inScope: boolean): Standing {
  if (user === null || context.store.status === 'DELETING') return GONE;
  // The bridge knows no attributes of a purged person, so no rule can tell whether they left the scope.
  if (user.purgedAt !== null) return { lifecycle: user.active ? 'active' : 'inactive' };
  if (!inScope) return { lifecycle: 'gone', outOfScope: true };
  return { lifecycle: user.active ? 'active' : 'inactive' };
}

function desiredOf(
  context: StoreContext,
  personId: string,
  standing: Standing,
  shown: UserRecord | null,
  fromManager: FromManager,
  identities: Identities = NONE,
): DesiredUser {
  // The bridge knows nothing of a purged person. That is not the same as empty attributes.
  const isPurged = shown !== null && shown.purgedAt !== null;
  const resource = shown && !isPurged ? context.resourceOf(shown) : {};
  const desired: DesiredUser = {
    kind: 'user',
    id: personId,
    display: shown?.userName ?? personId,
    ...standing,
    identifier: identifierOf(context.settings, resource),
    attributes: isPurged ? {} : mapped(context, resource, fromManager, identities),
  };
  return context.connector.normalize(desired).desired;
}

function identifierOf(settings: CommonSettings, user: Resource): string | null {
  if (settings.uniqueUserIdentifier === 'primaryEmail') return primaryEmail(user);
  return typeof user.userName === 'string' ? user.userName : null;
}

/** The attributes of a person's speaking identities, by the connection's handle. */
type Identities = ReadonlyMap<string, Attributes>;

const NONE: Identities = new Map();

/**
 * The attributes that the mapping gives. One that the directory lacks is empty, unless the vendor requires it. One
 * that comes from an account the person does not have, or from a manager whom the bridge does not know there, is left
 * out: nobody may lose a value because somebody was not seen.
 */
function mapped(
  context: StoreContext,
  user: Resource,
  fromManager: FromManager,
  identities: Identities,
): Record<string, string> {
  const required = new Set(context.definition.userAttributes.filter((a) => a.required).map((a) => a.name));
  const attributes: Record<string, string> = {};
  for (const { targetAttribute, sourceAttribute } of context.mapping) {
    const path = identityPath(sourceAttribute);
    const account = path && identities.get(path.handle);
    const led = fromManager.get(targetAttribute);
    if ((path && !account) || led === null) continue;
    const value = led ?? (path ? account?.[path.attribute] || null : sourceValue(user, sourceAttribute));
    if (value !== null || !required.has(targetAttribute)) attributes[targetAttribute] = value ?? '';
  }
  return attributes;
}

/**
 * In the order of the ids. `links`: the groups' links on this store, by group. Where a mapping now leads elsewhere,
 * such a link is to end.
 */
export async function loadDesiredGroups(
  db: Db,
  context: StoreContext,
  groupIds: readonly string[],
  links: ReadonlyMap<string, LinkRecord>,
): Promise<readonly DesiredGroup[]> {
  const groups = await findGroupsEvenDeleted(db, groupIds);
  return groupIds.map((id) => desiredGroupOf(context, id, groups.get(id) ?? null, links.get(id) ?? null));
}

/** Live SCIM groups without a remote group on the store that are to have one of these names, in lower case. */
export async function unlinkedGroupsNamed(
  db: Db,
  context: StoreContext,
  names: ReadonlySet<string>,
): Promise<readonly string[]> {
  const leadsThere = (translation: string) =>
    names.has(lower(context.connector.normalize({ ...UNNAMED, name: translation }).desired.name));
  const mapped = context.groupMappings.filter(({ translation }) => leadsThere(translation));
  const cores = [...names, ...mapped.flatMap(({ original }) => original ?? [])].map(groupNameCore);
  const externalIds = mapped.flatMap(({ externalId }) => externalId ?? []);
  const groups = await unlinkedGroups(db, context.store, { cores: [...new Set(cores)], externalIds });
  return groups
    .filter((group) => names.has(lower(desiredGroupOf(context, group.id, group, null).name)))
    .map(({ id }) => id);
}

const UNNAMED: DesiredGroup = {
  ...{ kind: 'group', id: '', display: '', name: '' },
  ...{ lifecycle: 'active', memberLevel: null },
};

function desiredGroupOf(
  context: StoreContext,
  groupId: string,
  group: NamedGroup | null,
  link: LinkRecord | null,
): DesiredGroup {
  const mapping = group && groupMappingFor(context.groupMappings, group, link);
  const display = group?.displayName ?? groupId;
  const live = group !== null && group.deletedAt === null && context.store.status !== 'DELETING';
  const wanted = live && groupInScope(context.scope, groupId);
  const named: DesiredGroup = {
    kind: 'group',
    id: groupId,
    display,
    lifecycle: wanted ? 'active' : 'gone',
    ...(group?.keepRemote ? { keepRemote: true } : {}),
    name: mapping?.translation ?? display,
    memberLevel:
      context.definition.accessLevels?.[mapping?.accessLevel ?? ''] ?? context.connector.memberLevel,
    ...(mapping ? { mappedBy: mappingKey(mapping) } : {}),
  };
  const desired = context.connector.normalize(named).desired;
  const remapped = wanted && link !== null && leadsElsewhere(link, mapping, desired.name);
  return remapped ? { ...desired, lifecycle: 'gone', remapped } : desired;
}

/** Where one person stands on a store, as far as memberships go. */
export interface MemberStanding {
  readonly lifecycle: Lifecycle;
  readonly speaker: Speaker | null;
}

/** Where many people stand. People whom the directory does not have, or no rule includes, are `gone`. */
export async function standingsOf(
  db: Db,
  context: StoreContext,
  personIds: readonly string[],
): Promise<ReadonlyMap<string, MemberStanding>> {
  const speaking = await speakingUsers(db, personIds);
  const inScope = await peopleInScope(db, context.scope, [...speaking.values()]);
  return new Map(
    personIds.map((id) => {
      const user = speaking.get(id) ?? null;
      const { lifecycle } = standingOf(context, user, inScope.has(id));
      return [id, { lifecycle, speaker: user && speakerOf(user) }];
    }),
  );
}
