/** Groups of ours that somebody renamed by hand at the vendor: their names are attributes like any other. */

import type { Dialect } from '../../../src/db/open.ts';
import { type MovableClock, movableClock } from '../../bridge.ts';
import { PLAYED } from '../../database.ts';
import { startWorld, VENDORS, type World } from './world.ts';

const BOTH = PLAYED.flatMap((dialect) => VENDORS.map((type) => [dialect, type] as const));
const INTERVAL_MS = 67 * 60_000;

describe.each(BOTH)('on %s, of %s', (dialect: Dialect, type) => {
  let world: World;
  let clock: MovableClock;
  let ids: readonly string[] = [];
  beforeEach(async () => {
    clock = movableClock();
    world = await startWorld(dialect, clock);
  });
  afterEach(() => world.stop());

  async function start(configuration: Record<string, unknown> = {}): Promise<void> {
    await world.add(type, { GROUP_PROVISIONING: 'Create', SYNC_INTERVAL_MINUTES: 60, ...configuration });
    const jane = await world.join('jane');
    ids = [await world.group('red', [jane]), await world.group('green'), await world.group('blue')];
    await world.forget();
  }

  /** Groups there, in the order in which they were made, with what people see as the name. */
  function groups(): { name: string }[] {
    if (type === 'GitLabSelfManaged') return [...world.gitlab.state.groups.values()].slice(-3);
    return [...world.slack.groups.values()].slice(-3).map((group) => ({
      get name() {
        return group.displayName;
      },
      set name(name) {
        group.displayName = name;
      },
    }));
  }
  const names = () => groups().map(({ name }) => name);
  const rename = (...to: readonly (string | null)[]) => {
    for (const [n, group] of groups().entries()) group.name = to[n] ?? group.name;
  };

  async function repair(): Promise<void> {
    await world.store(type, 'POST', '/sync', {});
    await world.settled();
  }

  /** The next periodic sync, and what it lists. */
  async function look(): Promise<readonly Record<string, unknown>[]> {
    clock.advance(INTERVAL_MS);
    await world.bridge.turn();
    const run = await world.bridge
      .db('sync_runs')
      .where({ cause: 'periodic' })
      .orderBy('created_at', 'desc')
      .first();
    expect(run).toMatchObject({ state: 'DONE' });
    return typeof run.drift === 'string' ? JSON.parse(run.drift) : run.drift;
  }

  const status = async (n: number) =>
    (await world.bridge
      .db('sync_statuses')
      .where({ subject_id: ids[n] as string })
      .first('status', 'reason')) ?? null;

  it('lists a rename as drift, and a repair undoes it', async () => {
    await start();
    rename('By hand');
    const preview = await world.preview(type);
    expect(preview.changes).toMatchObject([
      {
        op: 'update',
        drift: true,
        attributes: [{ name: 'name', from: expect.stringMatching(/by.hand/i), to: 'red' }],
      },
    ]);
    await repair();
    expect(names()).toEqual(['red', 'green', 'blue']);
    expect(await world.writes(type)).toEqual(['rename group']);
    await repair();
    expect(await world.writes(type)).toEqual(['rename group']);
    expect((await world.preview(type)).changes).toEqual([]);
    expect(await status(0)).toMatchObject({ status: 'synced' });
  });

  it('is told of by a sync that reports, until the name is as it was', async () => {
    await start();
    rename('By hand');
    for (let time = 1; time <= 2; time++)
      expect(await look()).toMatchObject([
        {
          kind: 'attribute',
          attribute: 'name',
          expected: 'red',
          found: 'By hand',
          subject: { display: 'red' },
        },
      ]);
    expect(await world.writes(type)).toEqual([]);
    expect(await status(0)).toMatchObject({
      status: 'partiallySynced',
      reason: expect.stringContaining('red differs there by hand: name is "By hand" instead of "red"'),
    });
    expect(await status(1)).toMatchObject({ status: 'synced' });
    rename('red');
    expect(await look()).toEqual([]);
    expect(await status(0)).toMatchObject({ status: 'synced' });
  });

  it('ends with the rename that overwrites it', async () => {
    await start();
    rename('By hand');
    await look();
    await world.patch(`/Groups/${ids[0]}`, { op: 'replace', path: 'displayName', value: 'crimson' });
    expect(names()).toEqual(['crimson', 'green', 'blue']);
    expect(await status(0)).toMatchObject({ status: 'synced' });
    expect(await look()).toEqual([]);
  });

  it('is undone by a periodic sync that repairs', async () => {
    await start({ DRIFT_MODE: 'Repair' });
    rename('By hand');
    await look();
    await world.settled();
    expect(names()).toEqual(['red', 'green', 'blue']);
  });

  it('gives names that were swapped by hand back', async () => {
    await start();
    rename('green', 'blue', 'red');
    await repair();
    expect(names()).toEqual(['red', 'green', 'blue']);
    expect(await world.bridge.db('key_waits')).toEqual([]);
    expect(await world.bridge.db('tasks')).toEqual([]);
    expect((await world.syncStatus(type)).details).toEqual([]);
  });

  it('is nobody’s business where groups are only matched', async () => {
    await start();
    await world.configure(type, { GROUP_PROVISIONING: 'Match' });
    await world.forget();
    rename('By hand');
    expect((await world.preview(type)).changes).toEqual([]);
    await repair();
    expect(names()).toEqual(['By hand', 'green', 'blue']);
  });
});
