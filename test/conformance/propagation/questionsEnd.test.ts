/** Whether a newcomer is somebody who left: until when that is asked, and of whom nothing but hashes is left. */

import { type MovableClock, movableClock } from '../../bridge.ts';
import { PLAYED } from '../../database.ts';
import { mail, STORE_TYPES, startWorld, type World } from './world.ts';

const DAY_MS = 24 * 60 * 60_000;

describe.each(PLAYED)('on %s', (dialect) => {
  let world: World;
  let clock: MovableClock;
  beforeEach(async () => {
    clock = movableClock();
    world = await startWorld(dialect, clock);
  });
  afterEach(() => world.stop());

  const personOf = async (id: string): Promise<string> =>
    (await world.bridge.db('users').where({ id }).first('person_id')).person_id;
  const identityOf = async (id: string) =>
    (await world.bridge.admin('GET', `/people/${await personOf(id)}`)).body.identity;
  const answer = async (id: string, sameAs: string | null) => {
    const reply = await world.bridge.admin('POST', `/people/${await personOf(id)}/identity`, { sameAs });
    await world.settled();
    return reply.status;
  };
  const daysLater = async (days: number) => {
    clock.advance(days * DAY_MS);
    await world.bridge.turn();
  };

  it.each(['GitLabSelfManaged', 'Demo'] as const)(
    'ends with the account on %s, whose removal runs on',
    async (type) => {
      await world.add(type, { REMOVE_ACTION: 'Delete', REMOVE_AFTER_DAYS: 5 });
      const first = await world.join('kim', { externalId: '00u-1' });
      await world.remove(`/Users/${first}`);
      const second = await world.join('kim', { externalId: '00u-2' });
      expect(await world.status(type, second)).toMatchObject({ status: 'held' });
      expect(await identityOf(second)).toMatchObject({ state: 'open', stores: [world.id(type)] });
      await world.forget();
      await daysLater(6);
      expect((await world.writes(type)).toSorted()).toEqual(['create', 'delete']);
      expect(await world.account(type, 'kim')).toMatchObject({ enabled: true });
      expect(await world.status(type, second)).toMatchObject({ status: 'synced', origin: 'created' });
      expect(await identityOf(second)).toBeUndefined();
      const { details } = await world.syncStatus(type);
      expect(details.map(({ code }) => code)).not.toContain('identity_question');
    },
  );

  it.each([
    ['the userName', { emails: [{ value: mail('other'), type: 'work', primary: true }] }],
    ['the address', { userName: mail('other') }],
  ])('is asked after a purge of whoever comes with %s', async (_, more) => {
    const [{ id, name, strategy }] = (await world.bridge.admin('GET', '/connections')).body._embedded
      .connections;
    await world.bridge.admin('PUT', `/connections/${id}`, { name, strategy, retentionDays: 10 });
    for (const type of STORE_TYPES) await world.add(type);
    const first = await world.join('kim', { externalId: '00u-1' });
    const former = await personOf(first);
    await world.remove(`/Users/${first}`);
    await daysLater(12);
    expect((await world.bridge.admin('GET', '/events?kind=user.purged')).body.count).toBe(1);
    await world.forget();
    const second = await world.join('kim', { externalId: '00u-2', ...more });
    for (const type of STORE_TYPES) {
      expect(await world.status(type, second)).toMatchObject({
        status: 'held',
        reason: expect.stringMatching(/somebody who left, purged on \d{4}-\d\d-\d\d/),
      });
      expect(await world.writes(type)).toEqual([]);
    }
    expect(await identityOf(second)).toMatchObject({ state: 'open', former: { id: former } });
    expect(await answer(second, former)).toBe(200);
    for (const type of STORE_TYPES) {
      expect([type, await world.status(type, second)]).toMatchObject([type, { status: 'synced' }]);
      expect(await world.writes(type)).not.toContain('create');
    }
  });
});
