/** A preview lists what was changed by hand at the store, as drift: exactly what the next repair undoes. */

import { eventually } from '../../bridge.ts';
import { startWorld, type World } from './world.ts';

describe.each(['sqlite', 'postgres'] as const)('on %s', (dialect) => {
  let world: World;
  beforeEach(async () => {
    world = await startWorld(dialect);
  });
  afterEach(() => world.stop());

  it.each([
    ['active', false],
    ['to be activated again', true],
  ])(
    'lists a title, a disabled account and a missing membership of a store that is %s',
    async (_, inactive) => {
      const settings = { BRAKE_PERCENT: 100 };
      await world.add('Slack', settings);
      const ids = [];
      for (const name of ['ann', 'bob', 'cid']) ids.push(await world.join(name, { title: 'Engineer' }));
      await world.group('crew', ids);
      if (inactive) await world.configure('Slack', settings, { status: 'INACTIVE' });
      const remote = async (name: string) =>
        world.slack.users.get((await world.account('Slack', name))?.id ?? '');
      const [ann, bob, cid] = [await remote('ann'), await remote('bob'), await remote('cid')];
      if (ann) ann.profile.title = 'By hand';
      if (bob) bob.active = false;
      for (const group of world.slack.groups.values()) group.members.delete(cid?.id ?? '');
      await world.forget();

      const { id } = (await world.store('Slack', 'POST', '/preview', {})).body;
      const body = await eventually(async () => {
        const shown = (await world.store('Slack', 'GET', `/preview/${id}`)).body;
        return shown.state === 'RUNNING' ? undefined : shown;
      }, 20_000);
      expect(body).toMatchObject({ state: 'DONE', summary: { update: 1, enable: 1, grant: 1, revoke: 0 } });
      expect(body.changes).toHaveLength(3);
      for (const change of body.changes) expect(change).toMatchObject({ drift: true });
      expect(await world.writes('Slack')).toEqual([]);

      if (inactive) await world.configure('Slack', settings, { status: 'ACTIVE' });
      else await world.store('Slack', 'POST', '/sync', {});
      await world.settled();
      expect((await world.writes('Slack')).sort()).toEqual(['enable', 'grant', 'update']);
    },
  );
});
