/** The settings of a connection that reads accounts: a credential of its own, or a store that sees the accounts. */

import type { StoreTypeDefinition } from '../../connectors/connector.ts';
import type { PulledStrategy } from '../../model/pull/pull.ts';
import type { Configuration, SettingSpec } from '../../model/settings.ts';
import { SOURCE_SPECS } from '../settings.ts';

export interface AccountsKind {
  readonly strategy: PulledStrategy;
  readonly vendor: string;
  readonly storeType: string;
  /** The keys of the store type's configuration that name the place and the reader. */
  readonly keys: readonly string[];
  readonly vendorNames: Readonly<Record<string, string>>;
}

type Kind = Pick<AccountsKind, 'keys' | 'storeType'>;

export function accountSpecs({ keys, storeType }: Kind, { settings }: StoreTypeDefinition): SettingSpec[] {
  const own = settings.filter(({ key }) => keys.includes(key)).map((spec) => ({ ...spec, required: false }));
  const storeId: SettingSpec = {
    key: 'STORE_ID',
    type: 'string',
    description: `A store of type ${storeType}: what it has seen of its accounts is taken, and no other credential is needed.`,
  };
  return [storeId, ...own, ...SOURCE_SPECS];
}

/** Demands either STORE_ID alone, or everything that a store would need. */
export function refuseAccounts(
  { keys }: Kind,
  type: StoreTypeDefinition,
  configuration: Configuration,
): readonly { readonly key: string; readonly detail: string }[] {
  const needed = type.settings.filter(({ key, required }) => required && keys.includes(key));
  if (configuration.STORE_ID === undefined) {
    const missing = needed.filter(({ key }) => configuration[key] === undefined);
    return [
      ...missing.map(({ key }) => ({ key, detail: `${key} is required, or STORE_ID in its place` })),
      ...(type.refuse?.(configuration) ?? []).filter(({ key }) => keys.includes(key)),
    ];
  }
  return needed
    .filter(({ key }) => configuration[key] !== undefined)
    .map(({ key }) => ({ key, detail: `STORE_ID stands alone: leave ${key} out, or leave STORE_ID out` }));
}
