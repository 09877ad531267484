/** The first start, malformed requests, environments and admin tokens at the admin API. */

import { bootstrap } from '../../../src/boot/bootstrap.ts';
import { systemClock } from '../../../src/support/clock.ts';
import { ERRORS_MAX } from '../../../src/support/problem.ts';
import { onEachDatabase } from '../../database.ts';
import { ADMIN_TOKEN, type Answer, PUBLIC_URL, startTestBridge, type TestBridge } from './bridge.ts';

const env = '/v1/environments/default';

function expectProblem(answer: Answer, status: number, pointers: readonly string[] = []) {
  expect(answer.status).toBe(status);
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(answer.body).toMatchObject({ type: 'about:blank', status, detail: expect.any(String) });
  expect(answer.body.errors.map((e: { pointer: string }) => e.pointer).sort()).toEqual([...pointers].sort());
}

onEachDatabase((open) => {
  let bridge: TestBridge;
  const ask: TestBridge['ask'] = (...args) => bridge.ask(...args);

  beforeAll(async () => {
    bridge = await startTestBridge(await open());
  });

  afterAll(() => bridge.stop());

  async function newEnvironment(name: string): Promise<string> {
    const made = await ask('POST', '/v1/environments', { body: { name } });
    expect(made.status).toBe(201);
    return made.body.id;
  }

  describe('bootstrap', () => {
    it('happens once, also when two replicas start at once', async () => {
      const db = await open();
      const starts = await Promise.all(
        [1, 2, 3].map(() => bootstrap(db, systemClock, { adminTokenGiven: false })),
      );
      expect(starts.filter((start) => start.created)).toHaveLength(1);
      expect(starts.filter((start) => start.adminToken !== undefined)).toHaveLength(1);
      expect(await bootstrap(db, systemClock, { adminTokenGiven: false })).toEqual({ created: false });
      expect(await db('environments').select('id', 'name')).toEqual([{ id: 'default', name: 'default' }]);
      expect(await db('connections').select('name', 'strategy')).toEqual([
        { name: 'default', strategy: 'scim' },
      ]);
      expect((await db('events').orderBy('id')).map((event) => event.kind)).toEqual([
        'environment.created',
        'connection.created',
        'admin-token.created',
        'scim-token.created',
      ]);
    });

    it('makes no token where ADMIN_TOKEN is given', async () => {
      const db = await open();
      expect(await bootstrap(db, systemClock, { adminTokenGiven: true })).toEqual({ created: true });
      expect(await db('admin_tokens')).toEqual([]);
      expect(await db('scim_tokens')).toEqual([]);
    });
  });

  describe('requests that are wrong', () => {
    it('answers 404 for what is not there', async () => {
      expectProblem(await ask('GET', '/v1/nothing'), 404);
      expectProblem(await ask('GET', `${env}/nothing`), 404);
      expectProblem(await ask('GET', '/v1/environments/nowhere/connections'), 404);
      expectProblem(await ask('GET', `${env}/connections/%00`), 404);
      expectProblem(await ask('GET', `/v1/admin-tokens/${'x'.repeat(65)}`), 404);
    });

    it('answers 405 with what is allowed', async () => {
      const refused = await ask('PATCH', `${env}/connections`, { body: {} });
      expectProblem(refused, 405);
      expect(refused.headers.get('allow')).toBe('GET, HEAD, POST');
    });

    it('answers 415, 400 and 413 for a body it cannot take', async () => {
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      expectProblem(await ask('POST', '/v1/environments', { body: 'name=x', headers }), 415);
      expectProblem(await ask('POST', '/v1/environments', { body: '{"name":' }), 400);
      expectProblem(await ask('POST', '/v1/environments', { body: '[]' }), 400, ['']);
      const huge = JSON.stringify({ name: 'x'.repeat(2_000_000) });
      const refused = await ask('POST', '/v1/environments', { body: huge });
      expectProblem(refused, 413);
      expect(refused.body.detail).toMatch(/^The body is larger than the limit of \d+ bytes\.$/);
    });

    it('names every mistake of a body, and what is allowed', async () => {
      const body = {
        ...{ strategy: 'nis', unknownAttributes: 1, retentionDays: -1, metadata: [], colour: 'red' },
        domains: ['acme.example', 7],
      };
      const refused = await ask('POST', `${env}/connections`, { body });
      expectProblem(refused, 400, [
        '/colour',
        '/domains/1',
        '/metadata',
        '/name',
        '/retentionDays',
        '/strategy',
        '/unknownAttributes',
      ]);
      const detail = Object.fromEntries(
        refused.body.errors.map((e: { pointer: string; detail: string }) => [e.pointer, e.detail]),
      );
      expect(detail['/name']).toBe('name is required');
      expect(detail['/strategy']).toBe(
        'strategy must be one of okta, entra, auth0, scim, oktaApi, google, ldap, demo, gitlabSelf, gitlabSaas, slack',
      );
      expect(detail['/domains/1']).toBe('domains[1] must be a string');
      expect(detail['/retentionDays']).toBe('retentionDays must be at least 0');
      expect(detail['/colour']).toBe(
        'unknown key colour; allowed are name, handle, strategy, isPrimary, unknownAttributes, matchPeople, reusedIdentifiers, retentionDays, metadata, silentAfterHours, enrich, configuration, sync, groups, manager, mapping, tags, domains',
      );
    });

    it('counts the mistakes of a body that has far too many, and names the first', async () => {
      const body = Object.fromEntries(Array.from({ length: 2 * ERRORS_MAX }, (_, n) => [`k${n}`, 1]));
      const refused = await ask('POST', `${env}/propagation/stores`, {
        body: { type: 'Demo', name: 'x', configuration: body },
      });
      expect(refused.status).toBe(400);
      expect(refused.body.detail).toContain(`${2 * ERRORS_MAX} mistakes`);
      expect(refused.body.errors).toHaveLength(ERRORS_MAX);
      expect(refused.body.errors[0].pointer).toBe('/configuration/k0');
    });

    it('refuses text that a database cannot hold', async () => {
      expectProblem(await ask('POST', '/v1/environments', { body: { name: 'a\u0000b' } }), 400, ['/name']);
      const body = { name: 'm', strategy: 'scim', metadata: { a: ['\u0000'] } };
      expectProblem(await ask('POST', `${env}/connections`, { body }), 400, ['/metadata']);
    });

    it('shows the correlation id, and nothing else, when something breaks', async () => {
      const broken = await startTestBridge(await open());
      await broken.db.schema.dropTable('event_correlations');
      await broken.db.schema.dropTable('events');
      const answer = await broken.ask('POST', '/v1/environments', { body: { name: 'x' } });
      expectProblem(answer, 500);
      expect(answer.body.detail).toContain(answer.body.correlationId);
      expect(answer.text).not.toMatch(/events|insert|table/i);
      expect(broken.log()).toContain(answer.body.correlationId);
      expect((await broken.ask('GET', '/v1/environments')).body.count).toBe(1);
      await broken.stop();
    });
  });

  describe('paging', () => {
    it('walks a list without repeating or losing an item', async () => {
      const made = new Set<string>(['default']);
      for (const n of [1, 2, 3, 4]) made.add(await newEnvironment(`page ${n}`));
      const total = (await ask('GET', '/v1/environments')).body.count;
      const seen: string[] = [];
      let path: string | null = '/v1/environments?limit=2';
      while (path) {
        const { body }: Answer = await ask('GET', path);
        expect(body.count).toBe(total);
        expect(body.size).toBe(body._embedded.environments.length);
        expect(body._links.self.href).toBe(PUBLIC_URL + path);
        seen.push(...body._embedded.environments.map((e: { id: string }) => e.id));
        const next: string | undefined = body._links.next?.href;
        expect(next ?? PUBLIC_URL).toContain(PUBLIC_URL);
        path = next === undefined ? null : next.slice(PUBLIC_URL.length);
      }
      expect(seen).toHaveLength(total);
      expect(new Set(seen)).toEqual(new Set([...seen, ...made]));
    });

    it.each(['0', '1001', '-1', 'ten', '1.5'])('refuses limit=%s', async (limit) => {
      expectProblem(await ask('GET', `/v1/environments?limit=${limit}`), 400, ['/limit']);
    });

    it.each(['zzz', 'W10', 'WzFd', 'bnVsbA'])('refuses cursor=%s', async (cursor) => {
      expectProblem(await ask('GET', `/v1/environments?cursor=${cursor}`), 400, ['/cursor']);
    });
  });

  describe('admin tokens', () => {
    it('show the token once', async () => {
      const validUntil = '2099-01-01T00:00:00+02:00';
      const made = await ask('POST', '/v1/admin-tokens', {
        body: { name: 'ci', scopes: ['read', 'read'], validUntil },
      });
      expect(made.status).toBe(201);
      expect(made.body).toMatchObject({
        name: 'ci',
        scopes: ['read'],
        environmentId: null,
        validUntil: '2098-12-31T22:00:00.000Z',
        lastUsedAt: null,
        token: expect.stringMatching(/^sba_/),
      });
      const { token: _shown, ...rest } = made.body;
      expect((await ask('GET', `/v1/admin-tokens/${made.body.id}`)).body).toEqual(rest);
      const list = (await ask('GET', '/v1/admin-tokens')).body._embedded.adminTokens;
      expect(list).toContainEqual(rest);
    });

    it('refuse wrong values', async () => {
      const body = { name: '', scopes: ['admin'], validUntil: 'tomorrow' };
      expectProblem(await ask('POST', '/v1/admin-tokens', { body }), 400, [
        '/name',
        '/scopes/0',
        '/validUntil',
      ]);
      const past = { name: 'n', scopes: ['read'], validUntil: '2020-01-01T00:00:00Z' };
      expectProblem(await ask('POST', '/v1/admin-tokens', { body: past }), 400, ['/validUntil']);
      const lost = { name: 'n', scopes: ['read'], environmentId: 'nowhere' };
      expectProblem(await ask('POST', '/v1/admin-tokens', { body: lost }), 400, ['/environmentId']);
    });

    it('that are bound to an environment see that one alone', async () => {
      const own = await newEnvironment('own');
      const other = await newEnvironment('other');
      const body = { name: 'own', scopes: ['read', 'write'], environmentId: own };
      const { token } = (await ask('POST', '/v1/admin-tokens', { body })).body;
      const list = (await ask('GET', '/v1/environments', { token })).body;
      expect(list._embedded.environments.map((e: { id: string }) => e.id)).toEqual([own]);
      expect(list.count).toBe(1);
      expect((await ask('GET', `/v1/environments/${own}/connections`, { token })).status).toBe(200);
      for (const path of ['', '/connections', '/events', '/connections/x/scim-configuration/tokens']) {
        expectProblem(await ask('GET', `/v1/environments/${other}${path}`, { token }), 404);
      }
      expectProblem(await ask('PUT', `/v1/environments/${other}`, { token, body: { name: 'stolen' } }), 404);
      for (const [method, path] of [
        ['GET', '/v1/admin-tokens'],
        ['POST', '/v1/admin-tokens'],
        ['POST', '/v1/environments'],
        ['DELETE', `/v1/environments/${own}`],
      ] as const) {
        const refused = await ask(method, path, { token });
        expectProblem(refused, 403);
        expect(refused.headers.get('www-authenticate')).toContain('insufficient_scope');
      }
    });
  });

  describe('environments', () => {
    it('are made, renamed and deleted while they are empty', async () => {
      const made = await ask('POST', '/v1/environments', { body: { name: 'tenant' } });
      const path = `/v1/environments/${made.body.id}`;
      expect(made.headers.get('location')).toBe(PUBLIC_URL + path);
      expect(made.body._links.self.href).toBe(PUBLIC_URL + path);
      expectProblem(await ask('POST', '/v1/environments', { body: { name: 'tenant' } }), 409, ['/name']);
      const renamed = await ask('PUT', path, { body: { ...made.body, name: 'renamed' } });
      expect(renamed.status).toBe(200);
      expect((await ask('GET', path)).body).toEqual(renamed.body);
      expect(renamed.body.name).toBe('renamed');
      const body = { name: 'c', strategy: 'scim' };
      const connection = await ask('POST', `${path}/connections`, { body });
      const refused = await ask('DELETE', path);
      expectProblem(refused, 409);
      expect(refused.body.detail).toContain('1 connections');
      expect((await ask('DELETE', `${path}/connections/${connection.body.id}`)).status).toBe(204);
      const bound = { name: 'b', scopes: ['read'], environmentId: made.body.id };
      const { token } = (await ask('POST', '/v1/admin-tokens', { body: bound })).body;
      expect((await ask('DELETE', path)).status).toBe(204);
      expectProblem(await ask('GET', path), 404);
      expect((await ask('GET', '/v1/environments', { token })).status).toBe(401);
      const told = (await ask('GET', `${env}/events?kind=environment.deleted`)).body._embedded.events;
      expect(told[0]).toMatchObject({ before: { id: made.body.id, name: 'renamed' }, outcome: 'success' });
    });

    it('keep the default one', async () => {
      expectProblem(await ask('DELETE', env), 409);
    });
  });

  it('knows ADMIN_TOKEN by name in what it did', async () => {
    const name = 'who did it';
    await ask('POST', '/v1/environments', { token: ADMIN_TOKEN, body: { name } });
    const list = (await ask('GET', '/v1/environments?limit=1000')).body._embedded.environments;
    const { id } = list.find((e: { name: string }) => e.name === name);
    const [event] = (await ask('GET', `/v1/environments/${id}/events`)).body._embedded.events;
    expect(event).toMatchObject({
      kind: 'environment.created',
      actor: { type: 'admin', id: 'env', name: 'ADMIN_TOKEN' },
    });
  });
});
