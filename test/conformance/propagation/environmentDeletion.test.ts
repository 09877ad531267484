/** A tenant goes, with several connections and stores; what stays is for the auditor. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { person, type Reply, type RunningBridge, startBridge } from '../../bridge.ts';
import { freshDatabaseUrl, PLAYED } from '../../database.ts';
import { groupBody } from './world.ts';

describe.each(PLAYED)('on %s', (dialect) => {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-test-'));
  let bridge: RunningBridge;
  let tenants = 0;
  beforeAll(async () => {
    bridge = await startBridge(await freshDatabaseUrl(dialect, directory));
  });
  afterAll(async () => {
    await bridge.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  interface Tenant {
    readonly id: string;
    readonly scimTokens: readonly string[];
    readonly adminToken: string;
    readonly storeIds: readonly string[];
    v1(method: string, path?: string, body?: unknown): Promise<Reply>;
  }

  /** Two connections that share jane, two stores that everybody is on, and an admin of its own. */
  async function tenant(configuration = {}): Promise<Tenant> {
    const made = await bridge.v1('POST', '/environments', { name: `tenant ${++tenants}` });
    const { id } = made.body;
    const v1 = (method: string, path = '', body?: unknown) =>
      bridge.v1(method, `/environments/${id}${path}`, body);
    const storeIds: string[] = [];
    for (const [name, managed] of [
      ['first', true],
      ['second', false],
    ] as const) {
      const body = { type: 'Demo', name, managed, status: 'ACTIVE', configuration };
      storeIds.push((await v1('POST', '/propagation/stores', body)).body.id);
    }
    const scimTokens: string[] = [];
    for (const [name, people] of [
      ['okta', ['jane', 'joe']],
      ['entra', ['jane', 'jim']],
    ] as const) {
      const body = { name, strategy: 'scim', matchPeople: true };
      const connection = (await v1('POST', '/connections', body)).body.id;
      const tokens = `/connections/${connection}/scim-configuration/tokens`;
      const { token } = (await v1('POST', tokens, {})).body;
      scimTokens.push(token);
      const ids: string[] = [];
      for (const one of people)
        ids.push((await bridge.scimWith(token, 'POST', '/Users', person(one))).body.id);
      await bridge.scimWith(token, 'POST', '/Groups', groupBody(name, ids));
    }
    await bridge.settled();
    const admin = { name: 'own', scopes: ['read', 'write'], environmentId: id };
    const adminToken = (await bridge.v1('POST', '/admin-tokens', admin)).body.token;
    return { id, scimTokens, adminToken, storeIds, v1 };
  }

  /** By store and name; null where the bridge forgot the store, whose accounts are then nobody's. */
  const accounts = async ({ storeIds }: Tenant) => {
    const rows = await bridge.db('demo_accounts').whereIn('store_id', storeIds);
    return rows.map((row) => `${row.identifier_lower.split('@')[0]} ${Boolean(row.enabled)}`).sort();
  };

  const writes = async ({ id }: Tenant) => {
    const rows = await bridge
      .db('events')
      .where({ environment_id: id, outcome: 'success' })
      .whereLike('kind', 'change.%')
      .select('kind');
    return rows.map((row) => row.kind.slice('change.'.length)).sort();
  };

  async function finished(): Promise<void> {
    await bridge.settled();
    await bridge.turn();
  }

  it('says whom it concerns until somebody confirms, and refuses to lose the default one', async () => {
    const { v1 } = await tenant();
    const refused = await v1('DELETE');
    expect(refused.status).toBe(409);
    for (const words of ['2 connections and 2 stores', '4 users', '2 groups', '3 people', '3 on first'])
      expect(refused.body.detail).toContain(words);
    expect((await bridge.v1('DELETE', '/environments/default?confirm=true')).status).toBe(409);
  });

  it('takes everybody out of every store, then forgets them all', async () => {
    const going = await tenant();
    const reply = await going.v1('DELETE', '?confirm=true');
    expect([reply.status, reply.body.status]).toEqual([202, 'DELETING']);
    for (const token of going.scimTokens)
      expect((await bridge.scimWith(token, 'GET', '/Users')).status).toBe(401);
    await finished();
    expect((await going.v1('GET')).status).toBe(404);
    expect((await writes(going)).filter((op) => op === 'disable')).toHaveLength(6);
    expect(await accounts(going)).toEqual([]);
    for (const path of ['/connections', '/users', '/propagation/stores'])
      expect([path, (await going.v1('GET', path)).status]).toEqual([path, 404]);
    for (const table of ['links', 'tasks', 'scim_tokens'])
      expect([table, await bridge.db(table).where({ environment_id: going.id })]).toEqual([table, []]);
    expect(await bridge.db('stores').where({ environment_id: going.id }).whereNot({ secrets: '{}' })).toEqual(
      [],
    );
    const bound = await fetch(`${bridge.url}/v1/environments`, {
      headers: { authorization: `Bearer ${going.adminToken}` },
    });
    expect(bound.status).toBe(401);
    // The auditor still reads what happened, here and in the bridge's own log.
    const log = (await going.v1('GET', '/events?limit=1')).body._embedded.events;
    expect(log).toMatchObject([{ kind: 'environment.deleted' }]);
    const own = await bridge.admin('GET', '/events?kind=environment.deleted&limit=1');
    expect(own.body._embedded.events).toMatchObject([
      { before: { id: going.id }, after: { keepAccounts: false, adminTokensRevoked: [{ name: 'own' }] } },
    ]);
    // Its name is free.
    const again = await bridge.v1('POST', '/environments', { name: `tenant ${tenants}` });
    expect(again.status).toBe(201);
    await bridge.v1('DELETE', `/environments/${again.body.id}`);
  });

  it('waits for what is held, which its own admin still decides, and takes in what comes late', async () => {
    const going = await tenant({ BRAKE_PERCENT: 10, BRAKE_MIN: 1 });
    expect((await going.v1('DELETE', '?confirm=true')).status).toBe(202);
    await finished();
    expect((await going.v1('GET')).body.status).toBe('DELETING');
    const post = async (path: string, body: unknown) => (await going.v1('POST', path, body)).status;
    expect(await post('/connections', { name: 'late', strategy: 'scim' })).toBe(409);
    const store = { type: 'Demo', name: 'late', configuration: {} };
    expect(await post('/propagation/stores', store)).toBe(409);
    const [first, second] = going.storeIds;
    const approve = await fetch(
      `${bridge.url}/v1/environments/${going.id}/propagation/stores/${first}/held/approve`,
      {
        method: 'POST',
        headers: { authorization: `Bearer ${going.adminToken}`, 'content-type': 'application/json' },
        body: '{"all":true}',
      },
    );
    expect(approve.status).toBe(200);
    await going.v1('POST', `/propagation/stores/${second}/held/discard`, { all: true });
    await finished();
    await finished();
    expect((await going.v1('GET')).status).toBe(404);
    expect((await writes(going)).filter((op) => op === 'disable')).toHaveLength(3);
  });

  it('only forgets where accounts are kept', async () => {
    const going = await tenant();
    const before = await writes(going);
    expect((await going.v1('DELETE', '?confirm=true&keepAccounts=true')).status).toBe(204);
    await finished();
    expect(await writes(going)).toEqual(before);
    expect((await going.v1('GET')).status).toBe(404);
  });
});
