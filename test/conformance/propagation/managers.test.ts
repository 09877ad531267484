/**
 * The manager on the stores: the account that the manager is linked to there, or the manager's name where the vendor
 * has no place for an account. Nobody waits for a manager, and nobody is sent twice.
 */

import { listDemoAccounts } from '../../../src/db/demoAccounts.ts';
import { Pulled } from '../sources/pulled.ts';
import { mail, type StoreType, startWorld, type World } from './world.ts';

const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

let world: World;
afterEach(() => world.stop());

const ledBy = (manager: unknown) => ({ [ENTERPRISE]: { manager } });
const MANAGER = [{ targetAttribute: 'manager', sourceAttribute: 'enterprise.manager' }];

async function map(type: StoreType, mappings: readonly object[]) {
  const reply = await world.store(type, 'PUT', '/mappings', { mappings });
  await world.settled();
  return reply;
}

async function sync(type: StoreType, body: object = {}): Promise<void> {
  await world.store(type, 'POST', '/sync', body);
  await world.settled();
}

const setManager = (id: string, manager: unknown) =>
  world.patch(`/Users/${id}`, { op: 'replace', path: `${ENTERPRISE}:manager`, value: manager });

const slackUser = (name: string) =>
  [...world.slack.users.values()].find(({ emails, active }) => active && emails[0]?.value === mail(name));

/** The name of the manager that Slack shows; null where it shows none. */
function managerAtSlack(name: string): string | null {
  const id = slackUser(name)?.managerId ?? null;
  return id === null ? null : (world.slack.users.get(id)?.emails[0]?.value.split('@')[0] ?? id);
}

