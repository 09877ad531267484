/** One process on an embedded database, for as long as its file is there; and what a start makes of a part of it. */

import { randomBytes } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import knex from 'knex';
import { migrationSource } from '../../src/db/migrations.ts';
import { VERSION } from '../../src/support/version.ts';
import { eventually } from '../bridge.ts';
import { embeddedUrl, emptyDatabaseUrl } from '../database.ts';
import {
  type BridgeProcess,
  bridgeDirectory,
  forgetBridges,
  readFirstStart,
  runToExit,
  startBridge,
} from './process.ts';

afterAll(forgetBridges);

const START_MAX_MS = 10_000;

let made = 0;
function post(bridge: BridgeProcess, token: string): Promise<Response> {
  made += 1;
  return fetch(`${bridge.url}/scim/v2/Users`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
    body: JSON.stringify({
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
      userName: `person${made}@example.com`,
      active: true,
    }),
  });
}

const readiness = async (bridge: BridgeProcess) => {
  const answer = await fetch(`${bridge.url}/readyz`);
  return [answer.status, await answer.json()];
};

it('refuses a second start on the same file, and starts at once after kill -9', async () => {
  const directory = bridgeDirectory();
  const first = await startBridge({ directory });
  const file = join(directory, 'data/scim-bridge.db');
  symlinkSync(join(directory, 'data'), join(directory, 'elsewhere'));
  symlinkSync(file, join(directory, 'link.db'));
  for (const path of [file, join(directory, 'elsewhere/scim-bridge.db'), join(directory, 'link.db')]) {
    const second = await runToExit({
      directory,
      environment: { DATABASE_URL: embeddedUrl(path), PORT: '1' },
    });
    expect(second).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(
        /^The database .*\/data\/scim-bridge\.db is in use: one process [^\n]+\n$/,
      ),
    });
  }
  linkSync(file, join(directory, 'hard.db'));
  const hard = await runToExit({
    directory,
    environment: { DATABASE_URL: embeddedUrl(join(directory, 'hard.db')) },
  });
  expect([hard.code, hard.stderr]).toEqual([1, expect.stringMatching(/has 2 names \(hard links\)[^\n]+\n$/)]);
  rmSync(join(directory, 'hard.db'));

  expect((await post(first, readFirstStart(directory).scimToken)).status).toBe(201);
  await first.stop('SIGKILL');
  const startedMs = performance.now();
  const third = await startBridge({ directory });
  expect(performance.now() - startedMs).toBeLessThan(START_MAX_MS);
  await third.stop('SIGTERM');
});

describe('a file that goes while the bridge runs', () => {
  it('turns /readyz red and stops writes until it is back', async () => {
    const directory = bridgeDirectory();
    const bridge = await startBridge({ directory });
    const { scimToken } = readFirstStart(directory);
    const file = join(directory, 'data/scim-bridge.db');
    expect((await post(bridge, scimToken)).status).toBe(201);

    renameSync(file, `${file}.away`);
    const refused = await post(bridge, scimToken);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([
      503,
      expect.stringMatching(/^\d+$/),
    ]);
    // A probe may answer what was found a moment ago.
    const red = async () => {
      const answer = await readiness(bridge);
      return answer[0] === 503 ? answer : undefined;
    };
    expect(await eventually(red, 10_000)).toEqual([
      503,
      { status: 'unavailable', database: 'replaced', migrations: 'unknown' },
    ]);
    expect((await fetch(`${bridge.url}/healthz`)).status).toBe(200);
    expect(bridge.stdout()).toContain('was removed or replaced while the bridge ran');

    renameSync(`${file}.away`, file);
    expect((await post(bridge, scimToken)).status).toBe(201);
    const green = async () => ((await readiness(bridge))[0] === 200 ? true : undefined);
    await eventually(green, 10_000);
    await bridge.stop('SIGTERM');
  });

  it('leaves alone what was copied into its place', async () => {
    const directory = bridgeDirectory();
    const file = join(directory, 'data/scim-bridge.db');
    await (await startBridge({ directory })).stop('SIGTERM');
    copyFileSync(file, join(directory, 'copy.db'));
    const bridge = await startBridge({ directory });
    const { scimToken } = readFirstStart(directory);
    expect((await post(bridge, scimToken)).status).toBe(201);
    copyFileSync(join(directory, 'copy.db'), file);
    expect((await post(bridge, scimToken)).status).toBe(503);
    expect((await bridge.stop('SIGTERM')).code).toBe(0);
    for (const suffix of ['-wal', '-shm']) rmSync(file + suffix, { force: true });
    const users = await on(file, (db) => db('users'));
    expect(users).toEqual([]);
  });
});

