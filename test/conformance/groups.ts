/** What every connector does with groups and their members. */

import type { RemoteMember } from '../../src/model/remote.ts';
import {
  type ConnectorWorld,
  callContext,
  createGroup,
  membership,
  onAccount,
  remoteErrorOf,
  renameGroup,
} from './world.ts';

const PAGES_MAX = 50;

export function registerGroups(world: () => ConnectorWorld): void {
  const membersOf = async (groupId: string): Promise<RemoteMember[]> => {
    const members: RemoteMember[] = [];
    let cursor: string | null = null;
    for (let page = 0; page < PAGES_MAX; page++) {
      const read = await world().connector.members(groupId, cursor, callContext());
      members.push(...read.items);
      cursor = read.nextCursor;
      if (cursor === null) return members;
    }
    throw new Error('the pages of members do not end');
  };

  /** Ids of those whose membership is direct in the vendor's own state. */
  const inGroup = async (groupId: string) =>
    ((await world().remote.group(groupId))?.members ?? []).map((member) => member.id).sort();

  it('creates a group, finds it by its name, and answers a second creation with a conflict', async () => {
    const { connector, remote, groupName } = world();
    if (!connector.capabilities.createGroups) return;
    const applied = await connector.apply(createGroup(world(), 'pilots'), callContext());
    expect(applied.outcome).toBe('done');
    expect(await remote.group(applied.remoteId)).not.toBeNull();
    const found = await connector.find('group', groupName('pilots'), callContext());
    expect(found).toMatchObject({ kind: 'group', remoteId: applied.remoteId, name: groupName('pilots') });
    const again = connector.apply(createGroup(world(), 'pilots'), callContext());
    expect((await remoteErrorOf(again)).disposition).toBe('conflict');
  });

  it('finds and reads a group made by hand, and says null where there is none', async () => {
    const { connector, remote, groupName } = world();
    const id = await remote.seedGroup('pilots');
    expect(await connector.find('group', groupName('pilots'), callContext())).toMatchObject({ remoteId: id });
    expect(await connector.read('group', id, callContext())).toMatchObject({ name: groupName('pilots') });
    expect(await connector.find('group', groupName('nobody'), callContext())).toBeNull();
    await remote.removeGroup(id);
    expect(await connector.read('group', id, callContext())).toBeNull();
  });

  it('scans groups', async () => {
    const { connector, remote, groupName } = world();
    const id = await remote.seedGroup('pilots');
    const page = await connector.scan('group', null, callContext());
    expect(page.items.find((item) => item.remoteId === id)).toMatchObject({ name: groupName('pilots') });
  });

  it('renames and deletes a group where it can', async () => {
    const { connector, remote, groupName } = world();
    const id = await remote.seedGroup('pilots');
    if (connector.capabilities.renameGroups) {
      const change = renameGroup(id, groupName('pilots'), groupName('captains'));
      expect((await connector.apply(change, callContext())).remoteId).toBe(id);
      expect((await remote.group(id))?.name).toBe(groupName('captains'));
    }
    const change = { op: 'delete', subject: { kind: 'group', id: 'g', display: 'g' }, remoteId: id } as const;
    if (!connector.capabilities.deleteGroups) {
      expect((await remoteErrorOf(connector.apply(change, callContext()))).disposition).toBe('rejected');
      return;
    }
    expect((await connector.apply(change, callContext())).outcome).toBe('done');
    expect(await remote.group(id)).toBeNull();
    expect((await connector.apply(change, callContext())).outcome).toBe('gone');
  });

  it('grants and revokes, one outcome for each, and again is success', async () => {
    const { connector, remote, level } = world();
    const group = await remote.seedGroup('pilots');
    const names = connector.capabilities.membersPerCallMax > 1 ? ['jane', 'john'] : ['jane'];
    const ids: string[] = [];
    for (const name of names) ids.push(await remote.seedAccount(name, 'enabled'));
    const bystander = await remote.seedAccount('bystander', 'enabled');
    await connector.applyMembers([membership('grant', group, bystander, level)], callContext());
    for (const op of ['grant', 'grant', 'revoke', 'revoke'] as const) {
      const outcomes = await connector.applyMembers(
        ids.map((id) => membership(op, group, id, level)),
        callContext(),
      );
      expect(outcomes.map((outcome) => outcome.remoteId)).toEqual(ids);
      for (const { outcome } of outcomes) expect(['done', 'already']).toContain(outcome);
      const expected = op === 'grant' ? [...ids, bystander] : [bystander];
      expect(await inGroup(group)).toEqual(expected.sort());
      const read = await membersOf(group);
      expect(read.map((member) => member.remoteId).sort()).toEqual(expected);
      for (const member of read) expect(member.level).toBe(level);
    }
  });

  it('never empties a group when asked to revoke nobody', async () => {
    const { connector, remote, level } = world();
    const group = await remote.seedGroup('pilots');
    const id = await remote.seedAccount('jane', 'enabled');
    await connector.applyMembers([membership('grant', group, id, level)], callContext());
    const context = callContext();
    expect(await connector.applyMembers([], context)).toEqual([]);
    expect(context.calls).toEqual([]);
    expect(await inGroup(group)).toEqual([id]);
  });

  it('takes a revoke as done where the account is gone', async () => {
    const { connector, remote, level } = world();
    const group = await remote.seedGroup('pilots');
    const id = await remote.seedAccount('jane', 'enabled');
    await remote.removeAccount(id);
    const outcomes = await connector.applyMembers([membership('revoke', group, id, level)], callContext());
    expect(outcomes).toHaveLength(1);
    expect(['done', 'already']).toContain(outcomes[0]?.outcome);
  });

  it('misses a group that is gone when granting, when revoking and when reading its members', async () => {
    const { connector, remote, level } = world();
    const group = await remote.seedGroup('pilots');
    const id = await remote.seedAccount('jane', 'enabled');
    await remote.removeGroup(group);
    for (const op of ['grant', 'revoke'] as const) {
      const changing = connector.applyMembers([membership(op, group, id, level)], callContext());
      expect((await remoteErrorOf(changing)).disposition).toBe('missing');
    }
    const reading = connector.members(group, null, callContext());
    expect((await remoteErrorOf(reading)).disposition).toBe('missing');
  });

  it('drops memberships with the account exactly where it says so', async () => {
    const { connector, remote, level } = world();
    const group = await remote.seedGroup('pilots');
    const id = await remote.seedAccount('jane', 'enabled');
    await connector.applyMembers([membership('grant', group, id, level)], callContext());
    await connector.apply(onAccount('disable', id), callContext());
    if (connector.capabilities.disableKeepsMemberships) expect(await inGroup(group)).toEqual([id]);
  });
}
