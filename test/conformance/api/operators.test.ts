/** What operators do: held losses, tasks, links, syncs and previews. */

import type { Knex } from 'knex';
import { insertHeld } from '../../../src/db/brake/losses.ts';
import { appendEvent } from '../../../src/db/events.ts';
import { insertUser } from '../../../src/db/identity/users.ts';
import { enqueueTask, PRIORITY } from '../../../src/db/queue/enqueue.ts';
import { upsertSyncStatus } from '../../../src/db/seen/syncStatuses.ts';
import { SYSTEM } from '../../../src/model/cause.ts';
import type { Change } from '../../../src/model/change.ts';
import { onEachDatabase } from '../../database.ts';
import { STORES, useStores } from './storeFixture.ts';

const AT = '2026-01-01T00:00:00.000Z';
const TASKS = '/v1/environments/default/propagation/tasks';
const USERS = '/v1/environments/default/users';
const DEMO = { type: 'Demo', name: 'Demo', status: 'ACTIVE', configuration: {} };

const user = (id: string) => ({ kind: 'user', id }) as const;

async function addPerson(db: Knex, name: string): Promise<{ userId: string; personId: string }> {
  const connection = await db('connections').first('id');
  const personId = `person-${name}`;
  await db('persons').insert({ id: personId, environment_id: 'default', created_at: AT });
  await insertUser(db, {
    id: `user-${name}`,
    environmentId: 'default',
    connectionId: connection.id,
    personId,
    resource: { userName: `${name}@acme.example`, active: true },
    createdAt: AT,
  });
  return { userId: `user-${name}`, personId };
}

async function hold(db: Knex, storeId: string, personId: string, rank = 0, cause = 'the-request') {
  const change: Change = {
    op: 'disable',
    subject: { ...user(personId), display: personId },
    remoteId: `r-${personId}`,
  };
  const row = {
    environmentId: 'default',
    storeId,
    subject: user(personId),
    personKey: personId,
    changeKey: `disable ${personId}`,
    change,
    desired: 'inactive',
    cause,
    reason: 'the brake tripped',
    rank,
    incidentId: null,
  };
  const [held] = await insertHeld(db, [row], AT);
  await setStatus(db, storeId, personId, 'held');
  await enqueue(db, storeId, personId);
  await db('tasks').where({ subject_id: personId }).update({ state: 'held' });
  await db('stores').where({ id: storeId }).update({ brake_tripped_at: AT });
  return held?.id ?? '';
}

const setStatus = (db: Knex, storeId: string, personId: string, status: 'held' | 'synced' | 'unsynced') =>
  upsertSyncStatus(db, {
    environmentId: 'default',
    storeId,
    subject: user(personId),
    status,
    reason: status === 'synced' ? null : `because it is ${status}`,
    vendor: null,
    correlationId: 'c',
    since: AT,
    lastSyncAt: AT,
  });

const enqueue = (db: Knex, storeId: string, personId: string) =>
  enqueueTask(db, storeId, {
    environmentId: 'default',
    subject: user(personId),
    priority: PRIORITY.normal,
    correlationIds: ['c'],
    at: AT,
  });

