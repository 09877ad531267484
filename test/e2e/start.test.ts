/** The process as npm starts it: first start, restart, stop, and starts that fail with a sentence. */

import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { embeddedUrl, emptyDatabaseUrl } from '../database.ts';
import { freePort } from '../postgres.ts';
import {
  bridgeDirectory,
  forgetBridges,
  PROJECT,
  readFirstStart,
  runToExit,
  startBridge,
} from './process.ts';

afterAll(forgetBridges);

const OWNER_ONLY = 0o600;
const mode = (path: string) => statSync(path).mode & 0o777;
const key = () => randomBytes(32).toString('base64');

const PERSON = {
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
  userName: 'ada@example.com',
  emails: [{ value: 'ada@example.com', primary: true }],
  active: true,
};

function scim(url: string, token: string, body?: unknown): Promise<Response> {
  return fetch(`${url}/Users`, {
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  });
}

function printedLink(directory: string, told: { readonly PUBLIC_URL?: string } = {}): string {
  const DATABASE_URL = embeddedUrl(join(directory, 'data/scim-bridge.db'));
  const words = [join(PROJECT, 'scripts/tokens.ts'), 'link'];
  return execFileSync(process.execPath, words, { env: { DATABASE_URL, ...told }, encoding: 'utf8' });
}

const asAdmin = (url: string, token: string) =>
  fetch(`${url}/environments`, { headers: { authorization: `Bearer ${token}` } });

describe('npm start, for the first time and again', () => {
  it('shows its tokens once in a file for the owner, keeps everything, and stops on SIGTERM', async () => {
    const directory = bridgeDirectory();
    const file = join(directory, 'data/first-start.txt');

    const first = await startBridge({ directory, by: 'npm' });
    const { scimUrl, scimToken, adminUrl, adminToken } = readFirstStart(directory);
    expect(mode(file)).toBe(OWNER_ONLY);
    expect(mode(join(directory, 'data/encryption.key'))).toBe(OWNER_ONLY);
    expect(first.stdout()).toContain(file);
    expect(scimUrl).toBe(`${first.url}/scim/v2`);
    expect((await asAdmin(adminUrl, adminToken)).status).toBe(200);
    expect((await scim(scimUrl, scimToken, PERSON)).status).toBe(201);
    const links = [
      readFileSync(file, 'utf8'),
      printedLink(directory),
      printedLink(directory, { PUBLIC_URL: first.url }),
    ];
    for (const text of links) {
      const [, code] = new RegExp(`${first.url}/console/#code=(\\S+)`).exec(text) ?? [];
      const headers = { 'content-type': 'application/json' };
      const signedIn = () =>
        fetch(`${adminUrl}/session`, { method: 'POST', headers, body: JSON.stringify({ code }) });
      expect((await signedIn()).status).toBe(201);
      expect((await signedIn()).status).toBe(401);
    }
    expect((await first.stop('SIGTERM')).code).toBe(0);
    const shown = readFileSync(file, 'utf8');
    expect(shown.match(/^# .*curl/gm)).toHaveLength(3);

    const second = await startBridge({ directory, by: 'npm' });
    const people = await scim(`${second.url}/scim/v2`, scimToken);
    expect(await people.json()).toMatchObject({ totalResults: 1 });
    expect((await second.stop('SIGINT')).code).toBe(0);

    expect(second.stdout()).not.toContain('First start');
    expect(readFileSync(file, 'utf8')).toBe(shown);
    for (const output of [first.stdout(), first.stderr(), second.stdout(), second.stderr()]) {
      expect(output).not.toContain(scimToken);
      expect(output).not.toContain(adminToken);
    }
  });

  it('stops at once also where a client holds a connection that it has not used yet', async () => {
    const bridge = await startBridge({ directory: bridgeDirectory() });
    const silent = connect(Number(new URL(bridge.url).port), '127.0.0.1');
    await once(silent, 'connect');
    const cut = once(silent, 'close');
    expect((await bridge.stop('SIGTERM')).code).toBe(0);
    await cut;
  });

  it('keeps an answered write through kill -9', async () => {
    const directory = bridgeDirectory();
    const first = await startBridge({ directory });
    const { scimToken } = readFirstStart(directory);
    expect((await scim(`${first.url}/scim/v2`, scimToken, PERSON)).status).toBe(201);
    expect((await first.stop('SIGKILL')).signal).toBe('SIGKILL');

    const second = await startBridge({ directory });
    expect(await (await scim(`${second.url}/scim/v2`, scimToken)).json()).toMatchObject({ totalResults: 1 });
    await second.stop('SIGTERM');
  });
});

it('finishes the request in hand when it is told to stop, and accepts no other', async () => {
  const directory = bridgeDirectory();
  const bridge = await startBridge({ directory });
  const { scimUrl, scimToken } = readFirstStart(directory);
  const body = JSON.stringify(PERSON);
  const post = httpRequest(`${scimUrl}/Users`, {
    method: 'POST',
    agent: new Agent({ keepAlive: true }),
    headers: {
      authorization: `Bearer ${scimToken}`,
      'content-type': 'application/scim+json',
      'content-length': Buffer.byteLength(body),
      expect: '100-continue',
    },
  });
  const answered = new Promise<number | undefined>((done, fail) => {
    post.once('response', (answer) => done(answer.resume().statusCode)).once('error', fail);
  });
  post.flushHeaders();
  await new Promise((done) => post.once('continue', done));
  const exited = bridge.stop('SIGTERM');
  await until(() => bridge.stdout().includes('"stopping"'));
  const another = connect(Number(new URL(bridge.url).port), '127.0.0.1');
  const outcome = await new Promise((done) => {
    another
      .once('connect', () => done('connected'))
      .once('error', (error: NodeJS.ErrnoException) => done(error.code));
  });
  expect(outcome).toBe('ECONNREFUSED');
  post.end(body);
  expect(await answered).toBe(201);
  expect(await exited).toEqual({ code: 0, signal: null });
});

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (holds()) return;
    await new Promise((done) => setTimeout(done, 25));
  }
  throw new Error('it did not come to hold');
}

