/** What hangs on time, by a clock that the tests move: removals, leavers' deadlines, proof, periodic syncs. */

import { eventually, type MovableClock, movableClock, patch } from '../../bridge.ts';
import { PLAYED } from '../../database.ts';
import { startWorld, type World } from './world.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

interface Event {
  readonly kind: string;
  readonly reason: string | null;
  readonly subject: { readonly display: string | null } | null;
}

describe.each(PLAYED)('on %s', (dialect) => {
  let world: World;
  let clock: MovableClock;
  beforeEach(async () => {
    clock = movableClock();
    world = await startWorld(dialect, clock);
  });
  afterEach(() => world.stop());

  const events = async (kind: string): Promise<readonly Event[]> =>
    (await world.bridge.admin('GET', `/events?kind=${kind}`)).body._embedded.events;

  const leave = (groupId: string) => world.patch(`/Groups/${groupId}`, { op: 'remove', path: 'members' });

  describe('REMOVE_AFTER_DAYS', () => {
    const REMOVAL = { REMOVE_ACTION: 'Delete', REMOVE_AFTER_DAYS: 30 };

    it('disables at once, deletes when the time is up, and asks once', async () => {
      await world.add('Demo', REMOVAL);
      const jane = await world.join('jane');
      await world.remove(`/Users/${jane}`);
      expect(await world.account('Demo', 'jane')).toMatchObject({ enabled: false });
      clock.advance(29 * DAY_MS);
      await world.bridge.turn();
      expect(await world.account('Demo', 'jane')).toMatchObject({ enabled: false });
      clock.advance(2 * DAY_MS);
      await world.bridge.turn();
      expect(await world.account('Demo', 'jane')).toBeNull();
      await world.bridge.turn();
      expect(await events('removals.due')).toHaveLength(1);
      expect(await world.writes('Demo')).toEqual(['create', 'disable', 'delete']);
    });

    it('is called off by a return, and counts anew with the next leave', async () => {
      await world.add('Demo', REMOVAL);
      const jane = await world.join('jane');
      await world.remove(`/Users/${jane}`);
      clock.advance(20 * DAY_MS);
      const again = await world.join('jane');
      expect(await world.account('Demo', 'jane')).toMatchObject({ enabled: true });
      clock.advance(20 * DAY_MS);
      await world.bridge.turn();
      expect(await world.account('Demo', 'jane')).toMatchObject({ enabled: true });
      await world.remove(`/Users/${again}`);
      clock.advance(20 * DAY_MS);
      await world.bridge.turn();
      expect(await world.account('Demo', 'jane')).toMatchObject({ enabled: false });
      clock.advance(11 * DAY_MS);
      await world.bridge.turn();
      expect(await world.account('Demo', 'jane')).toBeNull();
    });

    it('counts also for whom was inactive before, and new settings move the end', async () => {
      await world.add('Demo', REMOVAL);
      const jane = await world.join('jane');
      await world.setActive(jane, false);
      clock.advance(40 * DAY_MS);
      await world.bridge.turn();
      await world.remove(`/Users/${jane}`);
      clock.advance(10 * DAY_MS);
      await world.bridge.turn();
      expect(await world.account('Demo', 'jane')).toMatchObject({ enabled: false });
      await world.configure('Demo', { ...REMOVAL, REMOVE_AFTER_DAYS: 60 });
      clock.advance(25 * DAY_MS);
      await world.bridge.turn();
      expect(await world.account('Demo', 'jane')).toMatchObject({ enabled: false });
      await world.configure('Demo', { ...REMOVAL, REMOVE_AFTER_DAYS: 20 });
      expect(await world.account('Demo', 'jane')).toBeNull();
    });

    describe.each([
      ['a rule', 'title eq "Engineer"', async () => undefined],
      ['a group that a rule names', null, async (staff: string) => leave(staff)],
    ])(
      'counts from the moment on at which somebody inactive is moved out of scope by %s',
      (_, expression, moveOut) => {
        it('whatever REMOVE_ACTION was then', async () => {
          await world.add('Demo', { REMOVE_ACTION: 'Disable' });
          const jane = await world.join('jane');
          const staff = await world.group('Staff', [jane]);
          await world.setActive(jane, false);
          clock.advance(40 * DAY_MS);
          const rule = { storeId: world.id('Demo'), name: 'In scope', active: true };
          const who = expression ? { populationExpression: expression } : { groups: [{ id: staff }] };
          await world.bridge.admin('POST', '/propagation/rules', { ...rule, ...who });
          await world.settled();
          await moveOut(staff);
          clock.advance(10 * DAY_MS);
          await world.configure('Demo', { ...REMOVAL, REMOVE_AFTER_DAYS: 11 });
          await world.bridge.turn();
          expect(await world.account('Demo', 'jane')).toMatchObject({ enabled: false });
          clock.advance(2 * DAY_MS);
          await world.bridge.turn();
          expect(await world.account('Demo', 'jane')).toBeNull();
        });
      },
    );

    it('is called off for an inactive person who is in scope again', async () => {
      await world.add('Demo', REMOVAL);
      const jane = await world.join('jane', { title: 'Clerk' });
      await world.setActive(jane, false);
      const rule = { storeId: world.id('Demo'), name: 'Engineers', active: true };
      const engineers = { ...rule, populationExpression: 'title eq "Engineer"' };
      const { body } = await world.bridge.admin('POST', '/propagation/rules', engineers);
      await world.settled();
      clock.advance(20 * DAY_MS);
      await world.bridge.admin('DELETE', `/propagation/rules/${body.id}?widen=true`);
      await world.settled();
      clock.advance(20 * DAY_MS);
      await world.remove(`/Users/${jane}`);
      expect(await world.account('Demo', 'jane')).toMatchObject({ enabled: false });
    });

    it('is a loss like any other: the brake holds what is too much', async () => {
      await world.add('Demo', { ...REMOVAL, BRAKE_MIN: 2, BRAKE_PERCENT: 0 });
      const people = [await world.join('ann'), await world.join('bob'), await world.join('cid')];
      for (const id of people) {
        await world.remove(`/Users/${id}`);
        clock.advance(2 * 60 * MINUTE_MS);
      }
      clock.advance(31 * DAY_MS);
      await world.bridge.turn();
      const status = await world.syncStatus('Demo');
      expect(status.heldCount).toBe(1);
      // Their access is long gone, so none of them is a leaver that somebody waits for.
      expect(status.openLeavers).toEqual([]);
      expect((await world.writes('Demo')).filter((word) => word === 'delete')).toHaveLength(2);
    });

    it('needs REMOVE_ACTION Delete', async () => {
      const reply = await world.bridge.admin('POST', '/propagation/stores', {
        type: 'Demo',
        name: 'Demo',
        configuration: { REMOVE_AFTER_DAYS: 30 },
      });
      expect(reply.status).toBe(400);
      expect(reply.body.errors).toEqual([
        {
          pointer: '/configuration/REMOVE_AFTER_DAYS',
          detail: expect.stringContaining('needs REMOVE_ACTION'),
        },
      ]);
    });
  });

  describe('LEAVER_DEADLINE_SECONDS', () => {
    it('says once who has not lost access in time, whatever keeps it', async () => {
      await world.add('Demo', { LEAVER_DEADLINE_SECONDS: 60, BRAKE_MIN: 0, BRAKE_PERCENT: 0 });
      const held = await world.join('held');
      await world.setActive(held, false);
      const stays = await world.join('paused');
      await world.store('Demo', 'POST', '/pause', {});
      await world.bridge.scim('PATCH', `/Users/${stays}`, patch({ op: 'replace', value: { active: false } }));
      expect(await world.syncStatus('Demo')).toMatchObject({
        openLeavers: [
          { task: 'held', reason: expect.stringContaining('waits for a decision') },
          { task: 'pending', reason: expect.stringContaining('is paused') },
        ],
      });
      clock.advance(61_000);
      await world.bridge.ring();
      await world.bridge.ring();
      const said = await events('leaver.overdue');
      expect(said.map((event) => event.subject?.display).sort()).toEqual([
        'held@acme.example',
        'paused@acme.example',
      ]);
      expect(said.map((event) => event.reason).sort()).toEqual([
        expect.stringContaining('that held@acme.example lost access: the loss waits for a decision'),
        expect.stringContaining('that paused@acme.example lost access: the store is paused'),
      ]);
      const status = await world.syncStatus('Demo');
      expect(status.details).toContainEqual({
        code: 'leaver_overdue',
        message: expect.stringContaining('2 people who left'),
      });
      const metrics = await (await fetch(`${world.bridge.url}/metrics`)).text();
      expect(metrics).toMatch(/scim_bridge_leavers_pending\{store_id="[^"]+"\} 2\n/);
      expect(metrics).toMatch(/scim_bridge_leavers_overdue_total\{store_id="[^"]+"\} 2\n/);
      expect(
        Number(/scim_bridge_oldest_leaver_seconds\{[^}]+\} (\d+)/.exec(metrics)?.[1]),
      ).toBeGreaterThanOrEqual(61);

      await world.store('Demo', 'POST', '/held/approve', { all: true });
      await world.bridge.scim('PATCH', `/Users/${stays}`, patch({ op: 'replace', value: { active: true } }));
      await world.store('Demo', 'POST', '/resume', {});
      await world.settled();
      const after = await world.syncStatus('Demo');
      expect(after.openLeavers).toEqual([]);
      expect(after.details.map((detail) => detail.code)).not.toContain('leaver_overdue');
    });

    it('is kept by who is done in time, and by whoever no longer has to leave', async () => {
      await world.add('Demo', { BRAKE_MIN: 0, BRAKE_PERCENT: 0 });
      const jane = await world.join('jane');
      await world.setActive(jane, false);
      expect(await world.syncStatus('Demo')).toMatchObject({ openLeavers: [{ task: 'held' }] });
      await world.store('Demo', 'POST', '/held/discard', { all: true });
      expect(await world.syncStatus('Demo')).toMatchObject({ openLeavers: [] });
      await world.configure('Demo', {});
      const joe = await world.join('joe');
      await world.setActive(joe, false);
      expect(await world.syncStatus('Demo')).toMatchObject({ openLeavers: [] });
      clock.advance(DAY_MS);
      await world.bridge.turn();
      expect(await events('leaver.overdue')).toEqual([]);
    });
  });

  describe('VERIFY', () => {
    it('reads the account back after disabling it', async () => {
      await world.add('Slack', { VERIFY: true });
      const jane = await world.join('jane');
      await world.forget();
      await world.setActive(jane, false);
      expect(await world.writes('Slack')).toEqual(['disable']);
      expect(world.slack.requests.filter((r) => r.method === 'GET')).toHaveLength(1);
      expect(await events('leaver.verified')).toHaveLength(1);
      expect(await world.status('Slack', jane)).toMatchObject({ status: 'synced' });
      expect(await world.syncStatus('Slack')).toMatchObject({ openLeavers: [] });
    });

    it('looks again while the account can be used, holds nobody up, and gives up at the deadline', async () => {
      await world.add('Slack', { VERIFY: true, LEAVER_DEADLINE_SECONDS: 120 });
      const jane = await world.join('jane');
      const id = (await world.account('Slack', 'jane'))?.id ?? '';
      // Somebody, or something, enables it again before anyone looks.
      const user = world.slack.users.get(id);
      if (!user) throw new Error('no account');
      Object.defineProperty(user, 'active', { get: () => true, set: () => {}, configurable: true });
      await world.bridge.scim('PATCH', `/Users/${jane}`, patch({ op: 'replace', value: { active: false } }));
      await eventually(
        async () =>
          ((await world.syncStatus('Slack')).openLeavers as { verifying: boolean }[])[0]?.verifying ||
          undefined,
        10_000,
      );
      const joe = await world.bridge.scim('POST', '/Users', {
        schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
        userName: 'joe@acme.example',
        name: { givenName: 'joe', familyName: 'Doe' },
        emails: [{ value: 'joe@acme.example', primary: true }],
      });
      await eventually(
        async () => (await world.status('Slack', joe.body.id)).status === 'synced' || undefined,
        10_000,
      );
      expect(await world.status('Slack', jane)).toMatchObject({ status: 'pending' });
      clock.advance(121_000);
      await world.settled();
      expect(await world.status('Slack', jane)).toMatchObject({
        status: 'partiallySynced',
        reason: expect.stringContaining('still showed the account as enabled 120 seconds later'),
      });
      expect(await events('leaver.unverified')).toHaveLength(1);
      await world.bridge.turn();
      expect(await events('leaver.overdue')).toHaveLength(1);
      expect(await world.syncStatus('Slack')).toMatchObject({ openLeavers: [{ task: null }] });
    });
  });

  describe('SYNC_INTERVAL_MINUTES', () => {
    const runs = () => world.bridge.db('sync_runs').where({ cause: 'periodic' }).orderBy('created_at');

    it('looks at the store again and again, with jitter, one at a time', async () => {
      await world.add('Demo', { SYNC_INTERVAL_MINUTES: 60 });
      await world.bridge.turn();
      clock.advance(59 * MINUTE_MS);
      await world.bridge.turn();
      expect(await runs()).toHaveLength(0);
      clock.advance(8 * MINUTE_MS);
      await world.bridge.turn();
      await world.bridge.turn();
      expect(await runs()).toMatchObject([{ state: 'DONE' }]);
      clock.advance(67 * MINUTE_MS);
      await world.bridge.turn();
      expect(await runs()).toHaveLength(2);
    });

    it('does so although the run before still waits for somebody', async () => {
      await world.add('GitLabSelfManaged', { SYNC_INTERVAL_MINUTES: 60, DRIFT_MODE: 'Repair' });
      const jane = await world.join('jane');
      world.gitlab.faults.inject({
        fault: { kind: 'answer', answer: { status: 429, headers: { 'retry-after': '900' }, body: '' } },
        matches: ({ method }) => method === 'PUT',
        times: Number.POSITIVE_INFINITY,
      });
      const renamed = patch({ op: 'replace', value: { displayName: 'Jane Moe' } });
      await world.bridge.scim('PATCH', `/Users/${jane}`, renamed);
      for (const open of [1, 2]) {
        clock.advance(67 * MINUTE_MS);
        await eventually(async () => {
          await world.bridge.ring();
          const all = await runs().where({ state: 'RUNNING', settling: true });
          return all.length === open || undefined;
        }, 10_000);
      }
    });

    it('does not with 0, nor while the store is paused', async () => {
      await world.add('Demo', { SYNC_INTERVAL_MINUTES: 0 });
      clock.advance(30 * DAY_MS);
      await world.bridge.turn();
      await world.configure('Demo', { SYNC_INTERVAL_MINUTES: 60 });
      await world.store('Demo', 'POST', '/pause', {});
      clock.advance(DAY_MS);
      await world.bridge.turn();
      expect(await runs()).toHaveLength(0);
      await world.store('Demo', 'POST', '/resume', {});
      await world.bridge.turn();
      expect(await runs()).toHaveLength(1);
    });

    it('fails where the store cannot be read to the end, and takes nothing for gone', async () => {
      await world.add('Slack', { SYNC_INTERVAL_MINUTES: 60, DRIFT_MODE: 'Repair' });
      const jane = await world.join('jane');
      world.slack.workspace.users.delete((await world.account('Slack', 'jane'))?.id ?? '');
      // People are read, and then the groups are not.
      const answer = { status: 400, body: { Errors: { description: 'no', code: 400 } } };
      world.slack.faults.inject({ fault: { kind: 'answer', answer }, matches: isGroupList, times: 8 });
      clock.advance(67 * MINUTE_MS);
      await world.bridge.turn();
      expect(await runs()).toMatchObject([{ state: 'FAILED' }]);
      expect(await world.link('Slack', jane)).toMatchObject({ state: 'enabled' });
      expect(await world.syncStatus('Slack')).toMatchObject({ syncState: 'FAILED' });
    });

    const isGroupList = ({ method, path }: { method: string; path: string }) =>
      method === 'GET' && path.endsWith('/Groups');
  });
});
