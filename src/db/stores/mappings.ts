/** What a store maps otherwise than its type: attributes of people, and names of groups. */

import type { Db } from '../open.ts';
import { raiseContextVersion } from './contextVersions.ts';

export interface AttributeOverride {
  readonly targetAttribute: string;
  /** Null where nothing feeds the attribute. */
  readonly sourceAttribute: string | null;
}

/** A SCIM group, by its displayName (`original`) or its externalId, and the remote group that it feeds. */
export interface GroupMapping {
  readonly original: string | null;
  readonly externalId: string | null;
  /** The remote group's name, or on GitLab its full path. */
  readonly translation: string;
  /** As the store type names it; null: the store's default. */
  readonly accessLevel: string | null;
}

export interface StoreMappings {
  readonly attributes: readonly AttributeOverride[];
  readonly groups: readonly GroupMapping[];
}

export async function mappingsOfStore(db: Db, storeId: string): Promise<StoreMappings> {
  const attributes = await db('attribute_mappings').where({ store_id: storeId }).orderBy('target_attribute');
  const groups = await db('group_mappings').where({ store_id: storeId }).orderBy('position');
  return {
    attributes: attributes.map((row: Record<string, unknown>) => ({
      targetAttribute: row.target_attribute as string,
      sourceAttribute: row.source_attribute as string | null,
    })),
    groups: groups.map((row: Record<string, unknown>) => ({
      original: row.original as string | null,
      externalId: row.external_id as string | null,
      translation: row.translation as string,
      accessLevel: row.access_level as string | null,
    })),
  };
}

const ROWS_PER_INSERT_MAX = 100;

/** The caller has locked the store's row. */
export async function replaceMappings(db: Db, storeId: string, mappings: StoreMappings): Promise<void> {
  await raiseContextVersion(db, storeId);
  await db('attribute_mappings').where({ store_id: storeId }).delete();
  await db('group_mappings').where({ store_id: storeId }).delete();
  const attributes = mappings.attributes.map((mapping) => ({
    store_id: storeId,
    target_attribute: mapping.targetAttribute,
    source_attribute: mapping.sourceAttribute,
  }));
  if (attributes.length > 0) await db('attribute_mappings').insert(attributes);
  for (let from = 0; from < mappings.groups.length; from += ROWS_PER_INSERT_MAX) {
    const rows = mappings.groups.slice(from, from + ROWS_PER_INSERT_MAX).map((mapping, index) => ({
      store_id: storeId,
      position: from + index,
      original: mapping.original,
      external_id: mapping.externalId,
      translation: mapping.translation,
      access_level: mapping.accessLevel,
    }));
    await db('group_mappings').insert(rows);
  }
}
