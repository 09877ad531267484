/** PATCH as RFC 7396 has it, and versions: whoever means one version of a resource changes no other. */

import { onEachDatabase } from '../../database.ts';
import { startTestBridge, type TestBridge } from './bridge.ts';

const env = '/v1/environments/default';
const MERGE_PATCH = { 'content-type': 'application/merge-patch+json' };

onEachDatabase((open) => {
  let bridge: TestBridge;
  const ask: TestBridge['ask'] = (...args) => bridge.ask(...args);

  beforeAll(async () => {
    bridge = await startTestBridge(await open());
  });

  afterAll(() => bridge.stop());

  let made = 0;

  /** What can be patched: how one is made, and two changes of it that do not touch each other. */
  const resources: Record<
    string,
    { path: string; body: object; one: Record<string, unknown>; other: Record<string, unknown> }
  > = {
    connections: {
      path: `${env}/connections`,
      body: { strategy: 'okta' },
      one: { unknownAttributes: 'Ignore' },
      other: { retentionDays: 30 },
    },
    stores: {
      path: `${env}/propagation/stores`,
      body: { type: 'Demo', configuration: { BRAKE_MIN: 5 } },
      one: { configuration: { BRAKE_MIN: 5, VERIFY: true } },
      other: { description: 'second of two' },
    },
    rules: {
      path: `${env}/propagation/rules`,
      body: { populationExpression: 'active eq true' },
      one: { populationExpression: 'title eq "a"' },
      other: { active: false },
    },
  };

  describe.each(Object.keys(resources))('%s', (what) => {
    const { path, body, one, other } = resources[what] ?? never();
    let more = {};

    beforeAll(async () => {
      if (what !== 'rules') return;
      // A rule that stays active, so that none of the others is the last one of its store.
      const store = { type: 'Demo', name: 'of rules', configuration: {} };
      more = { storeId: (await ask('POST', `${env}/propagation/stores`, { body: store })).body.id };
      await ask('POST', path, { body: { ...more, name: 'the one that stays' } });
    });

    async function make() {
      made += 1;
      const answer = await ask('POST', path, { body: { ...body, ...more, name: `${what} ${made}` } });
      expect(answer).toMatchObject({ status: 201 });
      return { path: `${path}/${answer.body.id}`, tag: answer.headers.get('etag') ?? '', body: answer.body };
    }

    it('change what is sent and leave the rest', async () => {
      const resource = await make();
      for (const headers of [MERGE_PATCH, {}]) {
        const patched = await ask('PATCH', resource.path, { body: { name: `new of ${made}` }, headers });
        expect(patched.status).toBe(200);
        const { updatedAt, timestamps: _, impact: _impact, ...rest } = patched.body;
        const { updatedAt: before, timestamps: _old, impact: _old2, ...expected } = resource.body;
        expect(rest).toEqual({ ...expected, name: `new of ${made}` });
        expect(Date.parse(updatedAt)).toBeGreaterThan(Date.parse(before));
      }
    });

    it('take back what a GET shows', async () => {
      const resource = await make();
      const { body: shown } = await ask('GET', resource.path);
      const patched = await ask('PATCH', resource.path, { body: shown });
      expect(patched.status).toBe(200);
    });

    it('keep both of two changes that come at the same time', async () => {
      const resource = await make();
      const answers = await Promise.all(
        [one, other].map((change) => ask('PATCH', resource.path, { body: change })),
      );
      expect(answers.map(({ status }) => status)).toEqual([200, 200]);
      expect((await ask('GET', resource.path)).body).toMatchObject({ ...one, ...other });
    });

    it('are changed by If-Match only at the version that is meant', async () => {
      const resource = await make();
      expect((await ask('GET', resource.path)).headers.get('etag')).toBe(resource.tag);
      const headers = { 'if-match': resource.tag };
      const changed = await ask('PATCH', resource.path, { body: one, headers });
      expect(changed.status).toBe(200);
      expect(changed.headers.get('etag')).not.toBe(resource.tag);
      for (const [method, sent] of [
        ['PATCH', other],
        ['PUT', changed.body],
        ['DELETE', undefined],
      ] as const) {
        const refused = await ask(method, resource.path, { body: sent, headers });
        expect([method, refused.status]).toEqual([method, 412]);
        expect(refused.body.detail).toContain(changed.headers.get('etag'));
      }
      for (const form of [(tag: string) => tag, (tag: string) => `"0", W/${tag}`, () => '*']) {
        const { body: shown, headers: now } = await ask('GET', resource.path);
        const ifMatch = { 'if-match': form(now.get('etag') ?? '') };
        const put = await ask('PUT', resource.path, { body: shown, headers: ifMatch });
        expect([ifMatch, put.status]).toEqual([ifMatch, 200]);
      }
    });

    it('let one of two win who mean the same version', async () => {
      const resource = await make();
      const headers = { 'if-match': resource.tag };
      const answers = await Promise.all(
        [one, other].map((change) => ask('PATCH', resource.path, { body: change, headers })),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 412]);
    });

    it('show themselves whole also to who has the version already', async () => {
      const resource = await make();
      const again = await ask('GET', resource.path, { headers: { 'if-none-match': resource.tag } });
      expect([again.status, again.body.id]).toEqual([200, resource.body.id]);
    });

    it('refuse what is no patch of them', async () => {
      const resource = await make();
      const deep = `{"_links":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}}`;
      for (const [sent, pointer] of [
        [[], ''],
        [{ colour: 'red' }, '/colour'],
        [{ name: null }, '/name'],
        [deep, undefined],
      ] as const) {
        const refused = await ask('PATCH', resource.path, { body: sent });
        expect([refused.status, refused.body.errors[0]?.pointer]).toEqual([400, pointer]);
      }
      const type = { 'content-type': 'text/plain' };
      expect((await ask('PATCH', resource.path, { body: '{}', headers: type })).status).toBe(415);
    });
  });

  it('sets a setting of a connection back to its default by null, and takes keys out of an object', async () => {
    const body = {
      name: 'nulls',
      strategy: 'scim',
      retentionDays: 5,
      metadata: { a: 1, b: { c: 2, d: [3] } },
    };
    const created = await ask('POST', `${env}/connections`, { body });
    const patched = await ask('PATCH', `${env}/connections/${created.body.id}`, {
      body: { retentionDays: null, metadata: { a: null, b: { d: [4, 5] } } },
    });
    expect(patched.body).toMatchObject({ retentionDays: null, metadata: { b: { c: 2, d: [4, 5] } } });
    expect(patched.body.metadata).not.toHaveProperty('a');
  });

  it('returns a setting of a store to its default by null, and keeps the secret behind the mask', async () => {
    const configuration = { OAUTH_ACCESS_TOKEN: 'secret', BRAKE_MIN: 5, PROTECTED_ACCOUNTS: ['a', 'b'] };
    const body = { type: 'Slack', name: 'patched', configuration };
    const { body: made } = await ask('POST', `${env}/propagation/stores`, { body });
    const path = `${env}/propagation/stores/${made.id}`;
    const change = { BRAKE_MIN: null, PROTECTED_ACCOUNTS: ['c'], OAUTH_ACCESS_TOKEN: '********' };
    const patched = await ask('PATCH', path, { body: { configuration: change }, headers: MERGE_PATCH });
    expect(patched.body.configuration).toEqual({
      OAUTH_ACCESS_TOKEN: '********',
      PROTECTED_ACCOUNTS: ['c'],
    });
    const moved = { SCIM_BASE_URL: 'https://elsewhere.example/' };
    const refused = await ask('PATCH', path, { body: { configuration: moved } });
    expect([refused.status, refused.body.errors[0].pointer]).toEqual([
      400,
      '/configuration/OAUTH_ACCESS_TOKEN',
    ]);
    const required = await ask('PATCH', path, { body: { configuration: { OAUTH_ACCESS_TOKEN: null } } });
    expect([required.status, required.body.errors[0].detail]).toEqual([
      400,
      'OAUTH_ACCESS_TOKEN is required',
    ]);
  });

  it('activates and deactivates a store as its status would', async () => {
    const body = { type: 'Demo', name: 'switched', configuration: {} };
    const { body: made } = await ask('POST', `${env}/propagation/stores`, { body });
    const path = `${env}/propagation/stores/${made.id}`;
    for (const [verb, status] of [
      ['activate', 'ACTIVE'],
      ['activate', 'ACTIVE'],
      ['deactivate', 'INACTIVE'],
    ] as const) {
      const answer = await ask('POST', `${path}/${verb}`);
      expect([answer.status, answer.body.status]).toEqual([200, status]);
    }
    const stale = await ask('POST', `${path}/activate`, { headers: { 'if-match': '"0"' } });
    expect(stale.status).toBe(412);
    const kinds = (await ask('GET', `${env}/events?storeId=${made.id}`)).body._embedded.events;
    expect(kinds.map((event: { kind: string }) => event.kind)).toEqual(
      expect.arrayContaining(['store.activated', 'store.deactivated']),
    );
  });
});

function never(): never {
  throw new Error('there is no such resource');
}
