/**
 * Groups that matter: those of PROTECTED_GROUPS, those outside MATCH_WITHIN, and every group of which one cause would
 * take most of the members.
 */

import { PLAYED } from '../../database.ts';
import { crowdIn } from './crowd.ts';
import { groupBody, STORE_TYPES, type StoreType, startWorld, VENDORS, type World } from './world.ts';

const NEWCOMERS_GROUP = 'staff';
const OVERWRITE = { GROUP_MEMBERSHIP_HANDLING: 'Overwrite' };
const GROUP_WRITES = ['grant', 'revoke', 'create group', 'rename group', 'delete group'];

let world: World;
const { joinMany, deactivate, held } = crowdIn(() => world);

/** A group made by hand, with members made by hand. */
function seedGroup(type: (typeof VENDORS)[number], path: string, names: readonly string[]): string {
  const ids = names.map((name) => world.seed(type, { name }));
  if (type === 'Slack') return world.slack.addGroup(path, ids).id;
  let parentId: number | null = null;
  for (const part of path.split('/')) {
    const { groups } = world.gitlab.state;
    const known = [...groups.values()].find((group) => group.path === part && group.parentId === parentId);
    parentId = (known ?? world.gitlab.state.addGroup({ path: part, parentId })).id;
  }
  const groupId = parentId ?? 0;
  for (const id of ids) world.gitlab.state.setMember(groupId, Number(id), 40);
  return String(groupId);
}

const namesOf = (count: number) => Array.from({ length: count }, (_, n) => `old${n}`);

async function groupStatus(type: StoreType, groupId: string): Promise<Record<string, unknown>> {
  return world.bridge
    .db('sync_statuses')
    .where({ store_id: world.id(type), kind: 'group', subject_id: groupId })
    .first('status', 'reason');
}

async function groupWrites(type: StoreType): Promise<readonly string[]> {
  return (await world.writes(type)).filter((word) => GROUP_WRITES.includes(word));
}

const put = async (groupId: string, name: string, ids: readonly string[]) => {
  const reply = await world.bridge.scim('PUT', `/Groups/${groupId}`, groupBody(name, ids));
  expect(reply.status).toBe(200);
  await world.settled();
};

