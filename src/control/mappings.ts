/**
 * An admin changes the mappings of a store. All mistakes are reported at once. A mapping that equals the default of
 * the store's type is not stored. On an active store a run then plans everyone again. This file calls no vendor.
 */

import type { StoreTypeDefinition, TargetAttribute } from '../connectors/connector.ts';
import type { Db } from '../db/open.ts';
import { type Offered, offeredIn } from '../db/pull/enrichment.ts';
import { type ChangeCounts, NO_CHANGES } from '../db/runs/changeCounts.ts';
import {
  type AttributeOverride,
  type GroupMapping,
  mappingsOfStore,
  replaceMappings,
  type StoreMappings,
} from '../db/stores/mappings.ts';
import { lockStore, type StoreRecord } from '../db/stores/stores.ts';
import { transact } from '../db/transaction.ts';
import type { Cause } from '../model/cause.ts';
import { type CommonSettings, commonSettings } from '../model/commonSettings.ts';
import { type Mistake, RequestError } from '../model/errors.ts';
import { type IdentityPath, identityPath } from '../model/pull/identity.ts';
import { withDefaults } from '../model/settings.ts';
import { MANAGER, MANAGER_ATTRIBUTES, managerAttribute, SOURCE_ATTRIBUTES } from '../model/source.ts';
import { effectiveMapping } from '../stores/context.ts';
import type { PropagationDeps } from '../stores/deps.ts';
import { mappingKey } from '../stores/groupMapping.ts';
import { storeEvent } from '../stores/storeEvents.ts';
import { isoTime } from '../support/clock.ts';
import { planUnder } from './impact.ts';
import { queueRun } from './stores.ts';

export const GROUP_MAPPINGS_MAX = 1_000;

export interface MappingsInput {
  readonly mappings: readonly AttributeOverride[];
  readonly groupMappings: readonly GroupMapping[];
}

/** In the form of the API: every attribute that is mapped, and those that an admin removed from the mapping. */
export async function readMappings(
  db: Db,
  deps: Pick<PropagationDeps, 'connectors'>,
  store: StoreRecord,
): Promise<MappingsInput> {
  const definition = deps.connectors.definitionOf(store.type);
  const kept = await mappingsOfStore(db, store.id);
  const unmapped = kept.attributes.filter((mapping) => mapping.sourceAttribute === null);
  return {
    mappings: [...effectiveMapping(definition, settingsOf(definition, store), kept.attributes), ...unmapped],
    groupMappings: kept.groups,
  };
}

function settingsOf(definition: StoreTypeDefinition, store: StoreRecord): CommonSettings {
  return commonSettings(withDefaults(definition.settings, store.configuration));
}

export interface MappingsImpact {
  /** Changes that the new mappings add to those planned already. */
  readonly summary: ChangeCounts;
}

/**
 * What would follow if these mappings were saved, from what the bridge last saw of the store. Throws as
 * `saveMappings` does.
 */
export async function previewMappings(
  deps: PropagationDeps,
  store: StoreRecord,
  input: MappingsInput,
): Promise<MappingsImpact> {
  const definition = deps.connectors.definitionOf(store.type);
  const settings = settingsOf(definition, store);
  refuseMistakes(definition, settings, input, await offeredIn(deps.db, store.environmentId));
  const attributes = overrides(definition, input.mappings);
  const groupMappings = input.groupMappings;
  const before = await mappingsOfStore(deps.db, store.id);
  if (isSame(before, { attributes, groups: groupMappings })) return { summary: NO_CHANGES };
  const mapping = effectiveMapping(definition, settings, attributes);
  return { summary: await planUnder(deps, store, { mapping, groupMappings }) };
}

/** Throws a 400 with every mistake, 404, or 409 where the store is being deleted. */
export async function saveMappings(
  deps: PropagationDeps,
  store: StoreRecord,
  input: MappingsInput,
  cause: Cause,
): Promise<MappingsInput & { readonly impact: MappingsImpact }> {
  const definition = deps.connectors.definitionOf(store.type);
  const impact = await previewMappings(deps, store, input);
  const wanted = { attributes: overrides(definition, input.mappings), groups: input.groupMappings };
  const saved = await transact(deps.db, async (tx) => {
    const current = await lockStore(tx, store.id);
    if (!current) throw new RequestError(404, `There is no store ${store.id} here.`);
    if (current.status === 'DELETING') {
      throw new RequestError(409, `The store ${current.name} is being deleted; its mappings do not change.`);
    }
    const before = await mappingsOfStore(tx, current.id);
    if (!isSame(before, wanted)) await replace(tx, deps, current, before, wanted, cause);
    return readMappings(tx, deps, current);
  });
  deps.wake.signal();
  return { ...saved, impact };
}

async function replace(
  tx: Db,
  deps: PropagationDeps,
  store: StoreRecord,
  before: StoreMappings,
  after: StoreMappings,
  cause: Cause,
): Promise<void> {
  const at = isoTime(deps.clock.now());
  await replaceMappings(tx, store.id, after);
  await storeEvent(tx, at, store, cause, 'mappings.updated', { before, after });
  if (store.status === 'ACTIVE') await queueRun(tx, at, store, cause, 'settings');
}

