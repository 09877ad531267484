/** What is GitLab's own, beyond what every connector does; against the emulator. */

import { nextCursor } from '../../../src/connectors/gitlab/api/pages.ts';
import { gitLabSelfManagedType } from '../../../src/connectors/gitlab/index.ts';
import { gitLabSettings } from '../../../src/connectors/gitlab/settings.ts';
import type { Create, Update } from '../../../src/model/change.ts';
import type { Attributes } from '../../../src/model/desired.ts';
import type { Page, RemoteUser } from '../../../src/model/remote.ts';
import type { Configuration } from '../../../src/model/settings.ts';
import { callContext, membership, onAccount, remoteErrorOf } from '../../conformance/world.ts';
import { type GitLabEmulator, type GitLabOptions, startGitLabEmulator } from '../../emulator/gitlab.ts';
import { connectGitLab, gitLabDeps } from '../../gitlab.ts';

const opened: GitLabEmulator[] = [];

afterEach(async () => {
  for (const gitlab of opened.splice(0)) await gitlab.close();
});

async function start(given: Configuration = {}, options: GitLabOptions = {}) {
  const gitlab = await startGitLabEmulator(options);
  opened.push(gitlab);
  const connector = connectGitLab(gitlab.url, gitlab.adminToken, given);
  /** What was asked, as `POST users` with its body. */
  const asked = () =>
    gitlab.requests.map(({ method, path, body }) => ({
      call: `${method} ${path.split('/api/v4/')[1]}`,
      body,
    }));
  return { gitlab, state: gitlab.state, connector, asked };
}

function create(identifier: string, attributes: Attributes): Create<'user'> {
  return { op: 'create', subject: { kind: 'user', id: 'p', display: identifier }, identifier, attributes };
}

const JANE = { username: 'jane', email: 'jane@example.com', name: 'Jane Doe' };

function update(
  remoteId: number,
  attributes: readonly { name: string; from: string | null; to: string }[],
): Update<'user'> {
  return {
    op: 'update',
    subject: { kind: 'user', id: 'p', display: 'jane' },
    remoteId: String(remoteId),
    attributes,
  };
}

describe('creating an account', () => {
  it('is one POST, confirmed, without a password that anybody knows', async () => {
    const { connector, asked } = await start();
    await connector.apply(create('jane@example.com', { ...JANE, bio: 'Pilot' }), callContext());
    expect(asked()).toEqual([
      {
        call: 'POST users',
        body: { ...JANE, bio: 'Pilot', force_random_password: true, skip_confirmation: true },
      },
    ]);
  });

  it('gives an identity of the sign-in provider where one is set', async () => {
    const { connector, state } = await start({ SSO_PROVIDER: 'saml' });
    const change = create('jane@example.com', { ...JANE, externUid: 'jane@idp' });
    const { remoteId, observed } = await connector.apply(change, callContext());
    expect(state.users.get(Number(remoteId))?.identities).toEqual([
      { provider: 'saml', extern_uid: 'jane@idp' },
    ]);
    expect(observed).toMatchObject({ attributes: { externUid: 'jane@idp' } });
  });

  it('counts up where the username is taken by a person or a group, and reports the name', async () => {
    const { connector, state } = await start();
    state.addUser({ username: 'JANE', email: 'other@example.com' });
    state.addGroup({ path: 'jane1' });
    const applied = await connector.apply(create('jane@example.com', JANE), callContext());
    expect(applied).toMatchObject({ outcome: 'done', sent: { username: 'jane2' } });
  });

  it('takes a reserved name as a wish only', async () => {
    const { connector } = await start();
    const applied = await connector.apply(
      create('admin@example.com', { ...JANE, username: 'admin', email: 'admin@example.com' }),
      callContext(),
    );
    expect(applied.sent).toEqual({ username: 'admin1' });
  });

  it('is rejected, not a conflict, where the email is only a secondary address of somebody', async () => {
    const { connector, state } = await start();
    state.addUser({ username: 'john', secondaryEmails: ['jane@example.com'] });
    const error = await remoteErrorOf(connector.apply(create('jane@example.com', JANE), callContext()));
    expect(error.disposition).toBe('rejected');
    expect(error.message).toContain('secondary');
  });

  it('with userName as identifier: a taken username is a conflict, a taken email is not', async () => {
    const { connector, state } = await start({ UNIQUE_USER_IDENTIFIER: 'userName' });
    state.addUser({ username: 'jane', email: 'old@example.com' });
    const taken = await remoteErrorOf(connector.apply(create('jane', JANE), callContext()));
    expect(taken.disposition).toBe('conflict');
    const other = create('janet', { ...JANE, username: 'janet', email: 'old@example.com' });
    expect((await remoteErrorOf(connector.apply(other, callContext()))).disposition).toBe('rejected');
  });

  it('with userName as identifier: that is the username, whatever is mapped to it', async () => {
    const { connector } = await start({ UNIQUE_USER_IDENTIFIER: 'userName' });
    const change = create('jane@a.example', { ...JANE, username: 'something-else' });
    const applied = await connector.apply(change, callContext());
    expect(applied.sent).toEqual({ username: 'jane-a.example' });
    expect(await connector.find('user', 'Jane@a.example', callContext())).toMatchObject({
      remoteId: applied.remoteId,
      identifier: 'jane-a.example',
    });
  });

  it('tells that the seats are used up', async () => {
    const { connector } = await start({}, { seats: 1 });
    const error = await remoteErrorOf(connector.apply(create('jane@example.com', JANE), callContext()));
    expect(error.disposition).toBe('noSeats');
  });
});

