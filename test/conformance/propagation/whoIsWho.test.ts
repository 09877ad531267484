/**
 * Who is who, in doubt: a second identity provider and the first one's people, and newcomers who have what somebody
 * had who left. Nobody inherits an account before an admin has said that they are one.
 */

import type { Dialect } from '../../../src/db/open.ts';
import { patch } from '../../bridge.ts';
import { PLAYED } from '../../database.ts';
import { type Connection, connect, firstConnection } from './connections.ts';
import { mail, STORE_TYPES, type StoreType, startWorld, type World } from './world.ts';

const WITHOUT_BRAKE = { BRAKE_PERCENT: 100 };

describe.each(PLAYED)('on %s', (dialect: Dialect) => {
  let world: World;
  let okta: Connection;
  let people = 0;
  beforeAll(async () => {
    world = await startWorld(dialect);
    okta = await firstConnection(world);
    await okta.join('first');
    for (const type of STORE_TYPES) await world.add(type, WITHOUT_BRAKE);
  });
  afterAll(() => world.stop());
  beforeEach(() => world.forget());

  const someone = () => `kim${String(++people).padStart(3, '0')}`;
  const active = (value: boolean) => ({ op: 'replace', value: { active: value } });
  const personOf = async (id: string) =>
    (await world.bridge.db('users').where({ id }).first('person_id')).person_id as string;
  const held = async (type: StoreType) => (await world.store(type, 'GET', '/held')).body._embedded.held;
  const decide = (type: StoreType, what: 'approve' | 'discard', body: unknown) =>
    world.store(type, 'POST', `/held/${what}`, body);
  const everywhere = async (name: string, enabled: boolean) => {
    for (const type of STORE_TYPES)
      expect([type, await world.account(type, name)]).toMatchObject([type, { enabled }]);
  };
  const untouched = async () => {
    for (const type of STORE_TYPES) expect([type, await world.writes(type)]).toEqual([type, []]);
  };

  describe('a second identity provider that is trusted to know who is who', () => {
    let entra: Connection;
    beforeAll(async () => {
      entra = await connect(world, 'trusted', { matchPeople: true });
    });

    it('brings back no leaver of the primary one who is deleted there, before that is approved', async () => {
      const name = someone();
      const first = await okta.join(name, { title: 'Engineer' });
      const second = await entra.join(name, { title: 'Director' });
      expect(await personOf(second)).toBe(await personOf(first));
      await okta.patch(`/Users/${first}`, active(false));
      await everywhere(name, false);
      await world.forget();
      await okta.remove(`/Users/${first}`);
      await untouched();
      for (const type of STORE_TYPES) {
        expect(await world.status(type, second)).toMatchObject({
          status: 'held',
          reason: expect.stringContaining('trusted speaks for'),
        });
        const [row] = await held(type);
        expect(row).toMatchObject({ cause: { kind: 'speaker' }, changes: [{ held: true }] });
        expect((await world.syncStatus(type)).syncState).not.toBe('BRAKED');
      }
      for (const type of STORE_TYPES) expect((await decide(type, 'approve', { all: true })).status).toBe(200);
      await world.settled();
      await everywhere(name, true);
      // From then on the second one speaks without being asked about.
      await entra.patch(`/Users/${second}`, active(false));
      await everywhere(name, false);
      await entra.patch(`/Users/${second}`, active(true));
      await everywhere(name, true);
    });

    it('is remembered to have been declined', async () => {
      const name = someone();
      const [first, second] = [await okta.join(name), await entra.join(name)];
      await okta.patch(`/Users/${first}`, active(false));
      await okta.remove(`/Users/${first}`);
      await decide('Demo', 'discard', { all: true });
      await entra.patch(`/Users/${second}`, { op: 'replace', value: { title: 'Director' } });
      expect(await world.status('Demo', second)).toMatchObject({
        status: 'unsynced',
        reason: expect.stringContaining('discarded by'),
      });
      await everywhere(name, false);
      // The one who was believed comes back.
      await okta.join(name);
      await everywhere(name, true);
    });

    it('does not keep a leaver in whose account the store could not disable in time', async () => {
      const name = someone();
      const [first, second] = [await okta.join(name), await entra.join(name)];
      await world.store('Demo', 'POST', '/pause', {});
      // Nothing is settled before the store goes on.
      await okta.scim('PATCH', `/Users/${first}`, patch(active(false)));
      await okta.scim('DELETE', `/Users/${first}`);
      await world.store('Demo', 'POST', '/resume', {});
      await world.settled();
      await everywhere(name, false);
      expect(await world.status('Demo', second)).toMatchObject({ status: 'held' });
    });
  });

  describe('a second identity provider that is not', () => {
    let entra: Connection;
    beforeAll(async () => {
      entra = await connect(world, 'untrusted');
    });

    it('shows that it matches nobody', async () => {
      const { body } = await world.bridge.admin('GET', `/connections/${entra.id}`);
      expect(body).toMatchObject({ isPrimary: false, matchPeople: false, reusedIdentifiers: 'Hold' });
      const primary = await world.bridge.admin('GET', `/connections/${okta.id}`);
      expect(primary.body).toMatchObject({ isPrimary: true, matchPeople: true });
    });

    it('gives nobody an account while a person of the primary one has the address, or had it', async () => {
      const name = someone();
      const first = await okta.join(name);
      await world.forget();
      const second = await entra.join(name, { title: 'Director' });
      expect(await personOf(second)).not.toBe(await personOf(first));
      const waits = async () => {
        for (const type of STORE_TYPES)
          expect([type, await world.status(type, second)]).toMatchObject([
            type,
            { status: 'unsynced', reason: expect.stringContaining('matchPeople'), accountState: 'none' },
          ]);
      };
      await waits();
      await untouched();
      await okta.patch(`/Users/${first}`, active(false));
      await okta.remove(`/Users/${first}`);
      await everywhere(name, false);
      await world.forget();
      await entra.patch(`/Users/${second}`, { op: 'replace', value: { title: 'President' } });
      await waits();
      await untouched();
      await entra.patch(`/Users/${second}`, active(false));
      await entra.patch(`/Users/${second}`, active(true));
      await untouched();
      // Whoever unlinks the account gives it to nobody: it is there, and the newcomer's to adopt.
      const link = await world.link('Demo', first);
      await world.store('Demo', 'DELETE', `/links/${link?.id}`);
      await world.settled();
      expect(await world.status('Demo', second)).toMatchObject({ status: 'unsynced' });
    });

    it('serves them as soon as nobody has the address any more', async () => {
      const name = someone();
      const first = await okta.join(name, { active: false });
      await okta.patch(`/Users/${first}`, active(true));
      const second = await entra.join(name);
      const address = {
        emails: [{ value: mail(`${name}-new`), primary: true }],
        userName: mail(`${name}-new`),
      };
      await okta.patch(`/Users/${first}`, { op: 'replace', value: address });
      await world.settled();
      await everywhere(`${name}-new`, true);
      expect(await world.status('Demo', second)).toMatchObject({ status: 'synced' });
    });
  });

  describe('a newcomer with what somebody had who left', () => {
    const okta1 = (name: string, more: object = {}) =>
      okta.join(name, { externalId: `00u-${name}-1`, ...more });
    const leave = async (id: string) => {
      await okta.patch(`/Users/${id}`, active(false));
      await okta.remove(`/Users/${id}`);
    };
    const view = async (id: string) => (await world.bridge.admin('GET', `/people/${id}`)).body;
    const answer = (id: string, sameAs: string | null) =>
      world.bridge.admin('POST', `/people/${id}/identity`, { sameAs });

    it('inherits nothing before somebody has said that they are one', async () => {
      const name = someone();
      const first = await okta1(name);
      const former = await personOf(first);
      await leave(first);
      await world.forget();
      const second = await okta1(name, { externalId: `00u-${name}-2` });
      const newcomer = await personOf(second);
      expect(newcomer).not.toBe(former);
      await untouched();
      const shown = await view(newcomer);
      expect(shown).toMatchObject({
        lifecycle: 'active',
        identity: { state: 'open', attribute: 'userName', former: { id: former, display: mail(name) } },
      });
      expect(shown.identity.stores.sort()).toEqual(STORE_TYPES.map((type) => world.id(type)).sort());
      for (const type of STORE_TYPES) {
        expect(await world.status(type, second)).toMatchObject({
          status: 'held',
          reason: expect.stringContaining(mail(name)),
          held: [{ cause: { kind: 'identity' } }],
        });
        expect((await world.syncStatus(type)).details).toContainEqual(
          expect.objectContaining({ code: 'identity_question' }),
        );
        // Who somebody is, is not decided store by store.
        const asked = async () =>
          (await held(type)).filter((row: { subject: { id: string } }) => row.subject.id === newcomer);
        const [row] = await asked();
        expect((await decide(type, 'approve', { ids: [row.id] })).status).toBe(409);
        await decide(type, 'approve', { all: true });
        expect(await asked()).toHaveLength(1);
      }
      await world.settled();
      await world.forget();
      await okta.patch(`/Users/${second}`, { op: 'replace', value: { title: 'Director' } });
      await untouched();
      expect((await answer(newcomer, newcomer)).status).toBe(400);
      expect((await answer(newcomer, null)).status).toBe(200);
      expect((await answer(newcomer, former)).status).toBe(409);
      await world.settled();
      await everywhere(name, false);
      await untouched();
      for (const type of STORE_TYPES)
        expect(await world.status(type, second)).toMatchObject({
          status: 'unsynced',
          reason: expect.stringContaining('somebody else'),
        });
      const other = { emails: [{ value: mail(`${name}-b`), primary: true }], userName: mail(`${name}-b`) };
      await okta.patch(`/Users/${second}`, { op: 'replace', value: other });
      await everywhere(`${name}-b`, true);
      await everywhere(name, false);
    });

    it('has everything back where they are one', async () => {
      const name = someone();
      const first = await okta1(name);
      const former = await personOf(first);
      const group = await okta.group(`team ${name}`, [first]);
      await leave(first);
      const second = await okta1(name, { externalId: `00u-${name}-2`, title: 'Director' });
      const newcomer = await personOf(second);
      await okta.patch(`/Groups/${group}`, { op: 'add', path: 'members', value: [{ value: second }] });
      const { status, body } = await answer(newcomer, former);
      expect([status, body.id, body.identity?.state]).toEqual([200, former, 'same']);
      await world.settled();
      await everywhere(name, true);
      expect(await personOf(second)).toBe(former);
      expect(await world.members('Demo', `team ${name}`)).toEqual([name]);
      expect((await view(newcomer)).id).toBe(former);
    });

    it('is at work at once with the same externalId', async () => {
      const name = someone();
      const first = await okta1(name);
      const former = await personOf(first);
      await leave(first);
      const second = await okta1(name, { title: 'Director' });
      expect(await personOf(second)).toBe(former);
      await everywhere(name, true);
      expect((await view(former)).identity).toBeUndefined();
    });

    it.each([
      ['in one request', (id: string, externalId: string) => [[{ externalId, active: true }, id]]],
      [
        'in two requests',
        (id: string, externalId: string) => [
          [{ externalId }, id],
          [{ active: true }, id],
        ],
      ],
    ] as const)('on the record that the identity provider wrote over, %s', async (_, requests) => {
      const name = someone();
      const id = await okta1(name, { title: 'Admin' });
      const former = await personOf(id);
      await okta.patch(`/Users/${id}`, active(false));
      await world.forget();
      for (const [value] of requests(id, `00u-${name}-2`))
        await okta.patch(`/Users/${id}`, { op: 'replace', value });
      const newcomer = await personOf(id);
      expect(newcomer).not.toBe(former);
      await untouched();
      expect((await view(newcomer)).identity).toMatchObject({ state: 'open', attribute: 'externalId' });
      expect(await view(former)).toMatchObject({ lifecycle: 'deleted' });
      for (const type of STORE_TYPES) expect(await world.status(type, id)).toMatchObject({ status: 'held' });
      expect((await answer(newcomer, former)).status).toBe(200);
      await world.settled();
      await everywhere(name, true);
    });

    it.each([
      [
        'has another externalId',
        (name: string) => ({ op: 'replace', value: { externalId: `00u-${name}-2` } }),
      ],
      ['has none any more', () => ({ op: 'remove', path: 'externalId' })],
    ] as const)('made anew, where the record of whoever left %s before it is deleted', async (_, change) => {
      const name = someone();
      const id = await okta1(name);
      const former = await personOf(id);
      await okta.patch(`/Users/${id}`, active(false));
      await okta.patch(`/Users/${id}`, change(name));
      await okta.remove(`/Users/${id}`);
      await world.forget();
      const second = await okta1(name, { externalId: `00u-${name}-2` });
      const newcomer = await personOf(second);
      expect(newcomer).not.toBe(former);
      await untouched();
      expect((await view(newcomer)).identity).toMatchObject({ state: 'open', former: { id: former } });
    });

    it('and is at work at once, with their own externalId, after somebody else was written over the record', async () => {
      const name = someone();
      const id = await okta1(name);
      const former = await personOf(id);
      const other = { userName: mail(`${name}-b`), emails: [{ value: mail(`${name}-b`), primary: true }] };
      await okta.patch(`/Users/${id}`, active(false));
      for (const value of [{ externalId: `00u-${name}-2` }, { active: true }, other])
        await okta.patch(`/Users/${id}`, { op: 'replace', value });
      expect(await personOf(id)).not.toBe(former);
      const returned = await okta1(name);
      expect(await personOf(returned)).toBe(former);
      await everywhere(name, true);
    });

    it('asks nothing of an active user whose externalId changes', async () => {
      const name = someone();
      const id = await okta1(name);
      const person = await personOf(id);
      await okta.patch(`/Users/${id}`, { op: 'replace', value: { externalId: `00u-${name}-2` } });
      await okta.patch(`/Users/${id}`, active(false));
      await okta.patch(`/Users/${id}`, active(true));
      expect(await personOf(id)).toBe(person);
      await everywhere(name, true);
    });

    it('is found, with everybody else, by the beginning of what they are called', async () => {
      const find = async (q: string) =>
        (await world.bridge.admin('GET', `/people?q=${encodeURIComponent(q)}`)).body._embedded?.people;
      const name = someone();
      const id = await okta.join(name, { displayName: 'Zoe Quantum', name: { familyName: 'Quantum' } });
      const person = await personOf(id);
      for (const q of ['quant', 'ZOE QU', name, mail(name).slice(0, 9), id, person])
        expect([q, (await find(q)).map((one: { id: string }) => one.id)]).toEqual([q, [person]]);
      expect(await find('quant')).toMatchObject([
        { display: mail(name), lifecycle: 'active', matchedOn: 'name', users: [{ id, active: true }] },
      ]);
      expect(await find('zo%')).toEqual([]);
      expect((await world.bridge.admin('GET', '/people?q=z')).status).toBe(400);
      await leave(id);
      expect(await find('quant')).toMatchObject([{ id: person, lifecycle: 'deleted' }]);
      const reason = `disabled: default deleted`;
      expect((await view(person)).stores[0]).toMatchObject({ reason: expect.stringContaining(reason) });
    });
  });
});

describe('the primary connection', () => {
  it('is the first that brings a user, while the first one made has brought none', async () => {
    const world = await startWorld();
    const first = await firstConnection(world);
    const second = await connect(world, 'second');
    await second.join('kim');
    const shown = async ({ id }: Connection) => (await world.bridge.admin('GET', `/connections/${id}`)).body;
    expect(await shown(first)).toMatchObject({ isPrimary: false, matchPeople: false });
    expect(await shown(second)).toMatchObject({ isPrimary: true, matchPeople: true });
    await first.join('lea');
    expect(await shown(second)).toMatchObject({ isPrimary: true });
    await world.stop();
  });
});
