/** Groups and their members: matching, renaming, unions, what a leaver keeps, and what many members cost. */

import { person } from '../../bridge.ts';
import { mail, STORE_TYPES, startWorld, VENDORS, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world.stop());

const remove = (id: string) => ({ op: 'remove', path: `members[value eq "${id}"]` });
const add = (...ids: readonly string[]) => ({
  op: 'add',
  path: 'members',
  value: ids.map((value) => ({ value })),
});

/** A group at the vendor, made behind the bridge's back. */
function seedGroup(type: (typeof VENDORS)[number], name: string, memberIds: readonly string[] = []): void {
  if (type === 'Slack') {
    world.slack.addGroup(name, memberIds);
    return;
  }
  const group = world.gitlab.state.addGroup({ path: name });
  for (const id of memberIds) world.gitlab.state.setMember(group.id, Number(id), 30);
}

/** Takes somebody out of the group by hand. */
function dropMember(type: (typeof VENDORS)[number], name: string, memberId: string): void {
  if (type === 'Slack') {
    const group = [...world.slack.groups.values()].find((g) => g.displayName === name);
    group?.members.delete(memberId);
    return;
  }
  const group = [...world.gitlab.state.groups.values()].find((g) => g.path === name);
  world.gitlab.state.members.get(group?.id ?? 0)?.delete(Number(memberId));
}

/** Renames somebody's account by hand, and with it the address. */
function rename(type: (typeof VENDORS)[number], name: string, to: string): void {
  if (type === 'Slack') {
    const user = [...world.slack.users.values()].find((u) => u.userName === name);
    if (user)
      Object.assign(user, { userName: to, displayName: to, emails: [{ value: mail(to), primary: true }] });
    return;
  }
  const user = [...world.gitlab.state.users.values()].find((u) => u.username === name);
  if (user) Object.assign(user, { username: to, name: to, email: mail(to) });
}