describe.each(['sqlite', 'postgres'] as const)('the manager at Slack, on %s', (dialect) => {
  beforeEach(async () => {
    world = await startWorld(dialect);
  });

  async function start(configuration: Record<string, unknown> = {}) {
    await world.add('Slack', configuration);
    expect((await map('Slack', MANAGER)).status).toBe(200);
    await world.forget();
  }

  it('comes with the account where the manager has one, follows, and is cleared', async () => {
    await start();
    const ann = await world.join('ann');
    const bob = await world.join('bob');
    const joe = await world.join('joe', ledBy({ value: ann }));
    expect([managerAtSlack('joe'), await world.writes('Slack')]).toEqual([
      'ann',
      ['create', 'create', 'create'],
    ]);
    await world.forget();
    await setManager(joe, bob);
    expect([managerAtSlack('joe'), await world.writes('Slack')]).toEqual(['bob', ['update']]);
    await world.forget();
    await sync('Slack');
    await world.patch(`/Users/${bob}`, { op: 'replace', path: 'title', value: 'Head' });
    expect(await world.writes('Slack')).toEqual(['update']);
    await setManager(joe, '');
    expect([managerAtSlack('joe'), await world.writes('Slack')]).toEqual([null, ['update', 'update']]);
    expect(await world.status('Slack', joe)).toMatchObject({ status: 'synced' });
  });

  it('is sent once the manager has an account, to direct reports alone', async () => {
    world.seed('Slack', { name: 'joe' });
    world.seed('Slack', { name: 'kim' });
    await start({ CREATE_USERS: false });
    const ann = await world.join('ann');
    const joe = await world.join('joe', ledBy({ value: ann }));
    await world.join('kim', ledBy({ value: joe }));
    expect([managerAtSlack('joe'), managerAtSlack('kim')]).toEqual([null, 'joe']);
    expect(await world.status('Slack', joe)).toMatchObject({ status: 'synced' });
    await world.forget();
    await world.configure('Slack', { CREATE_USERS: true });
    expect([managerAtSlack('joe'), await world.writes('Slack')]).toEqual(['ann', ['create', 'update']]);
  });

  it('stays when the manager leaves, and is another account when the manager gets one', async () => {
    await start({ DRIFT_MODE: 'Repair', BRAKE_PERCENT: 100 });
    const ann = await world.join('ann');
    const joe = await world.join('joe', ledBy({ value: ann }));
    const before = slackUser('ann')?.id ?? '';
    await world.forget();
    await world.setActive(ann, false);
    await sync('Slack');
    expect([managerAtSlack('joe'), await world.writes('Slack')]).toEqual(['ann', ['disable']]);
    const kim = await world.join('kim', ledBy({ value: ann }));
    expect(managerAtSlack('kim')).toBeNull();
    expect(await world.status('Slack', kim)).toMatchObject({ status: 'synced' });
    await world.forget();
    await world.setActive(ann, true);
    expect(managerAtSlack('kim')).toBe('ann');
    expect(await world.writes('Slack')).toEqual(['enable', 'update']);
    world.slack.workspace.users.delete(before);
    await sync('Slack', { repair: true });
    const after = slackUser('ann')?.id;
    expect(after).not.toBe(before);
    expect(['joe', 'kim'].map((name) => slackUser(name)?.managerId)).toEqual([after, after]);
    await world.forget();
    await sync('Slack');
    expect(await world.writes('Slack')).toEqual([]);
    await world.remove(`/Users/${ann}`);
    expect(await world.status('Slack', joe)).toMatchObject({ status: 'synced' });
    expect(await world.writes('Slack')).toEqual(['disable']);
  });

  it('is nobody in a loop, and whoever is no user of the connection', async () => {
    await start();
    const ann = await world.join('ann', { externalId: 'a-1' });
    const bob = await world.join('bob', ledBy({ value: ann }));
    const joe = await world.join('joe', ledBy('a-1'));
    const kim = await world.join('kim', ledBy({ value: mail('ann') }));
    const lea = await world.join('lea', ledBy({ value: '3f0e6f0a-7c1e-4a63-9d6f-0d7a4c1f2b11' }));
    const max = await world.join('max');
    await setManager(max, max);
    await world.forget();
    await setManager(ann, bob);
    for (const id of [ann, bob, joe, kim, lea, max])
      expect(await world.status('Slack', id)).toMatchObject({ status: 'synced' });
    const shown = ['ann', 'bob', 'joe', 'kim', 'lea', 'max'].map(managerAtSlack);
    // Bob's was there before the loop was.
    expect(shown).toEqual([null, 'ann', null, null, null, null]);
    expect(await world.writes('Slack')).toEqual([]);
    await setManager(ann, '');
    await setManager(bob, max);
    await setManager(ann, bob);
    expect([managerAtSlack('ann'), managerAtSlack('bob')]).toEqual(['bob', 'max']);
    expect(await world.writes('Slack')).toEqual(['update', 'update']);
    expect(await world.bridge.db('tasks')).toEqual([]);
  });

  async function includeEngineers() {
    const storeId = world.id('Slack');
    const engineers = { populationExpression: 'title eq "Engineer"', active: true };
    await world.bridge.admin('POST', '/propagation/rules', { name: 'engineers', storeId, ...engineers });
    await world.settled();
  }

  it('is nobody where the manager is out of scope', async () => {
    await start();
    await includeEngineers();
    const ann = await world.join('ann', { title: 'Head' });
    const joe = await world.join('joe', { title: 'Engineer', ...ledBy({ value: ann }) });
    expect([slackUser('ann'), managerAtSlack('joe')]).toEqual([undefined, null]);
    await world.forget();
    await world.patch(`/Users/${ann}`, { op: 'replace', path: 'title', value: 'Engineer' });
    expect([managerAtSlack('joe'), await world.writes('Slack')]).toEqual(['ann', ['create', 'update']]);
    expect(await world.status('Slack', joe)).toMatchObject({ status: 'synced' });
  });

  it('is put back where somebody changed it there, and sent once where Slack does not take it', async () => {
    await start({ DRIFT_MODE: 'Repair' });
    const ann = await world.join('ann');
    const joe = await world.join('joe', ledBy({ value: ann }));
    await sync('Slack');
    const account = slackUser('joe');
    if (account) account.managerId = account.id;
    await world.forget();
    const report = await world.preview('Slack');
    expect(report.summary).toMatchObject({ update: 1 });
    await sync('Slack', { repair: true });
    expect([managerAtSlack('joe'), await world.writes('Slack')]).toEqual(['ann', ['update']]);
    world.slack.workspace.manners.ignores.add('manager');
    const bob = await world.join('bob');
    await world.forget();
    await setManager(joe, bob);
    await sync('Slack');
    await sync('Slack');
    expect(await world.writes('Slack')).toEqual(['update']);
    expect(await world.status('Slack', joe)).toMatchObject({
      status: 'partiallySynced',
      reason: expect.stringContaining('has a manager that was not accepted by Slack'),
    });
  });

  it('leaves nothing behind where Slack does not know the manager', async () => {
    await start();
    await map('Slack', [
      ...MANAGER,
      { targetAttribute: 'department', sourceAttribute: 'enterprise.department' },
    ]);
    const ann = await world.join('ann');
    world.slack.workspace.users.delete(slackUser('ann')?.id ?? '');
    const joe = await world.join('joe', { [ENTERPRISE]: { department: 'R&D', manager: { value: ann } } });
    expect(slackUser('joe')).toMatchObject({ enterprise: { department: 'R&D' }, managerId: null });
    expect(await world.status('Slack', joe)).toMatchObject({
      status: 'partiallySynced',
      reason: expect.stringContaining('improper_enterprise_schema_format'),
    });
  });

  it('follows another mapping of the connection, and says what a mapping would change', async () => {
    await world.add('Slack');
    const ann = await world.join('ann');
    await world.join('joe', ledBy({ value: ann }));
    const proposed = await world.store('Slack', 'PUT', '/mappings?preview=true', { mappings: MANAGER });
    expect(proposed.body.impact.summary).toMatchObject({ update: 1 });
    const connections = await world.bridge.admin('GET', '/connections');
    const path = `/connections/${connections.body._embedded.connections[0].id}/scim-configuration`;
    const inbound = (scim: string | null) =>
      world.bridge.admin('PUT', path, { mapping: [{ attribute: 'enterprise.manager', scim }] });
    expect((await inbound(null)).status).toBe(200);
    await map('Slack', MANAGER);
    expect(managerAtSlack('joe')).toBeNull();
    expect((await inbound(`${ENTERPRISE}:manager`)).status).toBe(200);
    await world.settled();
    expect(managerAtSlack('joe')).toBe('ann');
  });
});