it('makes no tokens where ADMIN_TOKEN is set, and says how to make one', async () => {
  const directory = bridgeDirectory();
  const adminToken = 'an-admin-token-of-32-characters!';
  const bridge = await startBridge({
    directory,
    environment: { ADMIN_TOKEN: adminToken, LOG_LEVEL: 'error' },
  });
  expect(existsSync(join(directory, 'data/first-start.txt'))).toBe(false);
  expect((await asAdmin(`${bridge.url}/v1`, adminToken)).status).toBe(200);
  const url = /curl -sS -X POST \\"([^"\\]+)\\"/.exec(bridge.stdout())?.[1];
  const made = await fetch(url ?? '', {
    method: 'POST',
    headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
    body: '{}',
  });
  expect(made.status).toBe(201);
  const { token } = (await made.json()) as { token: string };
  expect((await scim(`${bridge.url}/scim/v2`, token)).status).toBe(200);
  await bridge.stop('SIGTERM');
  expect(bridge.stdout()).not.toContain(adminToken);
});

it('runs on PostgreSQL with an encryption key, and refuses another key later', async () => {
  const directory = bridgeDirectory();
  const DATABASE_URL = await emptyDatabaseUrl('postgres', directory);
  const environment = { DATABASE_URL, ENCRYPTION_KEY: key() };
  const bridge = await startBridge({ directory, environment });
  const { scimToken } = readFirstStart(directory);
  expect((await scim(`${bridge.url}/scim/v2`, scimToken, PERSON)).status).toBe(201);
  expect((await bridge.stop('SIGTERM')).code).toBe(0);

  const refused = await runToExit({ directory, environment: { DATABASE_URL, ENCRYPTION_KEY: key() } });
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/^ENCRYPTION_KEY does not fit this database: .*\n$/);
});

describe('a start that cannot work exits with 1 and one sentence', () => {
  const start = (environment: Record<string, string>) =>
    runToExit({ directory: bridgeDirectory(), environment });

  it.each([
    [{ PORT: 'http' }, 'PORT must be a whole number from 1 to 65535\n'],
    [{ ADMIN_TOKEN: 'short' }, 'ADMIN_TOKEN must have at least 32 characters\n'],
    [
      { DATABASE_URL: 'postgres://bridge:secret@127.0.0.1:1/bridge' },
      'ENCRYPTION_KEY is required with PostgreSQL: make one with: openssl rand -base64 32\n',
    ],
    [
      { PORT: '0', LOG_LEVEL: 'loud' },
      'PORT must be a whole number from 1 to 65535\nLOG_LEVEL must be one of trace, debug, info, warn, error, fatal, silent\n',
    ],
  ])('%j', async (environment, stderr) => {
    expect(await start(environment)).toMatchObject({ code: 1, stderr, stdout: '' });
  });

  it('a database that does not answer, without its password', async () => {
    const unreachable = `postgres://bridge:secret@127.0.0.1:${await freePort()}/bridge`;
    const { code, stdout, stderr } = await start({ DATABASE_URL: unreachable, ENCRYPTION_KEY: key() });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^The PostgreSQL database bridge at 127\.0\.0\.1:\d+ cannot be used \(.*\n$/);
    expect(stdout + stderr).not.toContain('secret');
  });

  it('a file that is no database', async () => {
    const file = join(bridgeDirectory(), 'notes.txt');
    writeFileSync(file, 'Not a database, but longer than the header of one: '.repeat(100));
    const { code, stderr } = await start({ DATABASE_URL: embeddedUrl(file) });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^The database file .* cannot be used \(SQLITE_NOTADB.*\n$/);
  });

  it('a port in use', async () => {
    const other = createServer();
    const port = await new Promise<number>((done) => {
      other.listen(0, '127.0.0.1', () => done((other.address() as { port: number }).port));
    });
    const { code, stderr } = await start({ PORT: String(port) });
    other.close();
    expect(code).toBe(1);
    expect(stderr).toBe(
      `PORT ${port} on 127.0.0.1 is in use: stop what listens there, or set another PORT\n`,
    );
  });
});
