/** Users and groups of the directory as the admin API shows them, and their timeline. */

import { appendEvent } from '../../../src/db/events.ts';
import { addMembers } from '../../../src/db/identity/groupMembers.ts';
import { insertGroup } from '../../../src/db/identity/groups.ts';
import { insertUser, softDeleteUser, type UserRecord } from '../../../src/db/identity/users.ts';
import { ENTERPRISE_URN } from '../../../src/directory/query/attributes.ts';
import { SYSTEM } from '../../../src/model/cause.ts';
import { onEachDatabase } from '../../database.ts';
import { PUBLIC_URL, startTestBridge, type TestBridge } from './bridge.ts';

const env = '/v1/environments/default';
const at = (second: number) => `2026-01-01T00:00:0${second}.000Z`;

onEachDatabase((open) => {
  let bridge: TestBridge;
  let ada: UserRecord;
  const ask: TestBridge['ask'] = (...args) => bridge.ask(...args);

  async function addUser(
    id: string,
    connectionId: string,
    resource: Record<string, unknown>,
    second: number,
  ) {
    const createdAt = at(second);
    const owner = { environmentId: 'default', connectionId, personId: `person-${id}` };
    await bridge.db('persons').insert({
      id: owner.personId,
      environment_id: 'default',
      created_at: createdAt,
    });
    return insertUser(bridge.db, { id, ...owner, resource, createdAt });
  }

  beforeAll(async () => {
    bridge = await startTestBridge(await open());
    const [connection] = (await ask('GET', `${env}/connections`)).body._embedded.connections;
    const emails = [{ value: 'ada@example.com', primary: true }];
    const resource = { userName: 'Ada', active: true, emails, [ENTERPRISE_URN]: { department: 'R&D' } };
    ada = await addUser('ada', connection.id, resource, 1);
    await addUser('bob', connection.id, { userName: 'bob', active: false }, 2);
    const gone = await addUser('gone', connection.id, { userName: 'gone' }, 3);
    await softDeleteUser(bridge.db, gone, at(4));
    const group = { id: 'devs', environmentId: 'default', connectionId: connection.id };
    await insertGroup(bridge.db, { ...group, resource: { displayName: 'Devs' }, createdAt: at(5) });
    await addMembers(bridge.db, 'devs', ['ada'], at(5));
    await appendEvent(bridge.db, at(6), {
      environmentId: 'default',
      cause: { correlationId: 'c', actor: SYSTEM },
      kind: 'user.created',
      subject: { kind: 'user', id: ada.personId },
      outcome: 'success',
    });
  });

  afterAll(() => bridge.stop());

  async function names(query: string): Promise<readonly string[]> {
    const answer = await ask('GET', `${env}/users${query}`);
    expect(answer.status).toBe(200);
    return answer.body._embedded.users.map((user: { id: string }) => user.id);
  }

  it('counts at a connection what it brought and still has', async () => {
    const path = `${env}/connections/${ada.connectionId}`;
    const counts = { users: 2, active: 1, groups: 1, attributes: 0 };
    expect((await ask('GET', path)).body.counts).toEqual(counts);
    expect((await ask('GET', `${env}/connections`)).body._embedded.connections[0].counts).toEqual(counts);
  });

  it('shows a user in the shape of SCIM, with person and connection', async () => {
    const { status, body } = await ask('GET', `${env}/users/ada`);
    expect(status).toBe(200);
    expect(body).toEqual({
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:User', ENTERPRISE_URN],
      id: 'ada',
      userName: 'Ada',
      active: true,
      emails: [{ value: 'ada@example.com', primary: true }],
      [ENTERPRISE_URN]: { department: 'R&D' },
      groups: [{ value: 'devs', display: 'Devs' }],
      meta: { resourceType: 'User', created: at(1), lastModified: at(1), version: 'W/"1"' },
      person: { id: 'person-ada', display: 'Ada' },
      connectionId: ada.connectionId,
      _links: {
        self: { href: `${PUBLIC_URL}${env}/users/ada` },
        syncStatus: { href: `${PUBLIC_URL}${env}/users/ada/syncStatus` },
        timeline: { href: `${PUBLIC_URL}${env}/users/ada/timeline` },
      },
    });
  });

  it.each([
    ['', ['ada', 'bob']],
    [`?filter=${encodeURIComponent('userName eq "ADA"')}`, ['ada']],
    [`?filter=${encodeURIComponent('active eq false')}`, ['bob']],
    [`?filter=${encodeURIComponent('emails[value co "example"]')}`, ['ada']],
    [`?filter=${encodeURIComponent('userName eq "nobody"')}`, []],
  ])('lists the living users%s as %j', async (query, expected) => {
    expect(await names(query)).toEqual(expected);
  });

  it('counts and pages under a filter', async () => {
    const query = `?limit=1&filter=${encodeURIComponent('userName pr')}`;
    const first = (await ask('GET', `${env}/users${query}`)).body;
    expect([first.count, first.size, first._embedded.users[0].id]).toEqual([2, 1, 'ada']);
    const second = (await ask('GET', first._links.next.href.slice(PUBLIC_URL.length))).body;
    expect([second.count, second.size, second._embedded.users[0].id]).toEqual([2, 1, 'bob']);
    expect(second._links.next).toBeUndefined();
  });

  it('refuses a filter that it does not understand', async () => {
    const refused = await ask('GET', `${env}/users?filter=${encodeURIComponent('userName is "x"')}`);
    expect(refused.status).toBe(400);
    expect(refused.body.errors[0].pointer).toBe('/filter');
    expect((await ask('GET', `${env}/users?userName=x`)).status).toBe(400);
  });

  it('shows groups, and the members of one', async () => {
    const list = (await ask('GET', `${env}/groups?filter=${encodeURIComponent('displayName eq "devs"')}`))
      .body;
    expect(list.count).toBe(1);
    expect(list._embedded.groups[0]).toMatchObject({ id: 'devs', displayName: 'Devs' });
    const one = (await ask('GET', `${env}/groups/devs`)).body;
    expect(one.members).toEqual([{ value: 'ada', display: 'Ada' }]);
    expect(one.schemas).toEqual(['urn:ietf:params:scim:schemas:core:2.0:Group']);
  });

  it('tells what happened to a user, by the id of the user or the person', async () => {
    const timeline = (await ask('GET', `${env}/users/ada/timeline`)).body;
    expect(timeline._embedded.events.map((event: { kind: string }) => event.kind)).toEqual(['user.created']);
    for (const id of ['ada', 'person-ada']) {
      expect((await ask('GET', `${env}/events?subjectId=${id}`)).body.count).toBe(1);
    }
  });

  it('tells of the deleted too, and finds a living user by the id of the person', async () => {
    expect((await ask('GET', `${env}/users/person-ada`)).body.id).toBe('ada');
    for (const id of ['gone', 'person-gone']) {
      const timeline = await ask('GET', `${env}/users/${id}/timeline`);
      expect([timeline.status, timeline.body.count]).toEqual([200, 0]);
      const status = await ask('GET', `${env}/users/${id}/syncStatus`);
      expect([status.status, status.body._embedded.stores]).toEqual([200, []]);
    }
    expect((await ask('GET', `${env}/users/nobody/timeline`)).status).toBe(404);
  });

  it('is read only, and hides the deleted and the foreign', async () => {
    expect((await ask('POST', `${env}/users`, { body: {} })).status).toBe(405);
    expect((await ask('DELETE', `${env}/groups/devs`)).status).toBe(405);
    expect((await ask('GET', `${env}/users/gone`)).status).toBe(404);
    const other = (await ask('POST', '/v1/environments', { body: { name: 'other' } })).body.id;
    for (const path of ['users/ada', 'users/ada/timeline', 'groups/devs']) {
      expect((await ask('GET', `/v1/environments/${other}/${path}`)).status).toBe(404);
    }
    expect((await ask('GET', `/v1/environments/${other}/users`)).body.count).toBe(0);
  });
});
