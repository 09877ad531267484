/** Connections, their SCIM configuration and their tokens at the admin API. */

import { appendEvent } from '../../../src/db/events.ts';
import { recordAttributesSeen } from '../../../src/db/identity/attributesSeen.ts';
import { SYSTEM } from '../../../src/model/cause.ts';
import { onEachDatabase } from '../../database.ts';
import { PUBLIC_URL, startTestBridge, type TestBridge } from './bridge.ts';

const env = '/v1/environments/default';

onEachDatabase((open) => {
  let bridge: TestBridge;
  const ask: TestBridge['ask'] = (...args) => bridge.ask(...args);

  beforeAll(async () => {
    bridge = await startTestBridge(await open());
  });

  afterAll(() => bridge.stop());

  async function newEnvironment(name: string): Promise<string> {
    return (await ask('POST', '/v1/environments', { body: { name } })).body.id;
  }

  async function defaultConnection(): Promise<string> {
    return (await ask('GET', `${env}/connections`)).body._embedded.connections[0].id;
  }

  describe('connections', () => {
    it('are created with their defaults, read, replaced and deleted', async () => {
      const body = { name: 'okta', strategy: 'okta' };
      const made = await ask('POST', `${env}/connections`, { body });
      expect(made.status).toBe(201);
      expect(made.body).toEqual({
        id: expect.any(String),
        environment: { id: 'default' },
        name: 'okta',
        handle: 'okta',
        strategy: 'okta',
        mode: 'push',
        isPrimary: false,
        matchPeople: false,
        reusedIdentifiers: 'Hold',
        silentAfterHours: null,
        unknownAttributes: 'Reject',
        retentionDays: null,
        metadata: {},
        status: 'ACTIVE',
        counts: { users: 0, active: 0, groups: 0, attributes: 0 },
        timestamps: { createdAt: made.body.createdAt, updatedAt: made.body.updatedAt },
        createdAt: expect.any(String),
        updatedAt: made.body.createdAt,
        _links: {
          self: { href: `${PUBLIC_URL}${env}/connections/${made.body.id}` },
          scimConfiguration: {
            href: `${PUBLIC_URL}${env}/connections/${made.body.id}/scim-configuration`,
          },
        },
      });
      const path = `${env}/connections/${made.body.id}`;
      expect((await ask('GET', path)).body).toEqual(made.body);
      const changed = {
        ...made.body,
        name: 'entra',
        unknownAttributes: 'Ignore',
        metadata: { team: ['it'] },
      };
      const replaced = await ask('PUT', path, { body: { ...changed, strategy: 'entra' } });
      expect(replaced.status).toBe(200);
      expect(replaced.body).toMatchObject({
        name: 'entra',
        strategy: 'entra',
        unknownAttributes: 'Ignore',
        metadata: { team: ['it'] },
      });
      expect((await ask('GET', path)).body).toEqual(replaced.body);
      expect((await ask('DELETE', path)).status).toBe(204);
      expect((await ask('GET', path)).status).toBe(404);
      const kinds = (await ask('GET', `${env}/events`)).body._embedded.events.map(
        (event: { kind: string }) => event.kind,
      );
      expect(kinds.slice(0, 4)).toEqual(
        ['deleted', 'deleting', 'updated', 'created'].map((what) => `connection.${what}`),
      );
    });

    it('have a handle, made of the name or chosen, of their own in the environment', async () => {
      const path = `/v1/environments/${await newEnvironment('handles')}/connections`;
      const made = async (name: string, more = {}) => {
        const { body } = await ask('POST', path, { body: { name, strategy: 'scim', ...more } });
        return [body.handle ?? body.errors[0].pointer, body.id];
      };
      expect((await made('Zürich – 2nd Okta!'))[0]).toBe('zu-rich-2nd-okta');
      expect((await made('Zürich 2nd okta'))[0]).toBe('zu-rich-2nd-okta-2');
      expect((await made('株式会社'))[0]).toBe('connection');
      expect((await made('chosen', { handle: 'hr_1' }))[0]).toBe('hr_1');
      for (const handle of ['hr_1', 'HR', '1st', 'a.b', 'x'.repeat(64)]) {
        expect((await made(`chosen ${handle.length}${handle[0]}`, { handle }))[0]).toBe('/handle');
      }
      const [, id] = await made('renamed');
      const put = async (body: object) =>
        (await ask('PUT', `${path}/${id}`, { body: { strategy: 'scim', ...body } })).body.handle;
      expect(await put({ name: 'other name' })).toBe('renamed');
      expect(await put({ name: 'other name', handle: 'free-to-change' })).toBe('free-to-change');
    });

    it('are primary when they are the oldest', async () => {
      const path = `/v1/environments/${await newEnvironment('primary')}/connections`;
      const bodies = [1, 2, 3].map((n) => ({ name: `c${n}`, strategy: 'scim' }));
      const made = await Promise.all(bodies.map((body) => ask('POST', path, { body })));
      const primary = made.filter((answer) => answer.body.isPrimary);
      expect(primary).toHaveLength(1);
      const refused = await ask('POST', path, { body: { name: 'c4', strategy: 'scim', isPrimary: true } });
      expect(refused.status).toBe(400);
      expect(refused.body.errors[0].pointer).toBe('/isPrimary');
      expect((await ask('DELETE', `${path}/${primary[0]?.body.id}`)).status).toBe(204);
      const { connections } = (await ask('GET', path)).body._embedded;
      expect(connections.map((one: { isPrimary: boolean }) => one.isPrimary)).toEqual([true, false]);
    });

    it('have names of their own', async () => {
      const body = { name: 'default', strategy: 'scim' };
      expect((await ask('POST', `${env}/connections`, { body })).status).toBe(409);
      const other = `/v1/environments/${await newEnvironment('names')}/connections`;
      expect((await ask('POST', other, { body })).status).toBe(201);
    });

    it('of another environment are not there', async () => {
      const other = await newEnvironment('foreign');
      const id = await defaultConnection();
      const path = `/v1/environments/${other}/connections/${id}`;
      for (const [method, rest] of [
        ['GET', ''],
        ['PUT', ''],
        ['DELETE', ''],
        ['GET', '/scim-configuration'],
        ['PUT', '/scim-configuration'],
        ['GET', '/scim-configuration/tokens'],
        ['POST', '/scim-configuration/tokens'],
        ['DELETE', '/scim-configuration/tokens/x'],
      ] as const) {
        const body = method === 'PUT' && rest === '' ? { name: 'x', strategy: 'scim' } : {};
        const refused = await ask(method, path + rest, method === 'GET' ? {} : { body });
        expect([method, rest, refused.status]).toEqual([method, rest, 404]);
      }
    });
  });

  describe('the SCIM configuration', () => {
    it('says where to connect to, and what was seen', async () => {
      const connectionId = await defaultConnection();
      const at = '2026-01-01T00:00:00.000Z';
      await recordAttributesSeen(bridge.db, { connectionId, kind: 'user', names: ['shoeSize'], at });
      const { status, body } = await ask('GET', `${env}/connections/${connectionId}/scim-configuration`);
      expect(status).toBe(200);
      expect(body).toMatchObject({
        connectionId,
        scimBaseUrl: `${PUBLIC_URL}/scim/v2`,
        userIdAttribute: 'userName',
        attributesSeen: [
          { kind: 'user', name: 'shoeSize', firstSeenAt: at, lastSeenAt: at, known: false, mapped: false },
        ],
      });
      expect(body.mapping).toContainEqual({ attribute: 'primaryEmail', scim: 'emails' });
      expect(body.mapping).toContainEqual({ attribute: 'name.givenName', scim: 'name.givenName' });
    });

    it.each([
      ['okta', 'externalId'],
      ['entra', 'externalId'],
      ['auth0', 'externalId'],
      ['scim', 'userName'],
    ])('%s tells users apart by %s, until somebody says otherwise', async (strategy, attribute) => {
      const path = `/v1/environments/${await newEnvironment(`of ${strategy}`)}/connections`;
      const { body } = await ask('POST', path, { body: { name: 'idp', strategy } });
      const configuration = `${path}/${body.id}/scim-configuration`;
      const read = async () => (await ask('GET', configuration)).body.userIdAttribute;
      expect(await read()).toBe(attribute);
      await ask('PUT', `${path}/${body.id}`, { body: { name: 'idp', strategy: 'scim' } });
      expect(await read()).toBe('userName');
      await ask('PUT', configuration, { body: { userIdAttribute: 'NICKNAME' } });
      await ask('PUT', `${path}/${body.id}`, { body: { name: 'idp', strategy } });
      expect(await read()).toBe('nickName');
      await ask('PUT', configuration, { body: {} });
      expect(await read()).toBe(attribute);
    });

    it('can be put back as it is, which changes nothing', async () => {
      const path = `${env}/connections/${await defaultConnection()}/scim-configuration`;
      const { body } = await ask('GET', path);
      const put = await ask('PUT', path, { body });
      expect([put.status, put.body]).toEqual([200, body]);
    });

    it('maps, plans every active store anew as one cause, and says so in the audit log', async () => {
      const environmentId = await newEnvironment('mapped');
      const environment = `/v1/environments/${environmentId}`;
      const made = await ask('POST', `${environment}/connections`, {
        body: { name: 'entra', strategy: 'entra' },
      });
      for (const status of ['ACTIVE', 'INACTIVE']) {
        const body = { type: 'Demo', name: status, status, configuration: {} };
        expect((await ask('POST', `${environment}/propagation/stores`, { body })).status).toBe(201);
      }
      const path = `${environment}/connections/${made.body.id}/scim-configuration`;
      const at = '2026-01-01T00:00:00.000Z';
      await recordAttributesSeen(bridge.db, {
        connectionId: made.body.id,
        kind: 'user',
        names: ['title', 'nickName', 'emails[type eq "work"].value', 'emails[type eq "other"].value'],
        at,
      });
      const runs = () => bridge.db('sync_runs').where({ environment_id: environmentId, cause: 'settings' });
      const mapping = [
        { attribute: 'primaryEmail', scim: 'emails[type eq "work"].value' },
        { attribute: 'title', scim: null },
        { attribute: 'displayName', scim: 'displayName' },
      ];
      const wakes = bridge.wakes();
      const put = await ask('PUT', path, { body: { mapping } });
      expect(put.status).toBe(200);
      expect(put.body.mapping).toEqual(expect.arrayContaining(mapping));
      const mapped = put.body.attributesSeen.map((a: { name: string; mapped: boolean }) => [
        a.name,
        a.mapped,
      ]);
      expect(Object.fromEntries(mapped)).toEqual({
        title: false,
        nickName: true,
        'emails[type eq "work"].value': true,
        'emails[type eq "other"].value': false,
      });
      expect((await ask('GET', path)).body).toEqual(put.body);
      expect(bridge.wakes()).toBe(wakes + 1);
      const { body } = await ask('GET', `${environment}/events?kind=connection.updated`);
      expect(body._embedded.events).toMatchObject([
        { before: { mapping: [] }, after: { mapping: [mapping[1], mapping[0]] }, actor: { type: 'admin' } },
      ]);
      const [{ correlationId }] = body._embedded.events;
      expect(await runs()).toMatchObject([{ correlation_id: correlationId }]);
      await ask('PUT', path, { body: { mapping: put.body.mapping } });
      expect(await runs()).toHaveLength(1);
    });

    it('says every mistake', async () => {
      const path = `${env}/connections/${await defaultConnection()}/scim-configuration`;
      const mapping = [
        { attribute: 'job', scim: 'title' },
        { attribute: 'userName', scim: null },
        { attribute: 'title', scim: 'shoeSize' },
        { attribute: 'title', scim: 'nickName' },
        { attribute: 'nickName', scim: 'emails[type eq' },
        { attribute: 'locale', scim: 'name' },
        { attribute: 'timezone', scim: 'groups.value' },
        { attribute: 'userType', scim: 'password' },
        { attribute: 'externalId', scim: 'active' },
      ];
      const refused = await ask('PUT', path, { body: { userIdAttribute: 'emails', mapping } });
      expect(refused.status).toBe(400);
      const errors: { pointer: string; detail: string }[] = refused.body.errors;
      expect(errors.map(({ pointer }) => pointer)).toEqual([
        '/userIdAttribute',
        '/mapping/0/attribute',
        '/mapping/1/attribute',
        '/mapping/2/scim',
        '/mapping/3/attribute',
        '/mapping/4/scim',
        '/mapping/5/scim',
        '/mapping/6/scim',
        '/mapping/7/scim',
        '/mapping/8/scim',
      ]);
      for (const { detail } of errors) expect(detail).toMatch(/ /);
      const shapes = await ask('PUT', path, { body: { mapping: [{ attribute: 1 }], other: true } });
      expect(shapes.body.errors.map((e: { pointer: string }) => e.pointer).sort()).toEqual([
        '/mapping/0/attribute',
        '/mapping/0/scim',
        '/other',
      ]);
    });

    it('keeps several tokens, shown once each', async () => {
      const path = `${env}/connections/${await defaultConnection()}/scim-configuration/tokens`;
      const made = await ask('POST', path, { body: { scopes: ['get:users'], tokenLifetime: 3600 } });
      expect(made.status).toBe(201);
      const { token, ...listed } = made.body;
      expect(token).toMatch(/^sbs_/);
      expect(Object.keys(listed).sort()).toEqual([
        'createdAt',
        'lastUsedAt',
        'name',
        'scopes',
        'tokenId',
        'validUntil',
      ]);
      expect(Date.parse(listed.validUntil) - Date.parse(listed.createdAt)).toBe(3600_000);
      const { body } = await ask('GET', path);
      expect(body._embedded.tokens).toContainEqual(listed);
      expect(body.count).toBe(2);
      expect((await ask('DELETE', `${path}/${listed.tokenId}`)).status).toBe(204);
      expect((await ask('DELETE', `${path}/${listed.tokenId}`)).status).toBe(404);
    });

    it.each([
      [{ scopes: [] }, '/scopes'],
      [{ scopes: ['get:users', 'read'] }, '/scopes/1'],
      [{ tokenLifetime: 0 }, '/tokenLifetime'],
      [{ tokenLifetime: 1.5 }, '/tokenLifetime'],
      [{ tokenLifetime: '3600' }, '/tokenLifetime'],
      [{ lifetime: 3600 }, '/lifetime'],
    ])('refuses %j', async (body, pointer) => {
      const path = `${env}/connections/${await defaultConnection()}/scim-configuration/tokens`;
      const refused = await ask('POST', path, { body });
      expect(refused.status).toBe(400);
      expect(refused.body.errors.map((e: { pointer: string }) => e.pointer)).toEqual([pointer]);
    });
  });

  describe('events', () => {
    const at = (minute: number) => `2026-02-01T00:0${minute}:00.000Z`;
    let path: string;

    beforeAll(async () => {
      const environmentId = await newEnvironment('audited');
      path = `/v1/environments/${environmentId}/events`;
      const common = { environmentId, outcome: 'success' } as const;
      const store = { id: 's1', name: 'Slack' };
      const subject = { kind: 'user', id: 'p1', display: 'ada' } as const;
      await appendEvent(bridge.db, at(1), {
        ...common,
        cause: { correlationId: 'c1', actor: SYSTEM },
        kind: 'user.created',
        subject,
        after: { userName: 'ada' },
      });
      await appendEvent(bridge.db, at(2), {
        ...common,
        cause: { correlationId: 'c2', actor: SYSTEM },
        alsoCausedBy: ['c1'],
        kind: 'change.create',
        subject,
        store,
        calls: [{ method: 'POST', path: '/Users', status: 201, durationMs: 12 }],
      });
      await appendEvent(bridge.db, at(3), {
        ...common,
        outcome: 'failure',
        cause: { correlationId: 'c3', actor: { type: 'connection', id: 'c9', name: 'okta' } },
        kind: 'change.update',
        store,
        reason: 'no',
      });
    });

    async function kinds(query: string): Promise<readonly string[]> {
      const answer = await ask('GET', path + query);
      expect(answer.status).toBe(200);
      return answer.body._embedded.events.map((event: { kind: string }) => event.kind);
    }

    it.each([
      ['?subjectId=p1', ['change.create', 'user.created']],
      ['?storeId=s1', ['change.update', 'change.create']],
      ['?kind=user.created', ['user.created']],
      ['?kind=change.*', ['change.update', 'change.create']],
      ['?outcome=failure', ['change.update']],
      ['?connectionId=c9', ['change.update']],
      ['?correlationId=c1', ['change.create', 'user.created']],
      ['?correlationId=c2', ['change.create']],
      ['?from=2026-02-01T00:02:00Z&to=2026-02-01T00:03:00Z', ['change.create']],
      ['?subjectId=p1&storeId=s1', ['change.create']],
      ['?storeId=nothing', []],
    ])('answers %s with %j', async (query, expected) => {
      expect(await kinds(query)).toEqual(expected);
    });

    it('shows everything of an event, and only what it has', async () => {
      const { body } = await ask('GET', `${path}?kind=change.create`);
      expect(body._embedded.events).toEqual([
        {
          id: expect.any(String),
          at: at(2),
          correlationId: 'c2',
          correlationIds: ['c2', 'c1'],
          kind: 'change.create',
          actor: { type: 'system', id: null, name: 'scim-bridge' },
          subject: { kind: 'user', id: 'p1', display: 'ada' },
          store: { id: 's1', name: 'Slack' },
          outcome: 'success',
          calls: [{ method: 'POST', path: '/Users', status: 201, durationMs: 12 }],
        },
      ]);
    });

    it('pages newest first', async () => {
      const first = await ask('GET', `${path}?limit=3`);
      expect(first.body.count).toBe(4);
      const next = first.body._links.next.href.slice(PUBLIC_URL.length);
      const second = await ask('GET', next);
      const ids = [...first.body._embedded.events, ...second.body._embedded.events].map((e) => Number(e.id));
      expect(ids).toHaveLength(4);
      expect(ids).toEqual([...ids].sort((a, b) => b - a));
      expect(second.body._links.next).toBeUndefined();
    });

    it('refuses a filter that it does not know, or a time that is none', async () => {
      expect((await ask('GET', `${path}?store=s1`)).status).toBe(400);
      expect((await ask('GET', `${path}?from=yesterday`)).status).toBe(400);
      expect((await ask('GET', `${path}?kind=a&kind=b`)).status).toBe(400);
      for (const query of ['kind=change', 'kind=change.drop', 'kind=*', 'kind=change.*.*', 'outcome=good']) {
        const refused = await ask('GET', `${path}?${query}`);
        expect([query, refused.status, refused.body.errors[0].pointer]).toEqual([
          query,
          400,
          `/${query.split('=')[0]}`,
        ]);
      }
    });

    it('are told to their own environment alone', async () => {
      const elsewhere = await ask('GET', `${env}/events?storeId=s1`);
      expect(elsewhere.body._embedded.events).toEqual([]);
    });
  });
});
