/** A group that the vendor does not show for a while: what is owed there is said, and done once it is shown again. */

import type { Dialect } from '../../../src/db/open.ts';
import { eventually } from '../../bridge.ts';
import { PLAYED } from '../../database.ts';
import { startWorld, type World } from './world.ts';

const NOT_FOUND = { status: 404, body: { message: '404 Group Not Found' } };

describe.each(PLAYED)('on %s, a group that GitLab hides', (dialect: Dialect) => {
  const type = 'GitLabSelfManaged';
  let world: World;
  beforeEach(async () => {
    world = await startWorld(dialect);
    world.gitlab.state.addGroup({ path: 'engineering' });
  });
  afterEach(() => world.stop());

  const hide = (isHidden: boolean) => {
    for (const group of world.gitlab.state.groups.values()) group.isHidden = isHidden;
  };
  /** As if the time for the next look had come. */
  async function shownAgain(): Promise<void> {
    hide(false);
    await world.bridge.db('tasks').update({ run_at: '2020-01-01T00:00:00.000Z' });
    await world.settled();
  }
  async function expectNothingSaid(): Promise<void> {
    const said = await world.bridge.db('sync_statuses').where({ kind: 'group' }).first('status', 'reason');
    expect(said).toEqual({ status: 'synced', reason: null });
    expect((await world.syncStatus(type)).details).toEqual([]);
  }
  const untilSaid = () =>
    eventually(async () => {
      const row = await world.bridge.db('sync_statuses').where({ kind: 'group' }).first('reason');
      return row?.reason?.includes('does not show the group') ? row.reason : undefined;
    }, 10_000);
  /** Deletes a SCIM group with a member while GitLab hides it. */
  async function deleteWhileHidden(): Promise<void> {
    await world.add(type);
    const lea = await world.join('lea');
    const group = await world.group('engineering', [lea]);
    hide(true);
    await world.bridge.scim('DELETE', `/Groups/${group}`);
    await untilSaid();
  }

  it.each(['Match', 'Create'])(
    'has all that was asked for meanwhile, with GROUP_PROVISIONING %s',
    async (mode) => {
      await world.add(type, { GROUP_PROVISIONING: mode });
      const [lea, kim] = [await world.join('lea'), await world.join('kim')];
      const group = await world.group('engineering', [lea]);
      hide(true);
      const { status } = await world.bridge.scim('PATCH', `/Groups/${group}`, {
        schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
        Operations: [
          { op: 'remove', path: `members[value eq "${lea}"]` },
          { op: 'add', path: 'members', value: [{ value: kim }] },
        ],
      });
      expect([200, 204]).toContain(status);
      expect(await untilSaid()).toContain('engineering');
      expect((await world.syncStatus(type)).details).toContainEqual({
        code: 'group_not_shown',
        message: expect.stringContaining('engineering'),
      });
      await shownAgain();
      expect(await world.members(type, 'engineering')).toEqual(['kim']);
      expect((await world.syncStatus(type)).details).toEqual([]);
    },
  );

  it('loses nobody of the directory who was to lose a membership when the SCIM group went', async () => {
    await deleteWhileHidden();
    await shownAgain();
    expect(await world.members(type, 'engineering')).toEqual([]);
    expect(await world.bridge.db('links').where({ kind: 'group' })).toEqual([]);
  });

  it('keeps no sync open while something is owed there, and with it the next periodic one away', async () => {
    await deleteWhileHidden();
    const { id } = (await world.store(type, 'POST', '/sync', {})).body;
    await eventually(async () => {
      const { state } = (await world.store(type, 'GET', `/syncs/${id}`)).body;
      return state === 'DONE' || undefined;
    }, 10_000);
    await shownAgain();
    expect(await world.members(type, 'engineering')).toEqual([]);
  });

  it('keeps what is owed through a sync with repair', async () => {
    await world.add(type);
    const lea = await world.join('lea');
    const group = await world.group('engineering', [lea]);
    hide(true);
    await world.store(type, 'POST', '/sync', {});
    await untilSaid();
    await world.bridge.scim('PATCH', `/Groups/${group}`, {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
      Operations: [{ op: 'remove', path: `members[value eq "${lea}"]` }],
    });
    await shownAgain();
    expect(await world.members(type, 'engineering')).toEqual([]);
    await expectNothingSaid();
  });

  it('is not said to be gone any more once it takes a change, which no sync has seen', async () => {
    await world.add(type);
    const [lea, kim] = [await world.join('lea'), await world.join('kim')];
    const group = await world.group('engineering', [lea]);
    hide(true);
    await world.store(type, 'POST', '/sync', { repair: false });
    await world.settled();
    expect(await world.bridge.db('sync_statuses').where({ kind: 'group' }).first('reason')).toMatchObject({
      reason: expect.stringContaining('the group is not there any more'),
    });
    hide(false);
    await world.patch(`/Groups/${group}`, { op: 'add', path: 'members', value: [{ value: kim }] });
    expect(await world.members(type, 'engineering')).toEqual(['kim', 'lea']);
    await expectNothingSaid();
  });

  it('takes another group of the name for the one that it was, where that is gone', async () => {
    await world.add(type);
    const lea = await world.join('lea');
    const group = await world.group('engineering', [lea]);
    const { groups } = world.gitlab.state;
    world.gitlab.state.removeGroup([...groups.keys()].at(-1) ?? 0);
    world.gitlab.state.addGroup({ path: 'engineering' });
    const kim = await world.join('kim');
    await world.patch(`/Groups/${group}`, { op: 'add', path: 'members', value: [{ value: kim }] });
    expect(await world.members(type, 'engineering')).toEqual(['kim', 'lea']);
  });
});

it('waits for a single answer of the vendor that no other one bears out', async () => {
  const world = await startWorld();
  try {
    world.gitlab.state.addGroup({ path: 'engineering' });
    await world.add('GitLabSelfManaged');
    const lea = await world.join('lea');
    const group = await world.group('engineering', [lea]);
    world.gitlab.faults.inject({
      matches: ({ method, path }) => method === 'DELETE' && path.includes('/members/'),
      fault: { kind: 'answer', answer: NOT_FOUND },
    });
    await world.bridge.scim('PATCH', `/Groups/${group}`, {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
      Operations: [{ op: 'remove', path: `members[value eq "${lea}"]` }],
    });
    await eventually(
      async () => (await world.bridge.db('links').whereNotNull('missing_since').first()) ?? undefined,
      10_000,
    );
    await world.bridge.db('tasks').update({ run_at: '2020-01-01T00:00:00.000Z' });
    await world.settled();
    expect(await world.members('GitLabSelfManaged', 'engineering')).toEqual([]);
  } finally {
    await world.stop();
  }
});