async function on<T>(filename: string, work: (db: knex.Knex) => Promise<T>): Promise<T> {
  const db = knex({ client: 'sqlite3', connection: { filename }, useNullAsDefault: true });
  return work(db).finally(() => db.destroy());
}

describe('a start on a part of what there was', () => {
  const started = async () => {
    const directory = bridgeDirectory();
    await (await startBridge({ directory })).stop('SIGTERM');
    return { directory, data: join(directory, 'data'), file: join(directory, 'data/scim-bridge.db') };
  };
  /** Refused in one sentence, and nothing made. */
  const expectRefusal = async (directory: string, sentence: RegExp) => {
    const before = readdirSync(join(directory, 'data'));
    const exit = await runToExit({ directory });
    expect(exit).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(sentence) });
    expect(exit.stderr.split('\n')).toHaveLength(2);
    expect(readdirSync(join(directory, 'data'))).toEqual(before);
  };

  it('a key without its database', async () => {
    const { directory, file } = await started();
    rmSync(file);
    await expectRefusal(
      directory,
      /^.*encryption\.key is there, and the database .* is not: put the database back/,
    );
    rmSync(join(directory, 'data/encryption.key'));
    const anew = await startBridge({ directory });
    await anew.stop('SIGTERM');
  });

  it('a database without its key, or with another one', async () => {
    const { directory, data } = await started();
    const key = join(data, 'encryption.key');
    renameSync(key, join(directory, 'kept.key'));
    await expectRefusal(
      directory,
      /^The database .* is sealed with a key, and .*encryption\.key is not there: /,
    );
    expect(existsSync(key)).toBe(false);
    const other = await started();
    copyFileSync(join(other.data, 'encryption.key'), key);
    await expectRefusal(directory, /^ENCRYPTION_KEY does not fit this database: /);
    copyFileSync(join(directory, 'kept.key'), key);
    await (await startBridge({ directory })).stop('SIGTERM');
  });

  it('what was not in the database yet, without the database', async () => {
    const directory = bridgeDirectory();
    mkdirSync(join(directory, 'data'));
    copyFileSync(__filename, join(directory, 'data/scim-bridge.db-wal'));
    await expectRefusal(directory, /^.*scim-bridge\.db-wal is there, and the database /);
  });

  it('a database of a newer version, on PostgreSQL too', async () => {
    const { directory, file } = await started();
    const row = { name: '9999_from_the_future', batch: 99, migration_time: new Date() };
    await on(file, (db) => db('knex_migrations').insert(row));
    await expectRefusal(
      directory,
      /^The database was used with a newer version of the bridge \(this is .*9999_from_the_future\): /,
    );
    const url = await emptyDatabaseUrl('postgres', directory);
    const environment = {
      DATABASE_URL: url,
      ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    };
    await (await startBridge({ directory, environment })).stop('SIGTERM');
    const db = knex({ client: 'pg', connection: url });
    await db('knex_migrations').insert(row);
    await db.destroy();
    const { code, stderr } = await runToExit({ directory, environment });
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/^The database was used with a newer version /),
    ]);
  });
});

it('says from where to where it upgraded', async () => {
  const directory = bridgeDirectory();
  const file = join(directory, 'data/scim-bridge.db');
  mkdirSync(join(directory, 'data'));
  await on(file, async (db) => {
    await db.migrate.to({ migrationSource, name: '0010_peers' });
    await db('bridge').insert({ key: 'version', value: '0.0.9' });
  });
  const upgraded = (bridge: BridgeProcess) => {
    const lines = bridge.stdout().split('\n');
    return lines.filter((line) => line.includes('"upgraded"')).map((line) => JSON.parse(line));
  };
  const first = await startBridge({ directory });
  const last = await on(file, (db) => db('knex_migrations').max({ name: 'name' }).first());
  expect(upgraded(first)).toMatchObject([
    { from: { version: '0.0.9', schema: '0010_peers' }, to: { version: VERSION, schema: last?.name } },
  ]);
  await first.stop('SIGTERM');
  const second = await startBridge({ directory });
  expect(upgraded(second)).toEqual([]);
  await second.stop('SIGTERM');
  const anew = await startBridge({ directory: bridgeDirectory() });
  expect(upgraded(anew)).toEqual([]);
  await anew.stop('SIGTERM');
});
