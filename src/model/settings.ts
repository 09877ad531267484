/**
 * The settings of a store: what each key means, which values it takes, and how a `configuration`
 * object from the admin API becomes typed settings. The one description of a key serves validation,
 * `storeMetadata` and the docs.
 */

import type { Mistake } from './errors.ts';

export type SettingType = 'string' | 'url' | 'boolean' | 'integer' | 'strings';
export type SettingValue = string | boolean | number | readonly string[];

export interface SettingSpec {
  readonly key: string;
  readonly type: SettingType;
  readonly required?: boolean;
  /** Write-only; comes back as `MASK`. */
  readonly secret?: boolean;
  readonly default?: SettingValue;
  readonly allowed?: readonly string[];
  /** Inclusive; for integers. */
  readonly min?: number;
  readonly max?: number;
  /** A value that is documented but not built yet: refused with this sentence unless it equals the default. */
  readonly notYet?: string;
  /** Deprecated: read as this key. */
  readonly aliasOf?: string;
  readonly description: string;
}

export const MASK = '********';

/** What every store understands, whatever its type. */
export interface CommonSettings {
  readonly uniqueUserIdentifier: 'primaryEmail' | 'userName';
  readonly createUsers: boolean;
  readonly updateUsers: boolean;
  readonly disableUsers: boolean;
  readonly deprovisionUsers: boolean;
  readonly removeAction: 'Disable' | 'Delete';
  readonly groupMembershipHandling: 'Merge' | 'Overwrite';
  readonly groupProvisioning: 'Off' | 'Match' | 'Create';
  readonly brakePercent: number;
  readonly brakeMin: number;
  readonly brakeWindowMinutes: number;
  readonly protectedAccounts: readonly string[];
  readonly maxAttempts: number;
  /** 0: at once. */
  readonly removeAfterDays: number;
  readonly driftMode: 'Off' | 'Report' | 'Repair';
  /** 0: only on request. */
  readonly syncIntervalMinutes: number;
  readonly verify: boolean;
  readonly leaverDeadlineSeconds: number;
  readonly applyMode: 'Automatic' | 'Approval';
}

export const COMMON_SPECS: readonly SettingSpec[] = [
  {
    key: 'UNIQUE_USER_IDENTIFIER',
    type: 'string',
    default: 'primaryEmail',
    allowed: ['primaryEmail', 'userName'],
    description: 'What makes a person and an account the same: the primary email, or the userName.',
  },
  {
    key: 'CREATE_USERS',
    type: 'boolean',
    default: true,
    description: 'Create an account for a person in scope who has none.',
  },
  {
    key: 'UPDATE_USERS',
    type: 'boolean',
    default: true,
    description: 'Update the mapped attributes of linked accounts.',
  },
  {
    key: 'DISABLE_USERS',
    type: 'boolean',
    default: true,
    description: 'Disable the account when the person becomes inactive, and enable it again on return.',
  },
  {
    key: 'DEPROVISION_USERS',
    type: 'boolean',
    default: true,
    description: 'Do REMOVE_ACTION when the person is deleted in the IdP or leaves scope.',
  },
  {
    key: 'REMOVE_ACTION',
    type: 'string',
    default: 'Disable',
    allowed: ['Disable', 'Delete'],
    description: 'What deprovisioning does to a linked account.',
  },
  {
    key: 'GROUP_MEMBERSHIP_HANDLING',
    type: 'string',
    default: 'Merge',
    allowed: ['Merge', 'Overwrite'],
    description:
      'Merge grants what is missing and revokes only what the bridge added or adopted; Overwrite makes the memberships exactly as desired.',
  },
  {
    key: 'CREATE_USERS_PROV_OPT',
    type: 'boolean',
    aliasOf: 'CREATE_USERS',
    description: 'Deprecated: read as CREATE_USERS.',
  },
  {
    key: 'UPDATE_USERS_PROV_OPT',
    type: 'boolean',
    aliasOf: 'UPDATE_USERS',
    description: 'Deprecated: read as UPDATE_USERS.',
  },
  {
    key: 'REMOVE_USERS_PROV_OPT',
    type: 'boolean',
    aliasOf: 'DEPROVISION_USERS',
    description: 'Deprecated: read as DEPROVISION_USERS.',
  },
  {
    key: 'BRAKE_PERCENT',
    type: 'integer',
    default: 20,
    min: 0,
    max: 100,
    description:
      'The share of enabled linked people who may lose something in one window before the brake trips; 100 switches the brake off.',
  },
  {
    key: 'BRAKE_MIN',
    type: 'integer',
    default: 10,
    min: 0,
    max: 1_000_000,
    description: 'The number of people who may always lose something in one window.',
  },
  {
    key: 'BRAKE_WINDOW_MINUTES',
    type: 'integer',
    default: 60,
    min: 1,
    max: 44_640,
    description: "The brake's sliding window, in minutes.",
  },
  {
    key: 'PROTECTED_ACCOUNTS',
    type: 'strings',
    default: [],
    description:
      "Identifiers, * as a wildcard, of accounts that are never disabled, deleted or stripped of a membership. The account of the store's own credential always is protected.",
  },
  {
    key: 'REMOVE_AFTER_DAYS',
    type: 'integer',
    default: 0,
    min: 0,
    max: 3650,
    description:
      'With REMOVE_ACTION Delete: disable at once, delete after so many days unless the person returns.',
  },
  {
    key: 'DRIFT_MODE',
    type: 'string',
    default: 'Report',
    allowed: ['Off', 'Report', 'Repair'],
    description:
      'What the periodic sync does with hand-made differences. Report lists them, Repair undoes them, Off does not read the store at all.',
  },
  {
    key: 'SYNC_INTERVAL_MINUTES',
    type: 'integer',
    default: 360,
    min: 0,
    max: 44_640,
    description: 'Minutes between periodic syncs; 0 means only on request.',
  },
  {
    key: 'APPLY_MODE',
    type: 'string',
    default: 'Automatic',
    allowed: ['Automatic', 'Approval'],
    description: 'Approval: nothing happens but what an applied preview says.',
  },
  {
    key: 'VERIFY',
    type: 'boolean',
    default: false,
    description: 'Read back after disabling until access is gone, at most for LEAVER_DEADLINE_SECONDS.',
  },
  {
    key: 'LEAVER_DEADLINE_SECONDS',
    type: 'integer',
    default: 300,
    min: 1,
    max: 86_400,
    description: 'Seconds from the SCIM answer until the store confirmed a leaver.',
  },
  {
    key: 'MAX_ATTEMPTS',
    type: 'integer',
    default: 12,
    min: 1,
    max: 1000,
    description:
      'Failures of one task before it is parked; one counts only where another subject of the store succeeded meanwhile.',
  },
];

