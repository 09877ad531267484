/** The settings that every store has, whatever its type. */

import { COMING_SPECS } from './comingSettings.ts';
import { type Configuration, type SettingSpec, type SettingsOf, settingsOf } from './settings.ts';

const COMMON_SPECS = [
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
    default: 5,
    min: 0,
    max: 100,
    description:
      'The share of enabled linked people who may lose something in one window before the brake trips; 100 switches it off for what is planned from then on.',
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
    key: 'BRAKE_GROUP_PERCENT',
    type: 'integer',
    default: 50,
    min: 0,
    max: 100,
    description:
      "The share of a group's memberships that one cause may end there; beyond it, and from 5 memberships on, all of it waits. 100 switches this off.",
  },
  {
    key: 'PROTECTED_ACCOUNTS',
    type: 'strings',
    default: [],
    description:
      "Identifiers, * as a wildcard, of accounts that are left alone altogether, whatever they are called later. The account of the store's own credential always is protected.",
  },
  {
    key: 'PROTECTED_GROUPS',
    type: 'strings',
    default: [],
    description:
      'Names or full paths, * as a wildcard, of groups there that are left alone: never matched, granted, revoked, renamed or deleted.',
  },
  {
    key: 'ADOPT_USERS',
    type: 'string',
    default: 'Ordinary',
    allowed: ['Ordinary', 'Any', 'Never'],
    description:
      'Which accounts are adopted that were there before: those without privileges, any, or none. Others are linked by hand.',
  },
  {
    key: 'OVERWRITE_IDENTITY',
    type: 'boolean',
    default: false,
    description:
      'Whether an externUid that the bridge did not write may be replaced. Without it the account keeps it, and the status says so.',
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
    key: 'CA_PEM',
    type: 'string',
    lines: true,
    description:
      'The certificate of a private authority, in PEM form, that alone is trusted to sign for this store in place of the public ones.',
  },
  {
    key: 'PROXY_URL',
    type: 'url',
    description:
      'A proxy that this store is called through. Without it that of the process is, where there is one (HTTPS_PROXY, NO_PROXY).',
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
] as const satisfies readonly SettingSpec[];

const REMOVE_ACTION = {
  key: 'REMOVE_ACTION',
  type: 'string',
  default: 'Disable',
  allowed: ['Disable', 'Delete'],
  description: 'What deprovisioning does to a linked account.',
} as const satisfies SettingSpec;

const REMOVE_AFTER_DAYS = {
  key: 'REMOVE_AFTER_DAYS',
  type: 'integer',
  default: 0,
  min: 0,
  max: 3650,
  description:
    'With REMOVE_ACTION Delete: disable at once, delete after so many days unless the person returns.',
} as const satisfies SettingSpec;

/** What a store type sets differently for its stores. */
export interface CommonDefaults {
  readonly groupProvisioning: 'Match' | 'Create';
  /** The default of `PARALLEL_CHANGES`, where it is not 4. */
  readonly parallelChanges?: number;
  /** Why the vendor cannot delete accounts, where it cannot: "Slack can deactivate people but …". */
  readonly neverDeletes?: string;
}

export function commonSpecs({ groupProvisioning, parallelChanges = 4, neverDeletes }: CommonDefaults) {
  const why = neverDeletes ?? '';
  return [
    ...COMMON_SPECS,
    neverDeletes === undefined
      ? REMOVE_ACTION
      : { ...REMOVE_ACTION, allowed: ['Disable'], otherwise: `REMOVE_ACTION must be Disable: ${why}` },
    neverDeletes === undefined
      ? REMOVE_AFTER_DAYS
      : { ...REMOVE_AFTER_DAYS, max: 0, otherwise: `REMOVE_AFTER_DAYS must be 0: ${why}` },
    {
      key: 'GROUP_PROVISIONING',
      type: 'string',
      default: groupProvisioning,
      allowed: ['Off', 'Match', 'Create'],
      description:
        "Off: groups are left alone. Match: a SCIM group feeds the store's group of the same name. Create: made where missing.",
    },
    {
      key: 'PARALLEL_CHANGES',
      type: 'integer',
      default: parallelChanges,
      min: 1,
      max: 32,
      description:
        'People and groups that are worked on at once on this store. One place is kept for people who must lose access; 1 is one after the other.',
    },
    {
      key: 'RATE_PER_MINUTE',
      type: 'integer',
      min: 1,
      max: 100_000,
      description:
        'Requests a minute that the bridge allows itself on this store, beside the limits that the vendor documents. It goes lower by itself when the vendor says so. Without it: no limit but those of the vendor.',
    },
    ...COMING_SPECS,
  ] as const satisfies readonly SettingSpec[];
}

export type CommonSettings = SettingsOf<ReturnType<typeof commonSpecs>>;

/** Reads the common settings of a configuration that has the defaults of its store type. */
export function commonSettings(configuration: Configuration): CommonSettings {
  return settingsOf(commonSpecs({ groupProvisioning: 'Create' }), configuration);
}

/** The common keys that contradict each other in a configuration with its defaults. */
export function refuseContradictions(
  configuration: Configuration,
): readonly { readonly key: string; readonly detail: string }[] {
  const { REMOVE_AFTER_DAYS: days, REMOVE_ACTION: action } = configuration;
  if (typeof days !== 'number' || days === 0 || action === 'Delete') return [];
  const detail = 'REMOVE_AFTER_DAYS delays a deletion, so it needs REMOVE_ACTION Delete; or leave it at 0';
  return [{ key: 'REMOVE_AFTER_DAYS', detail }];
}
