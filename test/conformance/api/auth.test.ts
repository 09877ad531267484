/** Who may use the admin API, with which token, and what a refusal says. */

import { hashToken } from '../../../src/auth/tokens.ts';
import { onEachDatabase } from '../../database.ts';
import { ADMIN_TOKEN, startTestBridge, type TestBridge } from './bridge.ts';

onEachDatabase((open) => {
  let bridge: TestBridge;

  beforeAll(async () => {
    bridge = await startTestBridge(await open());
  });

  afterAll(() => bridge.stop());

  const env = '/v1/environments/default';

  async function connectionId(): Promise<string> {
    const { body } = await bridge.ask('GET', `${env}/connections`);
    return body._embedded.connections[0].id;
  }

  let tokens = 0;

  async function newAdminToken(body: Record<string, unknown>): Promise<{ id: string; token: string }> {
    tokens += 1;
    const made = await bridge.ask('POST', '/v1/admin-tokens', { body: { name: `token ${tokens}`, ...body } });
    expect(made.status).toBe(201);
    return made.body;
  }

  async function newScimToken(body: unknown): Promise<{ tokenId: string; token: string }> {
    const path = `${env}/connections/${await connectionId()}/scim-configuration/tokens`;
    const made = await bridge.ask('POST', path, { body });
    expect(made.status).toBe(201);
    return made.body;
  }

  describe('the admin API', () => {
    it('lets in the token of the configuration and the one of the first start', async () => {
      expect((await bridge.ask('GET', '/v1/environments')).status).toBe(200);
      expect((await bridge.ask('GET', '/v1/environments', { token: bridge.adminToken })).status).toBe(200);
    });

    it('asks for a token where none is given', async () => {
      const refused = await bridge.ask('GET', '/v1/environments', { token: null });
      expect(refused.status).toBe(401);
      expect(refused.headers.get('www-authenticate')).toBe('Bearer realm="admin"');
      expect(refused.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(refused.body).toMatchObject({ type: 'about:blank', title: 'Unauthorized', status: 401 });
    });

    it.each([
      ['an unknown token', 'Bearer sba_nothing'],
      ['another scheme', 'Basic YTpi'],
      ['no token after the scheme', 'Bearer'],
      ['more than a token', 'Bearer a b'],
    ])('refuses %s', async (_what, authorization) => {
      const refused = await bridge.ask('GET', '/v1/environments', {
        token: null,
        headers: { authorization },
      });
      expect(refused.status).toBe(401);
      expect(refused.headers.get('www-authenticate')).toBe('Bearer realm="admin", error="invalid_token"');
    });

    it('refuses a SCIM token', async () => {
      const refused = await bridge.ask('GET', '/v1/environments', { token: bridge.scimToken });
      expect(refused.status).toBe(401);
    });

    it('takes no token from the query or the body', async () => {
      const query = await bridge.ask('GET', `/v1/environments?access_token=${ADMIN_TOKEN}`, { token: null });
      expect(query.status).toBe(401);
      const body = await bridge.ask('POST', '/v1/environments', {
        token: null,
        body: { access_token: ADMIN_TOKEN, name: 'x' },
      });
      expect(body.status).toBe(401);
    });

    it('takes the scheme in any case', async () => {
      const headers = { authorization: `bEARER ${ADMIN_TOKEN}` };
      expect((await bridge.ask('GET', '/v1/environments', { token: null, headers })).status).toBe(200);
    });

    it('refuses before it reads the body', async () => {
      const refused = await bridge.ask('POST', '/v1/environments', { token: 'wrong', body: '{not json' });
      expect(refused.status).toBe(401);
    });

    it('lets a token with read only read', async () => {
      const { token } = await newAdminToken({ scopes: ['read'] });
      expect((await bridge.ask('GET', '/v1/environments', { token })).status).toBe(200);
      const refused = await bridge.ask('POST', '/v1/environments', { token, body: { name: 'x' } });
      expect(refused.status).toBe(403);
      expect(refused.headers.get('www-authenticate')).toBe(
        'Bearer realm="admin", error="insufficient_scope", scope="write"',
      );
      expect(refused.body.detail).toContain('write');
    });

    it('lets a token with write only write, and give away no more than that', async () => {
      const { token } = await newAdminToken({ scopes: ['write'] });
      expect((await bridge.ask('GET', '/v1/environments', { token })).status).toBe(403);
      const body = { name: 'more', scopes: ['read'] };
      expect((await bridge.ask('POST', '/v1/admin-tokens', { token, body })).status).toBe(403);
    });

    it('refuses a token at once when it is revoked', async () => {
      const { id, token } = await newAdminToken({ scopes: ['read', 'write'] });
      expect((await bridge.ask('DELETE', `/v1/admin-tokens/${id}`, { token })).status).toBe(204);
      expect((await bridge.ask('GET', '/v1/environments', { token })).status).toBe(401);
      expect((await bridge.ask('DELETE', `/v1/admin-tokens/${id}`)).status).toBe(404);
    });

    it('refuses a token that is past its time', async () => {
      const validUntil = new Date(bridge.now() + 3600_000).toISOString();
      const { token } = await newAdminToken({ scopes: ['read'], validUntil });
      expect((await bridge.ask('GET', '/v1/environments', { token })).status).toBe(200);
      bridge.advance(3600_000);
      expect((await bridge.ask('GET', '/v1/environments', { token })).status).toBe(401);
    });

    describe('renewing a token', () => {
      const DAY_MS = 24 * 3600_000;
      const renew = (id: string, options: Parameters<TestBridge['ask']>[2] = {}) =>
        bridge.ask('POST', `/v1/admin-tokens/${id}/renew`, options);
      const daysFromNow = (body: { validUntil: string }) =>
        Math.round((Date.parse(body.validUntil) - bridge.now()) / DAY_MS);

      it('gives 30 days from now, or until when it says, and is an event', async () => {
        const validUntil = new Date(bridge.now() + DAY_MS).toISOString();
        const { id, token } = await newAdminToken({ scopes: ['read', 'write'], validUntil });
        const renewed = await renew(id, { token });
        expect([renewed.status, renewed.body.id, daysFromNow(renewed.body)]).toEqual([200, id, 30]);
        const later = new Date(bridge.now() + 90 * DAY_MS).toISOString();
        expect((await renew(id, { body: { validUntil: later } })).body.validUntil).toBe(later);
        expect((await bridge.ask('GET', `/v1/admin-tokens/${id}`)).body.validUntil).toBe(later);
        const { body } = await bridge.ask('GET', `${env}/events?kind=admin-token.renewed`);
        expect(body._embedded.events[0]).toMatchObject({
          actor: { name: 'ADMIN_TOKEN' },
          before: { validUntil: renewed.body.validUntil },
          after: { validUntil: later },
        });
        expect((await renew(id, { body: { validUntil: null } })).body.validUntil).toBeNull();
        expect((await renew(id)).body.validUntil).toBeNull();
      });

      it('brings one back that has ended, with ADMIN_TOKEN, and the log had said so', async () => {
        const validUntil = new Date(bridge.now() + 1_000).toISOString();
        const { id, token } = await newAdminToken({ name: 'forgotten', scopes: ['read'], validUntil });
        bridge.advance(1_000);
        for (let n = 0; n < 3; n++)
          expect((await bridge.ask('GET', '/v1/environments', { token })).status).toBe(401);
        const lines = bridge
          .log()
          .split('\n')
          .filter((line) => line.includes(id) && line.includes('ended'));
        expect(lines.map((line) => JSON.parse(line))).toEqual([
          expect.objectContaining({
            level: 'warn',
            ended: [{ id, name: 'forgotten', validUntil }],
            msg: expect.stringContaining('set ADMIN_TOKEN'),
          }),
        ]);
        expect((await renew(id)).status).toBe(200);
        expect((await bridge.ask('GET', '/v1/environments', { token })).status).toBe(200);
      });

      it('refuses who may do less, a time that is over, and a token that is not there', async () => {
        const { id } = await newAdminToken({ scopes: ['read', 'write'] });
        const { token } = await newAdminToken({ scopes: ['write'] });
        expect((await renew(id, { token })).status).toBe(403);
        expect((await renew(id, { body: { validUntil: '2020-01-01T00:00:00Z' } })).status).toBe(400);
        expect((await renew('nobody')).status).toBe(404);
      });

      it('is what the token of the first start needs within 30 days', async () => {
        const list = await bridge.ask('GET', '/v1/admin-tokens');
        const first = list.body._embedded.adminTokens.find(
          (one: { name: string }) => one.name === 'first start',
        );
        expect(Date.parse(first.validUntil) - Date.parse(first.createdAt)).toBe(30 * DAY_MS);
        const token = bridge.adminToken;
        bridge.advance(29 * DAY_MS);
        expect((await renew(first.id, { token })).status).toBe(200);
        bridge.advance(29 * DAY_MS);
        expect((await bridge.ask('GET', '/v1/environments', { token })).status).toBe(200);
        bridge.advance(2 * DAY_MS);
        expect((await bridge.ask('GET', '/v1/environments', { token })).status).toBe(401);
      });
    });

    it('notes when a token was used', async () => {
      const { id, token } = await newAdminToken({ scopes: ['read'] });
      expect((await bridge.ask('GET', `/v1/admin-tokens/${id}`)).body.lastUsedAt).toBeNull();
      await bridge.ask('GET', '/v1/environments', { token });
      let lastUsedAt: string | null = null;
      for (let look = 0; look < 500 && lastUsedAt === null; look += 1) {
        lastUsedAt = (await bridge.ask('GET', `/v1/admin-tokens/${id}`)).body.lastUsedAt;
      }
      expect(lastUsedAt).toMatch(/^\d{4}-.*Z$/);
    });
  });

  describe('SCIM', () => {
    it('knows the connection, the scopes and the correlation id of a token', async () => {
      const { status, body } = await bridge.ask('GET', '/scim/v2/Users', { token: bridge.scimToken });
      expect(status).toBe(200);
      const id = await connectionId();
      expect(body.cause.actor).toEqual({ type: 'connection', id, name: 'default' });
      expect(body.cause.correlationId).toEqual(expect.any(String));
      expect(body.connection).toMatchObject({ id, environmentId: 'default', isPrimary: true });
      expect(body.scopes).toContain('delete:groups');
    });

    it.each([
      ['none', null, 'Bearer realm="scim"'],
      ['an unknown one', 'sbs_nothing', 'Bearer realm="scim", error="invalid_token"'],
      ['an admin token', ADMIN_TOKEN, 'Bearer realm="scim", error="invalid_token"'],
    ])('refuses %s with a SCIM error of known keys', async (_what, token, challenge) => {
      const refused = await bridge.ask('GET', '/scim/v2/Users', { token });
      expect(refused.status).toBe(401);
      expect(refused.headers.get('www-authenticate')).toBe(challenge);
      expect(refused.headers.get('content-type')).toMatch(/^application\/scim\+json/);
      expect(Object.keys(refused.body).sort()).toEqual(['detail', 'schemas', 'status']);
      expect(refused.body.status).toBe('401');
    });

    it('takes lower-case bearer, as JumpCloud sends it', async () => {
      const headers = { authorization: `bearer ${bridge.scimToken}` };
      expect((await bridge.ask('GET', '/scim/v2/Users', { token: null, headers })).status).toBe(200);
    });

    it('takes no token from the query', async () => {
      const path = `/scim/v2/Users?access_token=${bridge.scimToken}`;
      expect((await bridge.ask('GET', path, { token: null })).status).toBe(401);
      expect((await bridge.ask('GET', path, { token: bridge.scimToken })).status).toBe(200);
    });

    it('lets a token do what its scopes say, and discover', async () => {
      const { token } = await newScimToken({ scopes: ['get:users'] });
      expect((await bridge.ask('GET', '/scim/v2/Users', { token })).status).toBe(200);
      expect((await bridge.ask('GET', '/scim/v2/Schemas', { token })).status).toBe(200);
      const refused = await bridge.ask('DELETE', '/scim/v2/Users/1', { token });
      expect(refused.status).toBe(403);
      expect(refused.headers.get('www-authenticate')).toBe(
        'Bearer realm="scim", error="insufficient_scope", scope="delete:users"',
      );
      expect(refused.headers.get('content-type')).toMatch(/^application\/scim\+json/);
      expect(refused.body.status).toBe('403');
    });

    it('refuses a token that is revoked, and one past its time', async () => {
      const revoked = await newScimToken({});
      const tokens = `${env}/connections/${await connectionId()}/scim-configuration/tokens`;
      expect((await bridge.ask('DELETE', `${tokens}/${revoked.tokenId}`)).status).toBe(204);
      expect((await bridge.ask('GET', '/scim/v2/Users', { token: revoked.token })).status).toBe(401);
      const short = await newScimToken({ tokenLifetime: 60 });
      expect((await bridge.ask('GET', '/scim/v2/Users', { token: short.token })).status).toBe(200);
      bridge.advance(60_000);
      expect((await bridge.ask('GET', '/scim/v2/Users', { token: short.token })).status).toBe(401);
    });

    it('refuses the tokens of a deleted connection', async () => {
      const body = { name: 'short-lived', strategy: 'okta' };
      const made = await bridge.ask('POST', `${env}/connections`, { body });
      const path = `${env}/connections/${made.body.id}`;
      const { token } = (await bridge.ask('POST', `${path}/scim-configuration/tokens`)).body;
      expect((await bridge.ask('GET', '/scim/v2/Users', { token })).status).toBe(200);
      expect((await bridge.ask('DELETE', path)).status).toBe(204);
      expect((await bridge.ask('GET', '/scim/v2/Users', { token })).status).toBe(401);
    });
  });

  it('keeps only hashes, and no token in any list, event or log line', async () => {
    const admin = await newAdminToken({ scopes: ['read'] });
    const scim = await newScimToken({});
    const tokens = [admin.token, scim.token, bridge.adminToken, bridge.scimToken, ADMIN_TOKEN];
    const seen = [
      (await bridge.ask('GET', '/v1/admin-tokens')).text,
      (await bridge.ask('GET', `/v1/admin-tokens/${admin.id}`)).text,
      (await bridge.ask('GET', `${env}/events?limit=1000`)).text,
      (await bridge.ask('GET', `${env}/connections/${await connectionId()}/scim-configuration/tokens`)).text,
      JSON.stringify(await bridge.db('admin_tokens')),
      JSON.stringify(await bridge.db('scim_tokens')),
      bridge.log(),
    ].join('\n');
    for (const token of tokens) expect(seen).not.toContain(token);
    expect(seen).toContain('admin-token.created');
    const row = await bridge.db('scim_tokens').where({ id: scim.tokenId }).first();
    expect(row.token_hash).toBe(hashToken(scim.token));
  });

  it('answers 503, never 401, when the database does not answer', async () => {
    const down = await startTestBridge(await open());
    await down.db.destroy();
    const scim = await down.ask('GET', '/scim/v2/Users', { token: down.scimToken });
    expect(scim.status).toBe(503);
    expect(scim.body).toEqual({
      schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
      status: '503',
      detail: expect.any(String),
    });
    const admin = await down.ask('GET', '/v1/environments', { token: down.adminToken });
    expect(admin.status).toBe(503);
    expect(admin.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(admin.headers.get('www-authenticate')).toBeNull();
    await down.stop();
  });
});
