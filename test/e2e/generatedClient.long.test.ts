/**
 * A client that somebody else's generator makes of docs/openapi.json compiles, and speaks to a bridge. It is made in a
 * folder of its own, with packages from the registry: nothing of it is part of this tree.
 */

import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { person, type RunningBridge, startBridge } from '../bridge.ts';
import { embeddedUrl } from '../database.ts';

/** The generator needs the compiler API of TypeScript 5. */
const PACKAGES = ['openapi-typescript@7.13.0', 'openapi-fetch@0.17.0', 'typescript@5.9.3'];

const PROGRAM = `
import createClient from 'openapi-fetch';
import type { components, paths } from './bridge.js';

const { BRIDGE_URL = '', ADMIN_TOKEN = '' } = process.env;
const client = createClient<paths>({
  baseUrl: BRIDGE_URL,
  headers: { Authorization: 'Bearer ' + ADMIN_TOKEN },
});
const envId = 'default';

const made = await client.POST('/v1/environments/{envId}/propagation/stores', {
  params: { path: { envId } },
  body: { type: 'Demo', name: 'Generated', status: 'ACTIVE', configuration: { BRAKE_MIN: 3 } },
});
if (!made.data) throw new Error(made.error.detail);
const storeId: string = made.data.id;

const found = await client.GET('/v1/environments/{envId}/people', {
  params: { path: { envId }, query: { q: 'jane' } },
});
const personId = found.data?._embedded.people[0]?.id ?? '';

const synced = await client.POST('/v1/environments/{envId}/people/{personId}/sync', {
  params: { path: { envId, personId }, query: { wait: true } },
});
const why = await client.GET('/v1/environments/{envId}/people/{personId}/explanation', {
  params: { path: { envId, personId }, query: { storeId } },
});
const steps: components['schemas']['Explanation']['steps'] = why.data?.steps ?? [];

const refused = await client.GET('/v1/environments/{envId}/people', {
  params: { path: { envId }, query: { q: 'j' } },
});
const csv = await client.GET('/v1/environments/{envId}/propagation/stores/{storeId}/people.csv', {
  params: { path: { envId, storeId } },
  parseAs: 'text',
});
console.log(JSON.stringify({
  synced: synced.response.status,
  sentence: why.data?.sentence,
  steps: steps.map(({ step }) => step),
  refused: refused.error?.errors[0]?.pointer,
  csv: csv.data?.split('\\r\\n')[0],
}));
`;

const CONFIG = {
  compilerOptions: {
    ...{ module: 'nodenext', target: 'es2022', strict: true, exactOptionalPropertyTypes: true },
    ...{ skipLibCheck: false, types: [], lib: ['es2023', 'dom', 'dom.iterable'], outDir: 'out' },
  },
  files: ['program.ts', 'process.d.ts'],
};

const run = promisify(execFile);

let folder: string;
let bridge: RunningBridge;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'scim-bridge-generated-'));
  bridge = await startBridge(embeddedUrl(join(folder, 'bridge.db')));
});
afterAll(async () => {
  await bridge.stop();
  rmSync(folder, { recursive: true, force: true });
});

it('compiles under strict rules, and does what it is told', async () => {
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  copyFileSync(join(__dirname, '../../docs/openapi.json'), join(folder, 'openapi.json'));
  write('package.json', JSON.stringify({ name: 'generated', private: true, type: 'module' }));
  write('tsconfig.json', JSON.stringify(CONFIG));
  write('program.ts', PROGRAM);
  write('process.d.ts', 'declare const process: { env: Record<string, string | undefined> };');
  const bin = (name: string) => join(folder, 'node_modules/.bin', name);
  const here = { cwd: folder };
  await run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...PACKAGES], here);
  await run(bin('openapi-typescript'), ['openapi.json', '--output', 'bridge.d.ts'], here);
  await run(bin('tsc'), [], here);
  await bridge.scim('POST', '/Users', person('jane'));
  const env = { ...process.env, NODE_OPTIONS: '', BRIDGE_URL: bridge.url, ADMIN_TOKEN: bridge.adminToken };
  const { stdout } = await run(process.execPath, ['out/program.js'], { ...here, env });
  expect(JSON.parse(stdout)).toEqual({
    synced: 200,
    sentence: expect.stringMatching(/^jane@acme.example has access to Generated: /),
    steps: ['directory', 'speaker', 'scope', 'match', 'plan', 'brake', 'vendor'],
    refused: '/q',
    csv: 'person,userName,email,lifecycle,account,accountState,status,origin,since',
  });
});
