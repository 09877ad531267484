/**
 * What a setting of a store is. Each key is described once, by its spec; validation, `storeMetadata`, the docs and
 * the types follow from it.
 */

export type SettingType = 'string' | 'url' | 'boolean' | 'integer' | 'strings';
export type SettingValue = string | boolean | number | readonly string[];

export interface SettingSpec {
  readonly key: string;
  readonly type: SettingType;
  readonly required?: boolean;
  /** Answers show it only as `MASK`. */
  readonly secret?: boolean;
  /** For a string: it may be long and have several lines. */
  readonly lines?: boolean;
  readonly default?: SettingValue;
  readonly allowed?: readonly string[];
  /** Inclusive; for integers. */
  readonly min?: number;
  readonly max?: number;
  /** Documented but not built yet: any value that is not `allowed` is refused with this sentence. */
  readonly notYet?: string;
  /** The sentence for a value out of bounds, where the bounds alone do not explain it. */
  readonly otherwise?: string;
  /** Deprecated: read as this key. */
  readonly aliasOf?: string;
  readonly description: string;
}

export const MASK = '********';

/** Values by key: what an admin gave, or that with the defaults. */
export type Configuration = Readonly<Record<string, SettingValue>>;

/** Adds the specs' defaults to what was given. */
export function withDefaults(specs: readonly SettingSpec[], given: Configuration): Configuration {
  const defaults = specs.filter((s) => s.default !== undefined && !s.aliasOf);
  return { ...Object.fromEntries(defaults.map((s) => [s.key, s.default as SettingValue])), ...given };
}

/** `CREATE_USERS` → `createUsers`. */
type CamelCase<Key extends string> = Key extends `${infer First}_${infer Rest}`
  ? `${Lowercase<First>}${Capitalize<CamelCase<Rest>>}`
  : Lowercase<Key>;

interface ValueOfType {
  readonly string: string;
  readonly url: string;
  readonly boolean: boolean;
  readonly integer: number;
  readonly strings: readonly string[];
}

type ValueOf<S extends SettingSpec> =
  | (S extends { readonly allowed: readonly (infer V)[] } ? V : ValueOfType[S['type']])
  | (S extends { readonly required: true } | { readonly default: SettingValue } ? never : null);

/**
 * The type of the settings that specs written `as const` describe, without those that are not built; null where a
 * setting has no value.
 */
export type SettingsOf<Specs extends readonly SettingSpec[]> = {
  readonly [S in Specs[number] as S extends { readonly aliasOf: string } | { readonly notYet: string }
    ? never
    : CamelCase<S['key']>]: ValueOf<S>;
};

/** The typed settings of a configuration that `parseConfiguration` has checked, or that was stored. */
export function settingsOf<const Specs extends readonly SettingSpec[]>(
  specs: Specs,
  given: Configuration,
): SettingsOf<Specs> {
  const configuration = withDefaults(specs, given);
  const lasting = specs.filter((spec) => !spec.aliasOf && !spec.notYet);
  return Object.fromEntries(
    lasting.map(({ key }) => [camelCase(key), configuration[key] ?? null]),
  ) as SettingsOf<Specs>;
}

function camelCase(key: string): string {
  return key.toLowerCase().replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}
