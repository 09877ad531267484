/** Discovery (RFC 7644 §4, RFC 7643 §5 to §7): it says what the server does, and the same to everybody. */

import {
  type Attribute,
  ENTERPRISE_URN,
  GROUP_URN,
  schemaOf,
  USER_URN,
} from '../../../src/directory/query/attributes.ts';
import type { Kind } from '../../../src/model/subject.ts';
import { BODY_BYTES_MAX } from '../../../src/scim/request/limits.ts';
import { onEachDatabase } from '../../database.ts';
import { BASE, type Client, type EndpointUnderTest, expectScimError, startEndpoint } from './endpoint.ts';

interface Published {
  readonly name: string;
  readonly type: string;
  readonly multiValued: boolean;
  readonly required: boolean;
  readonly caseExact?: boolean;
  readonly mutability: string;
  readonly returned: string;
  readonly uniqueness?: string;
  readonly subAttributes?: readonly Published[];
}

onEachDatabase((open) => {
  let endpoint: EndpointUnderTest;
  let idp: Client;

  beforeAll(async () => {
    endpoint = await startEndpoint(await open());
    idp = await endpoint.connect();
  });
  afterAll(() => endpoint.close());

  it('§5 ServiceProviderConfig tells the limits that are kept', async () => {
    const { status, body } = await idp.get('/ServiceProviderConfig');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
      patch: { supported: true },
      bulk: { supported: true, maxOperations: 1000, maxPayloadSize: BODY_BYTES_MAX },
      filter: { supported: true, maxResults: 1000 },
      changePassword: { supported: false },
      sort: { supported: true },
      etag: { supported: true },
      pagination: {
        cursor: true,
        index: true,
        defaultPaginationMethod: 'index',
        defaultPageSize: 100,
        maxPageSize: 1000,
      },
      meta: { resourceType: 'ServiceProviderConfig', location: `${BASE}/ServiceProviderConfig` },
    });
    expect(body.authenticationSchemes).toMatchObject([{ type: 'oauthbearertoken', primary: true }]);
  });

  it('§6 ResourceTypes', async () => {
    const { body } = await idp.get('/ResourceTypes');
    expect(body).toMatchObject({ totalResults: 2 });
    expect(body.Resources).toMatchObject([
      {
        id: 'User',
        endpoint: '/Users',
        schema: USER_URN,
        schemaExtensions: [{ schema: ENTERPRISE_URN, required: false }],
        meta: { location: `${BASE}/ResourceTypes/User` },
      },
      {
        id: 'Group',
        endpoint: '/Groups',
        schema: GROUP_URN,
        meta: { location: `${BASE}/ResourceTypes/Group` },
      },
    ]);
    expect((await idp.get('/ResourceTypes/User')).body).toEqual(body.Resources[0]);
    expectScimError(await idp.get('/ResourceTypes/Nothing'), 404);
  });

  it('§2.2 §7 Schemas say of each attribute what the server goes by', async () => {
    const { body } = await idp.get('/Schemas');
    const published = new Map<string, { attributes: Published[] }>(
      body.Resources.map((schema: { id: string }) => [schema.id, schema]),
    );
    expect([...published.keys()].sort()).toEqual([USER_URN, GROUP_URN, ENTERPRISE_URN].sort());
    for (const [urn, kind] of [
      [USER_URN, 'user'],
      [GROUP_URN, 'group'],
    ] as const) {
      const core = [...schemaOf(kind).subAttributes.values()].filter(
        ({ name }) => !['schemas', 'id', 'externalId', 'meta', ENTERPRISE_URN].includes(name),
      );
      compare(kind, core, published.get(urn)?.attributes ?? []);
      expect((await idp.get(`/Schemas/${urn}`)).body).toEqual(published.get(urn));
    }
    const extension = schemaOf('user').subAttributes.get(ENTERPRISE_URN.toLowerCase());
    compare(
      'user',
      [...(extension?.subAttributes.values() ?? [])],
      published.get(ENTERPRISE_URN)?.attributes ?? [],
    );
    const password = published.get(USER_URN)?.attributes.find(({ name }) => name === 'password');
    expect(password).toMatchObject({ mutability: 'writeOnly', returned: 'never' });
    expectScimError(await idp.get('/Schemas/urn:nothing'), 404);
  });

  it('§7 Schemas suggest values only where there are some', async () => {
    const { body } = await idp.get('/Schemas');
    const suggested: unknown[] = [];
    JSON.stringify(body, (key, value) => {
      if (key === 'canonicalValues') suggested.push(value);
      return value;
    });
    expect(suggested).toContainEqual(['work', 'home', 'other']);
    expect(suggested).not.toContainEqual([]);
  });

  it('§7 Schemas say of members what the server does with them', async () => {
    const [id = ''] = await idp.newUsers(1);
    const { body } = await idp.get(`/Schemas/${GROUP_URN}`);
    const members = body.attributes.find(({ name }: Published) => name === 'members');
    const said = new Map<string, Published>(members.subAttributes.map((sub: Published) => [sub.name, sub]));
    expect(said.get('value')).toMatchObject({ mutability: 'immutable', required: true, caseExact: true });
    expectScimError(
      await idp.post('/Groups', { displayName: 'G', members: [{ display: 'x' }] }),
      400,
      'invalidValue',
    );
    const sent = { value: id, display: 'Nobody', $ref: 'https://elsewhere.example/Users/1', type: 'Other' };
    const { body: group } = await idp.post('/Groups', { displayName: 'G', members: [sent] });
    expect(group.members).toEqual([
      { value: id, display: 'user1', $ref: `${BASE}/Users/${id}`, type: 'User' },
    ]);
    for (const made of ['display', '$ref', 'type'] as const) {
      expect(said.get(made)).toMatchObject({ mutability: 'readOnly', required: false });
      const operation = { op: 'replace', path: `members[value eq "${id}"].${made}`, value: 'x' };
      expectScimError(await idp.patch(`/Groups/${group.id}`, [operation]), 400, 'mutability');
    }
  });

  it('§4 lists all there is, and its locations do not follow the request', async () => {
    for (const [path, total] of [
      ['/Schemas', 3],
      ['/ResourceTypes', 2],
    ] as const) {
      const { body } = await idp.get(path);
      expect(body).toMatchObject({ totalResults: total, startIndex: 1, itemsPerPage: total });
      expect(body.Resources).toHaveLength(total);
      for (const { id, meta } of body.Resources) expect(meta.location).toBe(`${BASE}${path}/${id}`);
      const odd = await fetch(`http://127.0.0.1:${endpoint.port}/SCIM/v2${path}`, {
        headers: { Authorization: `Bearer ${idp.token}` },
      });
      expect(await odd.json()).toEqual(body);
    }
    expectScimError(await idp.get('/Schemas/%E0%A4%A'), 400, 'invalidSyntax');
    expectScimError(await idp.get('/ServiceProviderConfig/x'), 404);
    const posted = await idp.post('/Schemas', {});
    expectScimError(posted, 405);
    expect(posted.headers.get('allow')).toBe('GET, HEAD');
    expect((await idp.request('HEAD', '/Schemas')).status).toBe(200);
  });

  it('§4 refuses filters and ignores every other parameter', async () => {
    for (const path of ['/Schemas', '/ResourceTypes', '/ServiceProviderConfig']) {
      expectScimError(await idp.get(`${path}?filter=id%20eq%20%22User%22`), 403);
      expect((await idp.get(`${path}?attributes=id&startIndex=2&count=1`)).body).toEqual(
        (await idp.get(path)).body,
      );
    }
  });
});

function compare(kind: Kind, catalogue: readonly Attribute[], published: readonly Published[]): void {
  expect(published.map(({ name }) => name).sort()).toEqual(catalogue.map(({ name }) => name).sort());
  for (const known of catalogue) {
    const said = published.find(({ name }) => name === known.name) as Published;
    const { type, multiValued, required, mutability } = said;
    expect({ name: said.name, type, multiValued, required, mutability }).toEqual({
      name: known.name,
      type: known.type,
      multiValued: known.multiValued,
      required: known.required,
      mutability: known.mutability,
    });
    if (said.caseExact !== undefined)
      expect([said.name, said.caseExact]).toEqual([known.name, known.caseExact]);
    if (said.subAttributes) compare(kind, [...known.subAttributes.values()], said.subAttributes);
  }
}
