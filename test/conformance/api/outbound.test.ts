/** Where an admin can make the bridge connect to, and what of the answers the admin is shown. */

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NOTHING_ALLOWED } from '../../../src/outbound/allow.ts';
import { systemClock } from '../../../src/support/clock.ts';
import { parseKeyring } from '../../../src/support/secret.ts';
import { eventually, person, type Reply, type RunningBridge, startBridge } from '../../bridge.ts';
import { freshDatabaseUrl, PLAYED } from '../../database.ts';
import { EMULATED_ADMIN_TOKEN, startGitLabEmulator } from '../../emulator/gitlab.ts';
import { SLACK_TOKEN, startSlackEmulator } from '../../emulator/slack.ts';
import { CERTIFICATE } from '../../unit/outbound/certificate.ts';

const SECRET = 'internal-secret-of-the-inventory';
const EXPOSED = { rule: { allowed: NOTHING_ALLOWED, listensOnLoopback: false }, proxy: null };
const STATUS = '/propagation/stores/connection/status';

type Respond = (response: ServerResponse) => void;
const json =
  (status: number, body: object): Respond =>
  (response) =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

/** What services that are no vendor answer. */
const STRANGERS: Readonly<Record<string, Respond>> = {
  'a text': (response) => void response.end(SECRET),
  'a page': (response) => void response.end(`<html>${SECRET}</html>`),
  'a list': (response) => void response.end(JSON.stringify([SECRET])),
  'a user of its own': json(200, { id: 1, username: SECRET, ok: SECRET, team: SECRET }),
  'a refusal in words': json(403, { message: `403 Forbidden ${SECRET}` }),
  'a refusal with a status': json(400, { status: 'error', message: SECRET }),
  'a failure in words': json(500, { message: `500 ${SECRET}`, status: 'error' }),
  'a SCIM error': json(400, {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
    detail: SECRET,
    status: '400',
  }),
  'a failure of a token': json(401, { message: `401 ${SECRET}`, error: SECRET }),
  'a missing page': json(404, { message: `404 ${SECRET}`, error: SECRET }),
  'too much': json(429, { message: SECRET }),
  'a redirect': (response) => void response.writeHead(302, { location: `http://${SECRET}.corp/` }).end(),
};