describe.each(VENDORS)('on %s', (type) => {
  it('matches a group of that name, adopts whom it wants and finds there, and leaves the others', async () => {
    const janesId = world.seed(type, { name: 'jane' });
    const foreignId = world.seed(type, { name: 'foreign' });
    seedGroup(type, 'engineering', [janesId, foreignId]);
    await world.add(type, { GROUP_PROVISIONING: 'Match' });
    const jane = await world.join('jane');
    const joe = await world.join('joe');
    await world.forget();
    const group = await world.group('engineering', [jane, joe]);
    expect(await world.writes(type)).toEqual(['grant']);
    expect(await world.members(type, 'engineering')).toEqual(['foreign', 'jane', 'joe']);

    // Wanted and there already at first sight means adopted, so it goes when it is no longer wanted.
    await world.forget();
    await world.patch(`/Groups/${group}`, remove(jane));
    expect(await world.writes(type)).toEqual(['revoke']);
    expect(await world.members(type, 'engineering')).toEqual(['foreign', 'joe']);

    await world.forget();
    await world.patch(`/Groups/${group}`, { op: 'replace', path: 'displayName', value: 'builders' });
    expect(await world.writes(type)).toEqual([]);
    await world.patch(`/Groups/${group}`, add(jane));
    expect(await world.writes(type)).toEqual(['grant']);
    expect(await world.members(type, 'engineering')).toEqual(['foreign', 'jane', 'joe']);

    await world.forget();
    await world.remove(`/Groups/${group}`);
    expect(await world.members(type, 'engineering')).toEqual(['foreign']);
    expect(await world.writes(type)).not.toContain('delete group');
  });

  it('makes the members exactly as desired with Overwrite, the protected ones excepted', async () => {
    const foreignId = world.seed(type, { name: 'foreign' });
    const guardId = world.seed(type, { name: 'guard' });
    const self = type === 'Slack' ? world.slack.owner.id : '1';
    seedGroup(type, 'engineering', [foreignId, guardId, self]);
    await world.add(type, {
      GROUP_PROVISIONING: 'Match',
      GROUP_MEMBERSHIP_HANDLING: 'Overwrite',
      PROTECTED_ACCOUNTS: ['guard*'],
    });
    const jane = await world.join('jane');
    await world.forget();
    await world.group('engineering', [jane]);
    expect((await world.writes(type)).sort()).toEqual(['grant', 'revoke']);
    const rest = type === 'Slack' ? ['guard', 'jane', 'owner'] : ['guard', 'jane'];
    expect(await world.members(type, 'engineering')).toEqual(rest);
    const { details } = await world.syncStatus(type);
    expect(JSON.stringify(details)).toContain('is a protected account and keeps the membership');
  });

  it('takes a membership once the entry that protected the account is gone, and not by a rename there', async () => {
    const configuration = { GROUP_PROVISIONING: 'Create' };
    await world.add(type, configuration);
    const jane = await world.join('jane');
    const group = await world.group('engineering', [jane]);
    await world.configure(type, { ...configuration, PROTECTED_ACCOUNTS: ['jane@*'] });
    await world.patch(`/Groups/${group}`, remove(jane));
    expect(await world.members(type, 'engineering')).toEqual(['jane']);
    rename(type, 'jane', 'janet');
    await world.store(type, 'POST', '/sync', {});
    await world.settled();
    expect(await world.members(type, 'engineering')).toEqual(['janet']);
    await world.configure(type, configuration);
    expect(await world.members(type, 'engineering')).toEqual([]);
  });

  it('settles a membership when the person gets an account, and not before', async () => {
    await world.add(type, { GROUP_PROVISIONING: 'Create', CREATE_USERS: false });
    const jane = await world.join('jane');
    await world.group('engineering', [jane]);
    expect(await world.writes(type)).toEqual(['create group']);
    await world.forget();
    await world.configure(type, { GROUP_PROVISIONING: 'Create' });
    expect(await world.writes(type)).toEqual(['create', 'grant']);
    expect(await world.members(type, 'engineering')).toEqual(['jane']);
  });

  it('makes the union of two SCIM groups that feed one group', async () => {
    seedGroup(type, 'engineering');
    await world.add(type, { GROUP_PROVISIONING: 'Match' });
    const jane = await world.join('jane');
    const joe = await world.join('joe');
    const first = await world.group('engineering', [jane, joe]);
    const second = await world.group('other', [jane]);
    // By hand, since names differ: the second SCIM group feeds the same group.
    const { body } = await world.store(type, 'GET', '/links?kind=group');
    const remoteId = body._embedded.links[0].remoteId;
    const linked = await world.store(type, 'POST', '/links', {
      subject: { kind: 'group', id: second },
      remoteId,
    });
    expect(linked.status).toBe(201);
    await world.settled();
    await world.forget();

    await world.patch(`/Groups/${first}`, remove(jane));
    expect(await world.writes(type)).toEqual([]);
    expect(await world.members(type, 'engineering')).toEqual(['jane', 'joe']);
    await world.patch(`/Groups/${second}`, remove(jane));
    expect(await world.writes(type)).toEqual(['revoke']);
    expect(await world.members(type, 'engineering')).toEqual(['joe']);

    await world.forget();
    await world.patch(`/Groups/${second}`, add(jane));
    await world.remove(`/Groups/${first}`);
    expect(await world.writes(type)).toEqual(['grant', 'revoke']);
    expect(await world.members(type, 'engineering')).toEqual(['jane']);
    await world.remove(`/Groups/${second}`);
    expect(await world.members(type, 'engineering')).toEqual([]);
  });

  it('reads the members once, and grants again what was taken by hand when somebody asks', async () => {
    await world.add(type, { GROUP_PROVISIONING: 'Create' });
    const jane = await world.join('jane');
    const joe = await world.join('joe');
    const group = await world.group('engineering', [jane]);
    dropMember(type, 'engineering', (await world.account(type, 'jane'))?.id ?? '');
    await world.forget();
    await world.patch(`/Groups/${group}`, add(joe));
    expect(await world.writes(type)).toEqual(['grant']);
    expect(await world.members(type, 'engineering')).toEqual(['joe']);
    await world.store(type, 'POST', '/sync', {});
    await world.settled();
    expect(await world.writes(type)).toEqual(['grant', 'grant']);
    expect(await world.members(type, 'engineering')).toEqual(['jane', 'joe']);
  });
});

