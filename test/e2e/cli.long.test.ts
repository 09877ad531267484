/** `npx scim-bridge` as its user runs it: a process of its own against a bridge over HTTP. */

import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { person, type RunningBridge, startBridge } from '../bridge.ts';
import { embeddedUrl } from '../database.ts';
import { startReceiver } from '../receiver.ts';

const BIN = join(__dirname, '../../bin/scim-bridge.cjs');

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

let folder: string;
let bridge: RunningBridge;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'scim-bridge-cli-'));
  bridge = await startBridge(embeddedUrl(join(folder, 'bridge.db')));
});
afterAll(async () => {
  await bridge.stop();
  rmSync(folder, { recursive: true, force: true });
});

function run(words: readonly string[], more: Record<string, string> = {}, input?: string): Promise<Ended> {
  const env = {
    PATH: process.env.PATH ?? '',
    XDG_CONFIG_HOME: folder,
    SCIM_BRIDGE_URL: bridge.url,
    SCIM_BRIDGE_TOKEN: bridge.adminToken,
    ...more,
  };
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [BIN, ...words], { env }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
    child.stdin?.end(input);
  });
}

/** The first line of a command that goes on; `meanwhile` is done until it comes. The command is ended then. */
async function firstLine(
  words: readonly string[],
  meanwhile: (n: number) => Promise<unknown>,
): Promise<string> {
  const env = {
    PATH: process.env.PATH ?? '',
    SCIM_BRIDGE_URL: bridge.url,
    SCIM_BRIDGE_TOKEN: bridge.adminToken,
  };
  const child = execFile(process.execPath, [BIN, ...words], { env });
  const ended = new Promise((resolve) => child.once('close', resolve));
  let told = '';
  child.stdout?.on('data', (piece: string) => {
    told += piece;
  });
  for (let n = 0; !told.includes('\n') && child.exitCode === null; n++) {
    await meanwhile(n);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  child.kill();
  await ended;
  return told.split('\n', 1)[0] ?? '';
}

const json = async (...words: string[]) => JSON.parse((await run([...words, '--json'])).stdout);

it('takes a store from its making to its end', async () => {
  expect(await run(['store', 'add', 'Demo', 'First look', 'BRAKE_MIN=3'])).toMatchObject({ code: 0 });
  expect(await json('store', 'list')).toMatchObject([
    { name: 'First look', status: 'INACTIVE', configuration: { BRAKE_MIN: 3 } },
  ]);
  await bridge.scim('POST', '/Users', person('ada', { title: '\u001b[31mCook\u0007' }));
  const preview = await run(['store', 'preview', 'first look']);
  expect(preview.stdout).toMatch(/^create\tada@acme.example\t.*title=Cook/m);
  // What came from elsewhere must not move the cursor of whoever reads it.
  expect(preview.stdout).not.toContain('\u001b');
  expect(await run(['store', 'set', 'First look', 'BRAKE_MIN='])).toMatchObject({ code: 0 });
  expect((await run(['store', 'activate', 'First look'])).stdout).toMatch(/ACTIVE/);
  await bridge.settled();
  expect((await run(['store', 'sync', 'First look'])).stdout).toBe('Nothing was to do.\n');
  expect(await json('status')).toMatchObject([{ syncState: 'SYNCED', successCount: 1 }]);
  expect((await run(['mapping', 'set', 'First look', 'title=displayName', '--preview'])).stdout).toMatch(
    /^It would bring: update: 1.*Nothing was saved\.$/m,
  );
  await run(['store', 'pause', 'First look']);
  // A sync that nobody begins is not waited for.
  expect(await run(['store', 'sync', 'First look', '--yes'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('First look is paused'),
  });
  expect(await run(['store', 'resume', 'First look'])).toMatchObject({ code: 0 });
  expect(await run(['store', 'delete', 'First look'])).toMatchObject({ code: 2, stdout: '' });
  expect(await run(['store', 'delete', 'First look', '--yes'])).toMatchObject({ code: 0 });
  expect(await json('store', 'list')).toEqual([]);
});

it('decides an incident from its number', async () => {
  const store = {
    type: 'Demo',
    name: 'Braked',
    status: 'ACTIVE',
    configuration: { BRAKE_MIN: 1, BRAKE_PERCENT: 0 },
  };
  await bridge.admin('POST', '/propagation/stores', store);
  const ids: string[] = [];
  for (const name of ['kim', 'lea', 'max'])
    ids.push((await bridge.scim('POST', '/Users', person(name))).body.id);
  await bridge.settled();
  for (const id of ids) {
    await bridge.scim('DELETE', `/Users/${id}`);
    await bridge.settled();
  }
  const [{ number, state }] = await json('incident', 'list');
  expect(state).toBe('OPEN');
  expect((await run(['held'])).stdout).toMatch(/^lea.*\tdeleted\tdisable at Braked/m);
  expect((await run(['incident', 'show', String(number)])).stdout).toMatch(/^kim.*\ttaken\t/m);
  expect(await run(['incident', 'undo', String(number), '--yes'])).toMatchObject({ code: 2 });
  expect(await run(['incident', 'undo', String(number), '--all', '--yes'])).toMatchObject({
    code: 0,
    stderr: '1 of 1 losses are given back.\n',
  });
  expect(await json('incident', 'list')).toMatchObject([{ state: 'CLOSED' }]);
});

it('says why somebody has access, in the words of the API, and follows what happens', async () => {
  await bridge.admin('POST', '/propagation/stores', {
    type: 'Demo',
    name: 'Lab',
    status: 'ACTIVE',
    configuration: {},
  });
  const { body: nora } = await bridge.scim('POST', '/Users', person('nora'));
  await bridge.settled();
  const { body: user } = await bridge.admin('GET', `/users/${nora.id}`);
  const stores = (await bridge.admin('GET', '/propagation/stores')).body._embedded.stores;
  const lab = stores.find(({ name }: { name: string }) => name === 'Lab').id;
  const path = `/people/${user.person.id}/explanation?storeId=${lab}`;
  const { sentence, steps } = (await bridge.admin('GET', path)).body;
  const told = await run(['who', 'NORA@acme', '--store', 'lab']);
  expect(told).toMatchObject({ code: 0, stdout: `${sentence}\n`, stderr: '' });
  expect((await run(['who', 'nora Doe', '--store', 'lab', '--steps'])).stdout).toContain(
    `directory\tyes\t${steps[0].detail}`,
  );
  expect(await json('who', user.person.id, '--store', 'lab')).toMatchObject([{ sentence, steps }]);
  expect(await run(['who', 'nobody at all'])).toMatchObject({ code: 1, stdout: '' });
  expect(await run(['who', 'acme.example'])).toMatchObject({ code: 1, stdout: '' });
  expect((await run(['person', 'sync', 'nora'])).stdout).toContain(`${sentence}\n`);
  expect((await run(['person', 'timeline', 'nora'])).stdout).toMatch(/\tchange\.create\t/);
  expect((await run(['person', 'show', 'nora'])).stdout).toMatch(/^Lab\tsynced\t/m);
  expect((await run(['person', 'find', 'no'])).stdout).toMatch(/^nora@acme.example\tactive\t/m);
  expect(await run(['events', '--follow', '--from', '2026-01-01T00:00:00Z'])).toMatchObject({ code: 2 });

  const words = ['events', '--follow', '--who', 'nora', '--kind', 'user.*', '--json'];
  const line = await firstLine(words, (n) =>
    bridge.scim('PUT', `/Users/${nora.id}`, person('nora', { title: `Title ${n}` })),
  );
  expect(JSON.parse(line)).toMatchObject({ kind: 'user.updated', subject: { id: user.person.id } });
});

it('makes a directory that is pulled, shows what its first sync does, and pulls it', async () => {
  const added = await run(['source', 'add', 'demo', 'Made up', '--match-people', '--json']);
  expect(JSON.parse(added.stdout)).toMatchObject({ mode: 'pull', status: 'STAGED', matchPeople: true });
  const activated = await run(['source', 'activate', 'Made up', '--yes']);
  expect(activated).toMatchObject({ code: 0, stdout: expect.stringContaining('DONE: created: 60') });
  // Who joins a group is named, also before they are here.
  expect(activated.stdout).toMatch(/^join\tChiara Kaya\tBerlin/m);
  const synced = await run(['source', 'sync', 'Made up', '--day', '2', '--json']);
  expect(JSON.parse(synced.stdout)).toMatchObject({ state: 'DONE', day: 2 });
  expect((await run(['source', 'runs', 'Made up'])).stdout).toContain('preview');
  const moved = await run(['source', 'sync', 'Made up', '--day', '3', '--preview']);
  expect(moved.stdout).toMatch(/^update\t.*enterprise\.manager=[\w-]+/m);
  const set = await run(['source', 'set', 'Made up', 'BRAKE_MIN=7', 'retentionDays=30']);
  expect(set).toMatchObject({ code: 0, stdout: expect.stringContaining('ACTIVE') });
  expect((await run(['source', 'show', 'Made up'])).stdout).toMatch(/^BRAKE_MIN\t7$/m);
  // What would take something from people is shown, and asked about, before it is saved.
  const filtered = await run(['source', 'set', 'Made up', 'domains=["nowhere.example"]']);
  expect(filtered).toMatchObject({ code: 2, stdout: expect.stringMatching(/^remove\t/m) });
  const { body: kept } = await bridge.admin('GET', `/connections/${JSON.parse(added.stdout).id}`);
  expect(kept).toMatchObject({ domains: [], retentionDays: 30 });
  const groups = await run(['source', 'groups', 'Made up', '--find', 'on-CALL']);
  expect(groups).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^On-call\t.*\tdemo-group-on-call$/m),
  });
  expect(await run(['source', 'unmatched', 'Made up'])).toMatchObject({ code: 0, stderr: 'None.\n' });
  await bridge.admin('DELETE', `/connections/${JSON.parse(added.stdout).id}?confirm=true`);
});

