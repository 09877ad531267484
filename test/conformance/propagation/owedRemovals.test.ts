/**
 * Somebody is to lose a membership, or an account, and the vendor says no, or that there is nothing to take. It is
 * owed until the vendor took it or shows that it is not there: it is said, tried again, and taken in the end.
 */

import { isoTime } from '../../../src/support/clock.ts';
import { eventually, movableClock, patch } from '../../bridge.ts';
import { PLAYED } from '../../database.ts';
import { startWorld, type VENDORS, type World } from './world.ts';

type Vendor = (typeof VENDORS)[number];
type Named = { readonly status: number; readonly body: unknown };

const clock = movableClock();
let world: World;
afterEach(() => world.stop());

const ERROR_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:Error';
const slack = (status: number, detail: string): Named => ({
  status,
  body: { schemas: [ERROR_SCHEMA], detail, status },
});
const gitlab = (status: number, message: string): Named => ({ status, body: { message } });
const page = (status: number) => ({
  status,
  headers: { 'content-type': 'text/html' },
  body: '<!doctype html><h1>No</h1>',
});

const server = (type: Vendor) => (type === 'Slack' ? world.slack : world.gitlab);

const takesMember = ({ method, path, body }: { method: string; path: string; body: unknown }) =>
  (method === 'DELETE' && path.includes('/members/')) ||
  (method === 'PATCH' && path.includes('/Groups/') && JSON.stringify(body).includes('"remove"'));
const endsAccess = ({ method, path }: { method: string; path: string }) =>
  (method === 'DELETE' && path.includes('/Users/')) || (method === 'POST' && path.endsWith('/block'));

function refuse(type: Vendor, matches: typeof takesMember | typeof endsAccess, answer: Named): void {
  server(type).faults.inject({ fault: { kind: 'answer', answer }, matches, times: Number.POSITIVE_INFINITY });
}

const remove = (id: string) => ({ op: 'remove', path: `members[value eq "${id}"]` });

/** The time for the next try comes. */
async function later(): Promise<void> {
  const { db } = world.bridge;
  clock.advance(2 * 60 * 60_000);
  const now = isoTime(clock.now());
  await eventually(
    async () => ((await db('second_looks').where('at', '<=', now).first()) ? undefined : true),
    20_000,
  );
  await world.settled();
}

async function pair(type: Vendor, more = {}): Promise<{ ann: string; bob: string; group: string }> {
  await world.add(type, {
    ...(type === 'GitLabSelfManaged' ? { GROUP_PROVISIONING: 'Create' } : {}),
    ...more,
  });
  const [ann, bob] = [await world.join('ann'), await world.join('bob')];
  return { ann, bob, group: await world.group('pilots', [ann, bob]) };
}

describe.each([['Slack'], ['GitLabSelfManaged']] as const)(
  'a removal that something else than %s answers',
  (type) => {
    it('is said of the person until it is made', async () => {
      world = await startWorld('sqlite', clock);
      const { ann, bob, group } = await pair(type);
      refuse(type, takesMember, page(200));
      expect((await world.bridge.scim('PATCH', `/Groups/${group}`, patch(remove(ann)))).status).toBeLessThan(
        300,
      );
      const said = await eventually(async () => {
        const status = await world.status(type, ann);
        return status.status === 'partiallySynced' ? status : undefined;
      }, 10_000);
      expect(said.reason).toMatch(/^ann@acme.example could not be removed from pilots: .*not/);
      expect(await world.status(type, bob)).toMatchObject({ status: 'synced' });
      server(type).faults.clear();
      await world.store(type, 'POST', '/sync', {});
      await world.settled();
      expect(await world.members(type, 'pilots')).toEqual(['bob']);
      expect(await world.status(type, ann)).toMatchObject({ status: 'synced' });
      expect(await world.bridge.db('refused_memberships')).toEqual([]);
    });
  },
);

describe.each([
  ['Slack', slack(400, 'no_such_group_members')],
  ['Slack', slack(400, 'unknown_user')],
  ['Slack', slack(404, 'no_such_user')],
  ['Slack', slack(400, 'group_members_create_failed')],
  ['Slack', page(413)],
  ['Slack', page(414)],
  ['Slack', page(431)],
  ['GitLabSelfManaged', gitlab(404, '404 Not found')],
  ['GitLabSelfManaged', gitlab(403, '403 Forbidden')],
  ['GitLabSelfManaged', page(413)],
  ['GitLabSelfManaged', page(414)],
  ['GitLabSelfManaged', page(431)],
] as const)('a removal that %s answers with %j', (type, answer) => {
  beforeEach(async () => {
    world = await startWorld('sqlite', clock);
  });

  it('is said of the member, who stays, and is done once the vendor takes it', async () => {
    const { ann, bob, group } = await pair(type);
    refuse(type, takesMember, answer);
    await world.patch(`/Groups/${group}`, remove(ann));
    expect(await world.members(type, 'pilots')).toEqual(['ann', 'bob']);
    expect(await world.status(type, ann)).toMatchObject({
      status: 'partiallySynced',
      reason: expect.stringContaining('could not be removed from pilots'),
    });
    expect(await world.status(type, bob)).toMatchObject({ status: 'synced' });
    await later();
    expect(await world.status(type, ann)).toMatchObject({ status: 'partiallySynced' });
    server(type).faults.clear();
    await later();
    expect(await world.members(type, 'pilots')).toEqual(['bob']);
    expect(await world.status(type, ann)).toMatchObject({ status: 'synced' });
  });

  it('is done by the next sync', async () => {
    const { ann, group } = await pair(type);
    refuse(type, takesMember, answer);
    await world.patch(`/Groups/${group}`, remove(ann));
    server(type).faults.clear();
    await world.store(type, 'POST', '/sync', {});
    await world.settled();
    expect(await world.members(type, 'pilots')).toEqual(['bob']);
    expect(await world.status(type, ann)).toMatchObject({ status: 'synced' });
  });
});

