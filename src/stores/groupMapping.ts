/**
 * Which entry of a store's group mapping applies to a SCIM group, and whether its link still leads where that entry
 * says. Pure.
 */

import { lower } from '../db/columns.ts';
import type { GroupRecord } from '../db/identity/groups.ts';
import type { LinkRecord } from '../db/seen/links.ts';
import type { GroupMapping } from '../db/stores/mappings.ts';

/** Identifies an entry, whatever name it gives. */
export function mappingKey(mapping: Pick<GroupMapping, 'original' | 'externalId'>): string {
  return mapping.externalId === null
    ? `original:${lower(mapping.original ?? '')}`
    : `externalId:${mapping.externalId}`;
}

/**
 * While the entry that made the link exists, it applies: renaming the SCIM group moves nothing. Otherwise the
 * externalId decides, then the name.
 */
export function groupMappingFor(
  mappings: readonly GroupMapping[],
  group: Pick<GroupRecord, 'displayName' | 'externalId'>,
  link: Pick<LinkRecord, 'applied'> | null,
): GroupMapping | null {
  if (mappings.length === 0) return null;
  const byKey = new Map(mappings.map((mapping) => [mappingKey(mapping), mapping]));
  const keys = [
    link?.applied.mapping,
    group.externalId === null ? undefined : `externalId:${group.externalId}`,
    `original:${lower(group.displayName)}`,
  ];
  for (const key of keys) {
    const found = key === undefined ? undefined : byKey.get(key);
    if (found) return found;
  }
  return null;
}

/** Whether the mapping was changed and now names another remote group than the link's. */
export function leadsElsewhere(
  link: Pick<LinkRecord, 'applied' | 'remoteName'>,
  mapping: GroupMapping | null,
  name: string,
): boolean {
  if (mapping === null && link.applied.mapping === undefined) return false;
  return link.applied.name !== name && lower(link.remoteName) !== lower(name);
}
