/**
 * A newcomer who has what somebody has who leaves only afterwards: that is asked as soon as they leave, and the account
 * is nobody's to inherit before it is answered, whatever makes the store look again.
 */

import type { Dialect } from '../../../src/db/open.ts';
import { PLAYED } from '../../database.ts';
import { type Connection, firstConnection } from './connections.ts';
import { mail, STORE_TYPES, startWorld, type World } from './world.ts';

describe.each(PLAYED)('on %s', (dialect: Dialect) => {
  let world: World;
  let okta: Connection;
  let people = 0;
  beforeAll(async () => {
    world = await startWorld(dialect);
    okta = await firstConnection(world);
    await okta.join('first');
    for (const type of STORE_TYPES) await world.add(type, { BRAKE_PERCENT: 100 });
  });
  afterAll(() => world.stop());

  const someone = () => `kim${String(++people).padStart(3, '0')}`;
  const address = (name: string) => ({ emails: [{ value: mail(name), primary: true }] });
  const replace = (value: object) => ({ op: 'replace', value });
  const personOf = async (id: string): Promise<string> =>
    (await world.bridge.db('users').where({ id }).first('person_id')).person_id;
  const identityOf = async (id: string) =>
    (await world.bridge.admin('GET', `/people/${await personOf(id)}`)).body.identity;
  /** The second has the address of the first, who is there. */
  const two = async () => {
    const name = someone();
    const first = await okta.join(name, { externalId: `${name}-1`, title: 'Chief' });
    const newcomer = { externalId: `${name}-2`, title: 'Trainee', ...address(name) };
    const second = await okta.join(`${name}-new`, newcomer);
    for (const type of STORE_TYPES)
      expect([type, await world.status(type, second)]).toMatchObject([type, { status: 'unsynced' }]);
    await world.forget();
    return { name, first, second, former: await personOf(first) };
  };
  const isAsked = async (second: string, former: string) => {
    expect(await identityOf(second)).toMatchObject({ state: 'open', former: { id: former } });
    for (const type of STORE_TYPES)
      expect([type, await world.status(type, second)]).toMatchObject([
        type,
        {
          status: 'held',
          reason: expect.stringContaining('same person'),
          held: [{ cause: { kind: 'identity' } }],
        },
      ]);
  };
  const nothingButDisabled = async (name: string) => {
    for (const type of STORE_TYPES) {
      expect([type, await world.account(type, name)]).toMatchObject([
        type,
        { enabled: false, title: 'Chief' },
      ]);
      expect([type, new Set(await world.writes(type))]).toEqual([type, new Set(['disable'])]);
    }
  };

  it.each([
    ['is deleted', async (first: string) => okta.remove(`/Users/${first}`)],
    [
      'is written over by somebody else',
      async (first: string, name: string) => {
        await okta.patch(`/Users/${first}`, replace({ active: false }));
        const other = { externalId: `${name}-3`, active: true, userName: mail(`${name}-3`) };
        await okta.patch(`/Users/${first}`, replace({ ...other, ...address(`${name}-3`) }));
      },
    ],
    [
      'is written over while inactive, and deleted',
      async (first: string, name: string) => {
        await okta.patch(`/Users/${first}`, replace({ active: false }));
        await okta.patch(`/Users/${first}`, replace({ externalId: `${name}-3` }));
        await okta.remove(`/Users/${first}`);
      },
    ],
    [
      'is called otherwise, which the stores were not told, and deleted',
      async (first: string, name: string) => {
        for (const type of STORE_TYPES)
          await world.configure(type, { BRAKE_PERCENT: 100, UPDATE_USERS: false });
        await okta.patch(
          `/Users/${first}`,
          replace({ userName: mail(`${name}-4`), ...address(`${name}-4`) }),
        );
        await okta.remove(`/Users/${first}`);
      },
    ],
  ] as const)('is asked about at once where the first %s', async (_, leave) => {
    const { name, first, second, former } = await two();
    await leave(first, name);
    await isAsked(second, former);
  });

  describe('inherits nothing', () => {
    const roads: readonly (readonly [string, (second: string) => Promise<unknown>])[] = [
      [
        'by a sync',
        async () => {
          for (const type of STORE_TYPES) await world.store(type, 'POST', '/sync', { repair: true });
        },
      ],
      [
        'by a sync of the person',
        async (second) => world.bridge.admin('POST', `/people/${await personOf(second)}/sync`, {}),
      ],
      [
        'by a retry of its task',
        async (second) => {
          const tasks = (await world.bridge.admin('GET', '/propagation/tasks')).body._embedded.tasks;
          const person = await personOf(second);
          for (const { id, subject } of tasks)
            if (subject.id === person) await world.bridge.admin('POST', `/propagation/tasks/${id}/retry`, {});
        },
      ],
      ['by a change', (second) => okta.patch(`/Users/${second}`, replace({ title: 'President' }))],
      [
        'by leaving and coming back',
        async (second) => {
          await okta.patch(`/Users/${second}`, replace({ active: false }));
          await okta.patch(`/Users/${second}`, replace({ active: true }));
        },
      ],
      [
        'by a setting',
        async () => {
          for (const type of STORE_TYPES)
            await world.configure(type, { BRAKE_PERCENT: 100, ADOPT_USERS: 'Any' });
        },
      ],
      [
        'by a store that is switched on again',
        async () => {
          for (const type of STORE_TYPES) {
            await world.store(type, 'POST', '/deactivate', {});
            await world.store(type, 'POST', '/activate', {});
          }
        },
      ],
    ];
    it.each(roads)('%s', async (_, road) => {
      const { name, first, second, former } = await two();
      await okta.remove(`/Users/${first}`);
      await road(second);
      await world.settled();
      await isAsked(second, former);
      await nothingButDisabled(name);
      const { status } = await world.bridge.admin('POST', `/people/${await personOf(second)}/identity`, {
        sameAs: null,
      });
      expect(status).toBe(200);
      await road(second);
      await world.settled();
      for (const type of STORE_TYPES)
        expect([type, await world.status(type, second)]).toMatchObject([
          type,
          { status: 'unsynced', reason: expect.stringContaining('somebody else') },
        ]);
      await nothingButDisabled(name);
    });
  });
});
