/**
 * How often one change goes to the database and back: for its request, and for each store in the worker. `begin` and
 * `commit` count too.
 */

import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import type { ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { Knex } from 'knex';
import type { Dialect } from '../src/db/open.ts';
import { person } from '../test/bridge.ts';
import { type Company, createCompany } from '../test/fault/company.ts';
import { onBoth, onStage, type Stage } from './bench.ts';
import { median, type Row } from './figures.ts';

const REPEATS = 9;
const STORES = 2;
const IDLE_MS = 2_000;

type Origin = 'request' | 'bench' | 'worker';

/** What caused the running code. A request that has committed, or is answered, leaves the rest to the worker. */
const origin = new AsyncLocalStorage<{ name: Origin }>();
subscribe('http.server.request.start', (message) => {
  const started = { name: 'request' as Origin };
  origin.enterWith(started);
  (message as { response: ServerResponse }).response.once('finish', () => {
    started.name = 'worker';
  });
});

type Counts = Record<Origin, number>;

type Change = readonly [what: string, make: (company: Company, turn: number) => Promise<unknown>];

const REACHING_STORES: readonly Change[] = [
  ['a joiner', (company, turn) => company.hire(`joiner${turn}`)],
  ['a title', (company, turn) => company.retitle('ann', `Title ${turn}`)],
  ['a member added', (company, turn) => company.join(`joiner${turn}`, 'cooks')],
  ['a leaver', (company, turn) => company.setActive(`joiner${turn}`, false)],
];

export async function statements(): Promise<readonly Row[]> {
  return onBoth(on);
}

async function on(dialect: Dialect): Promise<readonly Row[]> {
  const alone = await onStage(false, (stage) => withoutStores(stage, dialect), dialect);
  const reaching = await onStage(true, (stage) => withStores(stage, dialect), dialect);
  return [alone, ...reaching];
}

async function withoutStores({ bridge }: Stage, dialect: Dialect): Promise<Row> {
  const counts = countStatements(bridge.db);
  const each: number[] = [];
  for (let turn = 0; turn < REPEATS; turn++) {
    const before = counts.request;
    await bridge.scim('POST', '/Users', person(`user${turn}`));
    each.push(counts.request - before);
  }
  return { what: `${dialect}: POST /Users without a store`, figure: `${median(each)}` };
}

async function withStores({ bridge }: Stage, dialect: Dialect): Promise<readonly Row[]> {
  const company = createCompany(bridge.scim);
  await company.hire('ann');
  await company.addGroup('cooks', ['ann']);
  await bridge.settled();
  const counts = countStatements(bridge.db);
  const idlePerMs = await idleRate(counts);
  const rows: Row[] = [];
  for (const [what, make] of REACHING_STORES) {
    const request: number[] = [];
    const worker: number[] = [];
    for (let turn = 0; turn < REPEATS; turn++) {
      const before = { ...counts };
      const startedAt = performance.now();
      await make(company, turn);
      await origin.run({ name: 'bench' }, bridge.settled);
      const idle = idlePerMs * (performance.now() - startedAt);
      request.push(counts.request - before.request);
      worker.push((counts.worker - before.worker - idle) / STORES);
    }
    rows.push({
      what: `${dialect}: ${what}`,
      figure: `request ${median(request)}, worker ${median(worker).toFixed(0)} a store`,
    });
  }
  return rows;
}

/** Counts statements from now on. */
function countStatements(db: Knex): Counts {
  const counts: Counts = { request: 0, bench: 0, worker: 0 };
  db.on('query', ({ sql }: { readonly sql: string }) => {
    const from = origin.getStore();
    counts[from?.name ?? 'worker'] += 1;
    if (from?.name === 'request' && sql.startsWith('COMMIT')) from.name = 'worker';
  });
  return counts;
}

async function idleRate(counts: Counts): Promise<number> {
  const before = counts.worker;
  await pause(IDLE_MS);
  return (counts.worker - before) / IDLE_MS;
}
