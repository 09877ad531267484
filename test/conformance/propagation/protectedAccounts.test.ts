/**
 * Accounts that never lose anything: those of PROTECTED_ACCOUNTS, the own one, and those that the vendor
 * protects.
 */

import { crowdIn } from './crowd.ts';
import { mail, startWorld, type World } from './world.ts';

let world: World;
const { deactivate } = crowdIn(() => world);

describe('protected accounts', () => {
  beforeEach(async () => {
    world = await startWorld();
  });
  afterEach(() => world.stop());

  it('are never disabled, by wildcard, without regard to case', async () => {
    await world.add('GitLabSelfManaged', { PROTECTED_ACCOUNTS: ['*-ADMIN@acme.example', 'boss*'] });
    const type = 'GitLabSelfManaged';
    const ids = [await world.join('sam-admin'), await world.join('boss'), await world.join('jane')];
    expect(await world.status(type, ids[0] ?? '')).toMatchObject({
      status: 'unsynced',
      reason: expect.stringContaining('PROTECTED_ACCOUNTS names'),
    });
    await world.forget();
    await deactivate(ids);
    expect(await world.writes(type)).toEqual(['disable']);
    expect(await world.account(type, 'jane')).toMatchObject({ enabled: false });
    await world.forget();
    await world.remove(`/Users/${ids[1]}`);
    expect(await world.writes(type)).toEqual([]);
  });

  it("include the credential's own account, without a word in the settings", async () => {
    await world.add('Slack');
    await world.add('GitLabSelfManaged');
    const root = [...world.gitlab.state.users.values()].find((user) => user.username === 'root');
    const owner = await world.join('owner');
    const admin = await world.join('root', {
      emails: [{ value: root?.email, type: 'work', primary: true }],
    });
    expect(await world.writes('GitLabSelfManaged')).toEqual(['create']);
    expect(await world.writes('Slack')).toEqual(['create']);
    await world.forget();
    await deactivate([owner, admin]);
    expect(world.slack.owner.active).toBe(true);
    expect(root?.state).toBe('active');
    expect(await world.writes('GitLabSelfManaged')).toEqual(['disable']);
    expect(await world.writes('Slack')).toEqual(['disable']);
    expect(await world.status('Slack', owner)).toMatchObject({
      status: 'unsynced',
      reason: expect.stringContaining('protected account'),
    });
    expect(await world.status('GitLabSelfManaged', admin)).toMatchObject({
      status: 'unsynced',
      reason: expect.stringContaining('protected account'),
    });
  });

  it('are not said to be in the settings where it is the own one that somebody is to be called like', async () => {
    await world.add('Slack');
    const jane = await world.join('jane');
    const value = { userName: mail('owner'), emails: [{ value: mail('owner'), primary: true }] };
    await world.patch(`/Users/${jane}`, { op: 'replace', value });
    expect(await world.status('Slack', jane)).toMatchObject({
      status: 'partiallySynced',
      reason: expect.stringContaining("or the bridge's own account has it"),
    });
    expect(await world.writes('Slack')).toEqual(['create']);
  });

  it('that only the vendor knows of are said in its words, and not tried for ever', async () => {
    const admin = world.slack.addUser({
      userName: 'second',
      email: mail('second'),
      displayName: 'second Doe',
      givenName: 'second',
      familyName: 'Doe',
      role: 'owner',
    });
    world.slack.addUser({ userName: 'bridge', email: mail('bridge'), role: 'admin' });
    const bridge = [...world.slack.users.values()].find((user) => user.userName === 'bridge');
    world.slack.addToken(world.slack.workspace, { token: 'xoxp-admin', userId: bridge?.id ?? '' });
    await world.add('Slack', { OAUTH_ACCESS_TOKEN: 'xoxp-admin', ADOPT_USERS: 'Any' });
    const second = await world.join('second');
    await world.forget();
    await world.setActive(second, false);
    expect(admin.active).toBe(true);
    expect(await world.writes('Slack')).toEqual(['disable']);
    expect(await world.status('Slack', second)).toMatchObject({
      status: 'partiallySynced',
      vendor: { status: 403 },
    });
  });
});
