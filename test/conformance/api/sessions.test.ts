/** Who is signed in with a browser: how a session begins, what it may do, whom it keeps out, and how it ends. */

import { CONFIGURED_TOKEN } from '../../../src/auth/configuredToken.ts';
import { newSession } from '../../../src/auth/sessions.ts';
import { hashToken } from '../../../src/auth/tokens.ts';
import { insertSession } from '../../../src/db/access/sessions.ts';
import { onEachDatabase } from '../../database.ts';
import { ADMIN_TOKEN, PUBLIC_URL, startTestBridge, type TestBridge } from './bridge.ts';

const HOUR_MS = 3_600_000;
const ORIGIN = new URL(PUBLIC_URL).origin;
const JSON_TYPE = { 'content-type': 'application/json' };

onEachDatabase((open) => {
  let bridge: TestBridge;
  let names = 0;

  beforeEach(async () => {
    bridge = await startTestBridge(await open());
  });

  afterEach(() => bridge.stop());

  async function newToken(
    body: Record<string, unknown> = {},
  ): Promise<{ id: string; token: string; name: string }> {
    names += 1;
    const wanted = { name: `person ${names}`, scopes: ['read', 'write'], ...body };
    const made = await bridge.ask('POST', '/v1/admin-tokens', { body: wanted });
    expect(made.status).toBe(201);
    return made.body;
  }

  const signIn = (body: unknown, headers: Record<string, string> = {}) =>
    bridge.ask('POST', '/v1/session', { token: null, body, headers });

  /** Signs in, and asks as a browser does that is on a page of the bridge. */
  async function browser(token: string) {
    const { status, headers } = await signIn({ token });
    expect(status).toBe(201);
    const [cookie = ''] = (headers.get('set-cookie') ?? '').split(';');
    const ask = (method: string, path: string, given: Record<string, string> = {}, body?: unknown) =>
      bridge.ask(method, path, {
        ...{ token: null, body },
        headers: { cookie, ...(method === 'GET' ? {} : { ...JSON_TYPE, origin: ORIGIN }), ...given },
      });
    return { cookie, ask };
  }

  it('begins with an admin token, and hides its secret from scripts and from other sites', async () => {
    const { token, name } = await newToken({ scopes: ['read'], environmentId: 'default' });
    const begun = await signIn({ token });
    expect(begun).toMatchObject({
      status: 201,
      body: { name, scopes: ['read'], environmentId: 'default', expiresAt: expect.any(String) },
    });
    expect(Date.parse(begun.body.expiresAt) - bridge.now()).toBeCloseTo(12 * HOUR_MS, -5);
    const cookie = begun.headers.get('set-cookie') ?? '';
    expect(cookie).toMatch(
      /^scim_bridge_session=[\w-]{40,}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43\d{3}; Secure$/,
    );
    const [, secret = ''] = /=([\w-]+);/.exec(cookie) ?? [];
    expect(begun.text).not.toContain(secret);
    expect(bridge.log()).not.toContain(secret);
    expect(JSON.stringify(await bridge.db('sessions'))).not.toContain(secret);
    expect(JSON.stringify(await bridge.db('events'))).not.toContain(secret);
  });

  it('does what its token may do, in the name of the token, and nothing else', async () => {
    const { token, name, id } = await newToken();
    const { ask } = await browser(token);
    expect((await ask('GET', '/v1/session')).body).toMatchObject({ name, scopes: ['read', 'write'] });
    expect((await ask('GET', '/v1/session')).body).not.toHaveProperty('environmentId');
    expect((await ask('POST', '/v1/environments', {}, { name: 'made in a browser' })).status).toBe(201);
    const { body } = await bridge.ask('GET', '/v1/environments/default/events?kind=session.*');
    expect(body._embedded.events).toMatchObject([
      { kind: 'session.created', actor: { type: 'admin', id, name } },
    ]);

    const reader = await browser((await newToken({ scopes: ['read'] })).token);
    expect((await reader.ask('GET', '/v1/environments')).status).toBe(200);
    expect((await reader.ask('POST', '/v1/environments', {}, { name: 'not for readers' })).status).toBe(403);
    const bound = await browser((await newToken({ environmentId: 'default' })).token);
    expect((await bound.ask('GET', '/v1/sessions')).status).toBe(403);
    expect((await bound.ask('DELETE', '/v1/session')).status).toBe(204);
  });

  it.each([
    ['another site', { origin: 'https://evil.example' }],
    ['a page that hides where it is', { origin: 'null' }],
    ['another port', { origin: `${ORIGIN}:8443` }],
    ['nowhere', { origin: '' }],
    ['a form', { 'content-type': 'text/plain' }],
    ['another form', { 'content-type': 'application/x-www-form-urlencoded' }],
  ])('refuses a write from %s', async (_from, headers) => {
    const { ask } = await browser(ADMIN_TOKEN);
    const refused = await ask('POST', '/v1/environments', headers, { name: 'forged' });
    expect(refused).toMatchObject({ status: 403, body: { title: 'Forbidden' } });
    expect((await ask('DELETE', '/v1/session', headers)).status).toBe(403);
    expect((await ask('GET', '/v1/session', headers)).status).toBe(200);
  });

  it('takes writes from the host that was asked, and merge patches', async () => {
    const { ask } = await browser(ADMIN_TOKEN);
    const { body } = await ask('GET', '/v1/environments/default/connections');
    const path = `/v1/environments/default/connections/${body._embedded.connections[0].id}`;
    const headers = { origin: bridge.url, 'content-type': 'application/merge-patch+json' };
    expect((await ask('PATCH', path, headers, { metadata: { seen: 'yes' } })).status).toBe(200);
  });

  it('asks nobody with a token where they come from, whatever cookie they have', async () => {
    const headers = { cookie: 'scim_bridge_session=sbw_nothing', origin: 'https://evil.example' };
    const made = await bridge.ask('POST', '/v1/environments', { body: { name: 'by token' }, headers });
    expect(made.status).toBe(201);
    expect((await bridge.ask('GET', '/v1/session')).status).toBe(404);
    expect((await bridge.ask('DELETE', '/v1/session')).status).toBe(404);
  });

  it('begins for no page of another site, with no wrong token, and with one secret alone', async () => {
    expect((await signIn({ token: ADMIN_TOKEN }, { origin: 'https://evil.example' })).status).toBe(403);
    expect((await signIn({ token: ADMIN_TOKEN }, { origin: ORIGIN })).status).toBe(201);
    for (const body of [
      { token: 'wrong' },
      { token: bridge.scimToken },
      { code: 'wrong' },
      { code: ADMIN_TOKEN },
    ]) {
      const refused = await signIn(body);
      expect(refused.status).toBe(401);
      expect(refused.headers.get('www-authenticate')).toContain('Bearer');
      expect(refused.headers.get('set-cookie')).toBeNull();
    }
    for (const body of [{}, { token: ADMIN_TOKEN, code: 'x' }, { token: '' }, { password: 'x' }])
      expect((await signIn(body)).status).toBe(400);
    expect((await bridge.ask('PUT', '/v1/session', { body: {} })).headers.get('allow')).toBe(
      'POST, GET, HEAD, DELETE',
    );
  });

  it('ends when somebody signs out, and the cookie goes', async () => {
    const { ask } = await browser(ADMIN_TOKEN);
    const out = await ask('DELETE', '/v1/session');
    expect(out.status).toBe(204);
    expect(out.headers.get('set-cookie')).toMatch(/^scim_bridge_session=; .*Max-Age=0/);
    const refused = await ask('GET', '/v1/session');
    expect(refused).toMatchObject({ status: 401, body: { detail: 'The session has ended: sign in again.' } });
    expect((await ask('GET', '/v1/environments')).status).toBe(401);
  });

  it('is listed, and an admin ends it', async () => {
    const { ask } = await browser((await newToken()).token);
    await browser(ADMIN_TOKEN);
    const { body } = await ask('GET', '/v1/sessions');
    expect(body).toMatchObject({ count: 2, size: 2 });
    expect(body._embedded.sessions.map(({ isOwn }: { isOwn: boolean }) => isOwn)).toEqual([true, false]);
    const [own, other] = body._embedded.sessions;
    expect(other.name).toBe('ADMIN_TOKEN');
    expect((await bridge.ask('GET', `/v1/sessions/${own.id}`)).body).toMatchObject({
      id: own.id,
      isOwn: false,
    });
    expect((await bridge.ask('DELETE', `/v1/sessions/${own.id}`)).status).toBe(204);
    expect((await bridge.ask('DELETE', `/v1/sessions/${own.id}`)).status).toBe(404);
    expect((await ask('GET', '/v1/session')).status).toBe(401);
  });

  it('ends after 12 hours, and nobody sees it any more', async () => {
    const { ask } = await browser(ADMIN_TOKEN);
    bridge.advance(12 * HOUR_MS - 60_000);
    expect((await ask('GET', '/v1/session')).status).toBe(200);
    bridge.advance(61_000);
    expect((await ask('GET', '/v1/session')).status).toBe(401);
    expect((await bridge.ask('GET', '/v1/sessions')).body).toMatchObject({ count: 0 });
    await browser(ADMIN_TOKEN);
    expect(await bridge.db('sessions')).toHaveLength(1);
  });

  it('ends with its token, when that is revoked and when its time is over', async () => {
    const revoked = await newToken();
    const { ask } = await browser(revoked.token);
    await bridge.ask('DELETE', `/v1/admin-tokens/${revoked.id}`);
    expect((await ask('GET', '/v1/session')).status).toBe(401);
    expect(await bridge.db('sessions')).toEqual([]);

    const validUntil = new Date(bridge.now() + HOUR_MS).toISOString();
    const short = await newToken({ validUntil });
    expect((await signIn({ token: short.token })).body.expiresAt).toBe(validUntil);
    const late = await browser(short.token);
    bridge.advance(HOUR_MS + 1);
    expect((await late.ask('GET', '/v1/session')).status).toBe(401);
    expect((await signIn({ token: short.token })).status).toBe(401);
  });

  it('ends with the ADMIN_TOKEN for which it stands', async () => {
    const now = bridge.now();
    const made = (adminToken: string) => newSession('session', CONFIGURED_TOKEN, { adminToken, now });
    const [former, present] = [made('the-token-of-an-earlier-start-0123456789'), made(ADMIN_TOKEN)];
    for (const { session, secret } of [former, present])
      await insertSession(bridge.db, session, hashToken(secret));
    const status = async (secret: string) => {
      const headers = { cookie: `theirs=1; scim_bridge_session=${secret}` };
      return (await bridge.ask('GET', '/v1/session', { token: null, headers })).status;
    };
    expect(await status(present.secret)).toBe(200);
    expect(await status(former.secret)).toBe(401);
  });

  it('begins with the code of a sign-in link once, within 15 minutes, and a code is no session', async () => {
    async function newCode() {
      const made = newSession('code', CONFIGURED_TOKEN, { adminToken: ADMIN_TOKEN, now: bridge.now() });
      await insertSession(bridge.db, made.session, hashToken(made.secret));
      return made.secret;
    }
    const code = await newCode();
    const headers = { cookie: `scim_bridge_session=${code}` };
    expect((await bridge.ask('GET', '/v1/session', { token: null, headers })).status).toBe(401);
    const all = await Promise.all([signIn({ code }), signIn({ code }), signIn({ code })]);
    expect(all.map(({ status }) => status).sort()).toEqual([201, 401, 401]);
    expect((await signIn({ code })).status).toBe(401);
    const late = await newCode();
    bridge.advance(15 * 60_000);
    expect((await signIn({ code: late })).status).toBe(401);
  });
});
