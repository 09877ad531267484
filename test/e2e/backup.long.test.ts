/** Backup beside a running bridge, and what a bridge is after a restore, by the real commands and the real process. */

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { restore } from '../../src/boot/restore.ts';
import { readConfig } from '../../src/config.ts';
import type { Dialect } from '../../src/db/open.ts';
import { systemClock } from '../../src/support/clock.ts';
import { person } from '../bridge.ts';
import { embeddedUrl, emptyDatabaseUrl } from '../database.ts';
import {
  type BridgeProcess,
  bridgeDirectory,
  forgetBridges,
  PROJECT,
  readFirstStart,
  startBridge,
} from './process.ts';

afterAll(forgetBridges);

const run = promisify(execFile);
const STORES = '/v1/environments/default/propagation/stores';

interface Place {
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
}

async function place(dialect: Dialect): Promise<Place> {
  const directory = bridgeDirectory();
  const DATABASE_URL =
    dialect === 'sqlite'
      ? embeddedUrl(join(directory, 'data/scim-bridge.db'))
      : await emptyDatabaseUrl('postgres', directory);
  const more = dialect === 'postgres' ? { ENCRYPTION_KEY: randomBytes(32).toString('base64') } : {};
  return { directory, environment: { DATABASE_URL, ...more } };
}

const command = ({ directory, environment }: Place, verb: string, ...words: readonly string[]) =>
  run(process.execPath, [join(PROJECT, `scripts/${verb}.ts`), ...words], {
    cwd: directory,
    env: { PATH: process.env.PATH, ...environment },
  }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  );

async function ask(bridge: BridgeProcess, token: string, method: string, path: string, body?: unknown) {
  const answer = await fetch(bridge.url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, body: text === '' ? null : JSON.parse(text) };
}

describe.each(['sqlite', 'postgres'] as const)('on %s', (dialect) => {
  it('starts paused after a restore, with no revoked token and the whole log', async () => {
    const here = await place(dialect);
    const file = join(here.directory, 'backup.db');
    const bridge = await startBridge(here);
    const { scimToken, adminToken } = readFirstStart(here.directory);
    const store = { type: 'Demo', name: 'Demo', status: 'ACTIVE', configuration: {} };
    const { id } = (await ask(bridge, adminToken, 'POST', STORES, store)).body;
    expect((await ask(bridge, scimToken, 'POST', '/scim/v2/Users', person('ann'))).status).toBe(201);
    const spare = { name: 'spare', scopes: ['read'] };
    const revoked = (await ask(bridge, adminToken, 'POST', '/v1/admin-tokens', spare)).body;

    expect((await ask(bridge, adminToken, 'POST', '/v1/session', { token: adminToken })).status).toBe(201);

    const taken = await command(here, 'backup', file);
    expect(taken).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining(file) });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(here.directory).filter((name) => name.startsWith('backup.db'))).toEqual(['backup.db']);
    expect((await command(here, 'backup', file)).stderr).toMatch(/is there already/);

    const gone = await ask(bridge, adminToken, 'DELETE', `/v1/admin-tokens/${revoked.id}`);
    expect(gone.status).toBe(204);
    expect((await ask(bridge, scimToken, 'POST', '/scim/v2/Users', person('bob'))).status).toBe(201);
    expect(await command(here, 'restore', file)).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(dialect === 'sqlite' ? / is in use: / : /^A bridge is connected /),
    });
    await bridge.stop('SIGTERM');

    const restored = await command(here, 'restore', file);
    expect(restored).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringContaining('Every store will be paused'),
    });
    const aside = /kept in (.+)\.\n/.exec(restored.stdout)?.[1] ?? '';
    expect(existsSync(aside)).toBe(true);

    const again = await startBridge(here);
    const shown = (await ask(again, adminToken, 'GET', `${STORES}/${id}/syncStatus`)).body;
    expect(shown.syncState).toBe('PAUSED');
    const sentence =
      'restored from a backup of \\S+Z: look at the preview, then resume\\. Resume it to go on\\.';
    expect(JSON.stringify(shown.details)).toMatch(new RegExp(sentence));
    expect((await ask(again, revoked.token, 'GET', '/v1/environments')).status).toBe(401);
    expect((await ask(again, adminToken, 'GET', '/v1/sessions')).body.count).toBe(0);
    const users = (await ask(again, scimToken, 'GET', '/scim/v2/Users')).body;
    expect(users.Resources.map(({ userName }: { userName: string }) => userName)).toEqual([
      'ann@acme.example',
    ]);
    const { body: log } = await ask(again, adminToken, 'GET', '/v1/environments/default/events?limit=100');
    const kinds: string[] = log._embedded.events.map(({ kind }: { kind: string }) => kind);
    expect(kinds).toEqual(expect.arrayContaining(['backup.restored', 'store.paused', 'admin-token.revoked']));
    expect(kinds.filter((kind) => kind === 'user.created')).toHaveLength(2);
    expect((await ask(again, scimToken, 'POST', '/scim/v2/Users', person('cay'))).status).toBe(201);
    expect((await ask(again, adminToken, 'POST', `${STORES}/${id}/preview`)).status).toBe(201);
    expect((await ask(again, adminToken, 'POST', `${STORES}/${id}/resume`)).status).toBe(200);
    await again.stop('SIGTERM');
    // The pause is over, and stays so.
    const last = await startBridge(here);
    expect((await ask(last, adminToken, 'GET', `${STORES}/${id}/syncStatus`)).body.syncState).not.toBe(
      'PAUSED',
    );
    await last.stop('SIGTERM');
  });

  it('restores into nothing, and what was backed up is valid then', async () => {
    const here = await place(dialect);
    const file = join(here.directory, 'backup.db');
    const bridge = await startBridge(here);
    const { scimToken } = readFirstStart(here.directory);
    expect((await ask(bridge, scimToken, 'POST', '/scim/v2/Users', person('ann'))).status).toBe(201);
    expect((await command(here, 'backup', file)).code).toBe(0);
    await bridge.stop('SIGTERM');
    const there =
      dialect === 'sqlite'
        ? here
        : {
            ...here,
            environment: { ...here.environment, DATABASE_URL: await emptyDatabaseUrl(dialect, '') },
          };
    if (dialect === 'sqlite') rmSync(join(here.directory, 'data/scim-bridge.db'));
    expect(await command(there, 'restore', file)).toMatchObject({ code: 0, stderr: '' });
    const again = await startBridge(there);
    expect((await ask(again, scimToken, 'POST', '/scim/v2/Users', person('bob'))).status).toBe(201);
    expect((await ask(again, scimToken, 'GET', '/scim/v2/Users')).body.totalResults).toBe(2);
    await again.stop('SIGTERM');
  });
});

