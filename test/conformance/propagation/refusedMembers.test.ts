/**
 * A member whom the vendor does not take keeps nobody else out, is found in as few calls as halving needs, and is told:
 * in the group's status, and in the person's own.
 */

import { movableClock } from '../../bridge.ts';
import { PLAYED } from '../../database.ts';
import { mail, startWorld, untilSyncState, type World } from './world.ts';

let world: World;
afterEach(() => world.stop());

const HOUR_MS = 60 * 60_000;
const add = (...ids: readonly string[]) => ({
  op: 'add',
  path: 'members',
  value: ids.map((value) => ({ value })),
});
const patches = () =>
  world.slack.requests.filter(({ method, path }) => method === 'PATCH' && path.includes('/Groups/'));

async function groupStatus(type: 'Slack' | 'GitLabSelfManaged', id: string) {
  const row = await world.bridge
    .db('sync_statuses')
    .where({ store_id: world.id(type), kind: 'group', subject_id: id })
    .first('status', 'reason');
  return row as { status: string; reason: string | null };
}

function makeGuest(name: string, isGuest: boolean): void {
  for (const user of world.slack.users.values())
    if (user.emails.some(({ value }) => value === mail(name))) user.isGuest = isGuest;
}

async function crew(names: readonly string[]): Promise<string[]> {
  const ids: string[] = [];
  for (const name of names) ids.push(await world.join(name));
  return ids;
}

describe.each(PLAYED)('at Slack, on %s', (dialect) => {
  const clock = movableClock();
  beforeEach(async () => {
    world = await startWorld(dialect, clock);
    await world.add('Slack');
  });

  it('lets one of four keep nobody out, says so of both, and asks again an hour later or at a sync', async () => {
    const ids = await crew(['ann', 'bob', 'cyd', 'dan', 'eve']);
    const group = await world.group('pilots');
    makeGuest('cyd', true);
    await world.forget();
    await world.patch(`/Groups/${group}`, add(...ids.slice(0, 4)));
    expect(await world.members('Slack', 'pilots')).toEqual(['ann', 'bob', 'dan']);
    // The four, two and two, and one by one.
    expect(patches().length).toBeLessThanOrEqual(5);
    expect(await groupStatus('Slack', group)).toMatchObject({
      status: 'partiallySynced',
      reason: expect.stringContaining('guests'),
    });
    for (const [n, status] of (['synced', 'synced', 'partiallySynced', 'synced'] as const).entries())
      expect(await world.status('Slack', ids[n] as string)).toMatchObject({ status });
    expect(await world.status('Slack', ids[2] as string)).toMatchObject({
      reason: expect.stringMatching(/^cyd.* could not be added to pilots: .*guests/),
    });

    await world.forget();
    await world.patch(`/Groups/${group}`, add(ids[4] as string));
    expect(patches()).toHaveLength(1);
    expect(await groupStatus('Slack', group)).toMatchObject({ status: 'partiallySynced' });
    clock.advance(2 * HOUR_MS);
    await world.patch(`/Groups/${group}`, { op: 'replace', path: 'displayName', value: 'pilots2' });
    expect(await groupStatus('Slack', group)).toMatchObject({ status: 'partiallySynced' });

    makeGuest('cyd', false);
    await world.store('Slack', 'POST', '/sync');
    await world.settled();
    expect(await world.members('Slack', 'pilots2')).toEqual(['ann', 'bob', 'cyd', 'dan', 'eve']);
    expect(await groupStatus('Slack', group)).toEqual({ status: 'synced', reason: null });
    expect(await world.status('Slack', ids[2] as string)).toMatchObject({ status: 'synced' });
  });
});

describe('at Slack', () => {
  beforeEach(async () => {
    world = await startWorld();
    await world.add('Slack');
  });

  it.each([
    [400, 'group_member_max_exceeded'],
    [400, 'idp_group_linked_to_channels'],
    [403, 'permission_denied'],
  ])('takes out who is to go, although nobody may come in (%d %s)', async (status, detail) => {
    const [lea = '', kim = '', max = ''] = await crew(['lea', 'kim', 'max']);
    const group = await world.group('pilots', [lea]);
    const schemas = ['urn:ietf:params:scim:api:messages:2.0:Error'];
    world.slack.faults.inject({
      fault: { kind: 'answer', answer: { status, body: { schemas, detail, status } } },
      matches: ({ method, path, body }) =>
        method === 'PATCH' && path.includes('/Groups/') && JSON.stringify(body).includes('"add"'),
      times: Number.POSITIVE_INFINITY,
    });
    await world.patch(
      `/Groups/${group}`,
      { op: 'remove', path: `members[value eq "${lea}"]` },
      add(kim, max),
    );
    expect(await world.members('Slack', 'pilots')).toEqual([]);
    const reason = expect.stringContaining(detail);
    expect(await groupStatus('Slack', group)).toEqual({ status: 'partiallySynced', reason });
    expect(await world.status('Slack', kim)).toMatchObject({ status: 'partiallySynced', reason });
  });

  it('says nothing any more of somebody who is not wanted there any more', async () => {
    const [ann = '', bob = ''] = await crew(['ann', 'bob']);
    makeGuest('bob', true);
    const group = await world.group('pilots', [ann, bob]);
    expect(await world.status('Slack', bob)).toMatchObject({ status: 'partiallySynced' });
    await world.patch(`/Groups/${group}`, { op: 'remove', path: `members[value eq "${bob}"]` });
    expect(await world.status('Slack', bob)).toMatchObject({ status: 'synced' });
    expect(await groupStatus('Slack', group)).toEqual({ status: 'synced', reason: null });
  });

  it('halves a batch that is too large (413), whoever says so', async () => {
    const names = Array.from({ length: 11 }, (_, n) => `p${n}`);
    const ids = await crew(names);
    const group = await world.group('pilots');
    await world.forget();
    world.slack.faults.inject({
      fault: {
        kind: 'answer',
        answer: { status: 413, headers: { 'content-type': 'text/html' }, body: '<h1>413' },
      },
      matches: ({ method, path, body }) =>
        method === 'PATCH' && path.includes('/Groups/') && JSON.stringify(body).split('"value":"').length > 4,
      times: Number.POSITIVE_INFINITY,
    });
    await world.patch(`/Groups/${group}`, add(...ids));
    expect(await world.members('Slack', 'pilots')).toEqual([...names].sort());
    expect(await groupStatus('Slack', group)).toEqual({ status: 'synced', reason: null });
    for (const id of ids) expect(await world.status('Slack', id)).toMatchObject({ status: 'synced' });
  });
});