/** GROUP_PROVISIONING's default differs by type, so each type's spec list adds it. */
export function groupProvisioningSpec(defaultValue: 'Match' | 'Create'): SettingSpec {
  return {
    key: 'GROUP_PROVISIONING',
    type: 'string',
    default: defaultValue,
    allowed: ['Off', 'Match', 'Create'],
    description:
      "Off: groups are left alone. Match: a SCIM group feeds the store's group of the same name. Create: made where missing.",
  };
}

export type Configuration = Readonly<Record<string, SettingValue>>;

export interface ParsedConfiguration {
  /** Exactly the accepted keys that were given, aliases resolved, secrets included. No defaults. */
  readonly given: Configuration;
  readonly mistakes: readonly Mistake[];
}

/** Checks a `configuration` object against the specs, one mistake for each thing that is wrong. */
export function parseConfiguration(specs: readonly SettingSpec[], input: unknown): ParsedConfiguration {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    return {
      given: {},
      mistakes: [{ pointer: '/configuration', detail: 'configuration must be an object' }],
    };
  }
  const byKey = new Map(specs.map((spec) => [spec.key, spec]));
  const lasting = specs.filter((spec) => !spec.aliasOf);
  const known = lasting.map((spec) => spec.key).join(', ');
  const mistakes: Mistake[] = [];
  const given: Record<string, SettingValue> = {};
  const aliased: [string, SettingValue][] = [];
  for (const [key, value] of Object.entries(input)) {
    const pointer = `/configuration/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    const spec = byKey.get(key);
    if (!spec) {
      mistakes.push({ pointer, detail: `unknown key ${key}; allowed are ${known}` });
      continue;
    }
    const wrong = whatIsWrong(spec, value);
    if (wrong) mistakes.push({ pointer, detail: wrong });
    else if (spec.aliasOf) aliased.push([spec.aliasOf, value as SettingValue]);
    else given[key] = value as SettingValue;
  }
  for (const [key, value] of aliased) if (!(key in given)) given[key] = value;
  for (const spec of specs) {
    if (
      spec.required &&
      !(spec.key in given) &&
      !mistakes.some((m) => m.pointer === `/configuration/${spec.key}`)
    ) {
      mistakes.push({ pointer: `/configuration/${spec.key}`, detail: `${spec.key} is required` });
    }
  }
  return { given, mistakes };
}

function whatIsWrong(spec: SettingSpec, value: unknown): string | null {
  const typed = typeMistake(spec, value);
  if (typed) return typed;
  if (spec.allowed && !spec.allowed.includes(value as string)) {
    return `${spec.key} must be one of ${spec.allowed.join(', ')}`;
  }
  if (spec.notYet && value !== spec.default) return spec.notYet;
  return null;
}

function typeMistake(spec: SettingSpec, value: unknown): string | null {
  switch (spec.type) {
    case 'boolean':
      return typeof value === 'boolean' ? null : `${spec.key} must be true or false`;
    case 'integer': {
      const { min = 0, max = Number.MAX_SAFE_INTEGER } = spec;
      const good = typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
      return good ? null : `${spec.key} must be a whole number from ${min} to ${max}`;
    }
    case 'strings':
      return Array.isArray(value) && value.every((v) => isLine(v) && v.length > 0)
        ? null
        : `${spec.key} must be a list of non-empty strings of at most ${TEXT_MAX} characters, none of them a control character`;
    case 'url':
      return isHttpUrl(value) ? null : `${spec.key} must be an absolute http(s) URL without credentials`;
    case 'string':
      return isLine(value) && value.trim().length > 0
        ? null
        : `${spec.key} must be a non-empty string of at most ${TEXT_MAX} characters, none of them a control character`;
  }
}

/** Longer than any token or URL; connectors take such text apart in ways that are slow for much more. */
const TEXT_MAX = 2_048;

/** No header can hold control characters, and no database NUL or half a surrogate pair. */
function isLine(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > TEXT_MAX) return false;
  return !/\p{Cc}/u.test(value) && value.isWellFormed();
}

function isHttpUrl(value: unknown): boolean {
  if (!isLine(value) || !URL.canParse(value)) return false;
  const url = new URL(value);
  return (
    (url.protocol === 'https:' || url.protocol === 'http:') && url.username === '' && url.password === ''
  );
}

/** What was given over the defaults of the specs. */
export function withDefaults(specs: readonly SettingSpec[], given: Configuration): Configuration {
  const defaults = specs.filter((s) => s.default !== undefined && !s.aliasOf);
  return { ...Object.fromEntries(defaults.map((s) => [s.key, s.default as SettingValue])), ...given };
}

/** Typed view of a configuration whose defaults are filled in; `parseConfiguration` vouches for the types. */
export function commonSettings(configuration: Configuration): CommonSettings {
  const c = configuration;
  return {
    uniqueUserIdentifier: c.UNIQUE_USER_IDENTIFIER as CommonSettings['uniqueUserIdentifier'],
    createUsers: c.CREATE_USERS as boolean,
    updateUsers: c.UPDATE_USERS as boolean,
    disableUsers: c.DISABLE_USERS as boolean,
    deprovisionUsers: c.DEPROVISION_USERS as boolean,
    removeAction: c.REMOVE_ACTION as CommonSettings['removeAction'],
    groupMembershipHandling: c.GROUP_MEMBERSHIP_HANDLING as CommonSettings['groupMembershipHandling'],
    groupProvisioning: c.GROUP_PROVISIONING as CommonSettings['groupProvisioning'],
    brakePercent: c.BRAKE_PERCENT as number,
    brakeMin: c.BRAKE_MIN as number,
    brakeWindowMinutes: c.BRAKE_WINDOW_MINUTES as number,
    protectedAccounts: c.PROTECTED_ACCOUNTS as readonly string[],
    maxAttempts: c.MAX_ATTEMPTS as number,
    removeAfterDays: c.REMOVE_AFTER_DAYS as number,
    driftMode: c.DRIFT_MODE as CommonSettings['driftMode'],
    syncIntervalMinutes: c.SYNC_INTERVAL_MINUTES as number,
    verify: c.VERIFY as boolean,
    leaverDeadlineSeconds: c.LEAVER_DEADLINE_SECONDS as number,
    applyMode: c.APPLY_MODE as CommonSettings['applyMode'],
  };
}

/** Common keys that contradict each other, of a configuration whose defaults are filled in. */
export function refuseContradictions(
  configuration: Configuration,
): readonly { readonly key: string; readonly detail: string }[] {
  const { REMOVE_AFTER_DAYS: days, REMOVE_ACTION: action } = configuration;
  if (typeof days !== 'number' || days === 0 || action === 'Delete') return [];
  const detail = 'REMOVE_AFTER_DAYS delays a deletion, so it needs REMOVE_ACTION Delete; or leave it at 0';
  return [{ key: 'REMOVE_AFTER_DAYS', detail }];
}