describe.each(PLAYED)('on %s', (dialect) => {
  beforeEach(async () => {
    world = await startWorld(dialect);
  });
  afterEach(() => world.stop());

  describe.each(VENDORS)('of %s', (type) => {
    it('does not let a newcomer take over a group of eight', async () => {
      seedGroup(type, NEWCOMERS_GROUP, namesOf(8));
      await world.add(type, { ...OVERWRITE, BRAKE_PERCENT: 100 });
      const mallory = await world.join('mallory');
      await world.forget();
      await world.group(NEWCOMERS_GROUP, [mallory]);
      expect(await groupWrites(type)).toEqual(['grant']);
      expect(await world.members(type, NEWCOMERS_GROUP)).toHaveLength(9);
      const waiting = await held(type);
      expect(waiting).toHaveLength(8);
      expect(waiting[0]?.reason).toBe(
        `one cause would end 8 of the 8 memberships of ${NEWCOMERS_GROUP}; the limit is 50 %`,
      );
      expect(await world.syncStatus(type)).toMatchObject({ syncState: 'BRAKED', heldCount: 8 });
      const { body } = await world.bridge.admin('GET', '/propagation/incidents');
      expect(body._embedded.incidents).toMatchObject([{ state: 'OPEN', stores: [{ held: 8, lost: 0 }] }]);
      await world.store(type, 'POST', '/held/approve', { all: true });
      await world.settled();
      expect(await world.members(type, NEWCOMERS_GROUP)).toEqual(['mallory']);
    });

    it('shows that in the preview of the activation, with what would match', async () => {
      const remoteId = seedGroup(type, NEWCOMERS_GROUP, namesOf(6));
      await world.add(type, OVERWRITE, { status: 'INACTIVE' });
      const ids = [await world.join('old0'), await world.join('mallory')];
      await world.group(NEWCOMERS_GROUP, ids);
      const preview = await world.preview(type);
      const changes = preview.changes.filter(
        (change: { subject: { kind: string } }) => change.subject.kind === 'group',
      );
      expect(changes).toContainEqual(
        expect.objectContaining({ op: 'adopt', remoteId, remoteName: NEWCOMERS_GROUP, held: false }),
      );
      const revokes = changes.filter((change: { op: string }) => change.op === 'revoke');
      expect(revokes.map((change: { held: boolean }) => change.held)).toEqual(Array(5).fill(true));
      expect(preview.summary.held).toBe(5);
    });

    it('leaves a protected group alone, whoever asks', async () => {
      const remoteId = seedGroup(type, 'root/owners', ['ann']);
      await world.add(type, { ...OVERWRITE, GROUP_PROVISIONING: 'Create', PROTECTED_GROUPS: ['Root/OWN*'] });
      const mallory = await world.join('mallory');
      await world.configure(type, {
        ...OVERWRITE,
        GROUP_PROVISIONING: 'Create',
        PROTECTED_GROUPS: ['/Root/OWN*'],
      });
      await world.store(type, 'PUT', '/mappings', {
        mappings: [],
        groupMappings: [{ original: 'mine', translation: 'root/owners' }],
      });
      const group = await world.group('mine', [mallory]);
      expect(await groupWrites(type)).toEqual([]);
      expect(await groupStatus(type, group)).toEqual({
        status: 'unsynced',
        reason: expect.stringContaining('is left alone: PROTECTED_GROUPS has /Root/OWN*'),
      });
      const link = await world.store(type, 'POST', '/links', {
        subject: { kind: 'group', id: group },
        remoteId,
      });
      expect(link).toMatchObject({ status: 409, body: { errors: [{ pointer: '/remoteId' }] } });
    });
  });

  describe.each(STORE_TYPES)('of %s', (type) => {
    it('holds whole what empties a group of a small company, and nothing else of the request', async () => {
      await world.add(type, { GROUP_PROVISIONING: 'Create' });
      const ids = await joinMany(7);
      const six = ids.slice(0, 6);
      const group = await world.group('crew', six);
      await world.forget();
      await put(group, 'crew', [ids[5] ?? '', ids[6] ?? '']);
      expect(await groupWrites(type)).toEqual(['grant']);
      expect(await held(type)).toHaveLength(5);
      // What is asked for besides is another cause, and goes.
      await put(group, 'crew', [ids[6] ?? '']);
      expect(await world.members(type, 'crew')).toHaveLength(6);
      expect(await held(type)).toHaveLength(5);
      await put(group, 'crew', ids);
      expect(await held(type)).toEqual([]);
      expect(await world.members(type, 'crew')).toHaveLength(7);
    });

    it('holds the end of a SCIM group, and lets it go once that is approved', async () => {
      await world.add(type, { GROUP_PROVISIONING: 'Create', BRAKE_PERCENT: 100 });
      const group = await world.group('crew', await joinMany(5));
      await world.forget();
      await world.remove(`/Groups/${group}`);
      expect(await groupWrites(type)).toEqual([]);
      expect(await held(type)).toHaveLength(5);
      await world.store(type, 'POST', '/held/approve', { all: true });
      await world.settled();
      const links = await world.store(type, 'GET', '/links?kind=group');
      expect(links.body._embedded.links).toEqual([]);
      expect((await world.members(type, 'crew')) ?? []).toEqual([]);
    });

    it('leaves a group alone that became protected after it was linked', async () => {
      const settings = { GROUP_PROVISIONING: 'Create', BRAKE_GROUP_PERCENT: 0 };
      await world.add(type, settings);
      const ids = await joinMany(6);
      const group = await world.group('crew', ids.slice(0, 5));
      await put(group, 'crew', []);
      expect(await held(type)).toHaveLength(5);
      await world.configure(type, { ...settings, PROTECTED_GROUPS: ['crew'] });
      await world.settled();
      await world.forget();
      await put(group, 'crew two', ids.slice(5));
      expect(await groupWrites(type)).toEqual([]);
      expect(await held(type)).toEqual([]);
      expect(await groupStatus(type, group)).toMatchObject({ status: 'unsynced' });
      await world.remove(`/Groups/${group}`);
      expect(await groupWrites(type)).toEqual([]);
      expect(await world.members(type, 'crew')).toHaveLength(5);
      const other = await world.group('other', ids);
      await world.forget();
      await put(other, 'Crew', ids);
      expect(await groupWrites(type)).toEqual([]);
      expect(await groupStatus(type, other)).toMatchObject({
        status: 'partiallySynced',
        reason: expect.stringContaining('protected group'),
      });
    });
  });

  it('counts what several requests take for each by itself, in whatever number of tasks', async () => {
    const type = 'Slack';
    await world.add(type, { GROUP_PROVISIONING: 'Create', BRAKE_MIN: 100 });
    const ids = await joinMany(6);
    const group = await world.group('crew', ids);
    await world.store(type, 'POST', '/pause');
    for (const id of ids.slice(0, 5)) {
      const path = `members[value eq "${id}"]`;
      const body = {
        schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
        Operations: [{ op: 'remove', path }],
      };
      await world.bridge.scim('PATCH', `/Groups/${group}`, body);
    }
    await world.store(type, 'POST', '/resume');
    await world.settled();
    expect(await world.members(type, 'crew')).toHaveLength(1);
    expect(await held(type)).toEqual([]);
  });

  it('ends no membership of those who are disabled, and follows BRAKE_GROUP_PERCENT', async () => {
    const type = 'Slack';
    await world.add(type, { GROUP_PROVISIONING: 'Create', BRAKE_GROUP_PERCENT: 100 });
    const ids = await joinMany(8);
    const group = await world.group('crew', ids);
    await deactivate(ids.slice(0, 6));
    expect(await held(type)).toEqual([]);
    await put(group, 'crew', ids.slice(6));
    expect(await held(type)).toEqual([]);
    expect(await world.members(type, 'crew')).toHaveLength(2);
  });

  it('does not delete a group into which somebody else has put members', async () => {
    const type = 'Slack';
    await world.add(type, { GROUP_PROVISIONING: 'Create', DELETE_GROUPS: true });
    const ids = await joinMany(1);
    for (const name of ['crew', 'team']) await world.group(name, ids);
    const stranger = world.seed(type, { name: 'stranger' });
    for (const group of world.slack.groups.values())
      if (group.displayName === 'crew') group.members.add(stranger);
    await world.store(type, 'POST', '/sync', { repair: false });
    await world.settled();
    await world.forget();
    const { body } = await world.bridge.scim('GET', '/Groups');
    for (const { id } of body.Resources) await world.remove(`/Groups/${id}`);
    expect((await groupWrites(type)).toSorted()).toEqual(['delete group', 'revoke', 'revoke']);
    expect(await world.members(type, 'crew')).toEqual(['stranger']);
    expect((await world.store(type, 'GET', '/links?kind=group')).body._embedded.links).toEqual([]);
  });

  it('matches groups of GitLab below MATCH_WITHIN alone', async () => {
    const type = 'GitLabSelfManaged';
    const admins = seedGroup(type, 'acme/admins', ['ann']);
    seedGroup(type, 'acme/teams/blue', ['bob']);
    await world.add(type, { ...OVERWRITE, MATCH_WITHIN: ['/Acme/Teams/'] });
    const jane = await world.join('jane');
    const ids: string[] = [];
    for (const name of ['acme/admins', 'acme/teams', 'acme/teams/blue'])
      ids.push(await world.group(name, [jane]));
    expect((await groupWrites(type)).toSorted()).toEqual(['grant', 'revoke']);
    const reason = 'is not below Acme/Teams, where MATCH_WITHIN lets SCIM groups match';
    for (const id of ids.slice(0, 2))
      expect(await groupStatus(type, id)).toMatchObject({
        status: 'unsynced',
        reason: expect.stringContaining(reason),
      });
    const subject = { kind: 'group', id: ids[0] };
    const link = await world.store(type, 'POST', '/links', { subject, remoteId: admins });
    expect(link.status).toBe(409);
    const nowhere = await world.configure(type, { MATCH_WITHIN: ['/'] });
    expect(nowhere).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: '/configuration/MATCH_WITHIN' }] },
    });
  });
});