onEachDatabase((open) => {
  const { ask, made, eventKinds, bridge } = useStores(open);
  const statusOf = async (path: string) => (await ask('GET', `${path}/syncStatus`)).body;

  describe('held losses', () => {
    it('are listed with people who left first, page by page', async () => {
      const { id, path } = await made(DEMO);
      const { db } = bridge();
      await hold(db, id, 'member', 1);
      await hold(db, id, 'leaver', 0);
      const first = await ask('GET', `${path}/held?limit=1`);
      expect(first.body).toMatchObject({
        _embedded: {
          held: [
            {
              id: expect.any(String),
              subject: { kind: 'user', id: 'leaver', display: 'leaver' },
              changes: [{ op: 'disable', remoteId: 'r-leaver' }],
              cause: { correlationId: 'the-request', kind: 'request', description: expect.any(String) },
              reason: 'the brake tripped',
              since: AT,
            },
          ],
        },
        count: 2,
        size: 1,
      });
      const next = first.body._links.next.href.replace(/^.*\/v1/, '/v1');
      expect((await ask('GET', next)).body._embedded.held[0].subject.id).toBe('member');
      expect(await statusOf(path)).toMatchObject({
        heldCount: 2,
        details: expect.arrayContaining([expect.objectContaining({ code: 'brake_tripped' })]),
      });
    });

    it('say who would lose something, and where that came from', async () => {
      const { id, path } = await made(DEMO);
      const { db } = bridge();
      const okta = { type: 'connection', id: 'c1', name: 'okta' } as const;
      const admin = { type: 'admin', id: 't1', name: 'ops' } as const;
      const store = { id, name: 'Demo' };
      const request = { method: 'PATCH', path: '/scim/v2/Users/p' };
      const causes = [
        ['request', okta, 'user.deactivated', { subject: { ...user('p'), display: 'kim' }, request }],
        ['rule', admin, 'rule.updated', { store }],
        ['settings', admin, 'mappings.updated', { store }],
        ['sync', admin, 'sync.requested', { store }],
        ['sync', SYSTEM, 'change.held', { store }],
      ] as const;
      for (const [n, [, actor, kind, about]] of causes.entries()) {
        const { personId } = await addPerson(db, `kim${n}`);
        if (n > 0) await db('users').where({ person_id: personId }).update({ active: false });
        if (n > 1) await db('users').where({ person_id: personId }).update({ deleted_at: AT });
        await hold(db, id, personId, 0, `cause-${n}`);
        for (const later of [kind, 'change.held'] as const) {
          const cause = { correlationId: `cause-${n}`, actor };
          await appendEvent(db, AT, {
            environmentId: 'default',
            cause,
            kind: later,
            outcome: 'held',
            ...about,
          });
        }
      }
      const held: { cause: object; personState: string }[] = (await ask('GET', `${path}/held`)).body._embedded
        .held;
      const byCause = Map.groupBy(held, (item) => JSON.stringify(item.cause));
      const said = (n: number, kind: string, description: string) =>
        byCause.get(JSON.stringify({ correlationId: `cause-${n}`, kind, description }))?.[0]?.personState;
      expect(said(0, 'request', 'okta: user.deactivated kim')).toBe('active');
      expect(said(1, 'rule', 'ops: rule.updated Demo')).toBe('inactive');
      expect(said(2, 'settings', 'ops: mappings.updated Demo')).toBe('deleted');
      expect(said(3, 'sync', 'ops: sync.requested Demo')).toBe('deleted');
      expect(said(4, 'sync', 'a sync of Demo')).toBe('deleted');
    });

    it('are approved exactly as listed, and the brake is released with the last one', async () => {
      const { id, path } = await made(DEMO);
      const { db } = bridge();
      const [a, b] = [await hold(db, id, 'a'), await hold(db, id, 'b')];
      const refused = await ask('POST', `${path}/held/approve`, { ids: [a, 'gone'] });
      expect(refused).toMatchObject({
        status: 409,
        body: { errors: [{ pointer: '/ids/1', detail: expect.stringContaining('gone is not held') }] },
      });
      expect(await db('losses').where({ state: 'held' })).toHaveLength(2);

      const woken = bridge().wakes();
      expect(await ask('POST', `${path}/held/approve`, { ids: [a] })).toMatchObject({
        status: 200,
        body: { approved: 1, ids: [a] },
      });
      expect(bridge().wakes()).toBe(woken + 1);
      expect(await db('tasks').where({ subject_id: 'a' }).first()).toMatchObject({
        state: 'pending',
        priority: PRIORITY.leaver,
      });
      expect(await db('tasks').where({ subject_id: 'b' }).first()).toMatchObject({ state: 'held' });
      expect((await db('stores').where({ id }).first()).brake_tripped_at).toBe(AT);

      await ask('POST', `${path}/held/approve`, { all: true });
      expect((await db('losses').where({ id: b }).first()).state).toBe('approved');
      expect((await db('stores').where({ id }).first()).brake_tripped_at).toBeNull();
      const [event] = await db('events').where({ kind: 'held.approved' }).orderBy('id');
      expect(event).toMatchObject({ actor_type: 'admin', actor_name: 'ADMIN_TOKEN', subject_id: 'a' });
    });

    it('are discarded under the name of who did it, without a task', async () => {
      const { id, path } = await made(DEMO);
      const { db } = bridge();
      const held = await hold(db, id, 'a');
      const answer = await ask('POST', `${path}/held/discard`, { ids: [held] });
      expect(answer).toMatchObject({ status: 200, body: { discarded: 1 } });
      expect(await db('losses').first()).toMatchObject({ state: 'discarded', decided_by: 'ADMIN_TOKEN' });
      expect(await db('tasks')).toEqual([]);
      expect(await db('sync_statuses').first()).toMatchObject({
        status: 'unsynced',
        reason: 'discarded by ADMIN_TOKEN',
      });
      expect((await ask('POST', `${path}/held/approve`, { ids: [held] })).status).toBe(409);
      expect(await statusOf(path)).toMatchObject({ heldCount: 0, unsyncedCount: 1 });
    });

    it.each([{}, { ids: [] }, { all: false }, { ids: ['x'], all: true }])(
      'are not decided by %j',
      async (body) => {
        const { id, path } = await made(DEMO);
        await hold(bridge().db, id, 'a');
        expect((await ask('POST', `${path}/held/approve`, body)).status).toBe(400);
        expect(await bridge().db('losses').where({ state: 'held' })).toHaveLength(1);
      },
    );
  });

  describe('tasks', () => {
    it('are listed, retried and discarded', async () => {
      const { id, path } = await made(DEMO);
      const { db } = bridge();
      for (const person of ['a', 'b']) await enqueue(db, id, person);
      const error = JSON.stringify({ message: 'the vendor says no', status: 422, code: 'nope' });
      await db('tasks').where({ subject_id: 'a' }).update({ state: 'parked', attempts: 12, error });
      const parked = await ask('GET', `${TASKS}?storeId=${id}&state=parked`);
      expect(parked.body).toMatchObject({ count: 1, size: 1 });
      const [task] = parked.body._embedded.tasks;
      expect(task).toMatchObject({
        storeId: id,
        subject: { ...user('a'), display: 'a' },
        state: 'parked',
        attempts: 12,
        error: { message: 'the vendor says no', status: 422 },
      });
      expect((await ask('GET', `${TASKS}?storeId=${id}`)).body.count).toBe(2);
      expect((await ask('GET', `${TASKS}?state=lost`)).status).toBe(400);

      const retried = await ask('POST', `${TASKS}/${task.id}/retry`);
      expect(retried).toMatchObject({ status: 202, body: { state: 'pending', attempts: 0 } });
      expect((await ask('POST', `${TASKS}/${task.id}/discard`)).status).toBe(204);
      expect((await ask('GET', `${TASKS}/${task.id}`)).status).toBe(404);
      expect((await ask('POST', `${TASKS}/${task.id}/retry`)).status).toBe(404);
      expect(await statusOf(path)).toMatchObject({ unsyncedCount: 1, pendingCount: 1, syncState: 'SYNCING' });
      expect(await eventKinds()).toEqual(expect.arrayContaining(['task.retried', 'task.discarded']));
    });

    it('that wait for a decision are not discarded', async () => {
      const { id } = await made(DEMO);
      await hold(bridge().db, id, 'a');
      const task = await bridge().db('tasks').first();
      expect((await ask('POST', `${TASKS}/${task.id}/discard`)).status).toBe(409);
    });
  });

  describe('links', () => {
    it('are made by hand to an account that is there and free, and undone without a call', async () => {
      const { id, path } = await made(DEMO);
      const { db, propagation } = bridge();
      const ada = await addPerson(db, 'ada');
      const bob = await addPerson(db, 'bob');
      const store = await db('stores').where({ id }).first();
      const demo = propagation.registry.get('Demo');
      const connector = demo && propagation.connectors.connect(demo, store.id, {});
      const context = { signal: AbortSignal.timeout(5_000), record: () => {} };
      const created = await connector?.apply(
        {
          op: 'create',
          subject: { ...user('x'), display: 'x' },
          identifier: 'x@acme.example',
          attributes: { primaryEmail: 'x@acme.example' },
        },
        context,
      );
      const remoteId = created?.remoteId ?? '';
      const link = (subjectId: string, to: string) =>
        ask('POST', `${path}/links`, { subject: user(subjectId), remoteId: to });

      expect(await link(ada.userId, 'no-such-account')).toMatchObject({
        status: 409,
        body: { errors: [{ pointer: '/remoteId' }] },
      });
      expect((await link('nobody', remoteId)).status).toBe(404);
      const made_ = await link(ada.userId, remoteId);
      expect(made_).toMatchObject({
        status: 201,
        body: { subject: user(ada.personId), remoteId, origin: 'adopted', state: 'enabled' },
      });
      expect(await db('tasks').where({ store_id: id, subject_id: ada.personId })).toHaveLength(1);
      expect((await link(bob.userId, remoteId)).body.detail).toMatch(/linked to another person/);
      expect((await link(ada.personId, remoteId)).body.detail).toMatch(/unlink that first/);

      const one = `${path}/links/${made_.body.id}`;
      expect((await ask('GET', one)).body).toEqual(made_.body);
      expect((await ask('GET', `${path}/links?remoteId=${remoteId}`)).body).toMatchObject({ count: 1 });
      expect((await ask('GET', `${path}/links?kind=group`)).body).toMatchObject({ count: 0 });
      expect((await ask('DELETE', one)).status).toBe(204);
      expect((await ask('GET', one)).status).toBe(404);
      const shown = { id: remoteId, identifier: 'x@acme.example', state: 'enabled', groups: [] };
      expect((await ask('GET', `${path}/accounts`)).body).toMatchObject({
        _embedded: { accounts: [shown] },
        count: 1,
        size: 1,
      });
      expect(await eventKinds()).toEqual(expect.arrayContaining(['link.created', 'link.deleted']));
    });
  });

  describe('one person', () => {
    it('has a status on each store that is worked on, pending while a task waits', async () => {
      const { id } = await made(DEMO);
      await made({ ...DEMO, name: 'Asleep', status: 'INACTIVE' });
      const { db } = bridge();
      const { userId, personId } = await addPerson(db, 'ada');
      await setStatus(db, id, personId, 'unsynced');
      const shown = async () => {
        const { body } = await ask('GET', `${USERS}/${userId}/syncStatus`);
        expect(body.person).toEqual({ id: personId, display: 'ada@acme.example' });
        return body._embedded.stores;
      };
      const settled = {
        store: { id, name: 'Demo', type: 'Demo' },
        status: 'unsynced',
        accountState: 'none',
        since: AT,
        reason: 'because it is unsynced',
        held: [],
        lastSyncAt: AT,
        correlationId: 'c',
      };
      expect(await shown()).toEqual([settled]);

      const woken = bridge().wakes();
      const asked = await ask('POST', `${USERS}/${userId}/sync`);
      expect(asked.status).toBe(202);
      expect(asked.body._embedded.stores).toEqual([
        { ...settled, since: expect.any(String), status: 'pending', reason: null },
      ]);
      expect(bridge().wakes()).toBe(woken + 1);
      await ask('POST', `${STORES}/${id}/pause`);
      expect(await shown()).toMatchObject([
        { status: 'pending', reason: 'Demo is paused: Paused by ADMIN_TOKEN.' },
      ]);
      expect((await ask('GET', `${USERS}/nobody/syncStatus`)).status).toBe(404);
      expect((await ask('POST', `${USERS}/nobody/sync`)).status).toBe(404);
    });
  });

  describe('a store', () => {
    it('says in figures and words how it stands', async () => {
      const { id, path } = await made(DEMO);
      const { db } = bridge();
      await db('sync_runs').update({ state: 'DONE' });
      expect(await statusOf(path)).toMatchObject({ syncState: 'SYNCED', userTotal: 0, details: [] });
      for (const person of ['a', 'b']) await setStatus(db, id, person, 'unsynced');
      await setStatus(db, id, 'c', 'synced');
      expect(await statusOf(path)).toMatchObject({
        syncState: 'SYNCED',
        userTotal: 3,
        successCount: 1,
        unsyncedCount: 2,
        partiallySyncedCount: 0,
        failedCount: 0,
        heldCount: 0,
        pendingCount: 0,
        details: [{ code: 'unsynced', message: '2 people unsynced: because it is unsynced' }],
      });
    });

    it('is synced on request while it is active', async () => {
      const { path } = await made(DEMO);
      const answer = await ask('POST', `${path}/sync`, { repair: false });
      expect(answer).toMatchObject({
        status: 202,
        body: {
          state: 'QUEUED',
          cause: 'request',
          repair: false,
          progress: { scanned: 0, total: null },
          drift: [],
        },
      });
      expect((await ask('GET', `${path}/syncs/${answer.body.id}`)).body).toEqual(answer.body);
      expect((await ask('GET', `${path}/syncs/none`)).status).toBe(404);
      expect((await ask('POST', `${path}/sync`, { repair: 'no' })).status).toBe(400);
      const asleep = await made({ ...DEMO, name: 'Asleep', status: 'INACTIVE' });
      expect((await ask('POST', `${asleep.path}/sync`)).status).toBe(409);
    });

    it('is previewed while it is inactive, and its pages are read', async () => {
      const { path } = await made({ ...DEMO, status: 'INACTIVE' });
      await addPerson(bridge().db, 'ada');
      const answer = await ask('POST', `${path}/preview`);
      expect(answer).toMatchObject({
        status: 201,
        body: { state: 'DONE', changes: [], summary: { create: 0 } },
      });
      const one = `${path}/preview/${answer.body.id}`;
      expect((await ask('GET', one)).body).toEqual(answer.body);
      const skipped = await ask('GET', `${one}/skipped`);
      expect(skipped.body._embedded.skipped).toEqual(answer.body.skipped);
      expect(skipped.body.count).toBe(answer.body.skipped.length);
      expect((await ask('GET', `${one}/changes`)).body).toMatchObject({
        _embedded: { changes: [] },
        count: 0,
      });
      expect((await ask('POST', `${one}/apply`)).status).toBe(409);
      expect((await ask('GET', `${path}/preview/none`)).status).toBe(404);
    });

    it('of a vendor does not show accounts', async () => {
      const { path } = await made({
        type: 'GitLabSelfManaged',
        name: 'GitLab',
        configuration: { BASE_URL: 'https://gitlab.example', ACCESS_TOKEN: 'glpat-x' },
      });
      expect((await ask('GET', `${path}/accounts`)).status).toBe(409);
    });
  });
});
