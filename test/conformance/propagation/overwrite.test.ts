/**
 * `GROUP_MEMBERSHIP_HANDLING: Overwrite` on a group that is right already, whose members' accounts were made
 * by hand: whoever gets an account by adoption is no stranger to the group before the adoption either.
 */

import { person } from '../../bridge.ts';
import { groupBody, startWorld, VENDORS, type World } from './world.ts';

type Vendor = (typeof VENDORS)[number];

const OVERWRITE = { GROUP_MEMBERSHIP_HANDLING: 'Overwrite', BRAKE_PERCENT: 100 };
const MAINTAINER = 40;
const OWNER = 50;
const GROUP_WRITES = ['grant', 'revoke', 'create group', 'rename group', 'delete group'];

const namesOf = (count: number) => Array.from({ length: count }, (_, n) => `p${String(n).padStart(3, '0')}`);

describe.each(VENDORS)('of %s', (type: Vendor) => {
  let world: World;
  beforeEach(async () => {
    world = await startWorld();
  });
  afterEach(() => world.stop());

  /** Made by hand: accounts, and a group `big` with them, above the default level, and the credential's own account. */
  function seedGroup(names: readonly string[]): void {
    const ids = names.map((name) => world.seed(type, { name }));
    if (type === 'Slack') {
      world.slack.addGroup('big', [...ids, world.slack.owner.id]);
      return;
    }
    const group = world.gitlab.state.addGroup({ path: 'big' });
    for (const id of ids) world.gitlab.state.setMember(group.id, Number(id), MAINTAINER);
    const root = [...world.gitlab.state.users.values()].find((user) => user.username === 'root');
    world.gitlab.state.setMember(group.id, root?.id ?? 0, OWNER);
  }

  /** Who is in the group, with the level where there is one. */
  function standing(): readonly string[] {
    const slack = [...world.slack.groups.values()].find((group) => group.displayName === 'big');
    const gitlab = [...world.gitlab.state.groups.values()].find((group) => group.path === 'big');
    const members = [...(world.gitlab.state.members.get(gitlab?.id ?? 0) ?? [])];
    return [...(slack?.members ?? []), ...members.map(([id, level]) => `${id} at ${level}`)].sort();
  }

  const post = async (path: string, body: unknown): Promise<string> => {
    const { status, body: made } = await world.bridge.scim('POST', path, body);
    expect(status).toBe(201);
    return made.id;
  };

  async function push(names: readonly string[]): Promise<string> {
    const ids: string[] = [];
    for (const name of names) ids.push(await post('/Users', person(name)));
    return post('/Groups', groupBody('big', ids));
  }

  /** A store that is INACTIVE, without a wait. */
  async function addInactive(configuration: Record<string, unknown> = {}): Promise<void> {
    await world.add(type, { ...OVERWRITE, ...configuration }, { status: 'INACTIVE' });
  }

  const preview = () => world.preview(type);

  const groupWrites = async () =>
    (await world.writes(type)).filter((word) => GROUP_WRITES.some((write) => word.includes(write)));

  async function expectUntouched(before: readonly string[]): Promise<void> {
    expect(await groupWrites()).toEqual([]);
    expect(standing()).toEqual(before);
  }

  async function countAdopted(): Promise<number> {
    const links = await world.bridge.db('links').where({ kind: 'user', origin: 'adopted' });
    return links.length;
  }

  const sizes = [3, 25, 230];

  it.each(sizes)('shows and makes nothing but adoptions of %d people', async (count) => {
    const names = namesOf(count);
    seedGroup(names);
    await push(names);
    await addInactive();
    const before = standing();
    const shown = await preview();
    expect(shown.summary).toMatchObject({ adopt: count + 1, create: 0, grant: 0, revoke: 0, held: 0 });
    await expectUntouched(before);

    await world.configure(type, OVERWRITE, { status: 'ACTIVE' });
    await expectUntouched(before);
    expect(await countAdopted()).toBe(count);
    const ledger = await world.bridge.db('membership_ledger').where({ origin: 'adopted' });
    expect(ledger).toHaveLength(count);
    expect(await world.syncStatus(type)).toMatchObject({ syncState: 'SYNCED', successCount: count });
    // And the next look finds nothing to do.
    expect((await preview()).summary).toMatchObject({ adopt: 0, grant: 0, revoke: 0 });
  });

  it('does so where the changes wait for an applied preview', async () => {
    const names = namesOf(5);
    seedGroup(names);
    await push(names);
    await addInactive({ APPLY_MODE: 'Approval' });
    const before = standing();
    await world.configure(type, { ...OVERWRITE, APPLY_MODE: 'Approval' }, { status: 'ACTIVE' });
    await expectUntouched(before);
    const shown = await preview();
    expect(shown.summary).toMatchObject({ adopt: 6, grant: 0, revoke: 0 });
    const started = await world.store(type, 'POST', `/preview/${shown.id}/apply`, {});
    await world.settled();
    const run = await world.store(type, 'GET', `/syncs/${started.body.id}`);
    expect(run.body).toMatchObject({ state: 'DONE', refused: [] });
    await expectUntouched(before);
    expect(await countAdopted()).toBe(5);
    expect(await world.bridge.db('membership_ledger').where({ origin: 'adopted' })).toHaveLength(5);
  });

  it.each([
    ['that the last scan saw', true],
    ['that were made since', false],
  ])(
    'leaves the members of a group that is pushed before they are adopted, with accounts %s',
    async (_, seen) => {
      const names = namesOf(4);
      if (seen) seedGroup(names);
      await world.add(type, OVERWRITE);
      if (!seen) seedGroup(names);
      const before = standing();
      await world.store(type, 'POST', '/pause', {});
      await push(names);
      // However the queue comes to it: the group goes before its members.
      await world.bridge.db('tasks').where({ kind: 'group' }).update({ priority: 1 });
      await world.store(type, 'POST', '/resume', {});
      await world.settled();
      await expectUntouched(before);
      expect(await countAdopted()).toBe(4);
    },
  );

  it('still takes strangers out, and names the person whose account one of them becomes', async () => {
    const names = namesOf(3);
    seedGroup([...names, 'outsider', 'stranger']);
    const ids: string[] = [];
    for (const name of [...names, 'outsider']) ids.push(await post('/Users', person(name)));
    await post('/Groups', groupBody('big', ids.slice(0, 3)));
    await addInactive({ APPLY_MODE: 'Approval' });
    await world.configure(type, { ...OVERWRITE, APPLY_MODE: 'Approval' }, { status: 'ACTIVE' });
    const shown = await preview();
    expect(shown.summary).toMatchObject({ adopt: 5, grant: 0, revoke: 2 });
    const outsider = await world.bridge.db('users').where({ id: ids[3] }).first('person_id');
    const revoked = shown.changes.filter((change: { op: string }) => change.op === 'revoke');
    expect(revoked.map((change: { member: { id: string } }) => change.member.id)).toContain(
      outsider.person_id,
    );
    const started = await world.store(type, 'POST', `/preview/${shown.id}/apply`, {});
    await world.settled();
    const run = await world.store(type, 'GET', `/syncs/${started.body.id}`);
    expect(run.body).toMatchObject({ state: 'DONE', refused: [] });
    expect(await world.members(type, 'big')).toEqual(
      expect.arrayContaining(names) && expect.not.arrayContaining(['outsider', 'stranger']),
    );
  });

  describe('that two SCIM groups feed', () => {
    const mapTwo = () =>
      world.store(type, 'PUT', '/mappings', {
        mappings: [],
        groupMappings: [
          { original: 'cooks', translation: 'big' },
          { original: 'waiters', translation: 'big' },
        ],
      });

    /** jane is a cook and a member there, joe a waiter and a member there, both shall be jack; zoe is a stranger. */
    async function pushTwo(): Promise<void> {
      const ids: string[] = [];
      for (const name of ['jane', 'joe', 'jack']) ids.push(await post('/Users', person(name)));
      const [jane, joe, jack] = ids as [string, string, string];
      await post('/Groups', groupBody('cooks', [jane, jack]));
      await post('/Groups', groupBody('waiters', [joe, jack]));
    }

    const changesOf = (shown: { changes: readonly { op: string; member?: { display: string } }[] }) =>
      shown.changes
        .filter(({ op }) => op === 'grant' || op === 'revoke')
        .map(({ op, member }) => `${op} ${member?.display.split(/[@ ]/)[0]}`)
        .sort();

    it('lists each membership once, and grants and revokes what it listed', async () => {
      seedGroup(['jane', 'joe', 'zoe']);
      await pushTwo();
      await addInactive({ APPLY_MODE: 'Approval' });
      await mapTwo();
      await world.configure(type, { ...OVERWRITE, APPLY_MODE: 'Approval' }, { status: 'ACTIVE' });
      const shown = await preview();
      expect(changesOf(shown)).toEqual(['grant jack', 'revoke zoe']);
      expect(shown.summary).toMatchObject({ create: 1, adopt: 4, grant: 1, revoke: 1 });
      const started = await world.store(type, 'POST', `/preview/${shown.id}/apply`, {});
      await world.settled();
      const run = await world.store(type, 'GET', `/syncs/${started.body.id}`);
      expect(run.body).toMatchObject({ state: 'DONE', refused: [] });
      expect(await world.members(type, 'big')).toEqual(expect.arrayContaining(['jack', 'jane', 'joe']));
      expect((await preview()).summary).toMatchObject({ adopt: 0, grant: 0, revoke: 0 });
    });

    it('lists one creation where the group is not there, and one grant for each member', async () => {
      await pushTwo();
      await addInactive({ GROUP_PROVISIONING: 'Create' });
      await mapTwo();
      const shown = await preview();
      expect(changesOf(shown)).toEqual(['grant jack', 'grant jane', 'grant joe']);
      expect(shown.summary).toMatchObject({ groups: { create: 1, adopt: 1 } });
    });

    it('takes nothing from the members of the second while only the first is linked', async () => {
      seedGroup(['jane', 'joe']);
      await addInactive();
      await mapTwo();
      await world.configure(type, OVERWRITE, { status: 'ACTIVE' });
      await world.store(type, 'POST', '/pause', {});
      await pushTwo();
      await world.store(type, 'POST', '/resume', {});
      await world.settled();
      expect(await groupWrites()).toEqual(['grant']);
      expect(await world.members(type, 'big')).toEqual(expect.arrayContaining(['jack', 'jane', 'joe']));
    });
  });

  it('repairs by a sync what was unlinked by hand, without a write to the group', async () => {
    const names = namesOf(3);
    seedGroup(names);
    await push(names);
    await world.add(type, OVERWRITE);
    const before = standing();
    const { body } = await world.store(type, 'GET', '/links?kind=user');
    for (const { id } of body._embedded.links) await world.store(type, 'DELETE', `/links/${id}`);
    await world.forget();
    expect((await preview()).summary).toMatchObject({ adopt: 3, grant: 0, revoke: 0 });
    await world.store(type, 'POST', '/sync', {});
    await world.settled();
    await expectUntouched(before);
    expect(await countAdopted()).toBe(3);
  });
});
