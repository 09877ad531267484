/**
 * Somebody makes the same edit by hand again after a repair: that is drift each time, and no value that the vendor keeps
 * in a form of its own (`drift.test.ts`, `notAccepted.test.ts`).
 */

import type { Dialect } from '../../../src/db/open.ts';
import { PLAYED } from '../../database.ts';
import { startWorld, VENDORS, type World } from './world.ts';

const BOTH = PLAYED.flatMap((dialect) => VENDORS.map((type) => [dialect, type] as const));

describe.each(BOTH)('on %s, of %s', (dialect: Dialect, type) => {
  let world: World;
  let jane = '';
  beforeEach(async () => {
    world = await startWorld(dialect);
    await world.add(type, { GROUP_PROVISIONING: 'Create' });
    jane = await world.join('jane', { title: 'Pilot' });
    await world.forget();
  });
  afterEach(() => world.stop());

  async function sync(): Promise<readonly unknown[]> {
    await world.store(type, 'POST', '/sync', {});
    await world.settled();
    const writes = await world.writes(type);
    await world.forget();
    return writes;
  }

  function retitle(title: string): void {
    const [user] =
      type === 'Slack'
        ? [...world.slack.users.values()].slice(-1)
        : [...world.gitlab.state.users.values()].slice(-1);
    const target = user as unknown as { profile: Record<string, string> };
    if (type === 'Slack') target.profile.title = title;
    else target.profile.bio = title;
  }

  it('repairs the same edit as often as it is made', async () => {
    for (let n = 0; n < 3; n++) {
      retitle('By hand');
      expect((await world.preview(type)).changes).toMatchObject([{ op: 'update', drift: true }]);
      expect(await sync()).toEqual(['update']);
      expect(await world.account(type, 'jane')).toMatchObject({ title: 'Pilot' });
    }
    expect(await world.status(type, jane)).toMatchObject({ status: 'synced' });
    expect(await sync()).toEqual([]);
  });

  it('repairs the same rename of a group as often as it is made', async () => {
    await world.group('red', [jane]);
    await world.forget();
    for (let n = 0; n < 3; n++) {
      const [group] =
        type === 'Slack'
          ? [...world.slack.groups.values()].slice(-1)
          : [...world.gitlab.state.groups.values()].slice(-1);
      Object.assign(group as object, type === 'Slack' ? { displayName: 'By hand' } : { name: 'By hand' });
      expect(await sync()).toEqual(['rename group']);
    }
    expect(await sync()).toEqual([]);
  });
});
