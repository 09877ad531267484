/**
 * Opening a database: migrations, errors without values, private files, and the first rows of queue and log.
 */

import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { appendEvent } from '../../../src/db/events.ts';
import { migrate, readSchema } from '../../../src/db/migrations.ts';
import { isUniqueViolation, openDatabase, parseDatabaseUrl } from '../../../src/db/open.ts';
import { enqueueTask, PRIORITY } from '../../../src/db/queue/enqueue.ts';
import { SYSTEM } from '../../../src/model/cause.ts';
import { embeddedUrl, onEachDatabase } from '../../database.ts';

onEachDatabase((open) => {
  const at = '2026-01-01T00:00:00.000Z';

  it('migrates once and then has nothing pending', async () => {
    const db = await open();
    await migrate(db);
    expect(await readSchema(db)).toMatchObject({ pending: [], unknown: [] });
  });

  it('tells no value of a statement in its errors', async () => {
    const db = await open();
    const row = { id: 'e', name: 'people@example.com', created_at: at, updated_at: at };
    await db('environments').insert(row);
    const error: Error = await db('environments')
      .insert(row)
      .then(
        () => new Error('nothing was refused'),
        (thrown) => thrown,
      );
    expect(isUniqueViolation(error)).toBe(true);
    expect(error.message).toMatch(/^insert into/);
    expect(`${error.message} ${error.stack}`).not.toContain(row.name);
  });

  it('folds many writes to one subject into one task and keeps every cause', async () => {
    const db = await open();
    await db('environments').insert({ id: 'e', name: 'e', created_at: at, updated_at: at });
    await db('stores').insert({
      id: 's',
      environment_id: 'e',
      type: 'Demo',
      name: 's',
      image: '{}',
      managed: false,
      status: 'ACTIVE',
      configuration: '{}',
      secrets: '{}',
      retry_attempts: 0,
      created_at: at,
      updated_at: at,
    });
    const subject = { kind: 'user', id: 'p' } as const;
    for (const [correlationId, priority] of [
      ['a', PRIORITY.normal],
      ['b', PRIORITY.leaver],
      ['c', PRIORITY.sync],
    ] as const) {
      await enqueueTask(db, 's', {
        environmentId: 'e',
        subject,
        priority,
        correlationIds: [correlationId],
        at,
      });
    }
    expect(await db('tasks').select('seq', 'priority', 'state')).toEqual([
      { seq: 3, priority: 0, state: 'pending' },
    ]);
    expect((await db('task_causes').orderBy('correlation_id')).map((r) => r.correlation_id)).toEqual([
      'a',
      'b',
      'c',
    ]);
  });

  it('appends events with all their causes', async () => {
    const db = await open();
    const id = await appendEvent(db, at, {
      environmentId: 'e',
      cause: { correlationId: 'c1', actor: SYSTEM },
      alsoCausedBy: ['c1', 'c2'],
      kind: 'user.created',
      outcome: 'success',
      after: { a: 1 },
    });
    expect((await db('event_correlations').where({ event_id: id })).map((r) => r.correlation_id)).toEqual([
      'c2',
    ]);
  });
});

it('keeps an embedded database from other users of the machine, also where its directory is theirs', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-mode-'));
  const db = openDatabase(parseDatabaseUrl(embeddedUrl(join(directory, 'bridge.db'))));
  try {
    await migrate(db);
    const files = readdirSync(directory);
    expect(files).toContain('bridge.db-wal');
    for (const file of files) expect(statSync(join(directory, file)).mode & 0o077).toBe(0);
  } finally {
    await db.destroy();
    rmSync(directory, { recursive: true });
  }
});
