/**
 * A rule whose group is deleted says so before anybody loses access, and what it loses is held, whatever its size. A
 * group of the same externalId takes its place in the rule, and then what was held goes.
 */

import { patch } from '../../bridge.ts';
import { PLAYED } from '../../database.ts';
import { groupBody, STORE_TYPES, startWorld, type World } from './world.ts';

const PEOPLE = ['ann', 'bob', 'cid'];
const GROUP = { externalId: 'okta-crew' };

describe.each(PLAYED)('on %s', (dialect) => {
  let world: World;
  beforeEach(async () => {
    world = await startWorld(dialect);
  });
  afterEach(() => world.stop());

  describe.each(STORE_TYPES)('%s', (type) => {
    let ids: string[] = [];
    let rule: { id: string };

    async function push(memberIds: readonly string[]): Promise<string> {
      const body = { ...groupBody('crew', memberIds), ...GROUP };
      const reply = await world.bridge.scim('POST', '/Groups', body);
      expect(reply.status).toBe(201);
      await world.settled();
      return reply.body.id;
    }

    async function ruled(settings: Record<string, unknown> = {}): Promise<string> {
      await world.add(type, { GROUP_PROVISIONING: 'Create', ...settings });
      ids = [];
      for (const name of PEOPLE) ids.push(await world.join(name));
      const crew = await push(ids);
      const made = await world.bridge.admin('POST', '/propagation/rules', {
        name: 'The crew',
        storeId: world.id(type),
        groups: [{ id: crew }],
      });
      expect(made.status).toBe(201);
      rule = made.body;
      expect(made.body.problem).toBeUndefined();
      await world.settled();
      await world.forget();
      return crew;
    }

    const readRule = async () => (await world.bridge.admin('GET', `/propagation/rules/${rule.id}`)).body;
    const held = async () => (await world.store(type, 'GET', '/held')).body._embedded.held;
    const codes = async () => (await world.syncStatus(type)).details.map(({ code }) => code);
    const events = async (kind: string) =>
      (await world.bridge.admin('GET', `/events?kind=${kind}`)).body._embedded.events;

    async function expectEverybody(): Promise<void> {
      for (const name of PEOPLE) expect(await world.account(type, name)).toMatchObject({ enabled: true });
      expect(await world.members(type, 'crew')).toEqual(PEOPLE);
      expect(await world.writes(type)).toEqual([]);
    }

    it.each([
      ['by default', {}],
      ['with the brake switched off', { BRAKE_PERCENT: 100 }],
    ])(
      'holds what it would lose, and says so in the rule, in details and as an event, %s',
      async (_, settings) => {
        const crew = await ruled(settings);
        await world.remove(`/Groups/${crew}`);
        await expectEverybody();
        const waiting = await held();
        expect(waiting.map(({ subject }: { subject: { kind: string } }) => subject.kind).sort()).toEqual(
          expect.arrayContaining(['user', 'user', 'user']),
        );
        for (const { cause } of waiting) expect(cause).toMatchObject({ kind: 'rule' });
        expect(
          new Set(waiting.map(({ cause }: { cause: { correlationId: string } }) => cause.correlationId)).size,
        ).toBe(1);
        expect((await readRule()).problem).toMatch(/^The group "crew" was deleted/);
        expect(
          (await world.bridge.admin('GET', '/propagation/rules')).body._embedded.rules[0].problem,
        ).toMatch(/crew/);
        expect(await codes()).toContain('rule_group_gone');
        expect(await world.syncStatus(type)).toMatchObject({ heldCount: PEOPLE.length, syncState: 'BRAKED' });
        expect(await events('rule.groupGone')).toEqual([
          expect.objectContaining({ outcome: 'held', subject: expect.objectContaining({ display: 'crew' }) }),
        ]);
        const shown = await world.preview(type);
        expect(shown.summary).toMatchObject({ people: { disable: 3, held: 3 } });
        for (const change of shown.changes)
          expect(change).toMatchObject({ held: true, cause: { kind: 'rule' } });

        // A sync is another cause, and takes nobody either.
        await world.store(type, 'POST', '/sync', {});
        await world.settled();
        await expectEverybody();

        await world.store(type, 'POST', '/held/approve', { all: true });
        await world.settled();
        for (const name of PEOPLE) expect(await world.account(type, name)).toMatchObject({ enabled: false });
      },
    );

    it('holds the memberships also where another rule keeps everybody in scope', async () => {
      const crew = await ruled();
      const everybody = { name: 'Everybody', storeId: world.id(type) };
      expect((await world.bridge.admin('POST', '/propagation/rules', everybody)).status).toBe(201);
      await world.settled();
      await world.remove(`/Groups/${crew}`);
      await expectEverybody();
      for (const { cause } of await held()) expect(cause).toMatchObject({ kind: 'rule' });
      expect(await world.syncStatus(type)).toMatchObject({ heldCount: PEOPLE.length });
    });

    it.each([
      ['at once', (all: string[]) => [all]],
      ['one by one', (all: string[]) => [[], ...all.map((id) => [id])]],
    ])('lets the group come back under another id, with its members %s', async (_, batches) => {
      const crew = await ruled();
      await world.remove(`/Groups/${crew}`);
      const [first = [], ...rest] = batches(ids);
      const again = await push(first);
      expect((await readRule()).groups).toEqual([{ id: again }]);
      expect((await readRule()).problem).toBeUndefined();
      for (const some of rest)
        await world.patch(`/Groups/${again}`, {
          op: 'add',
          path: 'members',
          value: some.map((value) => ({ value })),
        });
      await expectEverybody();
      expect(await held()).toEqual([]);
      expect(await codes()).not.toContain('rule_group_gone');
      expect(await world.syncStatus(type)).toMatchObject({ heldCount: 0, syncState: 'SYNCED' });
      expect(await events('rule.groupReplaced')).toHaveLength(1);

      // From now on it is a group like any other.
      const value = [{ value: ids[0] }];
      await world.patch(`/Groups/${again}`, { op: 'remove', path: 'members', value });
      expect(await world.account(type, 'ann')).toMatchObject({ enabled: false });
    });

    it('takes nobody where the group goes and comes before the bridge looks', async () => {
      const crew = await ruled();
      await world.store(type, 'POST', '/pause', {});
      await world.bridge.scim('DELETE', `/Groups/${crew}`);
      const reply = await world.bridge.scim('POST', '/Groups', { ...groupBody('crew'), ...GROUP });
      await world.store(type, 'POST', '/resume', {});
      await world.settled();
      await expectEverybody();
      const value = ids.map((id) => ({ value: id }));
      await world.patch(`/Groups/${reply.body.id}`, { op: 'add', path: 'members', value });
      await expectEverybody();
      expect(await held()).toEqual([]);
    });

    it('lets a person go who leaves meanwhile', async () => {
      const crew = await ruled();
      await world.remove(`/Groups/${crew}`);
      await world.bridge.scim(
        'PATCH',
        `/Users/${ids[0]}`,
        patch({ op: 'replace', value: { active: false } }),
      );
      await world.settled();
      expect(await world.account(type, 'ann')).toMatchObject({ enabled: false });
      expect(await world.account(type, 'bob')).toMatchObject({ enabled: true });
      const accounts = (await held()).filter(
        ({ subject }: { subject: { kind: string } }) => subject.kind === 'user',
      );
      expect(accounts).toHaveLength(2);
      for (const { personState } of accounts) expect(personState).toBe('active');
    });
  });
});