/** A mapping that equals the type's default stays a default, so that a later release can change it. */
function overrides(
  definition: StoreTypeDefinition,
  mappings: readonly AttributeOverride[],
): readonly AttributeOverride[] {
  const defaults = new Map(definition.defaultMapping.map((m) => [m.targetAttribute, m.sourceAttribute]));
  return mappings
    .filter((m) => m.sourceAttribute !== (defaults.get(m.targetAttribute) ?? null))
    .sort((a, b) => (a.targetAttribute < b.targetAttribute ? -1 : 1));
}

function isSame(a: StoreMappings, b: StoreMappings): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function refuseMistakes(
  definition: StoreTypeDefinition,
  settings: CommonSettings,
  { mappings, groupMappings }: MappingsInput,
  offered: Offered,
): void {
  const mistakes = [
    ...mappings.flatMap((mapping, index) => attributeMistakes(definition, settings, mapping, index, offered)),
    ...repeated(mappings, ({ targetAttribute }) => targetAttribute).map((index) => ({
      pointer: `/mappings/${index}/targetAttribute`,
      detail: `${mappings[index]?.targetAttribute} is mapped above already`,
    })),
    ...groupMappings.flatMap((mapping, index) => groupMistakes(definition, mapping, index)),
    ...repeated(groupMappings, mappingKey).map((index) => ({
      pointer: `/groupMappings/${index}`,
      detail: 'this group is mapped above already',
    })),
  ];
  if (mistakes.length === 0) return;
  throw new RequestError(400, 'The mappings were not saved: see errors.', mistakes);
}

/** The positions of items whose key occurred before. */
function repeated<T>(items: readonly T[], keyOf: (item: T) => string): readonly number[] {
  const seen = new Set<string>();
  return items.flatMap((item, index) => {
    const key = keyOf(item);
    const known = seen.has(key);
    seen.add(key);
    return known ? [index] : [];
  });
}

function attributeMistakes(
  definition: StoreTypeDefinition,
  settings: CommonSettings,
  { targetAttribute, sourceAttribute }: AttributeOverride,
  index: number,
  { handles, metadata }: Offered,
): readonly Mistake[] {
  const at = (name: string) => `/mappings/${index}/${name}`;
  const target = definition.userAttributes.find(({ name }) => name === targetAttribute);
  if (!target) {
    const known = definition.userAttributes.map(({ name }) => name).join(', ');
    const detail = `${definition.type} has no attribute ${targetAttribute}; there are ${known}`;
    return [{ pointer: at('targetAttribute'), detail }];
  }
  const pointer = at('sourceAttribute');
  if (sourceAttribute === null) {
    if (!target.required) return [];
    return [{ pointer, detail: `${targetAttribute} is required by ${definition.type} and stays mapped` }];
  }
  const path = identityPath(sourceAttribute);
  const wrong = path
    ? identityProblem(target, path, handles)
    : sourceProblem(target, sourceAttribute, metadata);
  if (wrong !== null) return [{ pointer, detail: wrong }];
  const identifier = settings.uniqueUserIdentifier;
  if (definition.identifierAttributes[identifier] !== targetAttribute || sourceAttribute === identifier) {
    return [];
  }
  const detail = `${targetAttribute} makes an account somebody's: UNIQUE_USER_IDENTIFIER is ${identifier}, so nothing else may feed it`;
  return [{ pointer, detail }];
}

const SOURCES: readonly string[] = [...SOURCE_ATTRIBUTES, ...MANAGER_ATTRIBUTES];

function sourceProblem(
  { name, reference, identity }: TargetAttribute,
  sourceAttribute: string,
  metadata: ReadonlySet<string>,
): string | null {
  if (identity && managerAttribute(sourceAttribute) !== null)
    return `${name} is what an account is found or signed in to by: the manager's cannot feed it`;
  if (reference && sourceAttribute !== MANAGER) return referenceProblem(name);
  if (SOURCES.includes(sourceAttribute) || metadata.has(sourceAttribute)) return null;
  return `sourceAttribute must be one of ${SOURCES.join(', ')}, a target metadata.<name> of a pulled connection, an identity (identities.handle.attribute), or null`;
}

function referenceProblem(name: string): string {
  return `${name} is the id of an account there, which the bridge finds: only ${MANAGER} can feed it`;
}

/** People can edit many values of their own accounts: none of these may make another account theirs. */
function identityProblem(
  { name, identity, reference }: TargetAttribute,
  { handle }: IdentityPath,
  handles: ReadonlySet<string>,
): string | null {
  if (reference) return referenceProblem(name);
  if (identity)
    return `${name} is what an account is found or signed in to by: an account elsewhere cannot feed it`;
  if (handles.has(handle)) return null;
  return `no connection that adds identities has the handle ${handle}`;
}

function groupMistakes(
  definition: StoreTypeDefinition,
  { original, externalId, accessLevel }: GroupMapping,
  index: number,
): readonly Mistake[] {
  const mistakes: Mistake[] = [];
  if ((original === null) === (externalId === null)) {
    const detail = 'name the group by original (its displayName) or by externalId, by one of them';
    mistakes.push({ pointer: `/groupMappings/${index}`, detail });
  }
  const levels = definition.accessLevels ?? null;
  const pointer = `/groupMappings/${index}/accessLevel`;
  if (accessLevel !== null && levels === null) {
    mistakes.push({ pointer, detail: `memberships have no access level on ${definition.type}` });
  } else if (accessLevel !== null && levels && !Object.hasOwn(levels, accessLevel)) {
    mistakes.push({ pointer, detail: `accessLevel must be one of ${Object.keys(levels).join(', ')}` });
  }
  return mistakes;
}
