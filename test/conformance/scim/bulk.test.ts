/** Bulk (RFC 7644 §3.7). */

import { BULK_OPERATIONS_MAX } from '../../../src/scim/request/limits.ts';
import { onEachDatabase } from '../../database.ts';
import {
  BASE,
  type Client,
  type EndpointUnderTest,
  expectScimError,
  someone,
  startEndpoint,
} from './endpoint.ts';

const REQUEST = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest';

onEachDatabase((open) => {
  let endpoint: EndpointUnderTest;
  let idp: Client;

  beforeAll(async () => {
    endpoint = await startEndpoint(await open());
  });
  beforeEach(async () => {
    idp = await endpoint.connect();
  });
  afterAll(() => endpoint.close());

  const bulk = (operations: readonly (object | null)[], more: object = {}) =>
    idp.post('/Bulk', { schemas: [REQUEST], ...more, Operations: operations });

  it('§3.7 makes, changes and deletes, and answers each with status, location and version', async () => {
    const { body: old } = await idp.post('/Users', someone('old'));
    const reply = await bulk([
      { method: 'POST', path: '/Users', bulkId: 'ann', data: someone('ann') },
      {
        method: 'patch',
        path: `/Users/${old.id}`,
        data: { Operations: [{ op: 'replace', value: { title: 'x' } }] },
      },
      { method: 'PUT', path: `/Users/${old.id}`, version: 'W/"2"', data: someone('old') },
      { method: 'DELETE', path: `/Users/${old.id}`, version: 'W/"2"' },
      { method: 'DELETE', path: `/Users/${old.id}` },
    ]);
    expect(reply.status).toBe(200);
    expect(reply.body.schemas).toEqual(['urn:ietf:params:scim:api:messages:2.0:BulkResponse']);
    const [made, patched, put, stale, gone] = reply.body.Operations;
    const { body: ann } = await idp.get('/Users?filter=userName%20eq%20%22ann%22');
    expect(made).toEqual({
      method: 'POST',
      bulkId: 'ann',
      status: '201',
      version: 'W/"1"',
      location: `${BASE}/Users/${ann.Resources[0].id}`,
    });
    const location = `${BASE}/Users/${old.id}`;
    expect(patched).toEqual({ method: 'PATCH', status: '200', version: 'W/"2"', location });
    expect(put).toEqual({ method: 'PUT', status: '200', version: 'W/"3"', location });
    expect(stale).toMatchObject({ method: 'DELETE', status: '412', location, response: { status: '412' } });
    expect(gone).toEqual({ method: 'DELETE', status: '204', location });
  });

  it('§3.7 names the location of everything but what could not be made', async () => {
    const reply = await bulk([
      { method: 'POST', path: '/Groups', bulkId: 'g', data: { displayName: 'G' } },
      { method: 'PATCH', path: '/groups/bulkId:g', data: { Operations: [{ op: 'move' }] } },
      { method: 'PUT', path: '/Users/nobody', data: { userName: 'x' } },
      { method: 'POST', path: '/Users', bulkId: 'u', data: {} },
      { method: 'PUT', path: '/Users/nobody?attributes=id', data: { userName: 'x' } },
    ]);
    const [made, refused, nobody, unmade, odd] = reply.body.Operations;
    expect(refused).toMatchObject({ status: '400', location: made.location });
    expect(nobody).toMatchObject({ status: '404', location: `${BASE}/Users/nobody` });
    for (const none of [unmade, odd]) {
      expect(none.status).toBe('400');
      expect(none).not.toHaveProperty('location');
    }
  });

  it('§3.7 takes names of any case (RFC 7643 §2.1)', async () => {
    const operation = { Method: 'post', Path: '/users', BULKID: 'a', Data: someone('a') };
    const { body } = await idp.post('/Bulk', { operations: [operation], FailOnErrors: 1 });
    expect(body.Operations).toMatchObject([{ method: 'POST', bulkId: 'a', status: '201' }]);
  });

  it('§3.7 keeps the order, but for what a reference needs first', async () => {
    const edit = (op: string, bulkId: string) => ({
      Operations: [{ op, path: 'members', value: [{ value: `bulkId:${bulkId}` }] }],
    });
    const members = ['ann', 'bea'].map((bulkId) => ({ value: `bulkId:${bulkId}` }));
    const reply = await bulk([
      { method: 'POST', path: '/Groups', bulkId: 'g', data: { displayName: 'G', members } },
      { method: 'PATCH', path: '/Groups/bulkId:g', data: edit('remove', 'ann') },
      { method: 'POST', path: '/Users', bulkId: 'ann', data: someone('ann') },
      { method: 'DELETE', path: '/Users/bulkId:ann' },
      { method: 'POST', path: '/Users', bulkId: 'bea', data: someone('bea') },
      { method: 'PATCH', path: '/Groups/bulkId:g', data: edit('add', 'bea') },
    ]);
    const answered = reply.body.Operations.map((one: { method: string; status: string }) => [
      one.method,
      one.status,
    ]);
    expect(answered).toEqual([
      ['POST', '201'],
      ['PATCH', '204'],
      ['POST', '201'],
      ['DELETE', '204'],
      ['POST', '201'],
      ['PATCH', '204'],
    ]);
  });

  it('§3.7.2 takes a bulkId of any text, and leaves text alone that only holds the word', async () => {
    const reply = await bulk([
      { method: 'POST', path: '/Users', bulkId: 'my id: 7', data: someone('ann', { title: 'see bulkId:x' }) },
      {
        method: 'POST',
        path: '/Groups',
        bulkId: '__proto__',
        data: { displayName: 'G', members: [{ value: 'bulkId:my id: 7' }] },
      },
      { method: 'DELETE', path: '/Groups/bulkId:__proto__' },
    ]);
    expect(reply.body.Operations.map((operation: { status: string }) => operation.status)).toEqual([
      '201',
      '201',
      '204',
    ]);
    expect((await idp.get('/Users')).body.Resources).toMatchObject([{ title: 'see bulkId:x' }]);
  });

  it('§3.7.2 resolves bulkIds in values, in paths and forwards', async () => {
    const reply = await bulk([
      {
        method: 'POST',
        path: '/Groups',
        bulkId: 'g',
        data: { displayName: 'G', members: [{ type: 'User', value: 'bulkId:ann' }] },
      },
      { method: 'POST', path: '/Users', bulkId: 'ann', data: someone('ann') },
      { method: 'POST', path: '/Users', bulkId: 'bea', data: someone('bea') },
      {
        method: 'PATCH',
        path: '/Groups/bulkId:g',
        data: {
          Operations: [
            { op: 'add', path: 'members', value: [{ value: 'bulkId:bea' }] },
            { op: 'remove', path: 'members[value eq "bulkId:ann"]' },
          ],
        },
      },
    ]);
    expect(reply.body.Operations.map((operation: { status: string }) => operation.status)).toEqual([
      '201',
      '201',
      '201',
      '204',
    ]);
    const { body } = await idp.get('/Groups?attributes=members.display');
    expect(body.Resources).toMatchObject([{ members: [{ display: 'Barbara Jensen' }] }]);
    expect(body.Resources[0].members).toHaveLength(1);
  });

  it('§3.7.1 refuses cycles, and references to what failed or never was', async () => {
    const member = (bulkId: string) => ({ displayName: bulkId, members: [{ value: `bulkId:${bulkId}` }] });
    const reply = await bulk([
      { method: 'POST', path: '/Groups', bulkId: 'a', data: member('b') },
      { method: 'POST', path: '/Groups', bulkId: 'b', data: member('a') },
      { method: 'POST', path: '/Users', bulkId: 'c', data: {} },
      { method: 'POST', path: '/Groups', bulkId: 'd', data: member('c') },
      { method: 'POST', path: '/Groups', bulkId: 'e', data: member('nobody') },
    ]);
    expect(reply.body.Operations.map((operation: { status: string }) => operation.status)).toEqual([
      '409',
      '409',
      '400',
      '409',
      '409',
    ]);
    for (const { response } of reply.body.Operations.slice(0, 2)) {
      expect(response.detail).toContain('form a cycle');
    }
    expect((await idp.get('/Groups?count=0')).body.totalResults).toBe(0);
  });

  it('§3.7 stops after failOnErrors', async () => {
    const wrong = (bulkId: string) => ({ method: 'POST', path: '/Users', bulkId, data: {} });
    const right = { method: 'POST', path: '/Users', bulkId: 'z', data: someone('z') };
    const stopped = await bulk([wrong('a'), wrong('b'), right], { failOnErrors: 2 });
    expect(stopped.body.Operations).toHaveLength(2);
    expect((await idp.get('/Users?count=0')).body.totalResults).toBe(0);
    const whole = await bulk([wrong('a'), wrong('b'), right], { failOnErrors: 3 });
    expect(whole.body.Operations).toHaveLength(3);
    for (const failOnErrors of ['many', -1, 1.5]) {
      expectScimError(await bulk([right], { failOnErrors }), 400, 'invalidValue');
    }
    const unlimited = await bulk([wrong('a'), wrong('b')], { failOnErrors: 0 });
    expect(unlimited.body.Operations).toHaveLength(2);
  });

  it('§3.7.4 keeps its limits', async () => {
    const operation = { method: 'DELETE', path: '/Users/1' };
    expectScimError(await bulk(Array(BULK_OPERATIONS_MAX + 1).fill(operation)), 413);
    expectScimError(await idp.post('/Bulk', { schemas: [REQUEST] }), 400, 'invalidSyntax');
    const twice = { method: 'POST', path: '/Users', bulkId: 'a', data: {} };
    expectScimError(await bulk([twice, twice]), 400, 'invalidSyntax');
  });

  it('refuses operations that are none, or that the token may not do', async () => {
    const reply = await bulk([
      { method: 'POST', path: '/Users', data: someone('a') },
      { method: 'GET', path: '/Users/1' },
      { method: 'POST', path: '/Nothing', bulkId: 'x', data: {} },
      { method: 'POST', path: '/Bulk', bulkId: 'y', data: {} },
      null,
    ]);
    expect(reply.body.Operations.map((operation: { status: string }) => operation.status)).toEqual(
      Array(5).fill('400'),
    );
    const reader = await endpoint.connect({ scopes: ['post:users', 'delete:groups'] });
    const { body } = await reader.post('/Bulk', {
      Operations: [
        { method: 'DELETE', path: '/users/1' },
        { method: 'DELETE', path: '/Groups/1' },
      ],
    });
    expect(body.Operations.map((operation: { status: string }) => operation.status)).toEqual(['403', '404']);
  });
});