describe('finding an account', () => {
  it('trusts equality of the email, not the search', async () => {
    const { connector, state } = await start();
    state.addUser({ username: 'decoy', name: 'knows jane@example.com', email: 'decoy@example.com' });
    state.addUser({ username: 'other', secondaryEmails: ['jane@example.com'] });
    expect(await connector.find('user', 'jane@example.com', callContext())).toBeNull();
    const { id } = state.addUser({ username: 'jane', email: 'jane@example.com' });
    expect(await connector.find('user', 'Jane@Example.com', callContext())).toMatchObject({
      remoteId: String(id),
    });
  });

  it('never takes hidden email addresses for "no such account"', async () => {
    const { connector, state, gitlab } = await start({}, { adminMode: true });
    state.addUser({ username: 'jane', name: 'jane@example.com' });
    const error = await remoteErrorOf(connector.find('user', 'jane@example.com', callContext()));
    expect(error.disposition).toBe('unauthorized');
    expect(error.message).toContain('admin_mode');
    expect(gitlab.requests).toHaveLength(1);
  });

  it.each([
    ['active', 'enabled'],
    ['deactivated', 'enabled'],
    ['blocked', 'disabled'],
    ['banned', 'locked'],
    ['ldap_blocked', 'locked'],
    ['blocked_pending_approval', 'locked'],
  ] as const)('sees %s as %s', async (state, expected) => {
    const { connector, state: instance } = await start();
    const { id } = instance.addUser({ username: 'jane', state });
    expect(await connector.read('user', String(id), callContext())).toMatchObject({ state: expected });
  });
});

describe('updating an account', () => {
  it('is one PUT of what changed; an email needs no confirmation, an empty text clears', async () => {
    const { connector, state, asked } = await start();
    const user = state.addUser({ username: 'jane', profile: { bio: 'Pilot' } });
    const changes = [
      { name: 'email', from: null, to: 'jane.doe@example.com' },
      { name: 'bio', from: 'Pilot', to: '' },
    ];
    await connector.apply(update(user.id, changes), callContext());
    expect(asked()).toEqual([
      {
        call: `PUT users/${user.id}`,
        body: { email: 'jane.doe@example.com', bio: '', skip_reconfirmation: 'true' },
      },
    ]);
    expect(user).toMatchObject({ email: 'jane.doe@example.com', profile: { bio: '' } });
  });

  it('leaves the username where the new one is taken, and does the rest', async () => {
    const { connector, state } = await start();
    const user = state.addUser({ username: 'jane1' });
    state.addUser({ username: 'jane' });
    const changes = [
      { name: 'name', from: null, to: 'Jane Doe' },
      { name: 'username', from: 'jane1', to: 'jane' },
    ];
    const applied = await connector.apply(update(user.id, changes), callContext());
    expect(applied).toMatchObject({
      outcome: 'done',
      notAccepted: [{ attribute: 'username', reason: 'Username has already been taken', taken: true }],
    });
    expect(user).toMatchObject({ username: 'jane1', name: 'Jane Doe' });
  });

  it('says that the new email is taken', async () => {
    const { connector, state } = await start();
    const user = state.addUser({ username: 'jane' });
    state.addUser({ username: 'john' });
    const change = update(user.id, [{ name: 'email', from: null, to: 'john@example.com' }]);
    expect(await connector.apply(change, callContext())).toMatchObject({
      outcome: 'already',
      notAccepted: [{ attribute: 'email', reason: 'Email has already been taken', taken: true }],
    });
  });
});

