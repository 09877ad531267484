/** The linked account was deleted by hand, and another one made with the same address: that one counts from then on. */

import { mail, startWorld, type VENDORS, type World } from './world.ts';

let world: World;
afterEach(() => world.stop());

type Vendor = (typeof VENDORS)[number];

/** Another account takes the place of the linked one; answers its id. */
function replace(type: Vendor, name: string, enabled = true): string {
  if (type === 'Slack') {
    const users = world.slack.users as Map<string, unknown>;
    for (const user of [...world.slack.users.values()])
      if (user.emails.some(({ value }) => value === mail(name))) users.delete(user.id);
  } else {
    const old = [...world.gitlab.state.users.values()].find(({ email }) => email === mail(name));
    if (old) world.gitlab.state.removeUser(old.id);
  }
  return world.seed(type, { name, userName: `${name}2`, enabled });
}

const openLeavers = async (type: Vendor) => (await world.syncStatus(type)).openLeavers;

describe.each([
  ['Slack', 'sqlite'],
  ['GitLabSelfManaged', 'postgres'],
] as const)('at %s, on %s', (type, dialect) => {
  beforeEach(async () => {
    world = await startWorld(dialect);
    await world.add(type);
  });

  it('is adopted and disabled where the person leaves, in whatever way', async () => {
    const left = await world.join('left');
    const gone = await world.join('gone');
    const ids = [replace(type, 'left'), replace(type, 'gone')];
    await world.setActive(left, false);
    await world.remove(`/Users/${gone}`);
    for (const [index, name] of ['left', 'gone'].entries())
      expect(await world.account(type, name)).toMatchObject({ id: ids[index], enabled: false });
    expect(await openLeavers(type)).toEqual([]);
    expect(await world.link(type, left)).toMatchObject({ remoteId: ids[0], origin: 'adopted' });
  });

  it.each(['Report', 'Repair'])(
    'is disabled after a sync too that sees it before anybody decides, under %s',
    async (mode) => {
      await world.configure(type, {
        BRAKE_MIN: 1,
        BRAKE_PERCENT: 0,
        SYNC_INTERVAL_MINUTES: 60,
        DRIFT_MODE: mode,
      });
      const ids = [await world.join('first'), await world.join('left'), await world.join('gone')];
      await world.setActive(ids[0] ?? '', false);
      await world.setActive(ids[1] ?? '', false);
      await world.remove(`/Users/${ids[2]}`);
      const accounts = [replace(type, 'left'), replace(type, 'gone')];
      await world.store(type, 'POST', '/sync', {});
      await world.settled();
      expect(await openLeavers(type)).toHaveLength(2);
      const [incident] = (await world.bridge.admin('GET', '/propagation/incidents')).body._embedded.incidents;
      await world.bridge.admin('POST', `/propagation/incidents/${incident.id}/approve`, { all: true });
      await world.settled();
      for (const [index, name] of ['left', 'gone'].entries())
        expect(await world.account(type, name)).toMatchObject({ id: accounts[index], enabled: false });
      expect(await openLeavers(type)).toEqual([]);
    },
  );

  it('is disabled too where something else answered the disabling of the first', async () => {
    const gone = await world.join('gone');
    const { id: before } = (await world.account(type, 'gone')) ?? {};
    const id = replace(type, 'gone');
    const { faults } = type === 'Slack' ? world.slack : world.gitlab;
    faults.inject({
      matches: ({ method, path }) => method !== 'GET' && new RegExp(`/users/${before}(/|$)`, 'i').test(path),
      fault: { kind: 'answer', answer: { status: 200, body: '<html>Sign in</html>' } },
    });
    await world.remove(`/Users/${gone}`);
    expect(await world.account(type, 'gone')).toMatchObject({ id, enabled: false });
  });

  describe('while the vendor never heard of the new address', () => {
    const moveAway = async (name: string) => {
      await world.configure(type, { UPDATE_USERS: false });
      const id = await world.join(name);
      await world.patch(`/Users/${id}`, {
        op: 'replace',
        value: { userName: mail(`${name}.new`), emails: [{ value: mail(`${name}.new`), primary: true }] },
      });
      return id;
    };

    it('is disabled under the address of the one before', async () => {
      const jane = await moveAway('jane');
      const id = replace(type, 'jane');
      await world.setActive(jane, false);
      expect(await world.account(type, 'jane')).toMatchObject({ id, enabled: false });
      expect(await openLeavers(type)).toEqual([]);
    });

    it('is left to whoever has that address now', async () => {
      const jane = await moveAway('jane');
      const id = replace(type, 'jane');
      await world.configure(type, { UPDATE_USERS: false, ADOPT_USERS: 'Never' });
      const newcomer = await world.join('jane', { externalId: 'another' });
      await world.remove(`/Users/${jane}`);
      expect(await world.account(type, 'jane')).toMatchObject({ id, enabled: true });
      expect(await world.status(type, jane)).toMatchObject({ held: [] });
      expect(await world.link(type, newcomer)).toBeNull();
    });
  });

  it('is adopted with an update, and with a return', async () => {
    const jane = await world.join('jane');
    const joe = await world.join('joe');
    await world.setActive(joe, false);
    const ids = [replace(type, 'jane'), replace(type, 'joe', false)];
    await world.patch(`/Users/${jane}`, { op: 'replace', path: 'title', value: 'Pilot' });
    await world.setActive(joe, true);
    expect(await world.account(type, 'jane')).toMatchObject({ id: ids[0], title: 'Pilot' });
    expect(await world.account(type, 'joe')).toMatchObject({ id: ids[1], enabled: true });
    for (const id of [jane, joe]) expect(await world.status(type, id)).toMatchObject({ status: 'synced' });
  });

  it('is nobody where there is none: the leaver is out, and the next account is a new one', async () => {
    const jane = await world.join('jane');
    const other = replace(type, 'jane');
    if (type === 'Slack') (world.slack.users as Map<string, unknown>).delete(other);
    else world.gitlab.state.removeUser(Number(other));
    await world.setActive(jane, false);
    expect(await world.status(type, jane)).toMatchObject({ status: 'synced', accountState: 'removed' });
    expect(await openLeavers(type)).toEqual([]);
    await world.setActive(jane, true);
    expect(await world.account(type, 'jane')).toMatchObject({ enabled: true });
  });
});
