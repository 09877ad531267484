/**
 * Directories that are pulled: how each is reached and how it stands, its runs, what a scan showed before anything
 * is made of it, and what is known of each of its records.
 */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('pulled_connections', (t) => {
    t.string('connection_id', 64).primary();
    t.string('environment_id', 64).notNullable();
    t.string('name').notNullable();
    t.string('strategy', 32).notNullable();
    /** STAGED, ACTIVE */
    t.string('status', 16).notNullable();
    t.jsonb('configuration').notNullable();
    t.jsonb('secrets').notNullable();
    /** Schedule, choice of groups, managers, mapping, tags, domains. */
    t.jsonb('settings').notNullable();
    t.string('tenant_id');
    t.string('tenant_name');
    t.jsonb('self');
    t.jsonb('paused');
    t.string('paused_at', 24);
    t.string('retry_at', 24);
    t.integer('retry_attempts').notNullable().defaultTo(0);
    /** Where the source's next delta goes on. */
    t.text('position');
    t.jsonb('last_sync');
    t.string('last_success_at', 24);
    t.string('last_full_at', 24);
    /** When the schedule, or a date that simply passes, wants the next run. */
    t.string('next_run_at', 24).index();
    t.string('updated_at', 24).notNullable();
  });

  await knex.schema.createTable('pull_runs', (t) => {
    t.string('id', 64).primary();
    t.string('environment_id', 64).notNullable();
    t.string('connection_id', 64).notNullable();
    /** full, delta, preview */
    t.string('mode', 16).notNullable();
    /** QUEUED, RUNNING, DONE, PARTIAL, HELD, FAILED */
    t.string('state', 16).notNullable();
    /** scan, compare, apply, managers, groups */
    t.string('phase', 16).notNullable();
    t.string('correlation_id', 64).notNullable();
    /** Who the filter leaves out leaves with this run: an admin applied a change that says so. */
    t.boolean('takes_filtered').notNullable();
    t.integer('day');
    /** Settings on trial, of a preview: what an admin would save. */
    t.jsonb('trial');
    t.jsonb('progress').notNullable();
    t.jsonb('summary').notNullable();
    /** What is known of how much of the source was read. */
    t.jsonb('findings').notNullable();
    t.text('position');
    t.text('cursor');
    t.text('error');
    t.string('incident_id', 64);
    t.string('created_at', 24).notNullable();
    t.string('started_at', 24);
    t.string('finished_at', 24);
    t.index(['connection_id', 'state']);
    t.index(['incident_id']);
  });

  await knex.schema.createTable('pull_staged', (t) => {
    t.string('run_id', 64).notNullable();
    /** user, group */
    t.string('kind', 8).notNullable();
    t.string('source_id').notNullable();
    t.jsonb('record').notNullable();
    t.primary(['run_id', 'kind', 'source_id']);
  });
  await knex.schema.createTable('pull_staged_members', (t) => {
    t.string('run_id', 64).notNullable();
    t.string('group_id').notNullable();
    /** user, group, everyone; end: they were read to the last */
    t.string('kind', 8).notNullable();
    t.string('member_id').notNullable();
    t.primary(['run_id', 'group_id', 'kind', 'member_id']);
  });

  /** What a run would do, or did: one line each. */
  await knex.schema.createTable('pull_changes', (t) => {
    t.string('run_id', 64).notNullable();
    t.integer('seq').notNullable();
    t.string('op', 16).notNullable();
    t.string('kind', 8).notNullable();
    t.string('source_id').notNullable();
    /** In the directory; null for what is not there yet. */
    t.string('subject_id', 64);
    t.string('person_id', 64);
    t.string('display').notNullable();
    /** What differs, by attribute; the group of a membership. */
    t.jsonb('detail').notNullable();
    /** planned, held, approved, discarded, done, refused */
    t.string('state', 16).notNullable();
    t.text('reason');
    t.string('decided_by');
    t.string('decided_at', 24);
    t.primary(['run_id', 'seq']);
    t.index(['run_id', 'state', 'seq']);
  });

  /** What a source said last of each of its people. */
  await knex.schema.createTable('source_records', (t) => {
    t.string('connection_id', 64).notNullable();
    t.string('source_id').notNullable();
    t.string('user_id', 64);
    t.jsonb('record').notNullable();
    /** Of what the record says, so that nothing is written where nothing changed. */
    t.string('digest', 64).notNullable();
    t.string('active_until', 24);
    t.primary(['connection_id', 'source_id']);
    t.index(['connection_id', 'active_until']);
  });
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
