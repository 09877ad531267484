/**
 * Who comes back, or is given the account of somebody who left, has the memberships that the directory wants and no
 * others: whether the vendor drops those of a deactivated account or keeps them, since nobody says which.
 */

import type { Dialect } from '../../../src/db/open.ts';
import { person } from '../../bridge.ts';
import { PLAYED } from '../../database.ts';
import { mail, type StoreType, startWorld, type World } from './world.ts';

const CASES = PLAYED.flatMap((dialect) =>
  (
    [
      ['Slack', 'keeps'],
      ['Slack', 'drops'],
      ['GitLabSelfManaged', 'keeps'],
      ['Demo', 'keeps'],
    ] as const
  ).map(([type, does]) => [dialect, type, does] as const),
);

describe.each(CASES)('on %s, of %s, which %s memberships', (dialect: Dialect, type: StoreType, does) => {
  let world: World;
  beforeEach(async () => {
    world = await startWorld(dialect);
    world.slack.workspace.manners.keepsMemberships = does === 'keeps';
  });
  afterEach(() => world.stop());

  const add = (id: string) => ({ op: 'add', path: 'members', value: [{ value: id }] });

  it('takes what nobody wants from an account before it is enabled again', async () => {
    await world.add(type, { GROUP_PROVISIONING: 'Create' });
    const jane = await world.join('jane');
    await world.group('secret', [jane]);
    const team = await world.group('team', [jane]);
    await world.remove(`/Users/${jane}`);
    await world.forget();
    const back = await world.join('jane');
    await world.patch(`/Groups/${team}`, add(back));
    expect(await world.members(type, 'secret')).toEqual([]);
    expect(await world.members(type, 'team')).toEqual(['jane']);
    const writes = await world.writes(type);
    expect(writes.indexOf('revoke')).toBeLessThan(writes.indexOf('enable'));
    expect(writes.indexOf('revoke')).toBeGreaterThanOrEqual(0);
    expect(await world.status(type, back)).toMatchObject({ status: 'synced' });
  });

  it('enables an account whose other changes, and whose memberships, wait for a decision', async () => {
    await world.add(type, { GROUP_PROVISIONING: 'Create', BRAKE_MIN: 1, BRAKE_PERCENT: 1 });
    const [jane, joe] = [await world.join('jane'), await world.join('joe')];
    await world.group('secret', [jane]);
    await world.remove(`/Users/${jane}`);
    await world.setActive(joe, false);
    expect(await world.status(type, joe)).toMatchObject({ status: 'held' });
    const account = await world.account(type, 'jane');
    const emails = [{ value: mail('married'), type: 'work', primary: true }];
    const { id: back } = (await world.bridge.scim('POST', '/Users', { ...person('jane'), emails })).body;
    await world.settled();
    expect(await world.status(type, back)).toMatchObject({ status: 'held' });
    expect(await world.account(type, 'jane')).toMatchObject({ enabled: true, id: account?.id });
  });

  it('has on return all that the directory wants, with no more calls than are needed', async () => {
    await world.add(type, { GROUP_PROVISIONING: 'Create' });
    const jane = await world.join('jane');
    await world.group('team', [jane]);
    await world.setActive(jane, false);
    await world.forget();
    await world.setActive(jane, true);
    expect(await world.members(type, 'team')).toEqual(['jane']);
    expect(await world.writes(type)).toEqual(type === 'Slack' ? ['enable', 'grant'] : ['enable']);
  });

  it('takes what nobody wants from an account that an admin gives to somebody else', async () => {
    await world.add(type, { GROUP_PROVISIONING: 'Create' });
    const jane = await world.join('jane');
    await world.group('secret', [jane]);
    await world.remove(`/Users/${jane}`);
    await world.configure(type, { GROUP_PROVISIONING: 'Create', CREATE_USERS: false });
    const hire = await world.join('hire');
    const { body } = await world.store(type, 'GET', '/links?kind=user');
    const [link] = body._embedded.links;
    await world.forget();
    const subject = { kind: 'user', id: hire };
    const linked = await world.store(type, 'POST', '/links', { subject, remoteId: link.remoteId });
    expect(linked.status).toBe(201);
    await world.settled();
    expect(await world.link(type, jane)).toBeNull();
    expect(await world.members(type, 'secret')).toEqual([]);
    expect(await world.account(type, 'hire')).toMatchObject({ enabled: true, id: link.remoteId });
    const writes = await world.writes(type);
    expect(writes.indexOf('revoke')).toBeLessThan(writes.indexOf('enable'));
  });

  it('leaves the memberships of an account that an admin unlinked', async () => {
    await world.add(type, { GROUP_PROVISIONING: 'Create' });
    const jane = await world.join('jane');
    const team = await world.group('team', [jane]);
    const { body } = await world.store(type, 'GET', '/links?kind=user');
    for (const { id } of body._embedded.links) await world.store(type, 'DELETE', `/links/${id}`);
    await world.patch(`/Groups/${team}`, { op: 'remove', path: `members[value eq "${jane}"]` });
    expect(await world.members(type, 'team')).toEqual(['jane']);
  });
});

it('goes on where the vendor takes nothing from a deactivated account, and takes it afterwards', async () => {
  const world = await startWorld();
  try {
    world.slack.workspace.manners.keepsMemberships = true;
    await world.add('Slack', { GROUP_PROVISIONING: 'Create' });
    const jane = await world.join('jane');
    await world.group('secret', [jane]);
    await world.remove(`/Users/${jane}`);
    world.slack.faults.inject({
      matches: ({ method, path }) => method === 'PATCH' && path.includes('/Groups/'),
      fault: {
        kind: 'answer',
        answer: {
          status: 400,
          body: {
            schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
            detail: 'unable_to_add_deleted_or_guest_to_group',
            status: 400,
          },
        },
      },
    });
    const back = await world.join('jane');
    expect(await world.members('Slack', 'secret')).toEqual([]);
    expect(await world.account('Slack', 'jane')).toMatchObject({ enabled: true });
    expect(await world.status('Slack', back)).toMatchObject({ status: 'synced' });
  } finally {
    await world.stop();
  }
});