describe.each(PLAYED)('on %s', (dialect) => {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-outbound-'));

  let bridge: RunningBridge;
  let stranger: Server;
  let respond: Respond = (response) => void response.end();
  let base: string;

  beforeAll(async () => {
    bridge = await startBridge(await freshDatabaseUrl(dialect, directory));
    stranger = createServer((_, response) => respond(response));
    stranger.listen(0, '127.0.0.1');
    await once(stranger, 'listening');
    base = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    stranger.closeAllConnections();
    stranger.close();
    await bridge.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const gitlab = (url: string) => ({
    type: 'GitLabSelfManaged',
    configuration: { BASE_URL: url, ACCESS_TOKEN: 'glpat-of-nobody' },
  });
  const slack = (url: string) => ({
    type: 'Slack',
    configuration: {
      OAUTH_ACCESS_TOKEN: 'xoxp-of-nobody',
      API_BASE_URL: `${url}/api/`,
      SCIM_BASE_URL: `${url}/scim/`,
    },
  });

  /** With a token that is bound to the environment. */
  async function bound(method: string, path: string, body?: unknown): Promise<Reply> {
    const [environment] = (await bridge.v1('GET', '/environments')).body._embedded.environments;
    const name = `bound ${randomBytes(4).toString('hex')}`;
    const made = await bridge.v1('POST', '/admin-tokens', {
      name,
      scopes: ['read', 'write'],
      environmentId: environment.id,
    });
    const answer = await fetch(`${bridge.url}/v1/environments/default${path}`, {
      method,
      headers: { authorization: `Bearer ${made.body.token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, headers: answer.headers, body: await answer.json() };
  }

  describe.each([
    ['GitLab', gitlab],
    ['Slack', slack],
  ])('an internal service in the place of %s', (vendor, store) => {
    it.each(Object.entries(STRANGERS))(
      'that answers %s is named as none, and not repeated',
      async (_, answer) => {
        respond = answer;
        const checked = await bound('POST', STATUS, store(base));
        expect(checked).toMatchObject({ status: 200, body: { status: 'FAILED' } });
        expect(JSON.stringify(checked.body)).not.toContain(SECRET);
      },
    );

    it('leaves nothing of what it answered in the store and its events', async () => {
      respond = STRANGERS['a refusal with a status'] as Respond;
      const name = `${vendor} ${randomBytes(4).toString('hex')}`;
      const saved = await bound('POST', '/propagation/stores', { ...store(base), name, status: 'ACTIVE' });
      expect(JSON.stringify(saved.body)).not.toContain(SECRET);
      const events = await bound('GET', '/events');
      expect(JSON.stringify(events.body)).not.toContain(SECRET);
    });

    it('that redirects elsewhere is not followed, but named to whoever sees every environment', async () => {
      respond = (response) =>
        void response.writeHead(301, { location: 'https://vendor.new.example/api?token=1' }).end();
      const told = await bridge.admin('POST', STATUS, store(base));
      expect(JSON.stringify(told.body)).toContain('It redirects to https://vendor.new.example: enter that.');
      const refused = await bridge.admin('POST', '/propagation/stores', {
        ...store(base),
        name: 'redirected',
        status: 'ACTIVE',
      });
      expect(refused.status).toBe(400);
      expect(JSON.stringify(refused.body)).toContain('redirects to https://vendor.new.example');
    });

    it.each([
      'http://169.254.169.254',
      'http://2852039166',
      'https://[::ffff:169.254.169.254]',
      'http://8.8.8.8',
    ])('at %s is refused before anything is asked, and not saved', async (url) => {
      const checked = await bound('POST', STATUS, store(url));
      expect(checked.status).toBe(400);
      const saved = await bound('POST', '/propagation/stores', { ...store(url), name: 'never' });
      expect(saved).toMatchObject({
        status: 400,
        body: {
          errors: [expect.objectContaining({ pointer: expect.stringMatching(/BASE_URL$/) })].concat(
            vendor === 'Slack' ? [expect.anything()] : [],
          ),
        },
      });
    });
  });

  describe('a store from before the rule', () => {
    it.each(['Slack', 'GitLabSelfManaged'])(
      'of type %s pauses with the sentence, and loses nothing',
      async (type) => {
        const url = await freshDatabaseUrl(dialect, directory);
        const keyring = parseKeyring(randomBytes(32).toString('base64'));
        const vendor = type === 'Slack' ? await startSlackEmulator() : await startGitLabEmulator();
        const configuration =
          'apiUrl' in vendor
            ? { OAUTH_ACCESS_TOKEN: SLACK_TOKEN, API_BASE_URL: vendor.apiUrl, SCIM_BASE_URL: vendor.scimUrl }
            : { BASE_URL: vendor.url, ACCESS_TOKEN: EMULATED_ADMIN_TOKEN };
        const before = await startBridge(url, systemClock, { keyring });
        const made = await before.admin('POST', '/propagation/stores', {
          type,
          name: 'old',
          status: 'ACTIVE',
          configuration,
        });
        expect(made.status).toBe(201);
        await before.settled();
        await before.stop();

        const after = await startBridge(url, systemClock, { keyring, outbound: EXPOSED });
        try {
          const path = `/propagation/stores/${made.body.id}`;
          // Only the token of the first start is known in clear; the second bridge has made none.
          const token = { authorization: `Bearer ${before.adminToken}` };
          const ask = async (below: string) =>
            (await fetch(`${after.url}/v1/environments/default${below}`, { headers: token })).json();
          const posted = await after.scimWith(before.scimToken, 'POST', '/Users', person('ada'));
          expect(posted.status).toBe(201);
          const status = await eventually(
            async () => {
              const shown = (await ask(`${path}/syncStatus`)) as { syncState: string; details: object[] };
              return shown.syncState === 'PAUSED' ? shown : undefined;
            },
            20_000,
            async () => JSON.stringify(await ask(`${path}/syncStatus`)),
          );
          expect(status.details).toContainEqual({
            code: 'address_refused',
            message: expect.stringMatching(/127\.0\.0\.1 is a loopback address.*OUTBOUND_ALLOW/),
          });
          const pending = (await ask('/propagation/tasks?state=pending')) as {
            _embedded: { tasks: object[] };
          };
          expect(pending._embedded.tasks).toHaveLength(1);
        } finally {
          await after.stop();
          await vendor.close();
        }
      },
    );
  });

  describe('a stored secret', () => {
    const PROXY = { PROXY_URL: 'http://127.0.0.1:9' };
    const AUTHORITY = { CA_PEM: CERTIFICATE };
    const made = async (url: string, more: object) => {
      const store = gitlab(url);
      const name = `behind ${randomBytes(4).toString('hex')}`;
      const configuration = { ...store.configuration, ...more };
      const reply = await bridge.admin('POST', '/propagation/stores', { ...store, name, configuration });
      expect(reply.status).toBe(201);
      return (configuration: object) =>
        bridge.admin('PATCH', `/propagation/stores/${reply.body.id}`, { configuration });
    };

    it.each([
      ['a proxy, of what is sent in clear', 'http://127.0.0.1:9', {}, PROXY, 'PROXY_URL'],
      ['a proxy, where there is an authority', 'https://10.0.0.1', AUTHORITY, PROXY, 'PROXY_URL'],
      ['an authority, where there is a proxy', 'https://10.0.0.1', PROXY, AUTHORITY, 'CA_PEM'],
      ['both', 'https://10.0.0.1', {}, { ...PROXY, ...AUTHORITY }, 'PROXY_URL and CA_PEM'],
    ])('is entered again where %s could read it', async (_, url, before, after, keys) => {
      const patch = await made(url, before);
      expect(await patch(after)).toMatchObject({
        status: 400,
        body: { errors: [{ pointer: '/configuration/ACCESS_TOKEN', detail: expect.stringContaining(keys) }] },
      });
      const again = await patch({ ...after, ACCESS_TOKEN: 'glpat-entered-again' });
      expect(again).toMatchObject({ status: 200, body: { configuration: after } });
    });

    it.each([
      ['a proxy that sees TLS alone', {}, PROXY],
      ['an authority alone', {}, AUTHORITY],
      ['less than before', { ...PROXY, ...AUTHORITY }, { CA_PEM: null }],
      ['no proxy any more', { ...PROXY, ...AUTHORITY }, { PROXY_URL: null }],
    ])('stays with %s', async (_, before, after) => {
      const patch = await made('https://10.0.0.1', before);
      expect(await patch(after)).toMatchObject({ status: 200 });
    });
  });

  it.each(['no certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'])(
    'refuses %j as CA_PEM',
    async (pem) => {
      const { type, configuration } = gitlab(base);
      const refused = await bridge.admin('POST', STATUS, {
        type,
        configuration: { ...configuration, CA_PEM: pem },
      });
      expect(refused).toMatchObject({
        status: 400,
        body: { errors: [{ pointer: '/configuration/CA_PEM' }] },
      });
    },
  );
});
