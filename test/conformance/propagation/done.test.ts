/**
 * What previews, impacts and runs count: what they alone bring about, or brought. A loss that an admin discarded is
 * skipped, a report does nothing, and "done" is what was done.
 */

import { PLAYED } from '../../database.ts';
import { STORE_TYPES, startWorld, type World } from './world.ts';

type StoreType = (typeof STORE_TYPES)[number];

const LEAVERS = ['l1', 'l2', 'l3', 'l4', 'l5', 'l6'];
const LOSSES = { disable: 0, delete: 0, revoke: 0 };

describe.each(PLAYED)('on %s', (dialect) => {
  let world: World;
  beforeEach(async () => {
    world = await startWorld(dialect);
  });
  afterEach(() => world.stop());

  describe.each(STORE_TYPES)('%s', (type: StoreType) => {
    /** Six left, five of whom an admin keeps, and one waits for a decision; somebody else has just changed. */
    async function fiveDiscarded(): Promise<void> {
      await world.add(type, { BRAKE_MIN: 0, BRAKE_PERCENT: 0 });
      const ids = [];
      for (const name of LEAVERS) ids.push(await world.join(name));
      for (const id of ids) await world.setActive(id, false);
      const { held } = (await world.store(type, 'GET', '/held')).body._embedded;
      expect(held).toHaveLength(LEAVERS.length);
      const kept = held.slice(0, 5).map(({ id }: { id: string }) => id);
      expect((await world.store(type, 'POST', '/held/discard', { ids: kept })).body).toMatchObject({
        discarded: 5,
      });
      await world.settled();
      await world.forget();
    }

    const run = async (path: string, body: Record<string, unknown>) => {
      const reply = await world.store(type, 'POST', path, body);
      expect(reply.status).toBe(202);
      await world.settled();
      return (await world.store(type, 'GET', `/syncs/${reply.body.id}`)).body;
    };

    it('skips what was discarded, and does and counts nothing for it', async () => {
      await fiveDiscarded();
      const shown = await world.preview(type);
      expect(shown.summary).toMatchObject({
        disable: 1,
        held: 1,
        skipped: 5,
        people: { skipped: 5, held: 1 },
      });
      expect(shown.losing).toBe(1);
      expect(shown.changes).toHaveLength(1);
      for (const { reason } of shown.skipped) expect(reason).toMatch(/^discarded by /);

      const mapped = (await world.store(type, 'GET', '/mappings')).body;
      const { mappings, groupMappings } = mapped;
      for (const query of ['?preview=true', '']) {
        const { status, body } = await world.store(type, 'PUT', `/mappings${query}`, {
          mappings,
          groupMappings,
        });
        expect(status).toBe(200);
        expectNothing(body.impact.summary);
      }
      const rule = { name: 'everybody', storeId: world.id(type), populationExpression: 'userName pr' };
      for (const query of ['?preview=true', '']) {
        const { body } = await world.bridge.admin('POST', `/propagation/rules${query}`, rule);
        expect(body.impact).toMatchObject({ entering: 0, leaving: 0 });
        expectNothing(body.impact.summary);
      }
      await world.settled();

      const report = await run('/sync', { repair: false });
      expect(report).toMatchObject({ state: 'DONE', summary: { ...LOSSES, create: 0, update: 0, adopt: 0 } });
      const applied = await run(`/preview/${shown.id}/apply`, { includeHeld: true });
      expect(applied).toMatchObject({ state: 'DONE', refused: [], summary: { ...LOSSES, disable: 1 } });
      expect(applied.summary.people.disable).toBe(1);
      expect(await world.writes(type)).toEqual(['disable']);
    });

    it('counts of a sync what was done, and not what waited or was planned', async () => {
      await world.add(type, { BRAKE_PERCENT: 100, GROUP_PROVISIONING: 'Create' });
      await world.store(type, 'POST', '/pause', {});
      const ids = [];
      for (const name of ['ann', 'bob'])
        ids.push((await world.bridge.scim('POST', '/Users', userOf(name))).body.id);
      await world.bridge.scim('POST', '/Groups', groupOf('crew', ids));
      await world.store(type, 'POST', '/resume', {});
      await world.settled();
      const idle = await run('/sync', {});
      expectNothing(idle.summary);

      await world.configure(
        type,
        { BRAKE_PERCENT: 100, GROUP_PROVISIONING: 'Create' },
        { status: 'INACTIVE' },
      );
      await world.bridge.scim('POST', '/Users', userOf('cid'));
      await world.forget();
      await world.configure(type, { BRAKE_PERCENT: 100, GROUP_PROVISIONING: 'Create' }, { status: 'ACTIVE' });
      await world.settled();
      expect(await world.writes(type)).toEqual(['create']);
      const last = await world.bridge.db('sync_runs').orderBy('created_at', 'desc').first('id');
      const { body } = await world.store(type, 'GET', `/syncs/${last.id}`);
      expect(body).toMatchObject({
        cause: 'activation',
        summary: { create: 1, grant: 0, people: { create: 1 }, groups: { create: 0 } },
      });
    });
    it('counts every call, those of what a sync or an applied preview brings about too', async () => {
      if (type === 'Demo') return;
      await world.add(type, { BRAKE_PERCENT: 100, APPLY_MODE: 'Approval', GROUP_PROVISIONING: 'Create' });
      const ids = [];
      for (const name of ['ann', 'bob']) ids.push(await world.join(name));
      await world.group('crew', ids);
      const asked = () => (type === 'Slack' ? world.slack : world.gitlab).requests.length;
      const shown = await world.preview(type);
      await world.forget();
      const applied = await run(`/preview/${shown.id}/apply`, {});
      expect(applied.summary).toMatchObject({ create: 3, calls: asked() });
      expect(asked()).toBeGreaterThan(2);

      await world.configure(type, { BRAKE_PERCENT: 100, GROUP_PROVISIONING: 'Create' });
      await world.settled();
      const [ann = ''] = ids;
      await world.store(type, 'POST', '/pause', {});
      await world.bridge.scim('DELETE', `/Users/${ann}`);
      await world.bridge.db('tasks').delete();
      await world.store(type, 'POST', '/resume', {});
      await world.settled();
      await world.forget();
      const synced = await run('/sync', {});
      expect(synced.summary).toMatchObject({ disable: 1, calls: asked() });
    });
  });

  function expectNothing(summary: Record<string, unknown>): void {
    const { people, groups, calls: _, ...totals } = summary;
    for (const counts of [totals, people, groups]) {
      expect(Object.values(counts as Record<string, number>).filter((count) => count !== 0)).toEqual([]);
    }
  }
});

function userOf(name: string) {
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
    userName: `${name}@acme.example`,
    emails: [{ value: `${name}@acme.example`, primary: true }],
  };
}

function groupOf(displayName: string, ids: readonly string[]) {
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'],
    displayName,
    members: ids.map((value) => ({ value })),
  };
}