describe('blocking, unblocking, deleting', () => {
  it.each(['deactivated', 'active'] as const)('finds %s enabled already', async (state) => {
    const { connector, state: instance } = await start();
    const user = instance.addUser({ username: 'jane', state });
    const applied = await connector.apply(onAccount('enable', String(user.id)), callContext());
    expect(applied.outcome).toBe('already');
    expect(user.state).toBe(state);
  });

  it('blocks somebody deactivated too: they could come back by signing in', async () => {
    const { connector, state } = await start();
    const user = state.addUser({ username: 'jane', state: 'deactivated' });
    await connector.apply(onAccount('disable', String(user.id)), callContext());
    expect(user.state).toBe('blocked');
  });

  it('may not let in whom a directory has blocked, who is out already', async () => {
    const { connector, state } = await start();
    const user = state.addUser({ username: 'jane', state: 'ldap_blocked' });
    const id = String(user.id);
    const error = await remoteErrorOf(connector.apply(onAccount('enable', id), callContext()));
    expect(error.disposition).toBe('forbidden');
    const applied = await connector.apply(onAccount('disable', id), callContext());
    expect(applied.outcome).toBe('already');
  });

  it('may not block the account of its own token', async () => {
    const { connector, state } = await start();
    const [root] = state.users.values();
    const error = await remoteErrorOf(connector.apply(onAccount('disable', String(root?.id)), callContext()));
    expect(error.disposition).toBe('forbidden');
  });

  it('deletes without hard_delete, and blocks the only owner of a group', async () => {
    const { connector, state, gitlab } = await start();
    const owner = state.addUser({ username: 'owner' });
    state.setMember(state.addGroup({ path: 'acme' }).id, owner.id, 50);
    const applied = await connector.apply(onAccount('delete', String(owner.id)), callContext());
    expect(applied).toMatchObject({ outcome: 'disabled', left: expect.stringContaining('owner of it') });
    expect(owner.state).toBe('blocked');
    const jane = state.addUser({ username: 'jane' });
    await connector.apply(onAccount('delete', String(jane.id)), callContext());
    for (const { body, query } of gitlab.requests.filter(({ method }) => method === 'DELETE')) {
      expect(body).toBeNull();
      expect(query.size).toBe(0);
    }
  });
});

describe('an instance that is slow or busy', () => {
  it('may show a deleted account for a while: deleting again is success', async () => {
    const { connector, state } = await start({}, { deletesSlowly: true });
    const change = onAccount('delete', String(state.addUser({ username: 'jane' }).id));
    expect((await connector.apply(change, callContext())).outcome).toBe('done');
    expect((await connector.apply(change, callContext())).outcome).toBe('done');
  });

  it('is left alone until the time that it named is over', async () => {
    const { connector, gitlab } = await start({}, { rateLimit: { perMinute: 2, burst: 1 }, now: () => 0 });
    await connector.read('user', '1', callContext());
    const read = () => connector.read('user', '1', callContext());
    expect(await remoteErrorOf(read())).toMatchObject({ disposition: 'rateLimited', retryAfterMs: 30_000 });
    expect((await remoteErrorOf(read())).disposition).toBe('rateLimited');
    expect(gitlab.requests).toHaveLength(2);
  });

  it('takes up again after an outage', async () => {
    const { connector, gitlab } = await start();
    await gitlab.goDown();
    expect((await remoteErrorOf(connector.read('user', '1', callContext()))).disposition).toBe('transient');
    await gitlab.comeBack();
    expect(await connector.read('user', '1', callContext())).toMatchObject({ remoteId: '1' });
  });
});

