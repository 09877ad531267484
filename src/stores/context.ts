/** A store as planning sees it: its settings with their defaults, its type, its connector, and its scope. */

import type { AttributeMapping, StoreTypeDefinition } from '../connectors/connector.ts';
import { inboundMappings } from '../db/identity/connections.ts';
import type { UserRecord } from '../db/identity/users.ts';
import { type Db, dialectOf } from '../db/open.ts';
import { type AttributeOverride, mappingsOfStore } from '../db/stores/mappings.ts';
import { rulesOfStore } from '../db/stores/rules.ts';
import type { StoreRecord } from '../db/stores/stores.ts';
import { mappedResource } from '../directory/inbound.ts';
import { type CommonSettings, commonSettings } from '../model/commonSettings.ts';
import { withDefaults } from '../model/settings.ts';
import type { Connectors } from './connectorCache.ts';
import type { DeletionClock } from './deletionClock.ts';
import type { StoreContext } from './desired.ts';
import { scopeOf } from './scope.ts';

const CACHED_MAX = 1_000;

/** Keeps contexts until the store's row says that they are outdated, whichever process changed it. */
export function createContextCache(
  db: Db,
  connectors: Connectors,
  deletions: DeletionClock,
): (store: StoreRecord) => Promise<StoreContext> {
  const cached = new Map<string, StoreContext>();
  return async (store) => {
    await deletions.begin();
    const known = cached.get(store.id);
    if (known?.store.contextVersion === store.contextVersion) return { ...known, store };
    const fresh = await storeContextOf(db, connectors, store);
    const days = fresh.settings.removeAfterDays;
    const context = { ...fresh, deletionTime: (now: string) => deletions.timeFor(days, now) };
    if (cached.size >= CACHED_MAX) cached.clear();
    cached.set(store.id, context);
    return context;
  };
}

/** Reads one version of a store's settings, rules and mappings, so that a plan never mixes two. */
export async function storeContextOf(
  db: Db,
  connectors: Connectors,
  store: StoreRecord,
): Promise<StoreContext> {
  const definition = connectors.definitionOf(store.type);
  const settings = commonSettings(withDefaults(definition.settings, store.configuration));
  const mappings = await mappingsOfStore(db, store.id);
  return {
    store,
    definition,
    settings,
    connector: connectors.connectorFor(store),
    scope: scopeOf(await rulesOfStore(db, store.id), dialectOf(db)),
    resourceOf: await resourceReaders(db, store.environmentId),
    mapping: effectiveMapping(definition, settings, mappings.attributes),
    groupMappings: mappings.groups,
    deletionTime: (now) => now,
  };
}

async function resourceReaders(db: Db, environmentId: string): Promise<StoreContext['resourceOf']> {
  const mappings = await inboundMappings(db, environmentId);
  const readers = new Map([...mappings].map(([id, mapping]) => [id, mappedResource(mapping)]));
  return (user: UserRecord) => readers.get(user.connectionId)?.(user.resource) ?? user.resource;
}

/**
 * The store type's mapping with the store's overrides. Attributes that identify an account always have the source
 * that the settings name.
 */
export function effectiveMapping(
  definition: Pick<StoreTypeDefinition, 'defaultMapping' | 'userAttributes' | 'identifierAttributes'>,
  settings: Pick<CommonSettings, 'uniqueUserIdentifier'>,
  overrides: readonly AttributeOverride[],
): readonly AttributeMapping[] {
  const identifier = settings.uniqueUserIdentifier;
  const sources = new Map<string, string | null>([
    ...definition.defaultMapping.map((m) => [m.targetAttribute, m.sourceAttribute] as const),
    ...overrides.map((m) => [m.targetAttribute, m.sourceAttribute] as const),
  ]);
  const target = definition.identifierAttributes[identifier];
  if (sources.get(target)) sources.set(target, identifier);
  return definition.userAttributes.flatMap(({ name }) => {
    const sourceAttribute = sources.get(name);
    return sourceAttribute ? [{ targetAttribute: name, sourceAttribute }] : [];
  });
}
