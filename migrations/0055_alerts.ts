/**
 * Alerts and their outbox. A trigger on the audit log writes the outbox, in the transaction of the event: no way of
 * writing an event can forget it. It reads `alert_wants` alone, which has a row for each type of each active alert.
 *
 * Deliveries have no foreign key: a write of the directory must neither wait for an admin who deletes an alert, nor
 * fail because of it.
 */

import type { Knex } from 'knex';

const isSqlite = (knex: Knex): boolean => knex.client.config.client !== 'pg';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('alerts', (t) => {
    t.text('id').primary();
    t.text('environment_id').notNullable().references('id').inTable('environments');
    t.text('name').notNullable();
    t.text('kind').notNullable();
    t.json('events').notNullable();
    t.boolean('active').notNullable();
    // Sealed: a URL; in clear: addresses of people.
    t.json('url');
    t.json('recipients');
    t.json('signing_secret');
    t.text('created_at').notNullable();
    t.text('updated_at').notNullable();
    // Of the receiver: how many attempts failed in a row, and when the next one may come.
    t.integer('failures').notNullable().defaultTo(0);
    t.text('retry_at');
    t.text('given_up_at');
    t.index(['environment_id', 'created_at', 'id']);
  });
  await knex.schema.createTable('alert_wants', (t) => {
    t.text('alert_id').notNullable().references('id').inTable('alerts').onDelete('CASCADE');
    t.text('environment_id').notNullable();
    t.text('type').notNullable();
    t.primary(['environment_id', 'type', 'alert_id']);
  });
  await knex.schema.createTable('alert_deliveries', (t) => {
    t.text('id').primary();
    t.text('alert_id').notNullable();
    t.bigInteger('event_id').notNullable();
    t.text('type').notNullable();
    t.text('at').notNullable();
    t.text('state').notNullable().defaultTo('pending');
    // What is sent, from the first attempt to the last.
    t.text('payload');
    t.json('attempts').notNullable().defaultTo('[]');
    t.text('done_at');
    t.index(['alert_id', 'event_id', 'id']);
    t.index(['state', 'alert_id', 'event_id', 'id']);
    t.index(['done_at']);
  });
  if (isSqlite(knex)) await writeOnSqlite(knex);
  else await writeOnPostgres(knex);
}

/** A pair of numbers, as PostgreSQL names advisory locks; `db/alerts/horizon.ts` looks for it. */
const EVENTS_LOCK = [5501, 1] as const;

/** One message for each alert, also where it wants the kind and every event. */
const WANTED = `
  from alert_wants w
  where w.environment_id = new.environment_id and w.type in (new.kind, 'audit.*')
  group by w.alert_id`;
const TYPE = `case when max(w.type = new.kind) then new.kind else 'audit.' || new.kind end`;

async function writeOnSqlite(knex: Knex): Promise<void> {
  await knex.raw(
    `create trigger events_write_alerts after insert on events
     begin
       insert into alert_deliveries (id, alert_id, event_id, type, at)
       select 'msg_' || lower(hex(randomblob(16))), w.alert_id, new.id, ${TYPE}, new.at ${WANTED};
     end`,
  );
}

/**
 * PostgreSQL gives out the numbers of events before their transactions commit, in whatever order. So whoever is about
 * to take one holds a lock, shared with all others, to the end of the transaction: when nobody does who held it at
 * some time, every number that was given out before that time is settled. Nobody ever waits for the lock.
 */
async function writeOnPostgres(knex: Knex): Promise<void> {
  await knex.raw(
    `create function announce_events() returns trigger language plpgsql as $announce$
     begin perform pg_advisory_xact_lock_shared(${EVENTS_LOCK.join(', ')}); return null; end $announce$`,
  );
  await knex.raw(
    'create trigger events_announced before insert on events for each statement execute function announce_events()',
  );
  await knex.raw(
    `create function write_alerts() returns trigger language plpgsql as $write$
     begin
       insert into alert_deliveries (id, alert_id, event_id, type, at)
       select 'msg_' || replace(gen_random_uuid()::text, '-', ''), w.alert_id, new.id,
         ${TYPE.replace('max(', 'bool_or(')}, new.at ${WANTED};
       return null;
     end $write$`,
  );
  await knex.raw(
    'create trigger events_write_alerts after insert on events for each row execute function write_alerts()',
  );
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