describe('members', () => {
  const granting = (group: number, user: number, level: number | null) =>
    membership('grant', String(group), String(user), level);

  it('grants the default level where the change names none', async () => {
    const { connector, state } = await start({ DEFAULT_ACCESS_LEVEL: 'reporter' });
    const group = state.addGroup({ path: 'acme' });
    const user = state.addUser({ username: 'jane' });
    await connector.applyMembers([granting(group.id, user.id, null)], callContext());
    expect(connector.memberLevel).toBe(20);
    expect(state.members.get(group.id)?.get(user.id)).toBe(20);
  });

  it.each([
    [20, 40, 'done', 40],
    [40, 40, 'already', 40],
    [50, 40, 'already', 50],
  ])('has a member of level %d, wanted %d: %s, then %d', async (present, wanted, outcome, after) => {
    const { connector, state } = await start();
    const group = state.addGroup({ path: 'acme' });
    const user = state.addUser({ username: 'jane' });
    state.setMember(group.id, user.id, present);
    const [result] = await connector.applyMembers([granting(group.id, user.id, wanted)], callContext());
    expect(result?.outcome).toBe(outcome);
    expect(state.members.get(group.id)?.get(user.id)).toBe(after);
  });

  it('takes a higher inherited role for what was wanted, and says why where GitLab refuses', async () => {
    const { connector, state } = await start({}, { promotionApproval: true });
    const parent = state.addGroup({ path: 'acme' });
    const group = state.addGroup({ path: 'api', parentId: parent.id });
    const heir = state.addUser({ username: 'heir' });
    const jane = state.addUser({ username: 'jane' });
    state.setMember(parent.id, heir.id, 40);
    const reasonOf = async (user: number) => {
      const [result] = await connector.applyMembers([granting(group.id, user, 30)], callContext());
      return [result?.outcome, result?.reason];
    };
    expect(await reasonOf(heir.id)).toEqual(['already', undefined]);
    expect(await reasonOf(jane.id)).toEqual(['refused', expect.stringContaining('jane Request queued')]);
    expect(await reasonOf(9999)).toEqual(['refused', expect.stringContaining('User Not Found')]);
  });

  it('revokes the one membership and none below it; the last owner stays', async () => {
    const { connector, state } = await start();
    const parent = state.addGroup({ path: 'acme' });
    const below = state.addGroup({ path: 'api', parentId: parent.id });
    const jane = state.addUser({ username: 'jane' });
    const owner = state.addUser({ username: 'owner' });
    state.setMember(parent.id, jane.id, 30);
    state.setMember(below.id, jane.id, 30);
    state.setMember(parent.id, owner.id, 50);
    const revoke = (user: number) => membership('revoke', String(parent.id), String(user), null);
    expect(await connector.applyMembers([revoke(jane.id)], callContext())).toMatchObject([
      { outcome: 'done' },
    ]);
    expect(state.members.get(below.id)?.has(jane.id)).toBe(true);
    expect(await connector.applyMembers([revoke(owner.id)], callContext())).toMatchObject([
      { outcome: 'refused' },
    ]);
  });

  it('lists direct members page by page, without the bots of access tokens', async () => {
    const { connector, state } = await start();
    const parent = state.addGroup({ path: 'acme' });
    const group = state.addGroup({ path: 'api', parentId: parent.id });
    state.setMember(parent.id, state.addUser({ username: 'heir' }).id, 40);
    state.setMember(group.id, state.addUser({ username: `group_${group.id}_bot_0a1b2c` }).id, 40);
    const names: string[] = [];
    for (let i = 0; i < 150; i++) {
      state.setMember(group.id, state.addUser({ username: `person${i}` }).id, 30);
      names.push(`person${i}`);
    }
    const first = await connector.members(String(group.id), null, callContext());
    const second = await connector.members(String(group.id), first.nextCursor, callContext());
    expect(second.nextCursor).toBeNull();
    expect([...first.items, ...second.items].map(({ display }) => display)).toEqual(names);
  });

  it('takes a limit on removals as GitLab words it, without Retry-After', async () => {
    const { connector, state } = await start({}, { groupLimits: { removeMember: 1 } });
    const group = state.addGroup({ path: 'acme' });
    const revoke = () =>
      connector.applyMembers([membership('revoke', String(group.id), '1', null)], callContext());
    await revoke();
    expect(await remoteErrorOf(revoke())).toMatchObject({ disposition: 'rateLimited', status: 429 });
  });
});

