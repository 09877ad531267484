/** A bridge that calls: every kind of alert fires, in order and once, signed, whatever its receiver does. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { appendEvent } from '../../../src/db/events.ts';
import { ALERT_TYPES } from '../../../src/model/alerts/alerts.ts';
import type { EventKind } from '../../../src/model/eventKinds.ts';
import {
  eventually,
  type MovableClock,
  movableClock,
  person,
  type RunningBridge,
  startBridge,
} from '../../bridge.ts';
import { freshDatabaseUrl } from '../../database.ts';
import { type Letters, type Receiver, startMailServer, startReceiver } from '../../receiver.ts';

const WITHIN_MS = 20_000;
const STRANGER = '<!channel> *Bob* & Co\r\nBcc: evil@x.example';

describe.each(['sqlite', 'postgres'] as const)('on %s', (dialect) => {
  let directory: string;
  let databaseUrl: string;
  let bridge: RunningBridge;
  let receiver: Receiver;
  let mails: Letters;
  let clock: MovableClock;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'scim-bridge-alerts-'));
    databaseUrl = await freshDatabaseUrl(dialect, directory);
    clock = movableClock();
    mails = await startMailServer();
    const server = {
      host: '127.0.0.1',
      port: mails.port,
      secure: false,
      auth: null,
      from: 'bridge@acme.example',
    };
    bridge = await startBridge(databaseUrl, clock, { mailServer: server });
  });
  afterAll(async () => {
    await bridge.stop();
    await mails.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  beforeEach(async () => {
    receiver = await startReceiver();
  });
  afterEach(async () => {
    for (const { id } of (await bridge.admin('GET', '/alerts')).body._embedded.alerts)
      await bridge.admin('DELETE', `/alerts/${id}`);
    await receiver.stop();
  });

  async function add(events: readonly string[], more: Record<string, unknown> = {}) {
    const body = { name: 'On call', kind: 'webhook', target: { url: receiver.url }, events, ...more };
    const made = await bridge.admin('POST', '/alerts', body);
    expect(made).toMatchObject({ status: 201 });
    return made.body as { id: string; secret: string };
  }
  const deliveries = async (id: string) =>
    (await bridge.admin('GET', `/alerts/${id}/deliveries`)).body._embedded.deliveries;
  const arrived = (count: number) =>
    eventually(
      async () => (receiver.received.length >= count ? receiver.received : undefined),
      WITHIN_MS,
      () => JSON.stringify(receiver.received.map(({ body }) => body?.type)),
    );
  const event = (kind: EventKind, more = {}) =>
    appendEvent(bridge.db, new Date(clock.now()).toISOString(), {
      environmentId: 'default',
      cause: { correlationId: 'c-1', actor: { type: 'connection', id: 'c1', name: 'Okta' } },
      kind,
      outcome: 'failure',
      subject: { kind: 'user', id: 'p1', display: 'kim' },
      store: { id: 's1', name: 'Slack' },
      reason: `reason of ${kind}`,
      ...more,
    });
  const named = ALERT_TYPES.filter((type) => type !== 'audit.*');

  it('fires for every type that there is, and for no other', async () => {
    const { id } = await add(named);
    for (const kind of named) await event(kind as EventKind);
    await event('user.updated');
    const got = await arrived(named.length);
    expect(got.map(({ body }) => body.type)).toEqual(named);
    for (const { body } of got)
      expect(body).toEqual({
        type: body.type,
        timestamp: expect.any(String),
        data: {
          environment: 'default',
          store: { id: 's1', name: 'Slack' },
          connection: { id: 'c1', name: 'Okta' },
          person: { id: 'p1', display: 'kim' },
          summary: expect.stringContaining(`reason of ${body.type}`),
          link: expect.stringMatching(/^http:\/\/bridge\.example\/v1\//),
          correlationId: 'c-1',
        },
      });
    await eventually(async () => (await deliveries(id)).every(isDelivered) || undefined, WITHIN_MS);
    expect(await deliveries(id)).toHaveLength(named.length);
  });

  it('signs as Standard Webhooks has it, and names a delivery by its id', async () => {
    const { id, secret } = await add(['audit.*']);
    expect((await bridge.admin('GET', `/alerts/${id}`)).body).not.toHaveProperty('secret');
    const test = await bridge.admin('POST', `/alerts/${id}/test`);
    expect(test).toMatchObject({ status: 202, body: { type: 'test', state: 'pending' } });
    const got = await eventually(
      async () => receiver.received.find(({ body }) => body.type === 'test'),
      WITHIN_MS,
    );
    expect(got.headers['webhook-id']).toBe(test.body.id);
    const verified = new Webhook(secret).verify(got.text, got.headers as Record<string, string>);
    expect(verified).toMatchObject({ type: 'test', data: { summary: expect.stringContaining('On call') } });
    expect(() => new Webhook(secret).verify(`${got.text} `, got.headers as Record<string, string>)).toThrow();
  });

  it('tells of an incident once, with counts and names, and of its end once', async () => {
    const made = await bridge.admin('POST', '/propagation/stores', {
      ...{ type: 'Demo', name: 'Shop', status: 'ACTIVE' },
      configuration: { BRAKE_MIN: 1, BRAKE_PERCENT: 0 },
    });
    const ids: string[] = [];
    for (const name of ['ada', 'bob', 'eve', 'kim', 'lea'])
      ids.push((await bridge.scim('POST', '/Users', person(name))).body.id);
    await bridge.settled();
    await add(['incident.opened', 'incident.closed']);
    for (const id of ids) await bridge.scim('DELETE', `/Users/${id}`);
    const [opened] = await arrived(1);
    const { data } = opened?.body ?? {};
    expect(data).toMatchObject({
      incident: { number: 1 },
      summary: expect.stringMatching(/^Incident 1: .*Shop/),
    });
    expect(data.summary).toContain('4 people more are held');
    expect(data.summary).toContain('lea@acme.example');
    await bridge.settled();
    await bridge.admin('POST', `/propagation/incidents/${data.incident.id}/approve`, { all: true });
    await bridge.settled();
    await bridge.ring();
    const got = await arrived(2);
    expect(got.map(({ body }) => body.type)).toEqual(['incident.opened', 'incident.closed']);
    await bridge.admin('DELETE', `/propagation/stores/${made.body.id}?confirm=true`);
  });

  it('gives a SIEM every event in the order of the audit log, each once, however many write at once', async () => {
    const failing = new Set<string>();
    // Each third message is refused at first, after the receiver has seen it.
    let seen = 0;
    receiver.answer((response, { headers }) => {
      const id = String(headers['webhook-id']);
      seen += 1;
      if (seen % 11 === 0 && !failing.has(id)) {
        failing.add(id);
        response.statusCode = 500;
      }
      response.end();
    });
    const { id } = await add(['audit.*']);
    const made = await Promise.all(
      Array.from({ length: 24 }, (_, n) => bridge.scim('POST', '/Users', person(`siem${n}`))),
    );
    expect(made.every(({ status }) => status === 201)).toBe(true);
    await bridge.settled();
    const all = async () => (await bridge.db('events').orderBy('id').pluck('id')).map(String);
    const got = await eventually(async () => {
      const received = new Map(receiver.received.map(({ headers, body }) => [headers['webhook-id'], body]));
      const last = (await bridge.db('events').where({ kind: 'user.created' }).max({ id: 'id' }).first())?.id;
      const events = [...received.values()].map(({ data }) => data.event.id);
      return events.includes(String(last)) && (await deliveries(id)).every(isDelivered)
        ? [...received.values()]
        : undefined;
    }, WITHIN_MS);
    const told = got.map(({ data }) => data.event.id);
    const from = (await all()).indexOf(told[0]);
    expect(told).toEqual((await all()).slice(from, from + told.length));
    expect(told.length).toBeGreaterThanOrEqual(24);
    expect(got.every(({ type, data }) => type === `audit.${data.event.kind}`)).toBe(true);
    expect(failing.size).toBeGreaterThan(1);
  });

  it('waits for no receiver that hangs, redirects or fails, and shows what they answered', async () => {
    const others = await startReceiver();
    const elsewhere = await startReceiver();
    await add(['store.paused'], { name: 'Hangs' });
    receiver.answer(() => {});
    const redirecting = await add(['store.paused'], { name: 'Redirects', target: { url: others.url } });
    others.answer((response) => void response.writeHead(307, { location: elsewhere.url }).end());
    const angry = await startReceiver();
    const failing = await add(['store.paused'], { name: 'Fails', target: { url: angry.url } });
    angry.answer(
      (response, { path }) => void response.writeHead(500).end(`no ${path} \u001b[31m${'x'.repeat(200)}`),
    );
    const well = await startReceiver();
    await add(['store.paused'], { name: 'Well', target: { url: well.url } });
    await event('store.paused');
    await eventually(async () => well.received[0], WITHIN_MS);
    const attempt = (id: string) => eventually(async () => (await deliveries(id))[0]?.attempts[0], WITHIN_MS);
    expect(await attempt(redirecting.id)).toMatchObject({
      status: 307,
      error: expect.stringMatching(/redirects, which is not followed.*redirects to 127\.0\.0\.1/),
    });
    const { status, error } = await attempt(failing.id);
    expect(status).toBe(500);
    expect(error).toMatch(/^the receiver answered 500: no [ -~]{1,77}$/);
    expect(error).not.toContain('secret-path');
    expect(elsewhere.received).toEqual([]);
    expect(receiver.received).toHaveLength(1);
    expect((await bridge.db('events').where({ kind: 'alert.failing' })).length).toBeGreaterThanOrEqual(2);

    const bound = { name: dialect, scopes: ['read'], environmentId: 'default' };
    const { token } = (await bridge.v1('POST', '/admin-tokens', bound)).body;
    const seen = await fetch(`${bridge.url}/v1/environments/default/alerts/${failing.id}/deliveries`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(await seen.text()).not.toContain('xxx');
    for (const one of [others, elsewhere, angry, well]) await one.stop();
  });

  it('shows a URL to nobody, and keeps it when the mask comes back', async () => {
    const { id } = await add(['store.paused']);
    const shown = await bridge.admin('GET', `/alerts/${id}`);
    expect(shown.body.target).toEqual({ url: '********' });
    expect(await bridge.admin('PUT', `/alerts/${id}`, { ...shown.body, name: 'Other' })).toMatchObject({
      status: 200,
    });
    expect(await bridge.admin('PATCH', `/alerts/${id}`, { active: true })).toMatchObject({
      body: { name: 'Other' },
    });
    await event('store.paused');
    await arrived(1);
    const rows = JSON.stringify([
      await bridge.db('alerts'),
      await bridge.db('alert_deliveries'),
      await bridge.db('events').whereLike('kind', 'alert.%'),
    ]);
    expect(rows).not.toContain('secret-path');
  });

  it('neither formats nor mentions in Slack what a name says', async () => {
    await add(['store.paused'], { kind: 'slack' });
    await event('store.paused', { reason: STRANGER });
    const [{ body, text } = { body: null, text: '' }] = await arrived(1);
    expect(text).not.toContain('<!channel>');
    expect(body.text).toContain('&lt;!channel&gt; *Bob* &amp; Co');
    expect(body.mrkdwn).toBe(false);
    const types = body.blocks.map((block: { text: { type: string } }) => block.text.type);
    expect(new Set(types)).toEqual(new Set(['plain_text']));
  });

  it('sends e-mail, into which no name can bring a header', async () => {
    const to = ['noc@acme.example', 'lea@acme.example'];
    const { id } = await add(['store.paused'], { kind: 'email', target: { to } });
    await event('store.paused', {
      reason: STRANGER,
      store: { id: 's1', name: `Slack\r\nBcc: evil@x.example` },
    });
    const [letter] = await eventually(
      async () => (mails.letters.length > 0 ? mails.letters : undefined),
      WITHIN_MS,
    );
    const head = letter?.text.split('\r\n\r\n', 1)[0] ?? '';
    expect(letter?.to).toEqual(to);
    expect(head).not.toMatch(/^bcc:/im);
    const [delivery] = await eventually(async () => {
      const all = await deliveries(id);
      return all.every(isDelivered) ? all : undefined;
    }, WITHIN_MS);
    expect(head).toContain(`Message-ID: <${delivery.id}@`);
    expect(delivery.attempts).toMatchObject([{ status: 250 }]);
  });

  it('says what is wrong with an alert before it is saved', async () => {
    const wrong = async (more: Record<string, unknown>) => {
      const body = {
        name: 'A',
        kind: 'webhook',
        target: { url: receiver.url },
        events: ['store.paused'],
        ...more,
      };
      const { status, body: problem } = await bridge.admin('POST', '/alerts', body);
      return [status, problem.errors?.[0]?.pointer];
    };
    expect(await wrong({ target: {} })).toEqual([400, '/target/url']);
    expect(await wrong({ target: { url: '********' } })).toEqual([400, '/target/url']);
    expect(await wrong({ target: { url: 'ftp://x.example' } })).toEqual([400, '/target/url']);
    expect(await wrong({ target: { url: 'http://10.0.0.7/hook' } })).toEqual([400, '/target/url']);
    expect(await wrong({ target: { url: 'http://169.254.169.254/latest' } })).toEqual([400, '/target/url']);
    expect(await wrong({ target: { url: 'http://2852039166/latest' } })).toEqual([400, '/target/url']);
    expect(await wrong({ target: { url: 'https://user:pass@x.example/' } })).toEqual([400, '/target/url']);
    expect(await wrong({ kind: 'email', target: { to: ['a@x.example\r\nBcc: evil@x.example'] } })).toEqual([
      400,
      '/target/to/0',
    ]);
    expect(await wrong({ kind: 'email', target: { to: [] } })).toEqual([400, '/target/to']);
    expect(await wrong({ events: ['user.*'] })).toEqual([400, '/events/0']);
    expect(await wrong({ events: [] })).toEqual([400, '/events']);
    expect(await wrong({ kind: 'pager' })).toEqual([400, '/kind']);
  });

  it('says once that a token ends soon and that an identity provider is silent', async () => {
    await add(['credential.expiring', 'connection.silent']);
    const day = 24 * 60 * 60_000;
    const validUntil = new Date(clock.now() + 10 * day).toISOString();
    await bridge.v1('POST', '/admin-tokens', { name: `short ${dialect}`, scopes: ['read'], validUntil });
    const [connection] = (await bridge.admin('GET', '/connections')).body._embedded.connections;
    await bridge.admin('PATCH', `/connections/${connection.id}`, { silentAfterHours: 2 });
    await bridge.ring();
    clock.advance(3 * 60 * 60_000);
    await bridge.ring();
    await bridge.ring();
    const got = await arrived(2);
    await bridge.admin('PATCH', `/connections/${connection.id}`, { silentAfterHours: null });
    expect(got.map(({ body }) => [body.type, body.data.summary])).toEqual([
      ['credential.expiring', expect.stringContaining(`short ${dialect}`)],
      ['connection.silent', expect.stringContaining('has sent nothing since')],
    ]);
    expect(got[1]?.body.data.connection).toEqual({ id: connection.id, name: connection.name });
  });

  it('takes what waits with an alert that is deleted, and keeps for seven days what was delivered', async () => {
    receiver.answer((response) => void response.writeHead(503).end());
    const { id } = await add(['store.paused']);
    await event('store.paused');
    await arrived(1);
    expect(await bridge.admin('DELETE', `/alerts/${id}`)).toMatchObject({ status: 204 });
    expect(await bridge.db('alert_deliveries').where({ alert_id: id })).toEqual([]);
    receiver.answer((response) => void response.end());
    const other = await add(['store.paused']);
    await event('store.paused');
    await eventually(async () => (await deliveries(other.id)).every(isDelivered) || undefined, WITHIN_MS);
    clock.advance(8 * 24 * 60 * 60_000);
    await bridge.ring();
    expect(await deliveries(other.id)).toEqual([]);
  });

  it('is deleted while a message of it is on its way', async () => {
    const deletions: Promise<{ status: number }>[] = [];
    let id = '';
    receiver.answer((response) => {
      response.writeHead(503).end();
      deletions.push(bridge.admin('DELETE', `/alerts/${id}`));
    });
    for (let n = 1; n <= 10; n++) {
      ({ id } = await add(['store.paused']));
      await event('store.paused');
      await eventually(async () => (deletions.length >= n ? true : undefined), WITHIN_MS);
      expect((await deletions[n - 1])?.status).toBe(204);
    }
  });

  it('tells of the end of an environment, and is gone then', async () => {
    const { body: environment } = await bridge.v1('POST', '/environments', { name: 'Acme' });
    const path = `/environments/${environment.id}`;
    const alert = { name: 'A', kind: 'webhook', target: { url: receiver.url }, events: ['audit.*'] };
    await bridge.v1('POST', `${path}/alerts`, alert);
    await bridge.v1('DELETE', `${path}?confirm=true`);
    const told = () => receiver.received.map(({ body }) => body.type);
    await eventually(async () => told().includes('audit.environment.deleted') || undefined, WITHIN_MS);
    await eventually(async () => {
      clock.advance(11 * 60_000);
      await bridge.ring();
      return (await bridge.db('alerts').where({ environment_id: environment.id })).length === 0 || undefined;
    }, WITHIN_MS);
  });
});

function isDelivered({ state }: { readonly state: string }): boolean {
  return state === 'delivered';
}
