/** GitLab's states are GitLab's: only who is blocked is unblocked, and no machine is anybody. */

import type { Configuration } from '../../../src/model/settings.ts';
import { callContext, membership, onAccount, remoteErrorOf } from '../../conformance/world.ts';
import { type GitLabEmulator, startGitLabEmulator, type UserState } from '../../emulator/gitlab.ts';
import { connectGitLab } from '../../gitlab.ts';

let gitlab: GitLabEmulator;

beforeEach(async () => {
  gitlab = await startGitLabEmulator();
});

afterEach(() => gitlab.close());

const connect = (given: Configuration = {}) => connectGitLab(gitlab.url, gitlab.adminToken, given);
const person = (state: UserState) => gitlab.state.addUser({ username: 'jane', state });

describe('letting somebody in again', () => {
  it('unblocks who is blocked', async () => {
    const jane = person('blocked');
    const applied = await connect().apply(onAccount('enable', String(jane.id)), callContext());
    expect([applied.outcome, jane.state]).toEqual(['done', 'active']);
  });

  it.each([
    ['banned', /banned/],
    ['ldap_blocked', /directory/],
    ['blocked_pending_approval', /waits for an administrator's approval/],
  ] as const)('leaves %s to GitLab’s administrators', async (state, why) => {
    const jane = person(state);
    const error = await remoteErrorOf(connect().apply(onAccount('enable', String(jane.id)), callContext()));
    expect(error).toMatchObject({ disposition: 'forbidden', message: expect.stringMatching(why) });
    expect(jane.state).toBe(state);
  });
});

describe('shutting somebody out', () => {
  it('blocks who is active, and knows who is blocked', async () => {
    const jane = person('active');
    const disable = () => connect().apply(onAccount('disable', String(jane.id)), callContext());
    expect([(await disable()).outcome, (await disable()).outcome]).toEqual(['done', 'already']);
    expect(jane.state).toBe('blocked');
  });

  it('waits where somebody else writes to the account that is to be deleted', async () => {
    const jane = person('active');
    const answer = { status: 409, body: { message: '409 Conflict: Resource lock' } };
    gitlab.faults.inject({ fault: { kind: 'answer', answer } });
    const error = await remoteErrorOf(connect().apply(onAccount('delete', String(jane.id)), callContext()));
    expect([error.disposition, jane.state]).toEqual(['transient', 'active']);
  });

  it('is done where GitLab banned the account', async () => {
    const jane = person('banned');
    const applied = await connect().apply(onAccount('disable', String(jane.id)), callContext());
    expect(applied).toMatchObject({ outcome: 'already', observed: { state: 'locked' } });
  });

  it('is open where an approval would let the person in', async () => {
    const jane = person('blocked_pending_approval');
    const error = await remoteErrorOf(connect().apply(onAccount('disable', String(jane.id)), callContext()));
    expect(error).toMatchObject({ disposition: 'waits', message: expect.stringContaining('reject it') });
    expect(await connect().read('user', String(jane.id), callContext())).toMatchObject({
      state: 'locked',
      awaitsApproval: true,
    });
  });
});

describe('machines', () => {
  const machines = () => [
    gitlab.state.addUser({ username: 'service_account_group_9_1a2b', isBot: true }),
    gitlab.state.addUser({ username: 'deployer', email: 'deployer@example.com', isBot: true }),
    gitlab.state.addUser({ username: 'duo-code-review', isBot: true }),
  ];

  it('are found by nobody, and are in no scan', async () => {
    machines();
    expect(await connect().find('user', 'deployer@example.com', callContext())).toBeNull();
    const { items } = await connect().scan('user', null, callContext());
    expect(items.map(({ display }) => display)).toEqual(['root']);
  });

  it('are told from people: a list of members by the names that GitLab gives, any other where it is read', async () => {
    const all = machines();
    const [, deployer] = all;
    const group = gitlab.state.addGroup({ path: 'pilots' });
    for (const { id } of all) gitlab.state.setMember(group.id, id, 30);
    const members = await connect().members(String(group.id), null, callContext());
    expect(members.items.map(({ display }) => display)).toEqual(['deployer']);
    const read = await connect().read('user', String(deployer?.id), callContext());
    expect(read).toMatchObject({ machine: true, identifier: null });
  });
});

describe('members', () => {
  it('reads a level that the bridge does not give, and lowers none', async () => {
    const group = gitlab.state.addGroup({ path: 'pilots' });
    const jane = person('active');
    gitlab.state.setMember(group.id, jane.id, 45);
    const { items } = await connect().members(String(group.id), null, callContext());
    expect(items).toMatchObject([{ level: 45 }]);
    const grant = membership('grant', String(group.id), String(jane.id), 25);
    expect(await connect().applyMembers([grant], callContext())).toMatchObject([{ outcome: 'already' }]);
    expect(gitlab.state.members.get(group.id)?.get(jane.id)).toBe(45);
  });

  it('are refused one by one where the membership is locked', async () => {
    const group = gitlab.state.addGroup({ path: 'pilots' });
    group.isMembershipLocked = true;
    const grant = membership('grant', String(group.id), String(person('active').id), 30);
    expect(await connect().applyMembers([grant], callContext())).toMatchObject([
      { outcome: 'refused', reason: '405 Method Not Allowed' },
    ]);
  });
});

describe('an administrator whose rights are asleep', () => {
  it('is found out by an answer that only an administrator gets', async () => {
    await gitlab.close();
    gitlab = await startGitLabEmulator({ adminMode: true });
    expect(await connect().check(callContext())).toMatchObject({
      status: 'FAILED',
      details: [{ code: 'not_admin', message: expect.stringContaining('admin_mode') }],
    });
    gitlab.state.addToken('glpat-awake', 1, ['api', 'admin_mode']);
    const awake = connectGitLab(gitlab.url, 'glpat-awake');
    expect((await awake.check(callContext())).status).toBe('OK');
  });
});