describe.each(STORE_TYPES)('a leaver on %s', (type) => {
  const again = type === 'Slack' ? ['enable', 'grant'] : ['enable'];

  it('needs one call, and has the memberships back on return', async () => {
    await world.add(type, { GROUP_PROVISIONING: 'Create' });
    const jane = await world.join('jane');
    await world.group('engineering', [jane]);
    await world.group('everyone', [jane]);
    await world.forget();
    await world.setActive(jane, false);
    expect(await world.writes(type)).toEqual(['disable']);
    await world.forget();
    await world.setActive(jane, true);
    expect(await world.writes(type)).toEqual(type === 'Slack' ? [...again, 'grant'] : again);
    expect(await world.members(type, 'engineering')).toEqual(['jane']);
    expect(await world.members(type, 'everyone')).toEqual(['jane']);
  });

  it('who was deleted has on return only what the directory wants then', async () => {
    await world.add(type, { GROUP_PROVISIONING: 'Create' });
    const jane = await world.join('jane');
    const wanted = await world.group('wanted', [jane]);
    await world.group('unwanted', [jane]);
    await world.forget();
    await world.remove(`/Users/${jane}`);
    expect(await world.writes(type)).toEqual(['disable']);
    const back = await world.join('jane');
    await world.patch(`/Groups/${wanted}`, add(back));
    expect(await world.members(type, 'wanted')).toEqual(['jane']);
    expect(await world.members(type, 'unwanted')).toEqual([]);
    expect((await world.syncStatus(type)).heldCount).toBe(0);
  });

  it('who is taken out of a group while inactive is not in it on return', async () => {
    await world.add(type, { GROUP_PROVISIONING: 'Create' });
    const jane = await world.join('jane');
    const group = await world.group('engineering', [jane]);
    await world.setActive(jane, false);
    await world.forget();
    await world.patch(`/Groups/${group}`, remove(jane));
    await world.setActive(jane, true);
    expect(await world.members(type, 'engineering')).toEqual([]);
    expect(await world.writes(type)).toEqual(['revoke', 'enable']);
  });
});

describe('on Slack', () => {
  it('fills a group of 500 with few calls', async () => {
    for (let n = 0; n < 500; n++) world.seed('Slack', { name: `p${n}` });
    await world.add('Slack');
    const reply = await bulk(500);
    const ids = reply.map((location) => location.split('/').at(-1) ?? '');
    expect(ids).toHaveLength(500);
    await world.settled();
    await world.bridge.ring();
    await world.forget();
    await world.group('everyone', ids);
    const writes = await world.writes('Slack');
    expect(writes[0]).toBe('create group');
    expect(writes.length).toBeLessThanOrEqual(3);
    expect(await world.members('Slack', 'everyone')).toHaveLength(500);
  });

  it('deletes only a group that the bridge made, and only with DELETE_GROUPS', async () => {
    world.slack.addGroup('adopted');
    await world.add('Slack', { DELETE_GROUPS: true });
    const created = await world.group('created');
    const adopted = await world.group('adopted');
    await world.forget();
    await world.remove(`/Groups/${adopted}`);
    expect(await world.writes('Slack')).toEqual([]);
    await world.remove(`/Groups/${created}`);
    expect(await world.writes('Slack')).toEqual(['delete group']);
    expect([...world.slack.groups.values()].map((g) => g.displayName)).toEqual(['adopted']);
  });
});