it('makes a token that an identity provider can use', async () => {
  const [{ name }] = await json('connection', 'list');
  const { stdout } = await run(['connection', 'token', name, '--name', 'rotated']);
  expect(await bridge.scimWith(stdout.trim(), 'GET', '/Users')).toMatchObject({ status: 200 });
  expect((await run(['connection', 'tokens', name])).stdout).toMatch(/^rotated\tall\t/m);
  expect(await run(['connection', 'revoke', name, 'rotated', '--yes'])).toMatchObject({ code: 0 });
  expect(await bridge.scimWith(stdout.trim(), 'GET', '/Users')).toMatchObject({ status: 401 });
  // What is no number must not make one that never ends.
  expect(await run(['connection', 'token', name, '--days', 'ten'])).toMatchObject({ code: 2, stdout: '' });
  expect(await run(['connection', 'set', name, 'silentAfterHours=24'])).toMatchObject({ code: 0 });
  const [changed] = await json('connection', 'list');
  expect(changed).toMatchObject({ name, silentAfterHours: 24 });
});

it('makes an alert, tries it, and shows what came of it', async () => {
  const receiver = await startReceiver();
  const added = await run(['alert', 'add', 'On call', 'webhook', receiver.url, '--on', 'store.paused']);
  expect(added).toMatchObject({ code: 0, stdout: expect.stringMatching(/^whsec_/) });
  expect((await run(['alert', 'test', 'on call'])).stdout).toBe('On call has it (200).\n');
  expect(receiver.received.map(({ body }) => body.type)).toContain('test');
  const dead = await run(['alert', 'add', 'Dead', 'webhook', 'http://127.0.0.1:9/', '--on', 'store.paused']);
  expect(dead.code).toBe(0);
  expect(await run(['alert', 'test', 'Dead'])).toMatchObject({ code: 1, stdout: '' });
  expect((await run(['alert', 'deliveries', 'On call'])).stdout).toMatch(/\ttest\tdelivered\t1\t200\t/);
  expect((await run(['alert', 'list'])).stdout).not.toContain(receiver.url);
  expect(await run(['alert', 'add', 'A', 'pager', receiver.url, '--on', 'audit.*'])).toMatchObject({
    code: 2,
  });
  expect(await run(['alert', 'delete', 'On call', '--yes'])).toMatchObject({ code: 0 });
  await receiver.stop();
});

