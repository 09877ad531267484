/**
 * The list of migrations, static and typed: knex's directory loader cannot be used under jest, and a
 * list that the compiler sees cannot lose a file. Append only.
 */

import type { Knex } from 'knex';
import * as first from '../../migrations/0001_first.ts';
import * as timers from '../../migrations/0002_timers.ts';
import * as rules from '../../migrations/0003_rules.ts';
import * as deletions from '../../migrations/0004_deletions.ts';
import * as seats from '../../migrations/0005_seats.ts';
import * as secondLooks from '../../migrations/0006_second_looks.ts';
import * as previewMakers from '../../migrations/0007_preview_makers.ts';
import * as heldByPerson from '../../migrations/0008_held_by_person.ts';
import * as handles from '../../migrations/0009_handles.ts';
import * as peers from '../../migrations/0010_peers.ts';
import * as eventTimes from '../../migrations/0011_event_times.ts';
import * as inquiries from '../../migrations/0012_inquiries.ts';
import * as trimmedNames from '../../migrations/0016_trimmed_names.ts';
import * as adopters from '../../migrations/0017_adopters.ts';
import * as previewPositions from '../../migrations/0018_preview_positions.ts';
import * as contextVersions from '../../migrations/0019_context_versions.ts';
import * as unrecognisedAnswers from '../../migrations/0020_unrecognised_answers.ts';
import * as linksAndWhatVendorsKeep from '../../migrations/0021_links_and_what_vendors_keep.ts';
import * as keys from '../../migrations/0024_keys.ts';
import * as memberships from '../../migrations/0025_memberships.ts';
import * as previewOrder from '../../migrations/0026_preview_order.ts';
import * as departedMembers from '../../migrations/0027_departed_members.ts';
import * as sparedAccounts from '../../migrations/0029_spared_accounts.ts';
import * as whoIsWho from '../../migrations/0031_who_is_who.ts';
import * as people from '../../migrations/0032_people.ts';
import * as losses from '../../migrations/0035_losses.ts';
import * as brakePercent from '../../migrations/0036_brake_percent.ts';
import * as clockNotes from '../../migrations/0037_clock_notes.ts';
import * as accessVersion from '../../migrations/0040_access_version.ts';
import * as refusedMemberships from '../../migrations/0041_refused_memberships.ts';
import * as lookalikes from '../../migrations/0045_lookalikes.ts';
import * as eventFeed from '../../migrations/0050_event_feed.ts';
import * as connectionActivity from '../../migrations/0051_connection_activity.ts';
import * as alerts from '../../migrations/0055_alerts.ts';
import * as warnings from '../../migrations/0056_warnings.ts';
import * as changedMembers from '../../migrations/0060_changed_members.ts';
import * as renewedLeases from '../../migrations/0061_renewed_leases.ts';
import * as eventLists from '../../migrations/0065_event_lists.ts';
import * as liveLists from '../../migrations/0066_live_lists.ts';
import * as pulledConnections from '../../migrations/0070_pulled_connections.ts';
import * as identities from '../../migrations/0080_identities.ts';
import * as formerKeys from '../../migrations/0090_former_keys.ts';
import * as sessions from '../../migrations/0095_sessions.ts';
import * as sourceUndo from '../../migrations/0200_source_undo.ts';
import * as groupNameCores from '../../migrations/0230_group_name_cores.ts';
import * as groupsChangedAt from '../../migrations/0240_groups_changed_at.ts';
import * as displayNames from '../../migrations/0250_display_names.ts';
import * as undoneCauses from '../../migrations/0260_undone_causes.ts';
import * as pullLosses from '../../migrations/0270_pull_losses.ts';
import * as filtersToCarryOut from '../../migrations/0280_filters_to_carry_out.ts';
import * as filteredOut from '../../migrations/0290_filtered_out.ts';
import * as grantedLevels from '../../migrations/0292_granted_levels.ts';
import * as groupDn from '../../migrations/0294_group_dn.ts';
import * as shownKeys from '../../migrations/0295_shown_keys.ts';
import * as waitingTasks from '../../migrations/0296_waiting_tasks.ts';
import * as unansweredGrants from '../../migrations/0297_unanswered_grants.ts';
import * as managers from '../../migrations/0300_managers.ts';
import * as managerNames from '../../migrations/0301_manager_names.ts';
import * as fullRunsDue from '../../migrations/0302_full_runs_due.ts';
import * as accountIndex from '../../migrations/0303_account_index.ts';

interface Migration {
  readonly name: string;
  up(knex: Knex): Promise<void>;
  down(knex: Knex): Promise<void>;
}