describe('elsewhere', () => {
  beforeEach(async () => {
    world = await startWorld();
  });

  it('the name of the manager goes to GitLab, and follows a new one', async () => {
    await world.add('GitLabSelfManaged');
    const note = [{ targetAttribute: 'note', sourceAttribute: 'enterprise.manager.displayName' }];
    expect((await map('GitLabSelfManaged', note)).status).toBe(200);
    const ann = await world.join('ann');
    const joe = await world.join('joe', ledBy({ value: ann }));
    await world.forget();
    const noted = () =>
      [...world.gitlab.state.users.values()].find(({ email }) => email === mail('joe'))?.profile.note;
    expect(noted()).toBe('ann Doe');
    await world.patch(`/Users/${ann}`, { op: 'replace', path: 'displayName', value: 'Ann Roe' });
    expect([noted(), await world.writes('GitLabSelfManaged')]).toEqual(['Ann Roe', ['update', 'update']]);
    await world.setActive(ann, false);
    await world.patch(`/Users/${ann}`, { op: 'replace', path: 'displayName', value: 'Ann Poe' });
    await sync('GitLabSelfManaged');
    expect(noted()).toBe('Ann Roe');
    await world.setActive(ann, true);
    expect(noted()).toBe('Ann Poe');
    await setManager(joe, '');
    expect(noted()).toBe('');
  });

  it('a Demo store has it, and a directory that is pulled knows managers', async () => {
    await world.add('Demo', { BRAKE_PERCENT: 100 });
    await map('Demo', MANAGER);
    const demo = await Pulled.make(world.bridge, { name: 'Company', strategy: 'demo' });
    await demo.activate();
    await world.settled();
    const led = async () => {
      const users = await world.bridge.db('users').where({ active: true }).whereNull('deleted_at');
      const accounts = await listDemoAccounts(world.bridge.db, world.id('Demo'), null, 100);
      const accountOf = (userName: string | undefined) =>
        accounts.find(({ identifierLower }) => identifierLower === userName);
      return users.flatMap(({ user_name: userName, manager_id: managerId }) => {
        const wanted = accountOf(users.find(({ id }) => id === managerId)?.user_name)?.id;
        return wanted ? [{ userName, wanted, shown: accountOf(userName)?.attributes.manager }] : [];
      });
    };
    const before = await led();
    expect(before).toHaveLength(59);
    expect(before.filter(({ shown, wanted }) => shown !== wanted)).toEqual([]);
    await world.forget();
    await demo.sync();
    await sync('Demo');
    expect(await world.writes('Demo')).toEqual([]);
    await demo.sync({ day: 4 });
    await world.settled();
    expect((await led()).filter(({ shown, wanted }) => shown !== wanted)).toEqual([]);
  });

  it('is refused where no such attribute is, or where something else would feed it', async () => {
    await world.add('Slack');
    await world.add('GitLabSelfManaged');
    const refusal = async (type: StoreType, targetAttribute: string, sourceAttribute: string) => {
      const { status, body } = await map(type, [{ targetAttribute, sourceAttribute }]);
      return [status, body.errors?.[0]?.detail];
    };
    expect(await refusal('GitLabSelfManaged', 'manager', 'enterprise.manager')).toEqual([
      400,
      expect.stringContaining('GitLabSelfManaged has no attribute manager; there are'),
    ]);
    expect(await refusal('Slack', 'manager', 'primaryEmail')).toEqual([
      400,
      'manager is the id of an account there, which the bridge finds: only enterprise.manager can feed it',
    ]);
    expect(await refusal('Slack', 'userName', 'enterprise.manager.userName')).toEqual([
      400,
      expect.stringContaining('found or signed in to by'),
    ]);
  });
});
