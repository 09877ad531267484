/** Replacing and deleting a store: secrets, hosts, and what is called off. */

import { finishDeletion } from '../../../src/control/endings/storeDeletion.ts';
import { getStore } from '../../../src/db/stores/stores.ts';
import { SYSTEM } from '../../../src/model/cause.ts';
import { onEachDatabase } from '../../database.ts';
import { startSlackEmulator } from '../../emulator/slack.ts';
import { OTHER_TOKEN, STORES, useStores } from './storeFixture.ts';

const WORKER = { correlationId: 'worker', actor: SYSTEM };

onEachDatabase((open) => {
  const stores = useStores(open);
  const { ask, slackConfiguration, slackBody, made, eventKinds, runs, linkPerson, bridge } = stores;

  describe('replacing', () => {
    it('takes back what GET answered, mask and all, and changes nothing by it', async () => {
      const { id, path } = await made(slackBody({ status: 'ACTIVE' }));
      const before = await getStore(bridge().db, id);
      const calls = stores.slack.requests.length;
      const shown = (await ask('GET', path)).body;
      const answer = await ask('PUT', path, shown);
      expect(answer.status).toBe(200);
      expect({ ...answer.body, updatedAt: null }).toEqual({ ...shown, updatedAt: null });
      const after = await getStore(bridge().db, id);
      expect(after).toMatchObject({ tenantId: before?.tenantId, configuration: before?.configuration });
      expect(stores.slack.requests).toHaveLength(calls);
      expect(await runs()).toHaveLength(1);
      const status = await ask('POST', `${STORES}/connection/status`, { id });
      expect(status.body).toMatchObject({ status: 'OK', details: [{ code: 'tenant' }] });
    });

    it('queues everyone when a setting of an active store changes', async () => {
      const { path } = await made(slackBody({ status: 'ACTIVE' }));
      const body = slackBody({}, { OAUTH_ACCESS_TOKEN: '********', CREATE_USERS: false });
      expect(await ask('PUT', path, body)).toMatchObject({ status: 200, body: { status: 'ACTIVE' } });
      expect((await runs()).map((run) => run.cause)).toEqual(['activation', 'settings']);
    });

    it('wants the secret again when the host changes, and never sends the stored one there', async () => {
      const trap = await startSlackEmulator();
      try {
        for (const status of ['ACTIVE', 'INACTIVE']) {
          const { path } = await made(slackBody({ name: status }));
          const moved = slackBody(
            { name: status, status },
            { OAUTH_ACCESS_TOKEN: '********', API_BASE_URL: trap.apiUrl, SCIM_BASE_URL: trap.scimUrl },
          );
          const answer = await ask('PUT', path, moved);
          expect(answer).toMatchObject({
            status: 400,
            body: {
              errors: [
                {
                  pointer: '/configuration/OAUTH_ACCESS_TOKEN',
                  detail: expect.stringMatching(/must be entered again.*API_BASE_URL and SCIM_BASE_URL/),
                },
              ],
            },
          });
          expect((await ask('GET', path)).body.configuration.API_BASE_URL).toBe(stores.slack.apiUrl);
        }
        expect(trap.requests).toEqual([]);
      } finally {
        await trap.close();
      }
    });

    it('wants the secret again when a host falls back to its default', async () => {
      const { path } = await made(slackBody());
      const { API_BASE_URL: _gone, ...configuration } = slackConfiguration({
        OAUTH_ACCESS_TOKEN: '********',
      });
      expect(await ask('PUT', path, { ...slackBody(), configuration })).toMatchObject({
        status: 400,
        body: { errors: [{ pointer: '/configuration/OAUTH_ACCESS_TOKEN' }] },
      });
    });

    it.each(['ACTIVE', 'INACTIVE'])('refuses a token of another workspace while %s', async (status) => {
      const { id, path } = await made(slackBody({ status: 'ACTIVE' }));
      await ask('PUT', path, slackBody({ status }));
      const other = slackBody({ status }, { OAUTH_ACCESS_TOKEN: OTHER_TOKEN });
      const answer = await ask('PUT', path, other);
      expect(answer.status).toBe(409);
      expect(answer.body.detail).toMatch(/pinned to Acme \(T0001\).*speaks for Elsewhere \(T0002\)/);
      expect(await getStore(bridge().db, id)).toMatchObject({ tenantId: 'T0001', status });
      const check = await ask('POST', `${STORES}/connection/status`, { id });
      expect(check.body.status).toBe('OK');
    });

    it('never changes the type, and says 409 to the slower of two changes', async () => {
      const { path } = await made(slackBody());
      expect(
        await ask('PUT', path, { type: 'Demo', name: 'x', configuration: slackConfiguration() }),
      ).toMatchObject({ status: 400, body: { errors: [{ pointer: '/type' }] } });
      stores.slack.forgetRequests();
      stores.slack.faults.inject({ fault: { kind: 'delay', delayMs: 300 } });
      const slow = ask('PUT', path, slackBody({ status: 'ACTIVE' }));
      while (stores.slack.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      const quick = await ask('PUT', path, slackBody({ name: 'Quick' }));
      expect(quick.status).toBe(200);
      expect((await slow).status).toBe(409);
      expect((await ask('GET', path)).body).toMatchObject({ name: 'Quick', status: 'INACTIVE' });
    });

    it('resumes a store that was paused for its credential when a good one is entered', async () => {
      const { id, path } = await made(slackBody({ status: 'ACTIVE' }));
      const paused = { code: 'invalid_credential', message: 'revoked' };
      await bridge()
        .db('stores')
        .where({ id })
        .update({ paused: JSON.stringify(paused), retry_attempts: 4 });
      const answer = await ask('PUT', path, slackBody({ status: 'ACTIVE' }));
      expect(answer.status).toBe(200);
      expect(answer.body.paused).toBeUndefined();
      expect(await getStore(bridge().db, id)).toMatchObject({ paused: null, retryAttempts: 0 });
    });
  });

  describe('deleting', () => {
    it('forgets an unmanaged store with everything that hung on it', async () => {
      const { id, path } = await made(slackBody({ status: 'ACTIVE' }));
      await linkPerson(id, 'p1');
      expect((await ask('DELETE', path)).status).toBe(204);
      expect((await ask('GET', path)).status).toBe(404);
      expect((await ask('DELETE', path)).status).toBe(404);
      expect((await ask('GET', STORES)).body.count).toBe(0);
      for (const table of ['links', 'sync_runs', 'tasks']) {
        expect(await bridge().db(table).where({ store_id: id })).toEqual([]);
      }
      const row = await bridge().db('stores').where({ id }).first();
      expect(JSON.stringify([row.secrets, row.configuration])).not.toContain('sealed');
      const again = await ask('POST', STORES, slackBody({ status: 'ACTIVE' }));
      expect(again.status).toBe(201);
    });

    it('empties a managed store first, and only when confirmed', async () => {
      const { id, path } = await made(slackBody({ status: 'ACTIVE', managed: true }));
      await linkPerson(id, 'p1');
      await linkPerson(id, 'p2');
      const refused = await ask('DELETE', path);
      expect(refused.status).toBe(409);
      expect(refused.body.detail).toMatch(/2 people lose their accounts.*\?confirm=true/);
      expect((await ask('DELETE', `${path}?confirm=yes`)).status).toBe(400);
      expect(await ask('DELETE', `${path}?confirm=true`)).toMatchObject({
        status: 202,
        body: { id, status: 'DELETING' },
      });
      expect((await ask('GET', path)).body.status).toBe('DELETING');
      expect((await runs()).map((run) => [run.cause, run.state])).toEqual([
        ['activation', 'FAILED'],
        ['deletion', 'QUEUED'],
      ]);

      expect(await finishDeletion(bridge().propagation, id, WORKER)).toBe(false);
      await bridge().db('sync_runs').where({ cause: 'deletion' }).update({ state: 'DONE' });
      expect(await finishDeletion(bridge().propagation, id, WORKER)).toBe(true);
      expect((await ask('GET', path)).status).toBe(404);
      expect((await eventKinds()).slice(-2)).toEqual(['store.deleting', 'store.deleted']);
    });

    it.each(['ACTIVE', 'INACTIVE'])('is called off by a PUT with status %s', async (status) => {
      const { id, path } = await made(slackBody({ status: 'ACTIVE', managed: true }));
      await linkPerson(id, 'p1');
      await ask('DELETE', `${path}?confirm=true`);
      const silent = await ask('PUT', path, slackBody({ managed: true }));
      expect(silent.status).toBe(409);
      const answer = await ask('PUT', path, slackBody({ managed: true, status }));
      expect(answer).toMatchObject({ status: 200, body: { status } });
      expect(await finishDeletion(bridge().propagation, id, WORKER)).toBe(false);
      const states = (await runs()).map((run) => `${run.cause} ${run.state}`);
      expect(states).toContain('deletion FAILED');
      expect(states.includes('activation QUEUED')).toBe(status === 'ACTIVE');
    });
  });
});
