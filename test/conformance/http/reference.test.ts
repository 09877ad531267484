/** The pages that say where to go, and the API's reference: whole without another host, and without a token. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningBridge, startBridge } from '../../bridge.ts';
import { embeddedUrl } from '../../database.ts';

let folder: string;
let bridge: RunningBridge;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'scim-bridge-reference-'));
  bridge = await startBridge(embeddedUrl(join(folder, 'bridge.db')));
});
afterAll(async () => {
  await bridge.stop();
  rmSync(folder, { recursive: true, force: true });
});

const get = (path: string) => fetch(`${bridge.url}${path}`, { redirect: 'manual' });

it('says at / and /v1 where to go', async () => {
  expect(await (await get('/')).json()).toEqual({
    name: 'scim-bridge',
    scim: '/scim/v2',
    admin: '/v1',
    reference: '/docs',
  });
  const start = (await (await get('/v1')).json()) as { _links: Record<string, { href: string }> };
  for (const { href } of Object.values(start._links)) {
    const answer = await get(new URL(href).pathname);
    expect({ href, there: [200, 401].includes(answer.status) }).toEqual({ href, there: true });
  }
});

it('serves every file that the page names, and names no other host', async () => {
  const page = await get('/docs');
  expect(page.status).toBe(200);
  const html = await page.text();
  const named = [...html.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, address = '']) => address);
  expect(named).toHaveLength(3);
  for (const address of named) {
    const { pathname, origin } = new URL(address, `${bridge.url}/docs`);
    expect(origin).toBe(bridge.url);
    expect({ pathname, status: (await get(pathname)).status }).toEqual({ pathname, status: 200 });
  }
  expect(html).not.toMatch(/<script>|<style>| style=/);
});

it('forbids inline scripts and styles, and every other host', async () => {
  const policy = (await get('/docs')).headers.get('content-security-policy');
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src 'self';");
  expect(policy).not.toMatch(/unsafe|http|\*/);
});

it('leads from the address with a slash to the one whose relative addresses are right', async () => {
  const answer = await get('/docs/');
  expect(answer.status).toBe(301);
  expect(new URL(answer.headers.get('location') ?? '', `${bridge.url}/docs/`).pathname).toBe('/docs');
});

it('gives out nothing else of the viewer', async () => {
  expect((await get('/docs/package.json')).status).toBe(404);
  expect((await get('/docs/..%2fpackage.json')).status).toBe(404);
});
