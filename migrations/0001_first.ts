/**
 * The first schema: tenants, the directory, stores, and the ledger of what was done to them.
 * Ids are UUIDs as text; times are ISO 8601 UTC with milliseconds as text, which sorts; JSON columns are
 * jsonb on PostgreSQL and text on SQLite.
 */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await tenants(knex);
  await directory(knex);
  await stores(knex);
  await work(knex);
  await records(knex);
  await planDirectoryQueries(knex);
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}

type Table = Knex.CreateTableBuilder;

function id(t: Table, name = 'id') {
  return t.string(name, 64);
}

function time(t: Table, name: string) {
  return t.string(name, 24);
}

function times(t: Table) {
  time(t, 'created_at').notNullable();
  time(t, 'updated_at').notNullable();
}

async function tenants(knex: Knex) {
  await knex.schema.createTable('bridge', (t) => {
    t.string('key').primary();
    t.text('value').notNullable();
  });
  await knex.schema.createTable('environments', (t) => {
    id(t).primary();
    t.string('name').notNullable().unique();
    times(t);
  });
  await knex.schema.createTable('connections', (t) => {
    id(t).primary();
    id(t, 'environment_id').notNullable().references('environments.id');
    t.string('name').notNullable();
    t.string('strategy', 16).notNullable();
    t.boolean('is_primary').notNullable();
    t.string('unknown_attributes', 16).notNullable();
    t.integer('retention_days');
    t.jsonb('metadata').notNullable();
    t.string('user_id_attribute').notNullable();
    /** null: the strategy's default */
    t.jsonb('mapping');
    times(t);
    t.unique(['environment_id', 'name']);
  });
  await knex.schema.createTable('attributes_seen', (t) => {
    id(t, 'connection_id').notNullable().references('connections.id');
    t.string('kind', 8).notNullable();
    t.string('name', 512).notNullable();
    time(t, 'first_seen_at').notNullable();
    time(t, 'last_seen_at').notNullable();
    t.primary(['connection_id', 'kind', 'name']);
  });
  await knex.schema.createTable('scim_tokens', (t) => {
    id(t).primary();
    id(t, 'environment_id').notNullable();
    id(t, 'connection_id').notNullable().references('connections.id').index();
    t.string('token_hash', 64).notNullable().unique();
    t.jsonb('scopes').notNullable();
    time(t, 'created_at').notNullable();
    time(t, 'valid_until');
    time(t, 'last_used_at');
  });
  await knex.schema.createTable('admin_tokens', (t) => {
    id(t).primary();
    t.string('name').notNullable();
    t.string('token_hash', 64).notNullable().unique();
    t.jsonb('scopes').notNullable();
    /** null: every environment */
    id(t, 'environment_id').references('environments.id');
    time(t, 'created_at').notNullable();
    time(t, 'valid_until');
    time(t, 'last_used_at');
  });
}

async function directory(knex: Knex) {
  await knex.schema.createTable('persons', (t) => {
    id(t).primary();
    id(t, 'environment_id').notNullable().references('environments.id');
    time(t, 'created_at').notNullable();
  });
  await knex.schema.createTable('users', (t) => {
    id(t).primary();
    id(t, 'environment_id').notNullable();
    id(t, 'connection_id').notNullable().references('connections.id');
    id(t, 'person_id').notNullable().references('persons.id').index();
    t.text('user_name').notNullable();
    t.text('user_name_lower').notNullable();
    t.text('external_id');
    t.text('display_name_lower');
    /** In lower case: the address marked primary, else the work one, else the first. */
    t.text('primary_email_lower');
    t.boolean('active').notNullable();
    /** The SCIM resource without id, meta and groups. */
    t.jsonb('resource').notNullable();
    t.integer('version').notNullable();
    times(t);
    /** Set when the user was deleted; the row stays, because links and events name the person. */
    time(t, 'deleted_at');
    t.index(['connection_id', 'external_id']);
    t.index(['connection_id', 'display_name_lower']);
    t.index(['connection_id', 'created_at', 'id']);
    t.index(['environment_id', 'primary_email_lower']);
    t.index(['environment_id', 'created_at', 'id']);
    t.index(['connection_id', 'user_name_lower'], 'users_tombstones');
  });
  await knex.raw(
    'create unique index users_user_name on users (connection_id, user_name_lower) where deleted_at is null',
  );
  await knex.schema.createTable('user_emails', (t) => {
    id(t, 'connection_id').notNullable();
    id(t, 'user_id').notNullable().references('users.id').onDelete('CASCADE').index();
    t.text('value_lower').notNullable();
    // The value first: a filter finds users by it without knowing the connection.
    t.index(['value_lower', 'connection_id']);
  });
  await knex.schema.createTable('groups', (t) => {
    id(t).primary();
    id(t, 'environment_id').notNullable();
    id(t, 'connection_id').notNullable().references('connections.id');
    t.text('display_name').notNullable();
    t.text('display_name_lower').notNullable();
    t.text('external_id');
    /** The SCIM resource without id, meta and members. */
    t.jsonb('resource').notNullable();
    t.integer('version').notNullable();
    times(t);
    time(t, 'deleted_at');
    t.index(['connection_id', 'external_id']);
    t.index(['connection_id', 'created_at', 'id']);
    t.index(['environment_id', 'created_at', 'id']);
  });
  await knex.raw(
    'create unique index groups_display_name on groups (connection_id, display_name_lower) where deleted_at is null',
  );
  await knex.schema.createTable('group_members', (t) => {
    id(t, 'group_id').notNullable().references('groups.id');
    id(t, 'user_id').notNullable().references('users.id').index();
    time(t, 'created_at').notNullable();
    t.primary(['group_id', 'user_id']);
  });
}

