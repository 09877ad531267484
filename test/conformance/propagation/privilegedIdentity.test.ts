/** By what somebody signs in to a privileged account waits for an admin, where the account had none before, too. */

import { PLAYED } from '../../database.ts';
import { mail, startWorld, type World } from './world.ts';

const TYPE = 'GitLabSelfManaged';

let world: World;
afterEach(() => world.stop());

function atGitLab(name: string) {
  const found = [...world.gitlab.state.users.values()].find(({ email }) => email === mail(name));
  if (!found) throw new Error(`no account of ${name}`);
  return found;
}

describe.each(PLAYED)('on %s', (dialect) => {
  beforeEach(async () => {
    world = await startWorld(dialect);
  });

  it('of one that is adopted', async () => {
    await world.add(TYPE, { ADOPT_USERS: 'Any', SSO_PROVIDER: 'saml' });
    world.seed(TYPE, { name: 'boss', userName: 'boss' });
    atGitLab('boss').isAdmin = true;
    const id = await world.join('boss', { userName: 'attacker@acme.example' });
    expect(atGitLab('boss')).toMatchObject({ username: 'boss', identities: [] });
    expect(await world.status(TYPE, id)).toMatchObject({
      status: 'held',
      reason: expect.stringMatching(/privileged account there, and its .*externUid.* would change/),
    });
    expect((await world.store(TYPE, 'POST', '/held/approve', { all: true })).status).toBe(200);
    await world.settled();
    expect(atGitLab('boss').identities).toEqual([{ provider: 'saml', extern_uid: 'attacker@acme.example' }]);
  });

  it('of one that was promoted since the bridge saw it', async () => {
    await world.add(TYPE);
    const id = await world.join('pat');
    atGitLab('pat').isAdmin = true;
    await world.configure(TYPE, { SSO_PROVIDER: 'saml' });
    await world.store(TYPE, 'POST', '/sync', {});
    await world.settled();
    expect(atGitLab('pat').identities).toEqual([]);
    expect(await world.status(TYPE, id)).toMatchObject({ status: 'held' });
  });

  it('but not of one that is ordinary', async () => {
    await world.add(TYPE);
    const id = await world.join('pat');
    await world.configure(TYPE, { SSO_PROVIDER: 'saml' });
    await world.store(TYPE, 'POST', '/sync', {});
    await world.settled();
    expect(atGitLab('pat').identities).toHaveLength(1);
    expect(await world.status(TYPE, id)).toMatchObject({ status: 'synced' });
  });
});
