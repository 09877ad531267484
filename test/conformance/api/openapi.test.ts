/** The description of the admin API: whole, without a token, and changed on purpose alone. */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DOCUMENT } from '../../contract.ts';
import { onEachDatabase } from '../../database.ts';
import { PUBLIC_URL, startTestBridge } from './bridge.ts';

const COMMITTED = join(__dirname, '../../../docs/openapi.json');

it('is what docs/openapi.json says; `npm run openapi` writes it anew where a change is meant', () => {
  expect(DOCUMENT).toEqual(JSON.parse(readFileSync(COMMITTED, 'utf8')));
});

it('passes a linter without a warning', () => {
  const linter = join(__dirname, '../../../node_modules/.bin/redocly');
  const env = { PATH: process.env.PATH, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' };
  const report = execFileSync(process.execPath, [linter, 'lint', '--format=json', COMMITTED], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  expect(JSON.parse(report.toString()).totals).toEqual({ errors: 0, warnings: 0, ignored: 0 });
});

type Operation = { operationId: string; tags: string[]; summary: string; responses: Record<string, unknown> };

const operations = Object.entries(DOCUMENT.paths as Record<string, Record<string, Operation>>).flatMap(
  ([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
);

it('names each operation once', () => {
  const ids = operations.map(({ operation }) => operation.operationId);
  expect(ids).toEqual([...new Set(ids)]);
});

it.each(operations)('$method $path has a tag, a summary and its errors', ({ operation }) => {
  expect(operation.tags).toHaveLength(1);
  expect(operation.summary).toMatch(/^[A-Z].*[^.]$/);
  expect(operation.responses).toHaveProperty('default');
});

onEachDatabase((open) => {
  it('is there for whoever asks, at the public URL', async () => {
    const bridge = await startTestBridge(await open());
    const answer = await bridge.ask('GET', '/v1/openapi.json', { token: null });
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ ...DOCUMENT, servers: [{ url: PUBLIC_URL }] });
    await bridge.stop();
  });
});