it('finds every one of many guests, and leaves out nobody else', async () => {
  world = await startWorld();
  await world.add('Slack');
  const names = Array.from({ length: 16 }, (_, n) => `p${n}`);
  const ids = await Promise.all(
    names.map(
      async (name) =>
        (
          await world.bridge.scim('POST', '/Users', {
            schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
            userName: mail(name),
            emails: [{ value: mail(name), primary: true }],
            active: true,
          })
        ).body.id as string,
    ),
  );
  await world.settled();
  const guests = names.filter((_, n) => n % 2 === 0);
  for (const name of guests) makeGuest(name, true);
  const group = await world.group('pilots', ids);
  expect(await world.members('Slack', 'pilots')).toEqual(
    names.filter((name) => !guests.includes(name)).sort(),
  );
  const { partiallySyncedCount } = await world.syncStatus('Slack');
  expect(partiallySyncedCount).toBeGreaterThanOrEqual(guests.length);
  expect(await groupStatus('Slack', group)).toMatchObject({ status: 'partiallySynced' });
});

it.each(PLAYED)('at GitLab, on %s, the same', async (dialect) => {
  world = await startWorld(dialect);
  const type = 'GitLabSelfManaged';
  await world.add(type, { GROUP_PROVISIONING: 'Create' });
  const [ann = '', bob = ''] = await crew(['ann', 'bob']);
  const group = await world.group('pilots');
  const { id } = (await world.account(type, 'bob')) ?? {};
  const refusal = { status: 400, body: { message: { base: ['Bob is not allowed here'] } } };
  world.gitlab.faults.inject({
    fault: { kind: 'answer', answer: refusal },
    matches: ({ method, path, body }) =>
      method === 'POST' && path.endsWith('/members') && JSON.stringify(body).includes(`${id}`),
    times: 1,
  });
  await world.patch(`/Groups/${group}`, add(ann, bob));
  expect(await world.members(type, 'pilots')).toEqual(['ann']);
  expect(await world.status(type, ann)).toMatchObject({ status: 'synced' });
  expect(await world.status(type, bob)).toMatchObject({
    status: 'partiallySynced',
    reason: expect.stringMatching(/could not be added to pilots: .*not allowed here/),
  });
  await world.store(type, 'POST', '/sync');
  await world.settled();
  expect(await world.members(type, 'pilots')).toEqual(['ann', 'bob']);
  expect(await world.status(type, bob)).toMatchObject({ status: 'synced' });
});

it('takes a 403 for three members in a row for a sign that the credential is bad', async () => {
  world = await startWorld();
  const type = 'GitLabSelfManaged';
  await world.add(type, { GROUP_PROVISIONING: 'Create' });
  const ids = await crew(['ann', 'bob', 'cyd']);
  const group = await world.group('pilots');
  const root = [...world.gitlab.state.users.values()].find(({ username }) => username === 'root');
  if (root) root.isAdmin = false;
  world.gitlab.faults.inject({
    fault: { kind: 'answer', answer: { status: 403, body: { message: '403 Forbidden' } } },
    matches: ({ method, path }) => method === 'POST' && path.endsWith('/members'),
    times: Number.POSITIVE_INFINITY,
  });
  await world.bridge.scim('PATCH', `/Groups/${group}`, {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
    Operations: [add(...ids)],
  });
  await untilSyncState(world, type, 'PAUSED');
  for (const id of ids) expect(await world.status(type, id)).toMatchObject({ status: 'synced' });
  if (root) root.isAdmin = true;
  world.gitlab.faults.clear();
  await world.store(type, 'POST', '/resume', {});
  await world.settled();
  expect(await world.members(type, 'pilots')).toEqual(['ann', 'bob', 'cyd']);
});