describe('groups', () => {
  it('are found by full path alone, whatever its case, also one of digits', async () => {
    const { connector, state } = await start();
    const parent = state.addGroup({ path: 'acme', name: 'Acme' });
    const group = state.addGroup({ path: 'API', name: 'The API', parentId: parent.id });
    const digits = state.addGroup({ path: '2024' });
    const found = async (path: string) =>
      (await connector.find('group', path, callContext()))?.remoteId ?? null;
    expect(await found('ACME/api')).toBe(String(group.id));
    expect(await found('2024')).toBe(String(digits.id));
    for (const other of ['api', 'The API', String(group.id), '', '..']) expect(await found(other)).toBeNull();
  });

  it('are not what GitLab answers under a path that it has redirected', async () => {
    const { gitlab, connector } = await start();
    const body = { id: 7, name: 'Moved', path: 'moved', full_path: 'acme/moved' };
    gitlab.faults.inject({ fault: { kind: 'answer', answer: { status: 200, body } } });
    expect(await connector.find('group', 'acme/former', callContext())).toBeNull();
  });

  it('are made below PARENT_GROUP, named as the IdP names them', async () => {
    const { connector, state } = await start({ GROUP_PROVISIONING: 'Create', PARENT_GROUP: '/acme/' });
    const parent = state.addGroup({ path: 'acme' });
    const { desired } = connector.normalize({
      kind: 'group',
      id: 'g',
      display: 'Data & AI',
      lifecycle: 'active',
      memberLevel: null,
      name: 'Data & AI',
    });
    if (desired.kind !== 'group') throw new Error('a group stays a group');
    expect(desired.name).toBe('acme/data-ai');
    expect(connector.normalize(desired).desired).toEqual(desired);
    const applied = await connector.apply(
      {
        op: 'create',
        subject: { kind: 'group', id: 'g', display: desired.display },
        identifier: desired.name,
        attributes: { name: desired.name },
      },
      callContext(),
    );
    expect(applied.observed).toMatchObject({ name: 'acme/data-ai' });
    expect(state.groups.get(Number(applied.remoteId))).toMatchObject({
      name: 'Data AI',
      path: 'data-ai',
      parentId: parent.id,
      visibility: 'private',
    });
  });

  it('are not made where the parent is missing, nor where a person has the path', async () => {
    const { connector, state } = await start({ GROUP_PROVISIONING: 'Create' });
    state.addUser({ username: 'jane' });
    for (const name of ['nowhere/api', 'jane']) {
      const change = {
        op: 'create',
        subject: { kind: 'group', id: 'g', display: name },
        identifier: name,
        attributes: { name },
      } as const;
      expect((await remoteErrorOf(connector.apply(change, callContext()))).disposition).toBe('rejected');
    }
  });

  it('keep their path when they are renamed', async () => {
    const { connector, state } = await start({ GROUP_PROVISIONING: 'Create' });
    const group = state.addGroup({ path: 'data-ai', name: 'Data AI' });
    const change = {
      op: 'update',
      subject: { kind: 'group', id: 'g', display: 'Research & AI' },
      remoteId: String(group.id),
      attributes: [{ name: 'name', from: 'data-ai', to: 'research-ai' }],
    } as const;
    await connector.apply(change, callContext());
    expect(group).toMatchObject({ name: 'Research AI', path: 'data-ai' });
  });
});

