/** A creation that is answered with somebody else's account, or another group: nobody is given that. */

import { PLAYED } from '../../database.ts';
import { startWorld, VENDORS, type World } from './world.ts';

const cases = VENDORS.flatMap((type) => PLAYED.map((dialect) => ({ type, dialect })));

describe.each(cases)('at $type, on $dialect', ({ type, dialect }) => {
  let world: World;
  beforeEach(async () => {
    world = await startWorld(dialect);
    await world.add(type, { GROUP_PROVISIONING: 'Create' });
  });
  afterEach(() => world.stop());

  /** The next creation is answered with what the vendor shows at `path`. */
  async function answerWith(path: string, creation: RegExp): Promise<void> {
    const isSlack = type === 'Slack';
    const url = isSlack ? `${world.slack.scimUrl}${path}` : `${world.gitlab.url}/api/v4/${path}`;
    const headers = isSlack
      ? { authorization: `Bearer ${world.connection('Slack').OAUTH_ACCESS_TOKEN}` }
      : { 'private-token': world.gitlab.adminToken };
    const body = await (await fetch(url, { headers })).json();
    const { faults } = isSlack ? world.slack : world.gitlab;
    faults.inject({
      fault: { kind: 'answer', answer: { status: 201, body }, applied: true },
      matches: (request) => request.method === 'POST' && creation.test(request.path),
    });
  }

  it('a person has the account that was made for them', async () => {
    const chief = world.seed(type, { name: 'chief' });
    await answerWith(type === 'Slack' ? `Users/${chief}` : `users/${chief}`, /\/users$/i);
    const jane = await world.join('jane');
    expect(await world.link(type, jane)).toMatchObject({ remoteId: (await world.account(type, 'jane'))?.id });
    await world.setActive(jane, false);
    expect(await world.account(type, 'jane')).toMatchObject({ enabled: false });
    expect(await world.account(type, 'chief')).toMatchObject({ id: chief, enabled: true });
  });

  it('a group is the one that was made for it', async () => {
    const jane = await world.join('jane');
    const other =
      type === 'Slack'
        ? world.slack.addGroup('board', []).id
        : String(world.gitlab.state.addGroup({ path: 'board' }).id);
    await answerWith(type === 'Slack' ? `Groups/${other}` : `groups/${other}`, /\/groups$/i);
    await world.group('crew', [jane]);
    expect(await world.members(type, 'board')).toEqual([]);
    expect(await world.members(type, 'crew')).toEqual(['jane']);
  });

  it('a membership that the answer contradicts is no membership', async () => {
    const jane = await world.join('jane');
    const crew = await world.group('crew');
    const isSlack = type === 'Slack';
    const { faults } = isSlack ? world.slack : world.gitlab;
    const [group] = [...world.slack.groups.values()];
    const id = Number((await world.account(type, 'jane'))?.id);
    const body = isSlack
      ? {
          schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'],
          ...{ id: group?.id, displayName: 'crew', members: [] },
        }
      : { id, username: 'jane', name: 'jane Doe', state: 'active', access_level: 10 };
    faults.inject({
      fault: { kind: 'answer', answer: { status: isSlack ? 200 : 201, body } },
      matches: ({ method, path }) =>
        isSlack
          ? method === 'PATCH' && path.includes('/Groups/')
          : method === 'POST' && path.endsWith('/members'),
    });
    await world.patch(`/Groups/${crew}`, { op: 'add', path: 'members', value: [{ value: jane }] });
    if (isSlack) expect(await world.members(type, 'crew')).toEqual(['jane']);
    else expect(await world.status(type, jane)).toMatchObject({ reason: expect.stringContaining('guest') });
  });
});
