/** The linked account was deleted by hand, and another one made with the same address: that one counts from then on. */

import { eventually, movableClock, patch } from '../../bridge.ts';
import type { EmulatedRequest } from '../../emulator/server.ts';
import { mail, startWorld, untilSyncState, type VENDORS, type World } from './world.ts';

let world: World;
let clock: ReturnType<typeof movableClock>;
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

/** Long after which no vendor shows an account as it was before. */
const HOUR_MS = 60 * 60_000;

function shut(type: Vendor, id: string): void {
  if (type === 'Slack') Object.assign(world.slack.users.get(id) ?? {}, { active: false });
  else Object.assign(world.gitlab.state.users.get(Number(id)) ?? {}, { state: 'blocked' });
}

const openLeavers = async (type: Vendor) => (await world.syncStatus(type)).openLeavers;

describe.each([
  ['Slack', 'sqlite'],
  ['GitLabSelfManaged', 'postgres'],
] as const)('at %s, on %s', (type, dialect) => {
  beforeEach(async () => {
    clock = movableClock();
    world = await startWorld(dialect, clock);
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

  it('is adopted and disabled too where the vendor limits the look for it', async () => {
    const left = await world.join('left');
    const id = replace(type, 'left');
    const server = type === 'Slack' ? world.slack : world.gitlab;
    server.faults.inject({
      fault: { kind: 'answer', answer: { status: 429, headers: { 'retry-after': '1' } } },
      matches: ({ method, path }) => method === 'GET' && /\/users$/i.test(path),
      times: 2,
    });
    await world.remove(`/Users/${left}`);
    expect(await world.account(type, 'left')).toMatchObject({ id, enabled: false });
    expect(await openLeavers(type)).toEqual([]);
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

  it.each(['Disable', 'Delete'])(
    'is disabled too where something else answered what was to end the first, under %s',
    async (action) => {
      await world.configure(type, { REMOVE_ACTION: action, REMOVE_AFTER_DAYS: 0 });
      const gone = await world.join('gone');
      const { id: before } = (await world.account(type, 'gone')) ?? {};
      clock.advance(HOUR_MS);
      const id = replace(type, 'gone');
      const { faults } = type === 'Slack' ? world.slack : world.gitlab;
      faults.inject({
        matches: ({ method, path }) =>
          method !== 'GET' && new RegExp(`/users/${before}(/|$)`, 'i').test(path),
        fault: { kind: 'answer', answer: { status: 200, body: '<html>Sign in</html>' } },
      });
      await world.remove(`/Users/${gone}`);
      expect(await world.account(type, 'gone')).toMatchObject({ id, enabled: false });
    },
  );

  describe('while the credential was refused', () => {
    const refuse = () => {
      const { faults } = type === 'Slack' ? world.slack : world.gitlab;
      const schemas = ['urn:ietf:params:scim:api:messages:2.0:Error'];
      const body =
        type === 'Slack'
          ? { schemas, detail: 'invalid_authentication', status: 401 }
          : { message: '401 Unauthorized' };
      faults.inject({
        matches: ({ path }) => /^\/(scim|api\/v4)\//.test(path),
        fault: { kind: 'answer', answer: { status: 401, body } },
        times: Number.POSITIVE_INFINITY,
      });
    };
    const accept = async () => {
      (type === 'Slack' ? world.slack : world.gitlab).faults.clear();
      await world.store(type, 'POST', '/resume', {});
      await world.settled();
    };

    it.each(['Disable', 'Delete'])('is disabled once it is accepted again, under %s', async (action) => {
      await world.configure(type, { REMOVE_ACTION: action, REMOVE_AFTER_DAYS: 0 });
      const gone = await world.join('gone');
      clock.advance(HOUR_MS);
      refuse();
      await world.bridge.scim('DELETE', `/Users/${gone}`);
      await untilSyncState(world, type, 'PAUSED');
      const id = replace(type, 'gone');
      await accept();
      expect(await world.account(type, 'gone')).toMatchObject({ id, enabled: false });
      expect(await openLeavers(type)).toEqual([]);
    });

    it('is left as it is where somebody shut the first by hand, not the bridge', async () => {
      const jane = await world.join('jane');
      refuse();
      await world.bridge.scim('PATCH', `/Users/${jane}`, patch({ op: 'replace', value: { active: false } }));
      await untilSyncState(world, type, 'PAUSED');
      const account = await world.account(type, 'jane');
      shut(type, account?.id ?? '');
      await world.bridge.scim('PATCH', `/Users/${jane}`, patch({ op: 'replace', value: { active: true } }));
      await accept();
      expect(await world.account(type, 'jane')).toMatchObject({ id: account?.id, enabled: false });
    });
  });

  it('is disabled too where the first was shut already, once a sync sees it', async () => {
    const names = ['left', 'gone'] as const;
    const ids = { left: await world.join('left'), gone: await world.join('gone') };
    for (const name of names) await world.setActive(ids[name], false);
    await world.remove(`/Users/${ids.gone}`);
    const accounts = { left: replace(type, 'left'), gone: replace(type, 'gone') };
    await world.store(type, 'POST', '/sync', {});
    await world.settled();
    for (const name of names)
      expect(await world.account(type, name)).toMatchObject({ id: accounts[name], enabled: false });
    expect(await openLeavers(type)).toEqual([]);
  });

  it('is left to somebody who is in the directory still, where the first was shut for leaving the scope', async () => {
    const pilots = { name: 'pilots', active: true, populationExpression: 'title eq "Pilot"' };
    const rule = { storeId: world.id(type), ...pilots };
    expect((await world.bridge.admin('POST', '/propagation/rules', rule)).status).toBe(201);
    const jane = await world.join('jane', { title: 'Pilot' });
    await world.patch(`/Users/${jane}`, { op: 'replace', path: 'title', value: 'Cook' });
    expect(await world.account(type, 'jane')).toMatchObject({ enabled: false });
    const id = replace(type, 'jane');
    await world.store(type, 'POST', '/sync', {});
    await world.settled();
    expect(await world.account(type, 'jane')).toMatchObject({ id, enabled: true });
  });

  it('is disabled too where another person is named by that address, and has another one', async () => {
    await world.configure(type, { UNIQUE_USER_IDENTIFIER: 'primaryEmail' });
    const jane = await world.join('jane');
    await world.patch(`/Users/${jane}`, { op: 'replace', value: { userName: mail('other') } });
    const joe = await world.join('joe');
    await world.patch(`/Users/${joe}`, { op: 'replace', value: { userName: mail('jane') } });
    const id = replace(type, 'jane');
    await world.remove(`/Users/${jane}`);
    expect(await world.account(type, 'jane')).toMatchObject({ id, enabled: false });
  });

  it('is left to somebody else who has the address by now', async () => {
    await world.configure(type, { ADOPT_USERS: 'Never' });
    const jane = await world.join('jane');
    const id = replace(type, 'jane');
    const newcomer = await world.join('jane2', { emails: [{ value: mail('jane'), primary: true }] });
    await world.remove(`/Users/${jane}`);
    expect(await world.account(type, 'jane')).toMatchObject({ id, enabled: true });
    expect(await world.status(type, jane)).toMatchObject({ held: [] });
    expect(await world.link(type, newcomer)).toBeNull();
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

  it('owes what is to be taken from an account that is not shown for a while', async () => {
    await world.configure(type, { GROUP_PROVISIONING: 'Create' });
    const ids = [await world.join('lea'), await world.join('kim')];
    const group = await world.group('pilots', ids);
    const { id } = (await world.account(type, 'lea')) ?? {};
    const { faults } = type === 'Slack' ? world.slack : world.gitlab;
    const lookedFor = ({ query }: EmulatedRequest) =>
      `${query.get('filter')} ${query.get('search')}`.includes('lea');
    const schemas = ['urn:ietf:params:scim:api:messages:2.0:Error'];
    const list = { schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'], totalResults: 0 };
    const [gone, nobody] =
      type === 'Slack'
        ? [{ schemas, detail: 'no_such_user', status: 404 }, list]
        : [{ message: '404 User Not Found' }, []];
    for (const [matches, status, body] of [
      [({ path }: EmulatedRequest) => new RegExp(`/users/${id}$`, 'i').test(path), 404, gone],
      [lookedFor, 200, nobody],
    ] as const)
      faults.inject({
        times: Number.POSITIVE_INFINITY,
        matches,
        fault: { kind: 'answer', answer: { status, body } },
      });
    const retitle = patch({ op: 'replace', path: 'title', value: 'Pilot' });
    await world.bridge.scim('PATCH', `/Users/${ids[0]}`, retitle);
    await eventually(async () => {
      const { status } = await world.status(type, ids[0] ?? '');
      return status === 'failed' || undefined;
    }, 10_000);
    const takeOut = patch({ op: 'remove', path: `members[value eq "${ids[0]}"]` });
    await world.bridge.scim('PATCH', `/Groups/${group}`, takeOut);
    await world.settled();
    faults.clear();
    await world.store(type, 'POST', '/sync');
    await world.settled();
    expect(await world.members(type, 'pilots')).toEqual(['kim']);
    expect(await world.account(type, 'lea')).toMatchObject({ id, title: 'Pilot' });
  });
});