describe('scanning people', () => {
  const all = async (connector: Awaited<ReturnType<typeof start>>['connector']) => {
    const ids: string[] = [];
    let cursor: string | null = null;
    for (let pages = 0; pages < 10; pages++) {
      const page: Page<RemoteUser> = await connector.scan('user', cursor, callContext());
      ids.push(...page.items.map(({ remoteId }) => remoteId));
      cursor = page.nextCursor;
      if (cursor === null) return ids;
    }
    throw new Error('the pages do not end');
  };

  const seed = (gitlab: GitLabEmulator, count: number) => {
    for (let i = 0; i < count; i++) gitlab.state.addUser({ username: `person${i}` });
    return [...gitlab.state.users.values()].filter((user) => !user.internal).map(({ id }) => String(id));
  };

  it('goes beyond what offset pages reach, and below a relative URL', async () => {
    const { gitlab, connector } = await start({}, { offsetMax: 100, relativeUrl: '/gitlab' });
    const ids = seed(gitlab, 250);
    expect(await all(connector)).toEqual(ids);
  });

  it('falls back to page numbers on an instance that knows no keyset', async () => {
    const { gitlab, connector } = await start({}, { keyset: false });
    const ids = seed(gitlab, 250);
    expect(await all(connector)).toEqual(ids);
  });

  it('fails rather than follow a page to another host, and the token stays', async () => {
    const elsewhere = await startGitLabEmulator();
    opened.push(elsewhere);
    const { gitlab, connector } = await start({}, { externalUrl: elsewhere.url });
    seed(gitlab, 150);
    const error = await remoteErrorOf(all(connector));
    expect(error.message).toContain('external_url');
    expect(elsewhere.requests).toEqual([]);
  });

  it('asks for one page at a time, however short it is', async () => {
    const { gitlab, connector } = await start();
    const link = `<${gitlab.url}/api/v4/users?id_after=1&order_by=id&pagination=keyset&sort=asc>; rel="next"`;
    const answer = { status: 200, headers: { link }, body: [{ id: 1, username: 'root', state: 'active' }] };
    gitlab.faults.inject({ fault: { kind: 'answer', answer } });
    const page = await connector.scan('user', null, callContext());
    expect(page.items).toHaveLength(1);
    expect(gitlab.requests).toHaveLength(1);
    expect(page.nextCursor).toContain('id_after=1');
  });

  it('takes a login page for no list', async () => {
    const { gitlab, connector } = await start();
    const page = { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>Sign in</html>' };
    gitlab.faults.inject({ fault: { kind: 'answer', answer: page } });
    expect((await remoteErrorOf(all(connector))).disposition).toBe('transient');
  });
});

describe('the next page', () => {
  const settings = gitLabSettings(gitLabDeps('https://gitlab.example.com/scm/', 'glpat-1'));
  const next = (headers: Record<string, string>) => nextCursor(new Headers(headers), settings, 'list');

  it.each([
    [{}, null],
    [{ 'x-next-page': '' }, null],
    [{ 'x-next-page': '3' }, 'page:3'],
    [{ link: '<https://gitlab.example.com/scm/api/v4/users?a=1>; rel="first"' }, null],
    [
      {
        link: '<https://gitlab.example.com/scm/api/v4/users?a=1>; rel="first", <https://gitlab.example.com/scm/api/v4/users?id_after=9>; rel="next"',
      },
      'next:/scm/api/v4/users?id_after=9',
    ],
    [{ link: '<http://gitlab.example.com/scm/api/v4/users?x=1>; rel="next"' }, 'next:/scm/api/v4/users?x=1'],
  ])('after %j is %s', (headers, cursor) => {
    expect(next(headers)).toBe(cursor);
  });

  it.each([
    'https://gitlab.example.org/scm/api/v4/users',
    'https://gitlab.example.com.evil.example/scm/api/v4/users',
    'https://gitlab.example.com:8443/scm/api/v4/users',
    'https://gitlab.example.com@evil.example/scm/api/v4/users',
    'https://gitlab.example.com//evil.example/scm/api/v4/users',
    '//evil.example/scm/api/v4/users',
    'https://gitlab.example.com/other',
  ])('is not at %s', (url) => {
    expect(() => next({ link: `<${url}>; rel="next"` })).toThrow('the token must not go');
  });
});

describe('checking the connection', () => {
  const codes = (details: readonly { code: string }[]) => details.map(({ code }) => code);

  it('knows whose the token is and which instance it opens', async () => {
    const { gitlab, connector } = await start({}, { relativeUrl: '/gitlab' });
    expect(await connector.check(callContext())).toEqual({
      status: 'OK',
      details: [],
      tenant: { id: gitlab.url, name: new URL(gitlab.url).host },
      self: { remoteId: '1', identifiers: ['root@example.com', 'root'] },
    });
  });

  it('is one instance, however its address is written', () => {
    const ids = [
      'https://GitLab.Example.com:443',
      'https://gitlab.example.com/',
      'https://gitlab.example.com/api/v4/',
    ];
    const bases = ids.map((url) => gitLabSettings(gitLabDeps(url, 'glpat-1')).baseUrl);
    expect(new Set(bases)).toEqual(new Set(['https://gitlab.example.com']));
  });

  it("fails with a token that may only read, is not an administrator's, or was revoked", async () => {
    const { gitlab, state } = await start();
    const jane = state.addUser({ username: 'jane' });
    const [root] = state.users.values();
    state.addToken('glpat-read', root?.id ?? 0, ['read_api']);
    state.addToken('glpat-repo', root?.id ?? 0, ['read_repository']);
    state.addToken('glpat-jane', jane.id);
    state.addToken('glpat-gone', root?.id ?? 0).revoked = true;
    for (const [token, code] of [
      ['glpat-read', 'missing_scope'],
      ['glpat-repo', 'missing_scope'],
      ['glpat-jane', 'not_admin'],
      ['glpat-gone', 'invalid_credential'],
    ] as const) {
      const status = await connectGitLab(gitlab.url, token).check(callContext());
      expect([token, status.status, ...codes(status.details)]).toEqual([token, 'FAILED', code]);
    }
  });

  it.each([
    [400, { message: '400 Bad request - not a personal access token' }],
    [404, { message: '404 Personal Access Token Not Found' }],
  ])('tolerates a token that has no page of its own: %i %j', async (status, body) => {
    const { gitlab, connector } = await start();
    const matches = ({ path }: { path: string }) => path.endsWith('/personal_access_tokens/self');
    gitlab.faults.inject({ matches, fault: { kind: 'answer', answer: { status, body } } });
    expect((await connector.check(callContext())).status).toBe('OK');
  });

  it.each([
    [{ status: 302, headers: { location: 'https://sso.example/' } }],
    [{ status: 200, headers: { 'content-type': 'text/html' }, body: '<html>Welcome</html>' }],
    [{ status: 404, headers: { 'content-type': 'text/html' }, body: '<html>Nothing here</html>' }],
  ])('fails where no GitLab answers: %j', async (answer) => {
    const { gitlab, connector } = await start();
    gitlab.faults.inject({ fault: { kind: 'answer', answer }, times: 10 });
    const status = await connector.check(callContext());
    expect(status).toMatchObject({ status: 'FAILED', tenant: null });
    expect(codes(status.details)).toEqual(['not_gitlab']);
  });

  it('throws where GitLab is down: that is no fault of the credential', async () => {
    const { gitlab, connector } = await start();
    gitlab.faults.inject({ fault: { kind: 'answer', answer: { status: 503 } } });
    expect((await remoteErrorOf(connector.check(callContext()))).disposition).toBe('transient');
  });
});

describe('normalizing people', () => {
  const normalize = (attributes: Attributes, identifier: string, given: Configuration = {}) => {
    const connector = connectGitLab('https://gitlab.example.com', 'glpat-1', given);
    const { desired, dropped } = connector.normalize({
      kind: 'user',
      id: 'p',
      display: 'jane',
      lifecycle: 'active',
      identifier,
      attributes,
    });
    return desired.kind === 'user' ? { ...desired, dropped } : null;
  };

  it('makes usernames legal, emails lower case, texts short, and names what it dropped', () => {
    const given = {
      username: 'Jane@a.example',
      email: 'Jane@A.example',
      bio: 'x'.repeat(300),
      shoeSize: '9',
    };
    expect(normalize(given, 'Jane@A.example')).toMatchObject({
      identifier: 'Jane@A.example',
      attributes: { username: 'Jane', email: 'jane@a.example', bio: 'x'.repeat(255) },
      dropped: ['bio', 'shoeSize'],
    });
  });

  it('keeps the whole userName where it identifies people', () => {
    const settings = { UNIQUE_USER_IDENTIFIER: 'userName' };
    expect(normalize({ username: 'jane@a.example' }, 'jane@a.example', settings)).toMatchObject({
      identifier: 'jane-a.example',
      attributes: { username: 'jane-a.example' },
    });
  });

  it('has no identity to give without SSO_PROVIDER, and clears nothing that GitLab needs', () => {
    expect(normalize({ externUid: 'jane', name: '', bio: '' }, 'j@a.example')?.attributes).toEqual({
      bio: '',
    });
    const settings = { SSO_PROVIDER: 'saml' };
    expect(normalize({ externUid: 'jane' }, 'j@a.example', settings)?.attributes).toEqual({
      externUid: 'jane',
    });
  });
});

describe('the store type', () => {
  it('refuses GitLab.com and knows the roles by number', () => {
    const refuse = (url: string) => gitLabSelfManagedType.refuse?.({ BASE_URL: url }).map(({ key }) => key);
    expect(refuse('https://gitlab.com/')).toEqual(['BASE_URL']);
    expect(refuse('https://gitlab.example.com')).toEqual([]);
    expect(gitLabSelfManagedType.accessLevels).toMatchObject({ minimal: 5, planner: 15, owner: 50 });
  });

  it('maps nothing to a target that it does not have', () => {
    const { defaultMapping, userAttributes } = gitLabSelfManagedType;
    const names = userAttributes.map(({ name }) => name);
    for (const { targetAttribute } of defaultMapping) expect(names).toContain(targetAttribute);
  });
});