it('restores nothing that is no backup, or is sealed with another key, and says how it is used', async () => {
  const here = await place('sqlite');
  await (await startBridge(here)).stop('SIGTERM');
  const file = join(here.directory, 'backup.db');
  expect((await command(here, 'backup', file)).code).toBe(0);
  const text = join(here.directory, 'notes.txt');
  writeFileSync(text, 'not a database, and longer than the head of one '.repeat(50));
  const other = {
    ...here,
    environment: { ...here.environment, ENCRYPTION_KEY: randomBytes(32).toString('base64') },
  };
  for (const [where, words, code, stderr] of [
    [here, [text], 1, /is not a backup of the bridge/],
    [here, [join(here.directory, 'nowhere')], 1, /^There is no file /],
    [other, [file], 1, /^ENCRYPTION_KEY does not fit this database: /],
    [here, [], 2, /^Usage: npm run restore -- FILE \[--yes\]\n$/],
    [here, ['--force', file], 2, /^Usage: /],
  ] as const) {
    expect(await command(where, 'restore', ...words)).toMatchObject({
      code,
      stdout: '',
      stderr: expect.stringMatching(stderr),
    });
  }
  expect(readdirSync(join(here.directory, 'data')).filter((name) => /restor/.test(name))).toEqual([]);
});

it('changes nothing where somebody says no, and says before where it keeps what is there', async () => {
  const here = await place('sqlite');
  await (await startBridge(here)).stop('SIGTERM');
  const file = join(here.directory, 'backup.db');
  expect((await command(here, 'backup', file)).code).toBe(0);
  const data = join(here.directory, 'data');
  const before = readFileSync(join(data, 'scim-bridge.db'));
  const { config } = readConfig(here.environment);
  if (config === null) throw new Error('the settings are wrong');
  const asked: string[] = [];
  const confirm = async (question: string) => asked.push(question) === 0;
  await expect(restore({ config, clock: systemClock, confirm }, file)).rejects.toThrow(
    'the database is as it was',
  );
  expect(asked).toEqual([
    expect.stringMatching(/^Replace everything .* What is there is kept in .*before-restore-/),
  ]);
  expect(readFileSync(join(data, 'scim-bridge.db')).equals(before)).toBe(true);
  expect(readdirSync(data).filter((name) => /restor/.test(name))).toEqual([]);
});

it('restores nothing beside what is left of a lost database', async () => {
  const here = await place('sqlite');
  await (await startBridge(here)).stop('SIGTERM');
  const file = join(here.directory, 'backup.db');
  expect((await command(here, 'backup', file)).code).toBe(0);
  const data = join(here.directory, 'data');
  for (const name of readdirSync(data)) if (/\.db(-\w+)?$/.test(name)) rmSync(join(data, name));
  const wal = join(data, 'scim-bridge.db-wal');
  writeFileSync(wal, 'the last that was committed');
  expect(await command(here, 'restore', '--yes', file)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`move ${wal} away, and restore again`),
  });
  expect(readFileSync(wal, 'utf8')).toBe('the last that was committed');
});
