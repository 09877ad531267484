/** GitLab's administrator shut an account and opened it again: whoever leaves then is disabled all the same. */

import { startWorld, type World } from './world.ts';

const TYPE = 'GitLabSelfManaged';
let world: World;
afterEach(() => world.stop());

function setState(name: string, state: 'active' | 'banned' | 'ldap_blocked'): void {
  for (const user of world.gitlab.state.users.values())
    if (user.email === `${name}@acme.example`) user.state = state;
}

describe.each([
  ['sqlite', 'banned'],
  ['postgres', 'ldap_blocked'],
] as const)('on %s, once %s', (dialect, shut) => {
  let jane = '';
  beforeEach(async () => {
    world = await startWorld(dialect);
    await world.add(TYPE);
    jane = await world.join('jane');
    setState('jane', shut);
    await world.store(TYPE, 'POST', '/sync', { repair: true });
    await world.settled();
    expect(await world.link(TYPE, jane)).toMatchObject({ state: 'disabled', disabledBy: 'locked' });
    await world.forget();
  });

  it.each([
    ['leaves', () => world.setActive(jane, false)],
    ['is deleted', () => world.remove(`/Users/${jane}`)],
  ])('whoever %s is disabled, whatever the last sync saw', async (_, leave) => {
    setState('jane', 'active');
    await leave();
    expect(await world.account(TYPE, 'jane')).toMatchObject({ enabled: false });
    expect((await world.syncStatus(TYPE)).openLeavers).toEqual([]);
  });

  it('nobody who is still shut out is disabled anew', async () => {
    await world.setActive(jane, false);
    expect(await world.writes(TYPE)).toEqual([]);
    expect(await world.link(TYPE, jane)).toMatchObject({ state: 'disabled', disabledBy: 'locked' });
    expect((await world.syncStatus(TYPE)).openLeavers).toEqual([]);
  });
});