async function stores(knex: Knex) {
  await knex.schema.createTable('stores', (t) => {
    id(t).primary();
    id(t, 'environment_id').notNullable().references('environments.id').index();
    t.string('type', 32).notNullable();
    t.string('name').notNullable();
    t.text('description');
    t.jsonb('image').notNullable();
    t.boolean('managed').notNullable();
    /** INACTIVE, ACTIVE, DELETING */
    t.string('status', 16).notNullable();
    /** What the admin gave, without the secrets. */
    t.jsonb('configuration').notNullable();
    /** Key → what `support/secret` sealed. */
    t.jsonb('secrets').notNullable();
    /** The workspace or instance that the store is pinned to; null until its first good check. */
    t.string('tenant_id');
    t.string('tenant_name');
    /** The credential's own account: {remoteId, identifiers}. */
    t.jsonb('self');
    /** While set, no task of this store runs: {code, message, by}. */
    t.jsonb('paused');
    time(t, 'paused_at');
    /** When the credential of a paused store is checked again; null where only an admin ends the pause. */
    time(t, 'retry_at');
    t.integer('retry_attempts').notNullable();
    /** Until when creations wait because the vendor has no seats left. */
    time(t, 'creations_wait_until');
    /** Set while the brake is tripped. */
    time(t, 'brake_tripped_at');
    /** The last complete scan; creations may rely on its observations. */
    time(t, 'scanned_at');
    time(t, 'last_sync_at');
    time(t, 'last_success_at');
    times(t);
    time(t, 'deleted_at');
  });
  await knex.raw(
    "create unique index stores_tenant on stores (type, tenant_id) where status <> 'INACTIVE' and deleted_at is null and tenant_id is not null",
  );
  await knex.schema.createTable('links', (t) => {
    id(t).primary();
    id(t, 'environment_id').notNullable();
    id(t, 'store_id').notNullable().references('stores.id');
    t.string('kind', 8).notNullable();
    /** A person's or a group's id. */
    id(t, 'subject_id').notNullable();
    t.text('remote_id').notNullable();
    t.text('remote_name').notNullable();
    /** created, adopted */
    t.string('origin', 16).notNullable();
    /** enabled, disabled, invited, removed */
    t.string('state', 16).notNullable();
    /** Why it is disabled: inactive, gone (both by the bridge), hand, locked. */
    t.string('disabled_by', 16);
    /** Attribute → what the bridge last sent. */
    t.jsonb('applied').notNullable();
    /** Attribute → what the vendor showed after that. */
    t.jsonb('observed').notNullable();
    /** When a group's members were last read whole; null: read them before the next plan. */
    time(t, 'members_read_at');
    times(t);
    t.unique(['store_id', 'kind', 'subject_id']);
    t.index(['kind', 'subject_id']);
    t.index(['store_id', 'kind', 'remote_id']);
  });
  await knex.raw(
    "create unique index links_account on links (store_id, remote_id) where kind = 'user' and state <> 'removed'",
  );
  /** What the last scan, or a look-up, saw: linked or not. */
  await knex.schema.createTable('observations', (t) => {
    id(t, 'store_id').notNullable().references('stores.id');
    t.string('kind', 8).notNullable();
    t.text('remote_id').notNullable();
    /** Lower case; the identifier of an account, the name of a group. */
    t.text('identifier_lower');
    t.jsonb('remote').notNullable();
    id(t, 'scan_id');
    time(t, 'seen_at').notNullable();
    t.primary(['store_id', 'kind', 'remote_id']);
    t.index(['store_id', 'kind', 'identifier_lower']);
  });
  await knex.schema.createTable('membership_ledger', (t) => {
    id(t, 'store_id').notNullable().references('stores.id');
    t.text('remote_group_id').notNullable();
    t.text('remote_user_id').notNullable();
    /** added, adopted: the bridge's; foreign: seen there, and neither made nor wanted by the bridge */
    t.string('origin', 16).notNullable();
    t.integer('level');
    t.text('display').notNullable();
    time(t, 'created_at').notNullable();
    id(t, 'scan_id');
    t.primary(['store_id', 'remote_group_id', 'remote_user_id']);
    t.index(['store_id', 'remote_user_id']);
  });
  /** The accounts and groups of `Demo` stores. */
  await knex.schema.createTable('demo_accounts', (t) => {
    id(t).primary();
    id(t, 'store_id').notNullable().references('stores.id');
    t.text('identifier_lower').notNullable();
    t.boolean('enabled').notNullable();
    t.jsonb('attributes').notNullable();
    times(t);
    t.unique(['store_id', 'identifier_lower']);
  });
  await knex.schema.createTable('demo_groups', (t) => {
    id(t).primary();
    id(t, 'store_id').notNullable().references('stores.id');
    t.text('name').notNullable();
    t.text('name_lower').notNullable();
    times(t);
    t.unique(['store_id', 'name_lower']);
  });
  await knex.schema.createTable('demo_members', (t) => {
    id(t, 'group_id').notNullable().references('demo_groups.id').onDelete('CASCADE');
    id(t, 'account_id').notNullable().references('demo_accounts.id').onDelete('CASCADE').index();
    t.primary(['group_id', 'account_id']);
  });
}

