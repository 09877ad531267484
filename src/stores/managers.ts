/**
 * What a store's mapping wants of people's managers: the id of the manager's account there, or what the directory says
 * of the manager. Nothing else finds out who somebody's manager is, and nothing guesses it by a name or an address.
 */

import type { AttributeMapping, StoreTypeDefinition } from '../connectors/connector.ts';
import type { SpeakingUser } from '../db/identity/persons.ts';
import type { UserRecord } from '../db/identity/users.ts';
import type { Db } from '../db/open.ts';
import { type Manager, managersOf } from '../db/people/managers.ts';
import type { Resource } from '../model/resource.ts';
import { managerAttribute, managerOf, sourceValue } from '../model/source.ts';

/** Of a store context. */
interface Context {
  readonly store: { readonly id: string };
  readonly definition: Pick<StoreTypeDefinition, 'userAttributes'>;
  readonly mapping: readonly AttributeMapping[];
  readonly resourceOf: (user: UserRecord) => Resource;
}

const ACCOUNT = 'account';

/** By target attribute: `account`, or an attribute of the manager. Empty where the mapping asks for no manager. */
export type ManagerTargets = ReadonlyMap<string, string>;

export function managerTargets({
  definition,
  mapping,
}: Pick<Context, 'definition' | 'mapping'>): ManagerTargets {
  const references = definition.userAttributes.filter(({ reference }) => reference).map(({ name }) => name);
  return new Map(
    mapping.flatMap(({ targetAttribute, sourceAttribute }) => {
      const wanted = references.includes(targetAttribute) ? ACCOUNT : managerAttribute(sourceAttribute);
      return wanted === null ? [] : [[targetAttribute, wanted] as const];
    }),
  );
}

/** By target attribute; null: the bridge knows nothing of the manager there. */
export type FromManager = ReadonlyMap<string, string | null>;

/** Answers what each person's target attributes get from the manager; '' where they have none. */
export async function fromManagers(
  db: Db,
  context: Context,
  people: readonly SpeakingUser[],
): Promise<(personId: string) => FromManager> {
  const targets = managerTargets(context);
  const all = (value: string | null) => new Map([...targets.keys()].map((target) => [target, value]));
  const unknown = all(null);
  if (targets.size === 0) return () => unknown;
  const isLed = (user: SpeakingUser) => managerOf(context.resourceOf(user)) !== null;
  const led = people.filter(isLed).map(({ id }) => id);
  const managers = await managersOf(db, context.store.id, led);
  const none = all('');
  const found = new Map(
    people.map((user) => {
      if (!isLed(user)) return [user.personId, none] as const;
      const manager = managers.get(user.id);
      // Two users may be one person, and nobody leads themselves.
      const isOther = manager !== undefined && manager.user.personId !== user.personId;
      return [user.personId, isOther ? valuesOf(context, targets, manager) : unknown] as const;
    }),
  );
  return (personId) => found.get(personId) ?? unknown;
}

/** An account counts while it is enabled, and a name while the manager is active. */
export function valuesOf(
  { resourceOf }: Pick<Context, 'resourceOf'>,
  targets: ManagerTargets,
  { user, remoteId }: Manager,
): FromManager {
  const resource = user.active && user.purgedAt === null ? resourceOf(user) : {};
  const read = (wanted: string) => (wanted === ACCOUNT ? remoteId : sourceValue(resource, wanted));
  return new Map([...targets].map(([target, wanted]) => [target, read(wanted)]));
}
