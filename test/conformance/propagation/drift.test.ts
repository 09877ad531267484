/** What the periodic sync does with changes made by hand, kind by kind, in each DRIFT_MODE. */

import { type MovableClock, movableClock } from '../../bridge.ts';
import { mail, startWorld, type VENDORS, type World } from './world.ts';

const INTERVAL_MS = 67 * 60_000;

type Vendor = (typeof VENDORS)[number];

describe.each([
  ['sqlite', 'Slack'],
  ['postgres', 'GitLabSelfManaged'],
] as const)('on %s, of %s', (dialect, type: Vendor) => {
  let world: World;
  let clock: MovableClock;
  const ids: Record<string, string> = {};
  beforeEach(async () => {
    clock = movableClock();
    world = await startWorld(dialect, clock);
  });
  afterEach(() => world.stop());

  const TITLE = type === 'Slack' ? 'title' : 'bio';

  async function start(configuration: Record<string, unknown>): Promise<void> {
    await world.add(type, {
      GROUP_PROVISIONING: 'Create',
      SYNC_INTERVAL_MINUTES: 60,
      BRAKE_PERCENT: 100,
      ...configuration,
    });
    for (const name of ['jane', 'joe', 'left']) ids[name] = await world.join(name, { title: 'Engineer' });
    await world.group('engineering', [ids.jane ?? '', ids.joe ?? '']);
    await world.setActive(ids.left ?? '', false);
  }

  /** The next periodic sync, and what it lists. */
  async function look(): Promise<readonly Record<string, unknown>[]> {
    clock.advance(INTERVAL_MS);
    await world.forget();
    await world.bridge.turn();
    const run = await world.bridge
      .db('sync_runs')
      .where({ cause: 'periodic' })
      .orderBy('created_at', 'desc')
      .first();
    expect(run).toMatchObject({ state: 'DONE' });
    return typeof run.drift === 'string' ? JSON.parse(run.drift) : run.drift;
  }

  /** What the explanation says of the person on the store. */
  async function sentence(name: string): Promise<string> {
    const { person } = (await world.bridge.admin('GET', `/users/${ids[name]}`)).body;
    const path = `/people/${person.id}/explanation?storeId=${world.id(type)}`;
    return (await world.bridge.admin('GET', path)).body.sentence;
  }

  async function people() {
    const id = async (name: string) => (await world.account(type, name))?.id ?? '';
    const slack = async (name: string) => world.slack.users.get(await id(name));
    const gitlab = async (name: string) => world.gitlab.state.users.get(Number(await id(name)));
    return { id, slack, gitlab };
  }

  async function setTitle(name: string, title: string): Promise<void> {
    const { slack, gitlab } = await people();
    const profile = type === 'Slack' ? (await slack(name))?.profile : (await gitlab(name))?.profile;
    if (profile) profile[type === 'Slack' ? 'title' : 'bio'] = title;
  }

  async function setEnabled(name: string, enabled: boolean): Promise<void> {
    const { slack, gitlab } = await people();
    const user = await slack(name);
    const member = await gitlab(name);
    if (user) user.active = enabled;
    if (member) member.state = enabled ? 'active' : 'blocked';
  }

  async function setMember(name: string, member: boolean): Promise<void> {
    const { id } = await people();
    const remoteId = await id(name);
    if (type === 'Slack') {
      const group = [...world.slack.groups.values()].find((g) => g.displayName === 'engineering');
      if (member) group?.members.add(remoteId);
      else group?.members.delete(remoteId);
      return;
    }
    const group = [...world.gitlab.state.groups.values()].find((g) => g.path === 'engineering');
    if (member) world.gitlab.state.setMember(group?.id ?? 0, Number(remoteId), 30);
    else world.gitlab.state.members.get(group?.id ?? 0)?.delete(Number(remoteId));
  }

  async function vanish(name: string): Promise<void> {
    const { id } = await people();
    const remoteId = await id(name);
    if (type === 'Slack') {
      world.slack.workspace.users.delete(remoteId);
      for (const group of world.slack.groups.values()) group.members.delete(remoteId);
    } else world.gitlab.state.removeUser(Number(remoteId));
  }

  const found = async () => {
    const { body } = await world.bridge.admin('GET', '/events?kind=drift.found');
    return body._embedded.events as { outcome: string; reason: string; subject: { id: string } }[];
  };
  const status = (name: string) => world.status(type, ids[name] ?? '');
  const details = async () => (await world.syncStatus(type)).details.map((detail) => detail.code);

  describe('Report', () => {
    it('tells of a changed attribute once, and no more when it is as desired again', async () => {
      await start({});
      await setTitle('jane', 'By hand');
      for (let time = 1; time <= 2; time++) {
        expect(await look()).toEqual([
          expect.objectContaining({
            kind: 'attribute',
            attribute: TITLE,
            found: 'By hand',
            expected: 'Engineer',
          }),
        ]);
        expect(await world.writes(type)).toEqual([]);
        expect(await status('jane')).toMatchObject({
          status: 'partiallySynced',
          reason: expect.stringContaining(`${TITLE} is "By hand" instead of "Engineer"`),
        });
      }
      expect(await found()).toEqual([expect.objectContaining({ outcome: 'skipped' })]);
      expect(await details()).toContain('drift');
      const metrics = await (await fetch(`${world.bridge.url}/metrics`)).text();
      expect(metrics).toMatch(/scim_bridge_drift\{store_id="[^"]+"\} 1\n/);
      // Settling the person for another reason does not hide it.
      await world.bridge.admin('POST', `/users/${ids.jane}/sync`, {});
      await world.settled();
      expect(await status('jane')).toMatchObject({ status: 'partiallySynced' });
      expect(await status('joe')).toMatchObject({ status: 'synced' });

      await setTitle('jane', 'Engineer');
      expect(await look()).toEqual([]);
      expect(await status('jane')).toMatchObject({ status: 'synced' });
      expect(await details()).not.toContain('drift');
    });

    it('ends with the write that overwrites it', async () => {
      await start({});
      await setTitle('jane', 'By hand');
      await look();
      await world.patch(`/Users/${ids.jane}`, { op: 'replace', path: 'title', value: 'Manager' });
      expect(await world.account(type, 'jane')).toMatchObject({ title: 'Manager' });
      expect(await status('jane')).toMatchObject({ status: 'synced' });
      expect(await look()).toEqual([]);
    });

    it('does not end with a write of something else', async () => {
      await start({});
      await setTitle('jane', 'By hand');
      await world.patch(`/Users/${ids.jane}`, { op: 'replace', path: 'displayName', value: 'Jane Roe' });
      expect(await look()).toMatchObject([{ kind: 'attribute', attribute: TITLE, found: 'By hand' }]);
      await world.patch(`/Users/${ids.jane}`, { op: 'replace', path: 'displayName', value: 'Jane Doe' });
      expect(await status('jane')).toMatchObject({ status: 'partiallySynced' });
      await world.store(type, 'POST', '/sync', { repair: true });
      await world.settled();
      expect(await world.account(type, 'jane')).toMatchObject({ title: 'Engineer' });
      expect(await look()).toEqual([]);
    });

    it('lists accounts that vanished, and what was enabled or disabled there', async () => {
      await start({});
      await vanish('jane');
      await setEnabled('joe', false);
      await setEnabled('left', true);
      const drift = await look();
      expect(drift).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ kind: 'vanished', subject: expect.objectContaining({ kind: 'user' }) }),
          expect.objectContaining({ kind: 'disabledThere' }),
          expect.objectContaining({ kind: 'enabledThere' }),
        ]),
      );
      expect(await world.writes(type)).toEqual([]);
      expect((await status('jane')).reason).toContain('the account is not there any more');
      expect((await status('joe')).reason).toContain('the account was disabled');
      expect((await status('left')).reason).toContain('the account was enabled');
      for (const [name, accountState, said] of [
        ['jane', 'removed', 'has no account on'],
        ['joe', 'disabled', 'has no access to'],
        ['left', 'enabled', 'still has access to'],
      ] as const) {
        expect(await status(name)).toMatchObject({ accountState });
        expect(await sentence(name)).toContain(said);
      }
      await setEnabled('joe', true);
      await setEnabled('left', false);
      await look();
      expect(await status('joe')).toMatchObject({ status: 'synced' });
      expect(await status('left')).toMatchObject({ status: 'synced' });
    });

    it('lists memberships that are missing, and foreign ones only under Overwrite', async () => {
      await start({});
      await setMember('joe', false);
      world.seed(type, { name: 'stranger' });
      await setMember('stranger', true);
      expect((await look()).map((item) => item.kind)).toEqual(['membershipMissing']);
      await world.configure(type, {
        GROUP_PROVISIONING: 'Create',
        SYNC_INTERVAL_MINUTES: 60,
        GROUP_MEMBERSHIP_HANDLING: 'Overwrite',
      });
      expect(await world.members(type, 'engineering')).not.toContain('stranger');
      await setMember('stranger', true);
      const kinds = (await look()).map((item) => item.kind).sort();
      expect(kinds).toContain('membershipForeign');
      expect(await world.writes(type)).toEqual([]);
      expect(await world.members(type, 'engineering')).toContain('stranger');
      expect(await details()).toContain('drift');
    });
  });

  describe('Repair', () => {
    const REPAIR = { DRIFT_MODE: 'Repair' };

    it('undoes everything that was changed, and then finds nothing', async () => {
      await start(REPAIR);
      await setTitle('jane', 'By hand');
      await setEnabled('joe', false);
      await setEnabled('left', true);
      await setMember('jane', false);
      expect((await look()).map((item) => item.kind).sort()).toEqual(
        expect.arrayContaining(['attribute', 'disabledThere', 'enabledThere', 'membershipMissing']),
      );
      expect(await world.account(type, 'jane')).toMatchObject({ title: 'Engineer' });
      expect(await world.account(type, 'joe')).toMatchObject({ enabled: true });
      expect(await world.account(type, 'left')).toMatchObject({ enabled: false });
      expect(await world.members(type, 'engineering')).toContain('jane');
      expect((await found()).map((event) => event.outcome)).toEqual([
        'success',
        'success',
        'success',
        'success',
      ]);
      for (const name of ['jane', 'joe', 'left'])
        expect(await status(name)).toMatchObject({ status: 'synced' });
      expect(await look()).toEqual([]);
      expect(await world.writes(type)).toEqual([]);
      expect(await details()).not.toContain('drift');
    });

    it('makes an account anew that vanished', async () => {
      await start(REPAIR);
      await vanish('jane');
      await look();
      expect(await world.account(type, 'jane')).toMatchObject({ enabled: true, title: 'Engineer' });
      expect(await world.members(type, 'engineering')).toContain('jane');
    });

    it('takes foreign memberships away under Overwrite, and leaves them alone under Merge', async () => {
      await start(REPAIR);
      world.seed(type, { name: 'stranger' });
      await setMember('stranger', true);
      expect(await look()).toEqual([]);
      expect(await world.writes(type)).toEqual([]);
      await world.configure(type, {
        ...REPAIR,
        GROUP_PROVISIONING: 'Create',
        SYNC_INTERVAL_MINUTES: 60,
        GROUP_MEMBERSHIP_HANDLING: 'Overwrite',
      });
      await setMember('stranger', true);
      await look();
      expect(await world.members(type, 'engineering')).not.toContain('stranger');
    });

    it('is braked: what it would take from many people waits', async () => {
      await start({ ...REPAIR, BRAKE_PERCENT: 0, BRAKE_MIN: 1 });
      clock.advance(2 * INTERVAL_MS);
      for (const name of ['out1', 'out2']) {
        const id = await world.join(name);
        await world.setActive(id, false);
        clock.advance(2 * INTERVAL_MS);
      }
      for (const name of ['out1', 'out2']) await setEnabled(name, true);
      await look();
      expect(await world.writes(type)).not.toContain('disable');
      expect(await world.syncStatus(type)).toMatchObject({ heldCount: 2 });
    });

    it('does not send again and again what the vendor keeps in a form of its own', async () => {
      await start(REPAIR);
      const { slack, gitlab } = await people();
      const profile = type === 'Slack' ? (await slack('jane'))?.profile : (await gitlab('jane'))?.profile;
      Object.defineProperty(profile, type === 'Slack' ? 'title' : 'bio', {
        get: () => 'ENGINEER',
        set: () => {},
        enumerable: true,
      });
      const writes: string[] = [];
      for (let time = 1; time <= 4; time++) {
        await look();
        writes.push(...(await world.writes(type)));
      }
      expect(writes).toEqual(['update']);
      expect(await status('jane')).toMatchObject({ status: 'synced' });
    });
  });

  it.each(['Report', 'Repair'])('tells of two accounts with one identifier, in mode %s', async (mode) => {
    await start({ DRIFT_MODE: mode });
    const twin = world.seed(type, { name: 'twin' });
    if (type === 'Slack') {
      const user = world.slack.users.get(twin);
      if (user) user.emails = [{ value: mail('jane'), primary: true }];
    } else {
      const user = world.gitlab.state.users.get(Number(twin));
      if (user) user.email = mail('jane');
    }
    for (let time = 1; time <= 2; time++) {
      const drift = await look();
      expect(drift).toEqual([
        expect.objectContaining({ kind: 'duplicateIdentifier', expected: mail('jane') }),
      ]);
      expect(await world.writes(type)).toEqual([]);
    }
    expect(await status('jane')).toMatchObject({
      status: 'partiallySynced',
      reason: expect.stringContaining('shows the identifier jane@acme.example as well; correct it there'),
    });
    expect(await found()).toHaveLength(1);
    const user = world.slack.users.get(twin);
    if (user) user.emails = [{ value: mail('twin'), primary: true }];
    const member = world.gitlab.state.users.get(Number(twin));
    if (type !== 'Slack' && member) member.email = mail('twin');
    expect(await look()).toEqual([]);
    expect(await status('jane')).toMatchObject({ status: 'synced' });
  });

  it('Off does not ask the store, and forgets what was known', async () => {
    await start({});
    await setTitle('jane', 'By hand');
    await look();
    expect(await status('jane')).toMatchObject({ status: 'partiallySynced' });
    await world.configure(type, {
      GROUP_PROVISIONING: 'Create',
      SYNC_INTERVAL_MINUTES: 60,
      DRIFT_MODE: 'Off',
    });
    expect(await status('jane')).toMatchObject({ status: 'synced' });
    expect(await look()).toEqual([]);
    expect([...world.slack.requests, ...world.gitlab.requests]).toEqual([]);
  });
});
