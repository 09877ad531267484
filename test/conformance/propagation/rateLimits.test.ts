/** A vendor that limits one kind of request holds up that kind alone: a leaver least of all. */

import { eventually, patch, person } from '../../bridge.ts';
import { PLAYED } from '../../database.ts';
import { startWorld, VENDORS, type World } from './world.ts';

const RETRY_AFTER_S = 15;

describe.each(PLAYED)('on %s', (dialect) => {
  let world: World;
  beforeEach(async () => {
    world = await startWorld(dialect);
  });
  afterEach(() => world.stop());

  describe.each(VENDORS)('%s', (type) => {
    const emulator = () => (type === 'Slack' ? world.slack : world.gitlab);

    function limit(method: string, path: RegExp, retryAfterS = RETRY_AFTER_S, status = 429) {
      const matches = (request: { method: string; path: string }) =>
        request.method === method && path.test(request.path);
      emulator().faults.inject({
        times: Number.POSITIVE_INFINITY,
        matches,
        fault: {
          kind: 'answer',
          answer: { status, headers: { 'retry-after': String(retryAfterS) }, body: 'Retry later\n' },
        },
      });
      return () => emulator().requests.filter(matches).length;
    }

    /** Somebody leaves, somebody gets a title, somebody joins a group: all at once. */
    async function expectOthersServed(leaver: string, titled: string, crew: string): Promise<void> {
      const from = Date.now();
      await world.bridge.scim(
        'PATCH',
        `/Users/${leaver}`,
        patch({ op: 'replace', value: { active: false } }),
      );
      await eventually(
        async () => (await world.account(type, 'leaver'))?.enabled === false || undefined,
        2_000,
      );
      expect(Date.now() - from).toBeLessThan(1_000);
      await world.bridge.scim(
        'PATCH',
        `/Users/${titled}`,
        patch({ op: 'replace', value: { title: 'Cook' } }),
      );
      await world.bridge.scim(
        'PATCH',
        `/Groups/${crew}`,
        patch({ op: 'add', path: 'members', value: [{ value: titled }] }),
      );
      await eventually(async () => {
        const { title } = (await world.account(type, 'titled')) ?? {};
        const members = await world.members(type, 'crew');
        return (title === 'Cook' && members?.includes('titled')) || undefined;
      }, 5_000);
    }

    it('disables, updates and grants while creations have to wait', async () => {
      await world.add(type, { GROUP_PROVISIONING: 'Create' });
      const [leaver, titled] = [await world.join('leaver'), await world.join('titled', { title: 'Clerk' })];
      const crew = await world.group('crew');
      await world.forget();
      const asked = limit('POST', /\/users$/i);
      for (const name of ['new1', 'new2', 'new3']) await world.bridge.scim('POST', '/Users', person(name));
      await eventually(async () => asked() > 0 || undefined, 5_000);
      await expectOthersServed(leaver, titled, crew);
      // The bridge kept the rest to itself.
      expect(asked()).toBe(1);
      expect(await world.account(type, 'new1')).toBeNull();
      const waiting = await eventually(async () => {
        const { body } = await world.bridge.admin('GET', `/propagation/tasks?storeId=${world.id(type)}`);
        const tasks: { error: unknown }[] = body._embedded.tasks;
        return tasks.length === 3 && tasks.every(({ error }) => error !== null) ? tasks : undefined;
      }, 5_000);
      for (const task of waiting)
        expect(task).toMatchObject({ state: 'pending', attempts: 0, error: { status: 429 } });
    });

    it('disables at once while creations alone are told that it is out of order (503)', async () => {
      await world.add(type);
      const leaver = await world.join('leaver');
      await world.forget();
      const asked = limit('POST', /\/users$/i, RETRY_AFTER_S, 503);
      await world.bridge.scim('POST', '/Users', person('newcomer'));
      await eventually(async () => asked() > 0 || undefined, 5_000);
      const leave = patch({ op: 'replace', value: { active: false } });
      await world.bridge.scim('PATCH', `/Users/${leaver}`, leave);
      await eventually(
        async () => (await world.account(type, 'leaver'))?.enabled === false || undefined,
        2_000,
      );
      expect(asked()).toBe(1);
    });

    it('serves others while it tells a leaver to come again at once, again and again', async () => {
      await world.add(type);
      const [leaver, other] = [await world.join('leaver'), await world.join('other')];
      const { id } = (await world.account(type, 'leaver')) ?? {};
      const ends = type === 'Slack' ? ['DELETE', `/users/${id}$`] : ['POST', `/users/${id}/block$`];
      await world.forget();
      const asked = limit(ends[0] ?? '', new RegExp(ends[1] ?? '', 'i'), 0);
      await world.bridge.scim(
        'PATCH',
        `/Users/${leaver}`,
        patch({ op: 'replace', value: { active: false } }),
      );
      await eventually(async () => asked() > 0 || undefined, 5_000);
      const change = patch({ op: 'replace', value: { title: 'Cook' } });
      await world.bridge.scim('PATCH', `/Users/${other}`, change);
      await eventually(
        async () => (await world.account(type, 'other'))?.title === 'Cook' || undefined,
        5_000,
      );
      expect(asked()).toBeLessThan(8);
      emulator().faults.clear();
      await world.settled();
      expect(await world.account(type, 'leaver')).toMatchObject({ enabled: false });
    });

    it('goes on while the list of a sync has to wait, and a preview with it', async () => {
      await world.add(type, { GROUP_PROVISIONING: 'Create' });
      const [leaver, titled] = [await world.join('leaver'), await world.join('titled', { title: 'Clerk' })];
      const crew = await world.group('crew');
      await world.forget();
      const asked = limit('GET', /\/groups$/i);
      const { id } = (await world.store(type, 'POST', '/sync', {})).body;
      await world.store(type, 'POST', '/preview', {});
      await eventually(async () => asked() > 0 || undefined, 5_000);
      await expectOthersServed(leaver, titled, crew);
      expect(asked()).toBe(1);
      expect((await world.store(type, 'GET', `/syncs/${id}`)).body.state).toBe('RUNNING');
    });
  });
});
