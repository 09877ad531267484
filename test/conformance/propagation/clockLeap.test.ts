/** Somebody sets the clock: accounts that wait for their deletion are not deleted by that. */

import { type MovableClock, movableClock } from '../../bridge.ts';
import { PLAYED } from '../../database.ts';
import { crowdIn } from './crowd.ts';
import { startWorld, type World } from './world.ts';

const DAY_MS = 24 * 60 * 60_000;
let world: World;
let clock: MovableClock;
const { joinMany } = crowdIn(() => world);

const deletions = async (type: 'GitLabSelfManaged' | 'Demo') =>
  (await world.writes(type)).filter((word) => word === 'delete').length;

describe.each(PLAYED)('a clock that leaps, on %s', (dialect) => {
  beforeEach(async () => {
    clock = movableClock();
    world = await startWorld(dialect, clock);
  });
  afterEach(() => world.stop());

  it('deletes nobody who was not due, whatever asks, and says so', async () => {
    const type = 'GitLabSelfManaged';
    await world.add(type, { REMOVE_ACTION: 'Delete', REMOVE_AFTER_DAYS: 30 });
    const ids = await joinMany(5);
    for (const id of ids) await world.remove(`/Users/${id}`);
    await world.bridge.turn();
    clock.leap(31 * DAY_MS);
    await world.bridge.turn();
    await world.store(type, 'POST', '/sync', {});
    await world.settled();
    expect(await deletions(type)).toBe(0);
    expect((await world.syncStatus(type)).details).toContainEqual({
      code: 'deletions_postponed',
      message: expect.stringContaining('wait for 24 hours'),
    });
    const { body } = await world.bridge.admin('GET', '/events?kind=removals.postponed');
    expect(body._embedded.events).toMatchObject([
      { outcome: 'held', reason: expect.stringContaining('the clock leapt from'), store: { name: type } },
    ]);
    clock.leap(-31 * DAY_MS);
    await world.bridge.turn();
    expect(await deletions(type)).toBe(0);
    // The time passes as it should, and their days are over.
    clock.advance(32 * DAY_MS);
    await world.bridge.turn();
    expect(await deletions(type)).toBe(5);
    expect((await world.syncStatus(type)).details).toEqual([]);
  });
});
