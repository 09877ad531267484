/** The API's reference page in a real browser: it needs nothing from elsewhere, and its examples run. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { openBrowser } from '../browser.ts';
import {
  type BridgeProcess,
  bridgeDirectory,
  forgetBridges,
  readFirstStart,
  startBridge,
} from './process.ts';

/** As far as this reads it. */
interface Document {
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly tags?: readonly string[] }>>>>;
}

let directory: string;
let bridge: BridgeProcess;
let browser: Browser;
let page: Page;
let asked: string[];
let complaints: string[];

beforeAll(async () => {
  directory = bridgeDirectory();
  bridge = await startBridge({ directory });
  browser = await openBrowser();
});
afterAll(async () => {
  await browser?.close();
  await forgetBridges();
});

beforeEach(async () => {
  page = await browser.newPage();
  asked = [];
  complaints = [];
  page.on('request', (request) => asked.push(request.url()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (line) => {
    if (line.type() === 'error') complaints.push(line.text());
  });
  await page.goto(`${bridge.url}/docs`);
});
afterEach(() => page.close());

/** Opens the operation with this method and path below its tag. */
async function open(tag: string, path: string) {
  await page.locator(`h3.opblock-tag[data-tag="${tag}"]`).click();
  const operation = page.locator('.opblock-get', { has: page.locator(`[data-path="${path}"]`) });
  await operation.locator('.opblock-summary-control').click();
  return operation;
}

it('shows every part of the API and the operations of each, and asks nobody but the bridge', async () => {
  const response = await fetch(`${bridge.url}/v1/openapi.json`);
  const document = (await response.json()) as Document;
  const names = document.tags.map(({ name }) => name);
  await page
    .locator('h3.opblock-tag')
    .nth(names.length - 1)
    .waitFor();
  const shown = page.locator('h3.opblock-tag');
  expect(await shown.evaluateAll((tags) => tags.map(({ dataset }) => dataset.tag))).toEqual(names);
  await open('incidents', '/v1/environments/{envId}/propagation/incidents/{incidentId}');
  const operations = Object.values(document.paths)
    .flatMap((path) => Object.values(path))
    .filter(({ tags }) => tags?.includes('incidents'));
  expect(await page.locator('.opblock').count()).toBe(operations.length);
  expect(asked.filter((address) => !address.startsWith(bridge.url) && !address.startsWith('data:'))).toEqual(
    [],
  );
  expect(complaints).toEqual([]);
});

it('runs an example with the token of whoever reads it', async () => {
  await page.locator('.btn.authorize').click();
  const dialog = page.locator('.auth-container form', { hasText: 'bearer (http' });
  await dialog.locator('input').fill(readFirstStart(directory).adminToken);
  await dialog.locator('button.authorize').click();
  await page.locator('.close-modal').click();
  const operation = await open('environments', '/v1/environments');
  await operation.locator('.execute').click();
  const answer = operation.locator('.live-responses-table .response').first();
  await answer.waitFor();
  expect(await answer.locator('.response-col_status').textContent()).toContain('200');
  expect(await answer.textContent()).toContain('default');
  expect(complaints).toEqual([]);
});

it('opens signed in by a link of the first start, and runs an example that writes', async () => {
  const text = readFileSync(join(directory, 'data/first-start.txt'), 'utf8');
  const [link = ''] = /http:\S+#code=\S+/.exec(text) ?? [];
  // Where a page stands already, another fragment alone would load nothing.
  await page.goto('about:blank');
  await page.goto(link);
  await page.locator('#session', { hasText: 'Signed in as first start until' }).waitFor();
  expect(page.url()).toBe(`${bridge.url}/docs`);
  const made = await page.evaluate(async () => {
    const headers = { 'Content-Type': 'application/json' };
    const response = await fetch('v1/environments', {
      method: 'POST',
      headers,
      body: '{"name":"by a person"}',
    });
    return response.status;
  });
  expect(made).toBe(201);
  const operation = await open('environments', '/v1/environments');
  await operation.locator('.execute').click();
  const answer = operation.locator('.live-responses-table .response').first();
  await answer.waitFor();
  expect(await answer.textContent()).toContain('by a person');
  await page.goto('about:blank');
  await page.goto(link);
  await page.locator('#session', { hasText: 'it was used' }).waitFor();
  await page.context().clearCookies();
  complaints = [];
});

it('shows what is wrong where the token is', async () => {
  const operation = await open('environments', '/v1/environments');
  await operation.locator('.execute').click();
  const answer = operation.locator('.live-responses-table .response').first();
  await answer.waitFor();
  expect(await answer.locator('.response-col_status').textContent()).toContain('401');
});