const MIGRATIONS: readonly Migration[] = [
  { name: '0001_first', ...first },
  { name: '0002_timers', ...timers },
  { name: '0003_rules', ...rules },
  { name: '0004_deletions', ...deletions },
  { name: '0005_seats', ...seats },
  { name: '0006_second_looks', ...secondLooks },
  { name: '0007_preview_makers', ...previewMakers },
  { name: '0008_held_by_person', ...heldByPerson },
  { name: '0009_handles', ...handles },
  { name: '0010_peers', ...peers },
  { name: '0011_event_times', ...eventTimes },
  { name: '0012_inquiries', ...inquiries },
  { name: '0016_trimmed_names', ...trimmedNames },
  { name: '0017_adopters', ...adopters },
  { name: '0018_preview_positions', ...previewPositions },
  { name: '0019_context_versions', ...contextVersions },
  { name: '0020_unrecognised_answers', ...unrecognisedAnswers },
  { name: '0021_links_and_what_vendors_keep', ...linksAndWhatVendorsKeep },
  { name: '0024_keys', ...keys },
  { name: '0025_memberships', ...memberships },
  { name: '0026_preview_order', ...previewOrder },
  { name: '0027_departed_members', ...departedMembers },
  { name: '0029_spared_accounts', ...sparedAccounts },
  { name: '0031_who_is_who', ...whoIsWho },
  { name: '0032_people', ...people },
  { name: '0035_losses', ...losses },
  { name: '0036_brake_percent', ...brakePercent },
  { name: '0037_clock_notes', ...clockNotes },
  { name: '0040_access_version', ...accessVersion },
  { name: '0041_refused_memberships', ...refusedMemberships },
  { name: '0045_lookalikes', ...lookalikes },
  { name: '0050_event_feed', ...eventFeed },
  { name: '0051_connection_activity', ...connectionActivity },
  { name: '0055_alerts', ...alerts },
  { name: '0056_warnings', ...warnings },
  { name: '0060_changed_members', ...changedMembers },
  { name: '0061_renewed_leases', ...renewedLeases },
  { name: '0065_event_lists', ...eventLists },
  { name: '0066_live_lists', ...liveLists },
  { name: '0070_pulled_connections', ...pulledConnections },
  { name: '0080_identities', ...identities },
  { name: '0090_former_keys', ...formerKeys },
  { name: '0095_sessions', ...sessions },
  { name: '0200_source_undo', ...sourceUndo },
  { name: '0230_group_name_cores', ...groupNameCores },
  { name: '0240_groups_changed_at', ...groupsChangedAt },
  { name: '0250_display_names', ...displayNames },
  { name: '0260_undone_causes', ...undoneCauses },
  { name: '0270_pull_losses', ...pullLosses },
  { name: '0280_filters_to_carry_out', ...filtersToCarryOut },
  { name: '0290_filtered_out', ...filteredOut },
  { name: '0292_granted_levels', ...grantedLevels },
  { name: '0294_group_dn', ...groupDn },
  { name: '0295_shown_keys', ...shownKeys },
  { name: '0296_waiting_tasks', ...waitingTasks },
  { name: '0297_unanswered_grants', ...unansweredGrants },
  { name: '0300_managers', ...managers },
  { name: '0301_manager_names', ...managerNames },
  { name: '0302_full_runs_due', ...fullRunsDue },
  { name: '0303_account_index', ...accountIndex },
];

export const migrationSource: Knex.MigrationSource<Migration> = {
  getMigrations: async () => [...MIGRATIONS],
  getMigrationName: (migration) => migration.name,
  getMigration: async (migration) => migration,
};

/**
 * Brings the schema up to date, or to the migration `last`; safe to call from several replicas at once (knex holds a
 * lock).
 */
export async function migrate(db: Knex, last?: string): Promise<void> {
  if (last === undefined) await db.migrate.latest({ migrationSource });
  else await db.migrate.to({ migrationSource, name: last });
}

export interface Schema {
  /** The names of the migrations that the database has, in their order. */
  readonly applied: readonly string[];
  /** The migrations that it lacks; empty when it is ready. */
  readonly pending: readonly string[];
  /** The migrations that a newer version of the bridge made. */
  readonly unknown: readonly string[];
}

export async function readSchema(db: Knex): Promise<Schema> {
  const names = MIGRATIONS.map(({ name }) => name);
  const table = 'knex_migrations';
  const applied: string[] = (await db.schema.hasTable(table))
    ? await db(table).orderBy('id').pluck('name')
    : [];
  return {
    applied,
    pending: names.filter((name) => !applied.includes(name)),
    unknown: applied.filter((name) => !names.includes(name)),
  };
}