it('takes what a first start printed, and says what an identity provider sent since a time of day', async () => {
  const asPrinted = { SCIM_BRIDGE_URL: `${bridge.url}/v1` };
  const { body: zoe } = await bridge.scim('POST', '/Users', person('zoe'));
  await bridge.scim('PUT', `/Users/${zoe.id}`, person('zoe', { title: 'Baker' }));
  const sent = await run(['events', '--from', '00:00', '--kind', 'user.updated', '--limit', '1'], asPrinted);
  expect(sent).toMatchObject({ code: 0, stdout: expect.stringContaining(`\tPUT /Users/${zoe.id}`) });
  const refused = await run(['events', '--from', 'soon'], asPrinted);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('from must be a time') });
  // Once, though the problem has it in its detail and in its list.
  expect(refused.stderr.match(/from must be a time/g)).toHaveLength(1);
  expect((await run(['--help'])).stdout).toMatch(/^ {2}emulators /m);
});

it('says which mistake it was by its exit code', async () => {
  expect(await run(['store', 'show', 'none'])).toMatchObject({ code: 1, stdout: '' });
  expect(await run(['store', 'frobnicate'])).toMatchObject({ code: 2 });
  expect(await run(['status', '--colour'])).toMatchObject({ code: 2 });
  expect(await run(['status'], { SCIM_BRIDGE_URL: 'http://127.0.0.1:9' })).toMatchObject({ code: 3 });
  expect(await run(['status'], { SCIM_BRIDGE_URL: 'bridge.acme.example' })).toMatchObject({ code: 2 });
  expect(await run(['events', '--limit', 'many'])).toMatchObject({ code: 2 });
  expect(await run(['status'], { SCIM_BRIDGE_TOKEN: 'not one' })).toMatchObject({ code: 4 });
  expect(await run(['status'], { SCIM_BRIDGE_URL: '', SCIM_BRIDGE_TOKEN: '' })).toMatchObject({ code: 2 });
});

it('keeps its contexts where only their owner reads them', async () => {
  const alone = { SCIM_BRIDGE_URL: '', SCIM_BRIDGE_TOKEN: '' };
  const added = await run(['context', 'add', 'home', bridge.url], alone, bridge.adminToken);
  expect(added).toMatchObject({ code: 0, stdout: '' });
  const file = join(folder, 'scim-bridge', 'contexts.json');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(file, 'utf8')).toContain(bridge.adminToken);
  expect(await run(['status'], alone)).toMatchObject({ code: 0 });
  const listed = await run(['context', 'list'], alone);
  expect(listed.stdout).toContain('home');
  expect(listed.stdout).not.toContain(bridge.adminToken);
});
