/** What no database, column or connector can hold is the caller's mistake: 400, never a failure of the bridge. */

import { onEachDatabase } from '../../database.ts';
import { startTestBridge, type TestBridge } from './bridge.ts';

const env = '/v1/environments/default';
const NUL = 'a\u0000b';

onEachDatabase((open) => {
  let bridge: TestBridge;
  let store: string;

  beforeAll(async () => {
    bridge = await startTestBridge(await open());
    const made = await bridge.ask('POST', `${env}/propagation/stores`, {
      body: { type: 'Demo', name: 'demo', configuration: {} },
    });
    expect(made.status).toBe(201);
    store = `${env}/propagation/stores/${made.body.id}`;
  });

  afterAll(() => bridge.stop());

  async function preview(): Promise<string> {
    const made = await bridge.ask('POST', `${store}/preview`, { body: {} });
    expect(made.status).toBe(201);
    return `${store}/preview/${made.body.id}`;
  }

  async function pulled(): Promise<string> {
    const made = await bridge.ask('POST', `${env}/connections`, { body: { strategy: 'demo', name: 'demo' } });
    expect(made.status).toBe(201);
    return `${env}/connections/${made.body.id}`;
  }

  const lists: Record<string, () => Promise<string>> = {
    events: async () => `${env}/events`,
    held: async () => `${store}/held`,
    links: async () => `${store}/links`,
    accounts: async () => `${store}/accounts`,
    connections: async () => `${env}/connections`,
    groups: async () => `${await pulled()}/groups`,
    changes: async () => `${await preview()}/changes`,
  };

  it.each([
    ['events', ['1.5']],
    ['events', ['1e400']],
    ['events', [1.5]],
    ['held', ['x', 'since', 'id']],
    ['held', [5_000_000_000, 'since', 'id']],
    ['held', [1, 2, 3]],
    ['links', [1]],
    ['accounts', [NUL]],
    ['groups', ['\ud800', 0]],
    ['connections', [1, 'id']],
    ['changes', ['x']],
    ['changes', [5_000_000_000]],
  ])('%s refuses the cursor %j', async (list, key) => {
    const path = await lists[list]?.();
    const cursor = Buffer.from(JSON.stringify(key)).toString('base64url');
    const answer = await bridge.ask('GET', `${path}?cursor=${cursor}`);
    expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([400, '/cursor']);
  });

  const demo = (configuration: object, more: object = {}) => ({
    type: 'Demo',
    name: 'other',
    configuration,
    ...more,
  });

  it.each<[string, () => string, object, string]>([
    [
      'an admin token',
      () => '/v1/admin-tokens',
      { name: 'x', scopes: ['read'], environmentId: NUL },
      '/environmentId',
    ],
    ['a decision', () => `${store}/held/approve`, { ids: [NUL] }, '/ids/0'],
    ['a link', () => `${store}/links`, { subject: { kind: 'user', id: NUL }, remoteId: 'x' }, '/subject/id'],
    [
      'an account of a link',
      () => `${store}/links`,
      { subject: { kind: 'user', id: 'x' }, remoteId: NUL },
      '/remoteId',
    ],
    ['a rule', () => `${env}/propagation/rules`, { name: 'x', storeId: NUL }, '/storeId'],
    [
      'a group of a rule',
      () => `${env}/propagation/rules`,
      { name: 'x', storeId: 'x', groups: [{ id: NUL }] },
      '/groups/0/id',
    ],
    ['a check', () => `${env}/propagation/stores/connection/status`, { id: NUL }, '/id'],
    [
      'a setting',
      () => `${env}/propagation/stores`,
      demo({ PROTECTED_ACCOUNTS: [NUL] }),
      '/configuration/PROTECTED_ACCOUNTS',
    ],
    [
      'a setting that is far too long',
      () => `${env}/propagation/stores`,
      demo({ PROTECTED_ACCOUNTS: ['x'.repeat(2_049)] }),
      '/configuration/PROTECTED_ACCOUNTS',
    ],
    [
      'an image',
      () => `${env}/propagation/stores`,
      demo({}, { image: { href: `https://x.example/${NUL}` } }),
      '/image/href',
    ],
  ])('%s is refused', async (_what, path, body, pointer) => {
    const answer = await bridge.ask('POST', path(), { body });
    expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([400, pointer]);
  });

  it('logs no such request as a failure', () => {
    expect(bridge.log()).not.toContain('failed unexpectedly');
  });
});
