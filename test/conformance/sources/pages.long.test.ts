/** However many people a directory has, whoever else writes waits for a page of them at most, and a crash loses nothing. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, type RunningBridge } from '../../bridge.ts';
import { freshDatabaseUrl, PLAYED } from '../../database.ts';
import type { Pulled } from './pulled.ts';
import { type Script, script, startScripted, user } from './scripted.ts';

const PEOPLE = 1_100;
const WITHIN_MS = 20_000;
/** A page of lines is 500 rows of 10 values. */
const VALUES_AT_ONCE_MAX = 5_500;

describe.each(PLAYED)('on %s', (dialect) => {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-pages-'));
  const state: Script = script();
  let bridge: RunningBridge;
  let pulled: Pulled;

  beforeAll(async () => {
    state.users = Array.from({ length: PEOPLE }, (_, n) => user(`p${n}`));
    state.pageSize = 500;
    ({ bridge, pulled } = await startScripted(await freshDatabaseUrl(dialect, directory), state));
  });
  afterAll(async () => {
    await bridge.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  /** Of each transaction, how many values its statements bound. */
  const values = new Map<string, number>();
  const count = ({ __knexTxId: id, bindings }: { __knexTxId?: string; bindings?: readonly unknown[] }) => {
    if (id !== undefined) values.set(id, (values.get(id) ?? 0) + (bindings?.length ?? 0));
  };
  const left = async (table: string) => Number((await bridge.db(table).count({ n: '*' }).first())?.n);

  it('brings everybody, and never writes more than a page at once', async () => {
    bridge.db.on('query', count);
    const run = await pulled.activate();
    bridge.db.removeListener('query', count);
    expect(run).toMatchObject({ state: 'DONE', summary: { created: PEOPLE } });
    expect(values.size).toBeGreaterThan(PEOPLE);
    expect(Math.max(...values.values())).toBeLessThan(VALUES_AT_ONCE_MAX);
    expect(await left('source_records')).toBe(PEOPLE);
    await eventually(async () => ((await left('pull_staged')) === 0 ? true : undefined), WITHIN_MS);
  });

  it('keeps the rest of what was seen, and drops what was staged, when it died between two pages', async () => {
    const kept = await bridge.db('source_records').where('source_id', '>', 'p5');
    await bridge.db('source_records').where('source_id', '>', 'p5').delete();
    const [ended] = await bridge.db('pull_runs');
    const rows = kept.map(({ source_id, record }) => ({ run_id: ended.id, kind: 'user', source_id, record }));
    for (let from = 0; from < rows.length; from += 100)
      await bridge.db('pull_staged').insert(rows.slice(from, from + 100));
    await bridge.db('pull_runs').where({ id: ended.id }).update({ state: 'RUNNING', finished_at: null });
    await bridge.turn();
    expect(await pulled.ended(ended.id)).toMatchObject({ state: 'DONE', summary: { created: PEOPLE } });
    expect(await left('source_records')).toBe(PEOPLE);
    expect(await pulled.sync({ full: true })).toMatchObject({
      state: 'DONE',
      summary: { unchanged: PEOPLE },
    });
    await eventually(async () => ((await left('pull_staged')) === 0 ? true : undefined), WITHIN_MS);
  });
});
