/** Activating, pausing and resuming a store, and what its credential is checked for. */

import { recheckPaused } from '../../../src/control/pause.ts';
import { getStore } from '../../../src/db/stores/stores.ts';
import { onEachDatabase } from '../../database.ts';
import { SLACK_TOKEN } from '../../emulator/slack.ts';
import { STORES, useStores } from './storeFixture.ts';

const NEVER = new AbortController().signal;

onEachDatabase((open) => {
  const stores = useStores(open);
  const { ask, slackBody, made, eventKinds, runs, bridge } = stores;

  describe('activating', () => {
    it('checks the credential, pins the workspace, and queues everyone and every link', async () => {
      const answer = await ask('POST', STORES, slackBody({ status: 'ACTIVE' }));
      expect(answer).toMatchObject({ status: 201, body: { status: 'ACTIVE' } });
      const store = await getStore(bridge().db, answer.body.id);
      expect(store).toMatchObject({ tenantId: 'T0001', tenantName: 'Acme', paused: null });
      expect(store?.self?.remoteId).toBe(stores.slack.owner.id);
      expect(await runs()).toEqual([{ cause: 'activation', scan: true, state: 'QUEUED' }]);
      expect(await eventKinds()).toEqual(expect.arrayContaining(['store.created', 'store.activated']));
      expect(bridge().wakes()).toBe(1);
    });

    it('refuses a bad credential with the reason, and saves nothing', async () => {
      const bad = slackBody({ status: 'ACTIVE' }, { OAUTH_ACCESS_TOKEN: 'xoxp-wrong' });
      const answer = await ask('POST', STORES, bad);
      expect(answer).toMatchObject({
        status: 400,
        body: {
          errors: [
            {
              pointer: '/configuration/OAUTH_ACCESS_TOKEN',
              detail: expect.stringContaining('invalid_auth'),
            },
          ],
        },
      });
      expect((await ask('GET', STORES)).body.count).toBe(0);

      const { id, path } = await made({ ...bad, status: 'INACTIVE' });
      expect(await ask('PUT', path, { ...bad, name: 'Other' })).toMatchObject({ status: 400 });
      expect(await getStore(bridge().db, id)).toMatchObject({ status: 'INACTIVE', name: 'Acme Slack' });
      expect(await runs()).toEqual([]);
    });

    it('activates paused while the vendor is away, and goes on by itself when it is back', async () => {
      await stores.slack.goDown();
      const answer = await ask('POST', STORES, slackBody({ status: 'ACTIVE' }));
      expect(answer).toMatchObject({
        status: 201,
        body: { status: 'ACTIVE', paused: { code: 'unreachable', retryAt: expect.any(String) } },
      });
      const { id } = answer.body;
      expect((await ask('GET', `${STORES}/${id}/syncStatus`)).body).toMatchObject({
        syncState: 'PAUSED',
        details: [{ code: 'unreachable' }],
      });
      const gaps: number[] = [];
      for (let round = 0; round < 3; round++) {
        const store = await getStore(bridge().db, id);
        if (!store) throw new Error('no store');
        const after = await recheckPaused(bridge().propagation, store, NEVER);
        gaps.push(Date.parse(String(after.retryAt)) - bridge().propagation.clock.now());
      }
      expect(gaps[2]).toBeGreaterThan((gaps[0] as number) * 1.5);

      await stores.slack.comeBack();
      const woken = bridge().wakes();
      const store = await getStore(bridge().db, id);
      if (!store) throw new Error('no store');
      expect(await recheckPaused(bridge().propagation, store, NEVER)).toMatchObject({
        paused: null,
        retryAt: null,
        tenantId: 'T0001',
      });
      expect(bridge().wakes()).toBeGreaterThan(woken);
      const kinds = (await eventKinds()).filter(
        (kind) => kind === 'store.paused' || kind === 'store.resumed',
      );
      expect(kinds).toEqual(['store.paused', 'store.resumed']);
      expect(await runs()).toMatchObject([{ cause: 'activation', state: 'QUEUED' }]);
    });

    it('refuses a second active store on one workspace, also to two requests at once', async () => {
      const bodies = ['one', 'two'].map((name) => slackBody({ name, status: 'ACTIVE' }));
      const answers = await Promise.all(bodies.map((body) => ask('POST', STORES, body)));
      expect(answers.map((answer) => answer.status).sort()).toEqual([201, 409]);
      const second = await made(slackBody({ name: 'three' }));
      const refused = await ask('PUT', second.path, slackBody({ name: 'three', status: 'ACTIVE' }));
      expect(refused.status).toBe(409);
      expect(refused.body.detail).toMatch(/Another active store of type Slack is connected to Acme already/);
      expect((await ask('GET', second.path)).body.status).toBe('INACTIVE');
    });

    it('pauses a store that turns out to be the second one on its workspace', async () => {
      await stores.slack.goDown();
      const late = await made(slackBody({ name: 'late', status: 'ACTIVE' }));
      await stores.slack.comeBack();
      await made(slackBody({ name: 'first', status: 'ACTIVE' }));
      const store = await getStore(bridge().db, late.id);
      if (!store) throw new Error('no store');
      expect(await recheckPaused(bridge().propagation, store, NEVER)).toMatchObject({
        paused: { code: 'tenant_in_use' },
        retryAt: expect.any(String),
      });
    });

    it('keeps tasks on deactivation, calls its open runs off, and queues everyone again', async () => {
      const { path } = await made(slackBody({ status: 'ACTIVE' }));
      expect(await ask('PUT', path, slackBody({ status: 'INACTIVE' }))).toMatchObject({ status: 200 });
      expect(await runs()).toMatchObject([{ cause: 'activation', state: 'FAILED' }]);
      expect((await ask('GET', `${path}/syncStatus`)).body.syncState).toBe('INACTIVE');
      await ask('PUT', path, slackBody({ status: 'ACTIVE' }));
      expect(await runs()).toMatchObject([{ state: 'FAILED' }, { cause: 'activation', state: 'QUEUED' }]);
      expect(await eventKinds()).toEqual(expect.arrayContaining(['store.deactivated']));
    });
  });

  describe('pausing', () => {
    it("keeps an admin's pause until an admin resumes, whatever the settings do meanwhile", async () => {
      const { path } = await made(slackBody({ status: 'ACTIVE' }));
      const paused = await ask('POST', `${path}/pause`, {});
      expect(paused).toMatchObject({ status: 200, body: { paused: { code: 'admin', retryAt: null } } });
      expect((await ask('POST', `${path}/pause`)).body.paused).toEqual(paused.body.paused);
      const put = await ask('PUT', path, slackBody({ status: 'ACTIVE' }, { CREATE_USERS: false }));
      expect(put.body.paused.code).toBe('admin');
      const resumed = await ask('POST', `${path}/resume`);
      expect(resumed.status).toBe(200);
      expect(resumed.body.paused).toBeUndefined();
      const kinds = (await eventKinds()).filter((kind) => /paused|resumed/.test(kind));
      expect(kinds).toEqual(['store.paused', 'store.resumed']);
    });

    it('does not resume on a credential that the vendor refuses, and says why', async () => {
      const { id, path } = await made(slackBody({ status: 'ACTIVE' }));
      await ask('POST', `${path}/pause`);
      stores.slack.faults.inject({
        matches: (request) => request.path.endsWith('auth.test'),
        fault: { kind: 'answer', answer: { status: 200, body: { ok: false, error: 'token_revoked' } } },
      });
      const answer = await ask('POST', `${path}/resume`);
      stores.slack.faults.clear();
      expect(answer).toMatchObject({
        status: 409,
        body: { errors: [{ detail: expect.stringContaining('token_revoked') }] },
      });
      expect(answer.text).not.toContain(SLACK_TOKEN);
      expect(await getStore(bridge().db, id)).toMatchObject({ paused: { code: 'invalid_credential' } });
    });

    it('has nothing to pause on an inactive store', async () => {
      const { path } = await made(slackBody());
      expect((await ask('POST', `${path}/pause`)).status).toBe(409);
    });
  });
});
