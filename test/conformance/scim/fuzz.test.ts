/**
 * Bodies and queries of any shape (RFC 7644 §3.12): never a 500, never anything but a SCIM error, and
 * versions that only grow. A failure prints its seed.
 */

import fc from 'fast-check';
import { onEachDatabase } from '../../database.ts';
import {
  type Client,
  ENTERPRISE,
  type EndpointUnderTest,
  type Reply,
  someone,
  startEndpoint,
  USER,
} from './endpoint.ts';

/** More with FUZZ_RUNS, for a long look. */
const RUNS = Number(process.env.FUZZ_RUNS ?? 50);

const names = [
  'userName',
  'USERNAME',
  'active',
  'name',
  'name.givenName',
  'emails',
  'emails.value',
  'emails[type eq "work"]',
  'emails[type eq "work"].value',
  'members',
  'members.value',
  'members[value eq "x"]',
  'displayName',
  'externalId',
  'groups',
  'id',
  'meta',
  'meta.lastModified',
  'schemas',
  'password',
  'title',
  'roles',
  'addresses',
  'nothing',
  ENTERPRISE,
  `${ENTERPRISE}:manager`,
  `${ENTERPRISE}:manager.value`,
  `${USER}:userName`,
  '__proto__',
  'constructor',
  '',
];
const name = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(...names) },
  fc.string({ unit: 'binary', maxLength: 20 }),
);
const scalar = fc.oneof(
  fc.constantFrom(
    null,
    true,
    false,
    'True',
    '',
    'work',
    'a@example.com',
    0,
    -1,
    1.5,
    1e300,
    '\0',
    '\ud800',
    'bulkId:a',
  ),
  fc.string({ unit: 'binary', maxLength: 30 }),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    scalar,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.oneof(name, fc.constantFrom('value', 'type', 'primary', '$ref')), tie('value'), {
      maxKeys: 4,
    }),
  ),
}));
const operation = fc.oneof(
  value,
  fc.record(
    {
      op: fc.oneof(fc.constantFrom('add', 'Replace', 'REMOVE'), scalar),
      path: fc.oneof(name, scalar),
      value,
    },
    { requiredKeys: ['op'] },
  ),
);
const body = fc.oneof(
  value,
  fc.dictionary(name, value, { maxKeys: 6 }),
  fc.record({ Operations: fc.oneof(value, fc.array(operation, { maxLength: 4 })) }),
  fc
    .tuple(
      fc.constantFrom('userName', 'displayName'),
      fc.string({ minLength: 1 }),
      fc.dictionary(name, value),
    )
    .map(([key, text, more]) => ({ ...more, [key]: text })),
);
const word = fc.oneof(
  fc.constantFrom(
    'and',
    'or',
    'not',
    '(',
    ')',
    '[',
    ']',
    'eq',
    'ne',
    'co',
    'gt',
    'pr',
    '"',
    '"a"',
    '\\',
    'null',
    'true',
    '5',
  ),
  name,
);
const query = fc.dictionary(
  fc.constantFrom('filter', 'sortBy', 'sortOrder', 'attributes', 'excludedAttributes', 'startIndex', 'count'),
  fc.oneof(
    fc.array(word, { maxLength: 9 }).map((words) => words.join(' ')),
    fc.integer().map(String),
    fc.string(),
  ),
  { maxKeys: 3 },
);

onEachDatabase((open) => {
  let endpoint: EndpointUnderTest;
  let idp: Client;
  let userId: string;
  let groupId: string;

  beforeAll(async () => {
    endpoint = await startEndpoint(await open());
    idp = await endpoint.connect();
    userId = (await idp.post('/Users', someone('ann'))).body.id;
    groupId = (await idp.post('/Groups', { displayName: 'G', members: [{ value: userId }] })).body.id;
  });
  afterAll(() => endpoint.close());

  function expectSane(reply: Reply): void {
    expect(reply.status === 501 || reply.status < 500 ? 'sane' : `${reply.status} ${reply.text}`).toBe(
      'sane',
    );
    if (reply.status < 400) return;
    expect(Object.keys(reply.body).filter((key) => key !== 'scimType')).toEqual([
      'schemas',
      'status',
      'detail',
    ]);
    expect(reply.body.status).toBe(String(reply.status));
  }

  it('survives any query', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('/Users', '/Groups', `/Users/{id}`),
        query,
        async (path, parameters) => {
          const search = new URLSearchParams(parameters);
          expectSane(await idp.get(`${path.replace('{id}', userId)}?${search}`));
          expectSane(await idp.post('/.search', parameters));
        },
      ),
      { numRuns: RUNS },
    );
  });

  it('survives any body, and leaves what can be read and put back, with a version that only grows', async () => {
    const versionOf = async (path: string) => {
      const reply = await idp.get(path);
      expect(reply.status).toBe(200);
      return Number(/^W\/"(\d+)[."]/.exec(reply.body.meta.version)?.[1]);
    };
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('POST', 'PUT', 'PATCH'),
        fc.constantFrom('Users', 'Groups', '.search', 'Bulk'),
        body,
        async (method, resource, sent) => {
          const id = resource === 'Users' ? userId : groupId;
          const path = method === 'POST' ? `/${resource}` : `/${resource}/${id}`;
          const before = [await versionOf(`/Users/${userId}`), await versionOf(`/Groups/${groupId}`)];
          expectSane(await idp.request(method, path, JSON.stringify(sent)));
          const after = [await versionOf(`/Users/${userId}`), await versionOf(`/Groups/${groupId}`)];
          for (const [index, version] of after.entries()) {
            expect(version - (before[index] ?? 0)).toBeGreaterThanOrEqual(0);
            expect(version - (before[index] ?? 0)).toBeLessThanOrEqual(1);
          }
          for (const [index, own] of [`/Users/${userId}`, `/Groups/${groupId}`].entries()) {
            const { body: whole } = await idp.get(own);
            const put = await idp.put(own, whole);
            expect([put.status, put.body]).toEqual([200, whole]);
            expect(await versionOf(own)).toBe(after[index]);
          }
        },
      ),
      { numRuns: RUNS * 2 },
    );
    expect((await idp.get('/Users?count=1000')).status).toBe(200);
    expect((await idp.get('/Groups?count=1000&attributes=members')).status).toBe(200);
  });
});