it.each([
  ['Slack', slack(400, 'invalid_name')],
  ['GitLabSelfManaged', gitlab(400, '400 Bad request')],
  ['GitLabSelfManaged', page(414)],
] as const)('is done at %s although the new name of the group is refused (%j)', async (type, answer) => {
  world = await startWorld('sqlite', clock);
  const { ann, group } = await pair(type);
  server(type).faults.inject({
    fault: { kind: 'answer', answer },
    matches: ({ method, path, body }) =>
      /groups\/[^/]+$/i.test(path) && method !== 'GET' && JSON.stringify(body ?? '').includes('captains'),
    times: Number.POSITIVE_INFINITY,
  });
  const rename = { op: 'replace', path: 'displayName', value: 'captains' };
  await world.patch(`/Groups/${group}`, rename, remove(ann));
  expect(await world.members(type, 'pilots')).toEqual(['bob']);
  const { details } = await world.syncStatus(type);
  expect(details).toMatchObject([{ code: 'partiallySynced' }]);
});

it.each([400, 404])('believes Slack (%d) where it shows the member no more', async (status) => {
  world = await startWorld('sqlite', clock);
  const { ann, group } = await pair('Slack');
  const [shown] = world.slack.groups.values();
  const { id = '' } = (await world.account('Slack', 'ann')) ?? {};
  shown?.members.delete(id);
  refuse('Slack', takesMember, slack(status, status === 400 ? 'no_such_group_members' : 'no_such_user'));
  await world.forget();
  await world.patch(`/Groups/${group}`, remove(ann));
  expect(await world.status('Slack', ann)).toMatchObject({ status: 'synced' });
  const reads = world.slack.requests.filter(
    ({ method, path }) => method === 'GET' && path.includes('/Groups/'),
  );
  expect(reads).toHaveLength(1);
});

it.each([403, 405, 409, 410, 500, 502])(
  'takes no %d for the word that there is no such member',
  async (status) => {
    world = await startWorld('sqlite', clock);
    const { ann, group } = await pair('Slack');
    refuse('Slack', takesMember, slack(status, 'no_such_group_members'));
    await world.bridge.scim('PATCH', `/Groups/${group}`, {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
      Operations: [remove(ann)],
    });
    const { db } = world.bridge;
    await eventually(async () => (await db('tasks').whereNotNull('failed_at').first()) ?? undefined, 10_000);
    expect(await world.members('Slack', 'pilots')).toEqual(['ann', 'bob']);
    world.slack.faults.clear();
    await later();
    expect(await world.members('Slack', 'pilots')).toEqual(['bob']);
  },
);

it.each(PLAYED)('leaves no deactivated member in a group who comes back without it (%s)', async (dialect) => {
  world = await startWorld(dialect, clock);
  await world.add('Slack');
  world.slack.workspace.manners.keepsMemberships = true;
  const lea = await world.join('lea');
  await world.group('secret', [lea]);
  const { id = '' } = (await world.account('Slack', 'lea')) ?? {};
  const isShut = () => world.slack.users.get(id)?.active === false;
  world.slack.faults.inject({
    fault: { kind: 'answer', answer: slack(400, 'no_such_group_members') },
    matches: (request) => takesMember(request) && isShut(),
    times: Number.POSITIVE_INFINITY,
  });
  await world.remove(`/Users/${lea}`);
  const back = await world.join('lea');
  await world.settled();
  await later();
  expect(await world.account('Slack', 'lea')).toMatchObject({ enabled: true });
  expect(await world.members('Slack', 'secret')).toEqual([]);
  expect(await world.status('Slack', back)).toMatchObject({ status: 'synced' });
});

describe.each([
  ['Slack', slack(403, 'permission_denied')],
  ['Slack', slack(400, 'cannot_modify_owner')],
  ['Slack', slack(400, 'something_new')],
  ['Slack', page(414)],
  ['GitLabSelfManaged', gitlab(403, '403 Forbidden')],
  ['GitLabSelfManaged', gitlab(400, '400 Bad request')],
  ['GitLabSelfManaged', { status: 201, body: 'null' }],
  ['GitLabSelfManaged', page(431)],
] as const)('a disabling that %s answers with %j', (type, answer) => {
  it('stays open, is tried again, and is done in the end', async () => {
    world = await startWorld('sqlite', clock);
    await world.add(type);
    const ann = await world.join('ann');
    refuse(type, endsAccess, answer);
    await world.setActive(ann, false);
    for (let n = 0; n < 3; n++) {
      const openLeavers = (await world.syncStatus(type)).openLeavers as { task: string | null }[];
      expect(openLeavers).toMatchObject([{ subject: { display: expect.stringContaining('ann') } }]);
      expect(openLeavers[0]?.task).not.toBe('parked');
      expect(await world.account(type, 'ann')).toMatchObject({ enabled: true });
      await later();
    }
    server(type).faults.clear();
    await later();
    expect(await world.account(type, 'ann')).toMatchObject({ enabled: false });
    expect((await world.syncStatus(type)).openLeavers).toEqual([]);
    expect(await world.status(type, ann)).toMatchObject({ status: 'synced' });
  });
});