describe('on GitLab', () => {
  const levelOf = (path: string, name: string) => {
    const { groups, members, users } = world.gitlab.state;
    const group = [...groups.values()].find((g) => g.path === path);
    const user = [...users.values()].find((u) => u.email === mail(name));
    return members.get(group?.id ?? 0)?.get(user?.id ?? 0);
  };

  it.each([
    ['reporter', 20],
    ['maintainer', 40],
  ])('grants DEFAULT_ACCESS_LEVEL %s', async (name, level) => {
    seedGroup('GitLabSelfManaged', 'engineering');
    await world.add('GitLabSelfManaged', { DEFAULT_ACCESS_LEVEL: name });
    await world.group('engineering', [await world.join('jane')]);
    expect(levelOf('engineering', 'jane')).toBe(level);
  });

  it('raises who has less, and takes nothing from who has more', async () => {
    const lower = world.seed('GitLabSelfManaged', { name: 'lower' });
    const higher = world.seed('GitLabSelfManaged', { name: 'higher' });
    const group = world.gitlab.state.addGroup({ path: 'engineering' });
    world.gitlab.state.setMember(group.id, Number(lower), 10);
    world.gitlab.state.setMember(group.id, Number(higher), 50);
    await world.add('GitLabSelfManaged');
    const ids = [await world.join('lower'), await world.join('higher')];
    await world.group('engineering', ids);
    expect(levelOf('engineering', 'lower')).toBe(30);
    expect(levelOf('engineering', 'higher')).toBe(50);
  });

  it('matches by full path, in any case', async () => {
    const parent = world.gitlab.state.addGroup({ path: 'Platform' });
    world.gitlab.state.addGroup({ path: 'sre', parentId: parent.id });
    await world.add('GitLabSelfManaged');
    await world.group('platform/SRE', [await world.join('jane')]);
    expect(await world.members('GitLabSelfManaged', 'sre')).toEqual(['jane']);
    expect(levelOf('Platform', 'jane')).toBeUndefined();
  });

  it('says of a member whom GitLab refuses who it is and why, and adds the others', async () => {
    world.gitlab.state.addGroup({ path: 'sre' });
    await world.add('GitLabSelfManaged');
    const people = [await world.join('ghosted'), await world.join('jane')];
    world.gitlab.state.removeUser(Number((await world.account('GitLabSelfManaged', 'ghosted'))?.id));
    await world.group('sre', people);
    expect(await world.members('GitLabSelfManaged', 'sre')).toEqual(['jane']);
    const { details } = await world.syncStatus('GitLabSelfManaged');
    const said = ['person', 'group'].map((who) => ({
      code: 'partiallySynced',
      message: expect.stringMatching(
        new RegExp(`^1 ${who} .*ghosted.* could not be added.*: .*User Not Found`),
      ),
    }));
    expect(details).toEqual(said);
  });

  it('takes a role that a group above gives already for what was wanted, once', async () => {
    const parent = world.gitlab.state.addGroup({ path: 'platform' });
    world.gitlab.state.addGroup({ path: 'sre', parentId: parent.id });
    const owner = world.seed('GitLabSelfManaged', { name: 'owner' });
    world.gitlab.state.setMember(parent.id, Number(owner), 50);
    await world.add('GitLabSelfManaged');
    await world.group('platform/sre', [await world.join('owner')]);
    expect((await world.syncStatus('GitLabSelfManaged')).details).toEqual([]);
    await world.forget();
    for (const _ of ['once', 'twice']) {
      expect((await world.preview('GitLabSelfManaged')).summary).toMatchObject({ grant: 0 });
      await world.store('GitLabSelfManaged', 'POST', '/sync', {});
      await world.settled();
    }
    expect(await world.writes('GitLabSelfManaged')).toEqual([]);
    // Once the group above gives it no more, it is the bridge's to give.
    world.gitlab.state.members.get(parent.id)?.delete(Number(owner));
    await world.store('GitLabSelfManaged', 'POST', '/sync', {});
    await world.settled();
    expect(levelOf('sre', 'owner')).toBe(30);
  });
});

/** Posts people p0, p1, … in bulk; answers their locations. */
async function bulk(count: number): Promise<string[]> {
  const locations: string[] = [];
  for (let from = 0; from < count; from += 100) {
    const reply = await world.bridge.scim('POST', '/Bulk', {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
      Operations: Array.from({ length: Math.min(100, count - from) }, (_, n) => ({
        method: 'POST',
        path: '/Users',
        bulkId: `b${from + n}`,
        data: person(`p${from + n}`),
      })),
    });
    for (const operation of reply.body.Operations) {
      expect(operation).toMatchObject({ status: '201' });
      locations.push(operation.location);
    }
  }
  return locations;
}