async function work(knex: Knex) {
  await knex.schema.createTable('tasks', (t) => {
    id(t).primary();
    id(t, 'environment_id').notNullable();
    id(t, 'store_id').notNullable().references('stores.id');
    t.string('kind', 8).notNullable();
    id(t, 'subject_id').notNullable();
    /** pending, parked, held */
    t.string('state', 16).notNullable();
    /** 0 a leaver, 5 everything else, 9 what a sync found */
    t.integer('priority').notNullable();
    /** Raised by every write to the subject; a task is done only where it was not raised meanwhile. */
    t.integer('seq').notNullable();
    time(t, 'run_at').notNullable();
    /**
     * Set before the first vendor call, cleared when settled. Whoever finds it set knows: the outcome is
     * unknown.
     */
    t.jsonb('intent');
    t.integer('attempts').notNullable();
    time(t, 'failed_at');
    /** {message, status, code} of the last failure */
    t.jsonb('error');
    times(t);
    t.unique(['store_id', 'kind', 'subject_id']);
    t.index(['store_id', 'state', 'priority', 'run_at']);
    t.index(['kind', 'subject_id']);
  });
  await knex.schema.createTable('task_causes', (t) => {
    id(t, 'task_id').notNullable().references('tasks.id').onDelete('CASCADE');
    id(t, 'correlation_id').notNullable();
    time(t, 'created_at').notNullable();
    t.primary(['task_id', 'correlation_id']);
  });
  /** One SCIM request, sync or change of settings, and how many people could lose something by it. */
  await knex.schema.createTable('causes', (t) => {
    id(t, 'correlation_id').notNullable();
    /** '' where it means every store */
    id(t, 'store_id').notNullable();
    t.string('description').notNullable();
    t.integer('subjects').notNullable();
    t.integer('people').notNullable();
    time(t, 'created_at').notNullable().index();
    t.primary(['correlation_id', 'store_id']);
  });
  /** Who would lose something by a sync or a change of settings, counted before anyone does. */
  await knex.schema.createTable('cause_people', (t) => {
    id(t, 'correlation_id').notNullable();
    id(t, 'store_id').notNullable();
    t.string('person_key').notNullable();
    t.primary(['correlation_id', 'store_id', 'person_key']);
  });
  await knex.schema.createTable('sync_statuses', (t) => {
    id(t, 'environment_id').notNullable();
    id(t, 'store_id').notNullable().references('stores.id');
    t.string('kind', 8).notNullable();
    id(t, 'subject_id').notNullable();
    /** synced, pending, unsynced, partiallySynced, held, failed */
    t.string('status', 16).notNullable();
    t.text('reason');
    /** {status, code, message} */
    t.jsonb('vendor');
    id(t, 'correlation_id');
    time(t, 'last_sync_at');
    t.primary(['store_id', 'kind', 'subject_id']);
    t.index(['kind', 'subject_id']);
    t.index(['store_id', 'kind', 'status']);
  });
  await knex.schema.createTable('held', (t) => {
    id(t).primary();
    id(t, 'environment_id').notNullable();
    id(t, 'store_id').notNullable().references('stores.id');
    t.string('kind', 8).notNullable();
    id(t, 'subject_id').notNullable();
    /** The person who would lose something; the remote account's id where nobody is linked. */
    t.text('person_key').notNullable();
    /** `changeKey` of the one change. */
    t.text('change_key').notNullable();
    t.jsonb('change').notNullable();
    /** What the directory wanted when the loss was held; a discard holds until that changes. */
    t.string('desired').notNullable();
    id(t, 'cause');
    t.text('reason').notNullable();
    /** 0 for people who left, 1 for memberships */
    t.integer('rank').notNullable();
    /** held, approved, discarded */
    t.string('state', 16).notNullable();
    t.string('decided_by');
    time(t, 'since').notNullable();
    time(t, 'decided_at');
    t.index(['store_id', 'state', 'rank', 'since', 'id']);
    t.index(['store_id', 'kind', 'subject_id']);
    t.index(['kind', 'subject_id']);
  });
  /** Who lost something, when: the brake's budget, reserved before the call. */
  await knex.schema.createTable('brake_ledger', (t) => {
    id(t, 'store_id').notNullable().references('stores.id');
    t.text('person_key').notNullable();
    time(t, 'at').notNullable();
    /** Enabled linked people when this window opened. */
    t.integer('base').notNullable();
    t.primary(['store_id', 'person_key']);
    t.index(['store_id', 'at']);
  });
  await knex.schema.createTable('leases', (t) => {
    id(t, 'store_id').primary();
    t.string('holder').notNullable();
    t.integer('fence').notNullable();
    time(t, 'expires_at').notNullable();
  });
}

