/** Mappings over HTTP: what feeds accounts, which groups feed which, and what is refused when it is saved. */

import { type StoreType, startWorld, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world.stop());

async function map(type: StoreType, body: unknown) {
  const reply = await world.store(type, 'PUT', '/mappings', body);
  await world.settled();
  return reply;
}

describe('attributes', () => {
  it('keep the defaults where nothing else is said, and follow a change at once', async () => {
    await world.add('Demo');
    await world.join('jane', { title: 'Engineer', nickName: 'Janie' });
    await world.forget();
    const shown = await world.store('Demo', 'GET', '/mappings');
    const metadata = await world.bridge.admin('GET', '/propagation/storeMetadata/Demo');
    expect(shown.body.mappings).toEqual(metadata.body.defaultMapping);
    expect(shown.body.groupMappings).toEqual([]);

    const saved = await map('Demo', {
      mappings: [
        { targetAttribute: 'displayName', sourceAttribute: 'nickName' },
        { targetAttribute: 'title', sourceAttribute: null },
      ],
    });
    expect(saved.status).toBe(200);
    expect(saved.body.mappings).toEqual(
      expect.arrayContaining([
        { targetAttribute: 'displayName', sourceAttribute: 'nickName' },
        { targetAttribute: 'title', sourceAttribute: null },
        { targetAttribute: 'givenName', sourceAttribute: 'name.givenName' },
      ]),
    );
    expect(await world.writes('Demo')).toEqual(['update']);
    expect(await world.account('Demo', 'jane')).toMatchObject({ displayName: 'Janie', title: 'Engineer' });

    await world.forget();
    const { impact, ...again } = (await map('Demo', saved.body)).body;
    expect({ ...again, impact: saved.body.impact }).toEqual(saved.body);
    expect([saved.body.impact.summary.update, impact.summary.update]).toEqual([1, 0]);
    expect(await world.writes('Demo')).toEqual([]);
    const events = await world.bridge.admin('GET', '/events?kind=mappings.updated');
    expect(events.body.count).toBe(1);
    await map('Demo', { mappings: [] });
    expect(await world.account('Demo', 'jane')).toMatchObject({ displayName: 'jane Doe' });
  });

  it('say what they would change before they are saved, to people and to groups', async () => {
    await world.add('Demo', { BRAKE_MIN: 1, BRAKE_PERCENT: 0 });
    const ids = [await world.join('jane', { nickName: 'Janie' }), await world.join('joe')];
    await world.group('Engineering', ids);
    await world.forget();
    const before = (await world.store('Demo', 'GET', '/mappings')).body;
    const proposed = {
      mappings: [{ targetAttribute: 'displayName', sourceAttribute: 'nickName' }],
      groupMappings: [{ original: 'Engineering', translation: 'Builders' }],
    };
    const shown = await world.store('Demo', 'PUT', '/mappings?preview=true', proposed);
    expect(shown.status).toBe(200);
    expect(shown.body).toEqual({
      impact: { summary: expect.objectContaining({ update: 2, revoke: 2, held: 2, create: 0, disable: 0 }) },
    });
    await world.settled();
    expect((await world.store('Demo', 'GET', '/mappings')).body).toEqual(before);
    expect(await world.writes('Demo')).toEqual([]);
    expect(await world.store('Demo', 'PUT', '/mappings?preview=yes', proposed)).toMatchObject({
      status: 400,
    });
    expect(await world.store('Demo', 'PUT', '/mappings?previw=true', proposed)).toMatchObject({
      status: 400,
    });
    const rule = { name: 'x', storeId: world.id('Demo') };
    const mistyped = await world.bridge.admin('POST', '/propagation/rules?previw=true', rule);
    expect(mistyped).toMatchObject({ status: 400, body: { errors: [{ pointer: '/previw' }] } });
  });

  it('are refused where they cannot work, each by its place', async () => {
    await world.add('Slack');
    const reply = await map('Slack', {
      mappings: [
        { targetAttribute: 'shoeSize', sourceAttribute: 'title' },
        { targetAttribute: 'title', sourceAttribute: 'emails.value' },
        { targetAttribute: 'primaryEmail', sourceAttribute: null },
        { targetAttribute: 'department', sourceAttribute: 'enterprise.department' },
        { targetAttribute: 'department', sourceAttribute: 'title' },
      ],
      groupMappings: [
        { translation: 'x' },
        { original: 'a', translation: 'b', accessLevel: 'owner' },
        { original: 'A', translation: 'c' },
      ],
    });
    expect(reply.status).toBe(400);
    expect(reply.body.errors.map((error: { pointer: string }) => error.pointer)).toEqual([
      '/mappings/0/targetAttribute',
      '/mappings/1/sourceAttribute',
      '/mappings/2/sourceAttribute',
      '/mappings/4/targetAttribute',
      '/groupMappings/0',
      '/groupMappings/1/accessLevel',
      '/groupMappings/2',
    ]);
    const stolen = await map('Slack', {
      mappings: [{ targetAttribute: 'primaryEmail', sourceAttribute: 'userName' }],
    });
    expect(stolen.body.errors[0].detail).toContain('UNIQUE_USER_IDENTIFIER');
  });
});

