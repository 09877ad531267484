/** What becomes of the tokens of the first start, and of secrets that somebody chose badly, by the real process. */

import { execFile } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import knex from 'knex';
import { embeddedUrl } from '../database.ts';
import {
  bridgeDirectory,
  forgetBridges,
  PROJECT,
  readFirstStart,
  runToExit,
  startBridge,
} from './process.ts';

afterAll(forgetBridges);

const run = promisify(execFile);
const tokens = (directory: string, ...words: readonly string[]) =>
  run('npm', ['run', '--silent', 'tokens', '--', ...words], {
    cwd: PROJECT,
    env: { ...process.env, DATABASE_URL: embeddedUrl(join(directory, 'data/scim-bridge.db')) },
  }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  );
const warnings = (output: string) =>
  output
    .split('\n')
    .filter((line) => line.includes('"warn"'))
    .map((line) => JSON.parse(line));

it('leaves them in their file until somebody says that they are taken', async () => {
  const directory = bridgeDirectory();
  const file = join(directory, 'data/first-start.txt');
  const first = await startBridge({ directory });
  const { adminUrl, adminToken } = readFirstStart(directory);
  expect(first.stdout()).toContain('npm run tokens -- taken');
  expect(warnings(first.stdout())).toEqual([]);
  await first.stop('SIGTERM');

  const second = await startBridge({ directory });
  expect(warnings(second.stdout())).toEqual([
    expect.objectContaining({ msg: expect.stringContaining(`${file} still holds the first tokens`) }),
  ]);
  await second.stop('SIGTERM');

  expect(await tokens(directory, 'taken')).toEqual({
    code: 0,
    stdout: `${file} is empty. The tokens stay valid.\n`,
    stderr: '',
  });
  expect([readFileSync(file, 'utf8'), statSync(file).mode & 0o777]).toEqual(['', 0o600]);
  expect(await tokens(directory, 'taken')).toMatchObject({ code: 0 });
  const third = await startBridge({ directory });
  expect(warnings(third.stdout())).toEqual([]);
  const url = adminUrl.replace(/^http:\/\/[^/]+/, third.url);
  const answer = await fetch(`${url}/environments`, { headers: { authorization: `Bearer ${adminToken}` } });
  expect(answer.status).toBe(200);
  await third.stop('SIGTERM');
});

it('says where there is nothing to take, and what may be said', async () => {
  const directory = bridgeDirectory();
  expect(await tokens(directory, 'taken')).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/^There is no .*first-start\.txt: [^\n]+\n$/),
  });
  for (const words of [[], ['take'], ['taken', 'twice'], ['link', 'me', 'twice']]) {
    expect(await tokens(directory, ...words)).toMatchObject({
      code: 2,
      stderr: 'Usage: npm run tokens -- link [NAME], or npm run tokens -- taken\n',
    });
  }
});

it('names a token that has ended, and the way back', async () => {
  const directory = bridgeDirectory();
  await (await startBridge({ directory })).stop('SIGTERM');
  const { adminToken } = readFirstStart(directory);
  const db = knex({
    client: 'sqlite3',
    connection: { filename: join(directory, 'data/scim-bridge.db') },
    useNullAsDefault: true,
  });
  await db('admin_tokens').update({ valid_until: new Date().toISOString() });
  await db.destroy();
  const ADMIN_TOKEN = 'an-admin-token-of-32-characters!';
  const bridge = await startBridge({ directory, environment: { ADMIN_TOKEN } });
  const said = warnings(bridge.stdout()).find((line) => line.ended);
  expect(said).toMatchObject({
    ended: [{ name: 'first start' }],
    msg: expect.stringContaining('set ADMIN_TOKEN'),
  });
  const ask = (path: string, token: string, method = 'GET') =>
    fetch(`${bridge.url}/v1${path}`, { method, headers: { authorization: `Bearer ${token}` } });
  expect((await ask('/environments', adminToken)).status).toBe(401);
  expect((await ask(`/admin-tokens/${said.ended[0].id}/renew`, ADMIN_TOKEN, 'POST')).status).toBe(200);
  expect((await ask('/environments', adminToken)).status).toBe(200);
  expect(bridge.stdout()).not.toContain(adminToken);
  await bridge.stop('SIGTERM');
});

describe('a secret that can be guessed', () => {
  const WEAK = [
    ['ADMIN_TOKEN', 'x'.repeat(40), 'admin_token_guessable'],
    ['ENCRYPTION_KEY', Buffer.from('changeme'.repeat(4)).toString('base64'), 'encryption_key_guessable'],
  ] as const;

  it.each(WEAK)('%s is refused at a first start', async (name, value) => {
    const refused = await runToExit({ directory: bridgeDirectory(), environment: { [name]: value } });
    expect(refused).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(`^${name} can be guessed `),
    });
    expect(refused.stderr).not.toContain(value);
  });

  it('is a warning at each start of a bridge that has it already', async () => {
    const directory = bridgeDirectory();
    await (await startBridge({ directory })).stop('SIGTERM');
    for (let start = 0; start < 2; start++) {
      const environment = { ADMIN_TOKEN: 'x'.repeat(40) };
      const bridge = await startBridge({ directory, environment });
      expect(warnings(bridge.stdout()).map(({ msg }) => msg)).toContainEqual(
        expect.stringMatching(/^ADMIN_TOKEN can be guessed/),
      );
      const ready = await fetch(`${bridge.url}/readyz`);
      expect([ready.status, await ready.json()]).toEqual([
        200,
        { status: 'ready', database: 'ok', migrations: 'ok', warnings: [{ code: 'admin_token_guessable' }] },
      ]);
      await bridge.stop('SIGTERM');
    }
  });
});