async function records(knex: Knex) {
  await knex.schema.createTable('previews', (t) => {
    id(t).primary();
    id(t, 'environment_id').notNullable();
    id(t, 'store_id').notNullable().references('stores.id').index();
    t.string('state', 16).notNullable();
    t.jsonb('summary').notNullable();
    t.text('error');
    time(t, 'created_at').notNullable();
    time(t, 'expires_at').notNullable().index();
  });
  await knex.schema.createTable('preview_items', (t) => {
    id(t, 'preview_id').notNullable().references('previews.id').onDelete('CASCADE');
    t.integer('position').notNullable();
    /** change, skipped, orphan */
    t.string('list', 16).notNullable();
    t.text('change_key');
    t.jsonb('body').notNullable();
    t.primary(['preview_id', 'list', 'position']);
  });
  await knex.schema.createTable('applied_changes', (t) => {
    id(t, 'store_id').notNullable().references('stores.id');
    t.text('change_key').notNullable();
    id(t, 'run_id').notNullable().index();
    t.boolean('include_held').notNullable();
    t.jsonb('body').notNullable();
    time(t, 'created_at').notNullable();
    t.primary(['store_id', 'change_key']);
  });
  await knex.schema.createTable('sync_runs', (t) => {
    id(t).primary();
    id(t, 'environment_id').notNullable();
    id(t, 'store_id').notNullable().references('stores.id');
    /** request, activation, settings, deletion */
    t.string('cause', 16).notNullable();
    id(t, 'correlation_id').notNullable();
    t.boolean('scan').notNullable();
    t.boolean('repair').notNullable();
    t.string('state', 16).notNullable();
    t.jsonb('progress').notNullable();
    t.jsonb('summary').notNullable();
    t.jsonb('drift').notNullable();
    /** For the application of a preview. */
    id(t, 'preview_id');
    t.boolean('include_held').notNullable().defaultTo(false);
    /** Items of an applied preview that were not done, because the plan was not the same any more. */
    t.jsonb('refused').notNullable().defaultTo('[]');
    /** Everything is planned and handed to the queue; done when no task of it is due any more. */
    t.boolean('settling').notNullable().defaultTo(false);
    /** Where the run stands, so that it goes on after a restart. */
    t.jsonb('position');
    t.text('error');
    time(t, 'created_at').notNullable();
    time(t, 'started_at');
    time(t, 'finished_at');
    t.index(['store_id', 'state', 'created_at']);
  });
  await knex.schema.createTable('events', (t) => {
    t.bigIncrements('id');
    id(t, 'environment_id').notNullable();
    time(t, 'at').notNullable();
    id(t, 'correlation_id').notNullable().index();
    t.string('kind', 64).notNullable();
    t.string('actor_type', 16).notNullable();
    id(t, 'actor_id');
    t.string('actor_name');
    t.string('subject_kind', 8);
    id(t, 'subject_id');
    t.text('subject_display');
    id(t, 'store_id');
    t.string('store_name');
    t.string('outcome', 16).notNullable();
    t.jsonb('request');
    t.jsonb('calls');
    t.jsonb('before');
    t.jsonb('after');
    t.text('reason');
    t.index(['environment_id', 'id']);
    t.index(['environment_id', 'subject_id', 'id']);
    t.index(['environment_id', 'store_id', 'id']);
  });
  /** The further requests that an event was caused by, where several writes folded into one task. */
  await knex.schema.createTable('event_correlations', (t) => {
    t.bigInteger('event_id').notNullable().references('events.id').onDelete('CASCADE');
    id(t, 'correlation_id').notNullable().index();
    t.primary(['event_id', 'correlation_id']);
  });
}