describe('groups', () => {
  const level = (path: string, name: string) => {
    const group = [...world.gitlab.state.groups.values()].find((g) => g.path === path);
    const user = [...world.gitlab.state.users.values()].find((u) => u.email === `${name}@acme.example`);
    const member = group && user && world.gitlab.state.members.get(group.id)?.get(user.id);
    return member ?? null;
  };

  it('feed the group that the mapping names, at the highest level', async () => {
    world.gitlab.state.addGroup({ path: 'platform' });
    await world.add('GitLabSelfManaged', { DEFAULT_ACCESS_LEVEL: 'reporter' });
    expect(
      (
        await map('GitLabSelfManaged', {
          groupMappings: [
            { original: 'Platform Engineers', translation: 'platform' },
            { externalId: 'lead-42', translation: 'platform', accessLevel: 'maintainer' },
          ],
        })
      ).status,
    ).toBe(200);
    const refused = await map('GitLabSelfManaged', {
      groupMappings: [{ original: 'x', translation: 'platform', accessLevel: 'king' }],
    });
    expect(refused.status).toBe(400);
    const jane = await world.join('jane');
    const joe = await world.join('joe');
    await world.group('platform engineers', [jane, joe]);
    expect(await world.members('GitLabSelfManaged', 'platform')).toEqual(['jane', 'joe']);
    expect(level('platform', 'jane')).toBe(20);

    await world.bridge.scim('POST', '/Groups', {
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'],
      displayName: 'Leads',
      externalId: 'lead-42',
      members: [{ value: jane }],
    });
    await world.settled();
    expect(level('platform', 'jane')).toBe(40);
    expect(level('platform', 'joe')).toBe(20);
  });

  it('move when the mapping does, and not when the SCIM group is renamed', async () => {
    for (const path of ['one', 'two']) world.gitlab.state.addGroup({ path });
    await world.add('GitLabSelfManaged');
    const jane = await world.join('jane');
    const group = await world.group('Builders', [jane]);
    await map('GitLabSelfManaged', { groupMappings: [{ original: 'Builders', translation: 'one' }] });
    expect(await world.members('GitLabSelfManaged', 'one')).toEqual(['jane']);

    await world.forget();
    await world.patch(`/Groups/${group}`, { op: 'replace', path: 'displayName', value: 'Makers' });
    expect(await world.writes('GitLabSelfManaged')).toEqual([]);
    expect(await world.members('GitLabSelfManaged', 'one')).toEqual(['jane']);

    await map('GitLabSelfManaged', { groupMappings: [{ original: 'Makers', translation: 'two' }] });
    expect(await world.writes('GitLabSelfManaged')).toEqual(['revoke', 'grant']);
    expect(await world.members('GitLabSelfManaged', 'one')).toEqual([]);
    expect(await world.members('GitLabSelfManaged', 'two')).toEqual(['jane']);
  });
});
