/** The settings that histories change, and product.md's defaults for the others. */

import type { Random } from '../random.ts';
import type { Traits } from '../vendors/vendor.ts';
import type { Settings } from './model.ts';

export interface Meaning {
  readonly createUsers: boolean;
  readonly updateUsers: boolean;
  readonly disableUsers: boolean;
  readonly deprovisionUsers: boolean;
  readonly removeAction: 'Disable' | 'Delete';
  readonly removeAfterDays: number;
  readonly overwrite: boolean;
  readonly groups: 'Off' | 'Match' | 'Create';
  readonly deleteGroups: boolean;
  readonly brakePercent: number;
  readonly brakeMin: number;
  readonly brakeWindowMs: number;
  readonly brakeGroupPercent: number;
  readonly protectedAccounts: readonly string[];
  readonly protectedGroups: readonly string[];
  readonly approval: boolean;
}

export function meaningOf(settings: Settings): Meaning {
  return {
    createUsers: settings.CREATE_USERS !== false,
    updateUsers: settings.UPDATE_USERS !== false,
    disableUsers: settings.DISABLE_USERS !== false,
    deprovisionUsers: settings.DEPROVISION_USERS !== false,
    removeAction: settings.REMOVE_ACTION === 'Delete' ? 'Delete' : 'Disable',
    removeAfterDays: settings.REMOVE_ACTION === 'Delete' ? Number(settings.REMOVE_AFTER_DAYS ?? 0) : 0,
    overwrite: settings.GROUP_MEMBERSHIP_HANDLING === 'Overwrite',
    groups: (settings.GROUP_PROVISIONING as Meaning['groups'] | undefined) ?? 'Create',
    deleteGroups: settings.DELETE_GROUPS === true,
    brakePercent: Number(settings.BRAKE_PERCENT ?? 5),
    brakeMin: Number(settings.BRAKE_MIN ?? 10),
    brakeWindowMs: Number(settings.BRAKE_WINDOW_MINUTES ?? 60) * 60_000,
    brakeGroupPercent: Number(settings.BRAKE_GROUP_PERCENT ?? 50),
    protectedAccounts: (settings.PROTECTED_ACCOUNTS as readonly string[] | undefined) ?? [],
    protectedGroups: (settings.PROTECTED_GROUPS as readonly string[] | undefined) ?? [],
    approval: settings.APPLY_MODE === 'Approval',
  };
}

const SWITCHES = ['CREATE_USERS', 'UPDATE_USERS', 'DISABLE_USERS', 'DEPROVISION_USERS'];

/** An admin changes one setting, mostly back to its default, so that most things happen. */
export function changeSetting(random: Random, traits: Traits, settings: Settings): Settings {
  const set = (more: Settings): Settings => ({ ...settings, ...more });
  switch (random.int(0, 10)) {
    case 0:
    case 1:
      return set({ [random.pick(SWITCHES)]: random.chance(0.6) });
    case 2:
      return set({
        REMOVE_ACTION: traits.deletesUsers && random.chance(0.7) ? 'Delete' : 'Disable',
        REMOVE_AFTER_DAYS: random.pick([0, 1, 2]),
      });
    case 3:
      return set({ GROUP_MEMBERSHIP_HANDLING: random.chance(0.4) ? 'Overwrite' : 'Merge' });
    case 4:
      return set({ GROUP_PROVISIONING: random.pick(['Create', 'Create', 'Match', 'Off']) });
    case 5:
    case 6:
      return set(brakeSettings(random));
    case 7:
      return set({ PROTECTED_ACCOUNTS: random.pick([[], ['h1@*'], ['h2@acme.example', '*boss*']]) });
    case 8:
      return set({ DRIFT_MODE: random.pick(['Off', 'Report', 'Repair']), VERIFY: random.chance(0.3) });
    case 9:
      return set({ MAX_ATTEMPTS: random.pick([2, 12]), SYNC_INTERVAL_MINUTES: random.pick([0, 120, 360]) });
    default:
      return traits.deletesGroups ? set({ DELETE_GROUPS: random.chance(0.5) }) : set(brakeSettings(random));
  }
}

export function brakeSettings(random: Random): Settings {
  return {
    BRAKE_PERCENT: random.pick([0, 0, 20, 20, 100]),
    BRAKE_MIN: random.int(1, 4),
    BRAKE_WINDOW_MINUTES: random.pick([10, 60]),
    BRAKE_GROUP_PERCENT: random.pick([50, 50, 20, 100]),
  };
}
