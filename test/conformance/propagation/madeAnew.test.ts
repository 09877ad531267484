/** An account that somebody deleted by hand, and its person's groups, once the bridge has made another one. */

import type { Dialect } from '../../../src/db/open.ts';
import { movableClock } from '../../bridge.ts';
import { PLAYED } from '../../database.ts';
import { startWorld, VENDORS, type World } from './world.ts';

const BOTH = PLAYED.flatMap((dialect) => VENDORS.map((type) => [dialect, type] as const));

describe.each(BOTH)('on %s, of %s', (dialect: Dialect, type) => {
  let world: World;
  afterEach(() => world.stop());

  it('leaves no drift behind in a group that the new account is a member of', async () => {
    const clock = movableClock();
    world = await startWorld(dialect, clock);
    await world.add(type, { GROUP_PROVISIONING: 'Create', SYNC_INTERVAL_MINUTES: 60 });
    const [jane, joe] = [await world.join('jane'), await world.join('joe')];
    const crew = await world.group('crew', [jane, joe]);
    const id = (await world.account(type, 'jane'))?.id ?? '';
    if (type === 'Slack') {
      (world.slack.users as Map<string, unknown>).delete(id);
      for (const group of world.slack.groups.values()) group.members.delete(id);
    } else world.gitlab.state.removeUser(Number(id));
    clock.advance(67 * 60_000);
    await world.bridge.turn();
    const status = () =>
      world.bridge.db('sync_statuses').where({ subject_id: crew }).first('status', 'reason');
    expect(await status()).toMatchObject({ reason: expect.stringContaining('is no member any more') });
    await world.patch(`/Users/${jane}`, { op: 'replace', path: 'title', value: 'Pilot' });
    expect(await world.members(type, 'crew')).toEqual(['jane', 'joe']);
    expect(await status()).toMatchObject({ status: 'synced', reason: null });
  });
});
