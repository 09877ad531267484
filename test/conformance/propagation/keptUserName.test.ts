/** A user name that is not the wanted one, because the account was there before or the name was taken, stays: it is no drift. */

import type { Dialect } from '../../../src/db/open.ts';
import { PLAYED } from '../../database.ts';
import { startWorld, type World } from './world.ts';

describe.each(PLAYED)('on %s', (dialect: Dialect) => {
  let world: World;
  beforeEach(async () => {
    world = await startWorld(dialect);
    await world.add('GitLabSelfManaged', {});
  });
  afterEach(() => world.stop());

  it('is no drift, and no repair changes it', async () => {
    world.seed('GitLabSelfManaged', { name: 'jane', userName: 'jd-of-old' });
    const jane = await world.join('jane');
    expect(await world.account('GitLabSelfManaged', 'jane')).toMatchObject({ userName: 'jd-of-old' });
    await world.forget();
    expect((await world.preview('GitLabSelfManaged')).changes).toEqual([]);
    await world.store('GitLabSelfManaged', 'POST', '/sync', {});
    await world.settled();
    expect(await world.writes('GitLabSelfManaged')).toEqual([]);
    expect(await world.account('GitLabSelfManaged', 'jane')).toMatchObject({ userName: 'jd-of-old' });
    expect(await world.status('GitLabSelfManaged', jane)).toMatchObject({ status: 'synced' });
  });

  it('is no drift where the bridge gave another one, because the wanted one was taken', async () => {
    world.seed('GitLabSelfManaged', { name: 'other', userName: 'jane' });
    const jane = await world.join('jane');
    const { userName } = (await world.account('GitLabSelfManaged', 'jane')) as { userName: string };
    expect(userName).not.toBe('jane');
    await world.forget();
    expect((await world.preview('GitLabSelfManaged')).changes).toEqual([]);
    await world.store('GitLabSelfManaged', 'POST', '/sync', {});
    await world.settled();
    expect(await world.writes('GitLabSelfManaged')).toEqual([]);
    expect(await world.account('GitLabSelfManaged', 'jane')).toMatchObject({ userName });
    expect(await world.status('GitLabSelfManaged', jane)).toMatchObject({ status: 'synced' });
  });
});