/**
 * SQLite gathers no statistics by itself, and without any it walks through all of a connection's users
 * rather than use the index that finds one. So it is told what a directory looks like: the rows of a table,
 * then how many share the first column of the index, the first two, and so on. `ANALYZE` overwrites it with
 * what is there.
 */
const DIRECTORY_STATISTICS: readonly (readonly [table: string, index: string, rows: string])[] = [
  ['users', 'sqlite_autoindex_users_1', '100000 1'],
  ['users', 'users_user_name', '100000 50000 1'],
  ['users', 'users_tombstones', '100000 50000 2'],
  ['users', 'users_connection_id_external_id_index', '100000 50000 2'],
  ['users', 'users_connection_id_display_name_lower_index', '100000 50000 2'],
  ['users', 'users_connection_id_created_at_id_index', '100000 50000 10 1'],
  ['users', 'users_environment_id_primary_email_lower_index', '100000 50000 2'],
  ['users', 'users_environment_id_created_at_id_index', '100000 50000 10 1'],
  ['users', 'users_person_id_index', '100000 1'],
  ['user_emails', 'user_emails_value_lower_connection_id_index', '100000 2 1'],
  ['user_emails', 'user_emails_user_id_index', '100000 1'],
  ['groups', 'sqlite_autoindex_groups_1', '10000 1'],
  ['groups', 'groups_display_name', '10000 5000 1'],
  ['groups', 'groups_connection_id_external_id_index', '10000 5000 2'],
  ['groups', 'groups_connection_id_created_at_id_index', '10000 5000 10 1'],
  ['groups', 'groups_environment_id_created_at_id_index', '10000 5000 10 1'],
  ['group_members', 'sqlite_autoindex_group_members_1', '1000000 100 1'],
  ['group_members', 'group_members_user_id_index', '1000000 10'],
];

async function planDirectoryQueries(knex: Knex) {
  if (knex.client.config.client !== 'sqlite3') return;
  await knex.raw('analyze');
  for (const [table, index, rows] of DIRECTORY_STATISTICS) {
    await knex.raw('insert into sqlite_stat1 (tbl, idx, stat) values (?, ?, ?)', [table, index, rows]);
  }
  // Makes this connection read the statistics too.
  await knex.raw('analyze sqlite_schema');
}
