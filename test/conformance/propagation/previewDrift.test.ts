/** A preview lists what was changed by hand at the store, as drift: exactly what the next repair undoes. */

import { PLAYED } from '../../database.ts';
import { STORE_TYPES, startWorld, type World } from './world.ts';

type StoreType = (typeof STORE_TYPES)[number];

describe.each(PLAYED)('on %s', (dialect) => {
  let world: World;
  beforeEach(async () => {
    world = await startWorld(dialect);
  });
  afterEach(() => world.stop());

  /** Ann's title is another, bob cannot sign in, cid is no member. */
  async function byHand(type: StoreType): Promise<void> {
    const idOf = async (name: string) => (await world.account(type, name))?.id ?? '';
    const [ann, bob, cid] = [await idOf('ann'), await idOf('bob'), await idOf('cid')];
    if (type === 'Slack') {
      const { users, groups } = world.slack;
      Object.assign(users.get(ann)?.profile ?? {}, { title: 'By hand' });
      Object.assign(users.get(bob) ?? {}, { active: false });
      for (const group of groups.values()) group.members.delete(cid);
    } else if (type === 'GitLabSelfManaged') {
      const { users, members } = world.gitlab.state;
      Object.assign(users.get(Number(ann))?.profile ?? {}, { bio: 'By hand' });
      Object.assign(users.get(Number(bob)) ?? {}, { state: 'blocked' });
      for (const group of members.values()) group.delete(Number(cid));
    } else {
      const { db } = world.bridge;
      const row = await db('demo_accounts').where({ id: ann }).first('attributes');
      const attributes = typeof row.attributes === 'string' ? JSON.parse(row.attributes) : row.attributes;
      const changed = JSON.stringify({ ...attributes, title: 'By hand' });
      await db('demo_accounts').where({ id: ann }).update({ attributes: changed });
      await db('demo_accounts').where({ id: bob }).update({ enabled: false });
      await db('demo_members').where({ account_id: cid }).delete();
    }
  }

  it('marks a membership whose level somebody lowered, and none that the mapping raised', async () => {
    const type = 'GitLabSelfManaged';
    await world.add(type, { GROUP_PROVISIONING: 'Create' });
    const ids = [await world.join('ann'), await world.join('bob')];
    await world.group('crew', ids);
    const [crew] = [...world.gitlab.state.groups.keys()].slice(-1) as [number];
    const bob = Number((await world.account(type, 'bob'))?.id);
    const grants = async () => {
      const { changes } = await world.preview(type);
      return changes.map((change: Record<string, unknown>) => [change.op, change.drift]);
    };
    world.gitlab.state.setMember(crew, bob, 10);
    expect(await grants()).toEqual([['grant', true]]);
    // However often it is seen so.
    expect(await grants()).toEqual([['grant', true]]);
    await world.store(type, 'POST', '/sync', { repair: false });
    await world.settled();
    expect(await world.bridge.db('sync_statuses').where({ kind: 'group' }).first('status', 'reason')).toEqual(
      {
        status: 'partiallySynced',
        reason: expect.stringContaining('bob has a lower level'),
      },
    );
    await world.store(type, 'POST', '/sync', {});
    await world.settled();
    expect(await grants()).toEqual([]);
    expect(world.gitlab.state.members.get(crew)?.get(bob)).toBe(30);
    // Higher than it was given is no difference at all.
    world.gitlab.state.setMember(crew, bob, 40);
    expect(await grants()).toEqual([]);
    world.gitlab.state.setMember(crew, bob, 30);
    const raised = { GROUP_PROVISIONING: 'Create', DEFAULT_ACCESS_LEVEL: 'maintainer' };
    await world.configure(type, raised, { status: 'INACTIVE' });
    expect(await grants()).toEqual([
      ['grant', undefined],
      ['grant', undefined],
    ]);
  });

  describe.each(STORE_TYPES)('%s', (type) => {
    it.each([
      ['a sync', false],
      ['an activation', true],
      ['applying it', false],
    ])('lists what is otherwise, and %s does just that', async (follows, inactive) => {
      const settings = { BRAKE_PERCENT: 100, GROUP_PROVISIONING: 'Create' };
      await world.add(type, settings);
      const ids = [];
      for (const name of ['cid', 'bob', 'ann']) ids.push(await world.join(name, { title: 'Engineer' }));
      await world.group('crew', ids);
      if (inactive) await world.configure(type, settings, { status: 'INACTIVE' });
      await byHand(type);
      await world.forget();

      const shown = await world.preview(type);
      expect(shown).toMatchObject({
        losing: 0,
        changedSince: 0,
        summary: {
          ...{ update: 1, enable: 1, grant: 1, create: 0, revoke: 0, skipped: 0, held: 0 },
          people: { update: 1, enable: 1, grant: 0 },
          groups: { update: 0, enable: 0, grant: 1 },
        },
      });
      // By kind and name.
      const inWords = shown.changes.map((change: Record<string, Record<string, string>>) => [
        change.op,
        change.subject?.display?.split('@')[0],
        change.drift,
      ]);
      expect(inWords).toEqual([
        ['update', 'ann', true],
        ['enable', 'bob', true],
        ['grant', 'crew', true],
      ]);
      expect(shown.orphans).toEqual([]);
      expect(await world.writes(type)).toEqual([]);

      if (inactive) await world.configure(type, settings, { status: 'ACTIVE' });
      else if (follows === 'a sync') await world.store(type, 'POST', '/sync', {});
      else await world.store(type, 'POST', `/preview/${shown.id}/apply`, {});
      await world.settled();
      expect((await world.writes(type)).sort()).toEqual(['enable', 'grant', 'update']);
      const after = (await world.store(type, 'GET', `/preview/${shown.id}`)).body;
      expect(after.changedSince).toBe(2);
    });
  });

  it.each([
    [true, '/sync', ['create', 'grant']],
    [true, '/apply', ['create', 'grant']],
    [false, '/sync', []],
    [false, '/apply', []],
  ])(
    'where somebody deleted an account by hand, CREATE_USERS is %s, and then %s',
    async (creates, road, writes) => {
      const type = 'GitLabSelfManaged';
      const settings = { BRAKE_PERCENT: 100, GROUP_PROVISIONING: 'Create' };
      await world.add(type, settings);
      await world.group('crew', [await world.join('ann'), await world.join('bob')]);
      await world.configure(type, { ...settings, CREATE_USERS: creates });
      const { state } = world.gitlab;
      state.removeUser(Number((await world.account(type, 'ann'))?.id));
      await world.forget();
      const { id, changes } = await world.preview(type);
      expect(changes.map(({ op }: { op: string }) => op).sort()).toEqual(writes);
      await world.store(type, 'POST', road === '/sync' ? road : `/preview/${id}/apply`, {});
      await world.settled();
      expect((await world.writes(type)).sort()).toEqual(writes);
    },
  );
});
