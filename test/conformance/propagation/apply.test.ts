/** Preview, then apply exactly that: what was shown happens, what is not the same any more is refused. */

import { eventually } from '../../bridge.ts';
import { startWorld, type World } from './world.ts';

describe.each(['sqlite', 'postgres'] as const)('on %s', (dialect) => {
  let world: World;
  beforeEach(async () => {
    world = await startWorld(dialect);
  });
  afterEach(() => world.stop());

  async function preview() {
    const answer = await world.store('Slack', 'POST', '/preview', {});
    expect(answer).toMatchObject({ status: 201, body: { state: 'DONE' } });
    return answer.body;
  }

  async function apply(id: string, body: unknown = {}) {
    const started = await world.store('Slack', 'POST', `/preview/${id}/apply`, body);
    expect(started).toMatchObject({ status: 202, body: { cause: 'apply' } });
    return eventually(async () => {
      const run = await world.store('Slack', 'GET', `/syncs/${started.body.id}`);
      return run.body.state === 'DONE' ? run.body : undefined;
    }, 15_000);
  }

  it('does nothing but what an applied preview says under APPLY_MODE Approval', async () => {
    const jane = await world.join('jane');
    const joe = await world.join('joe');
    await world.group('Engineering', [jane]);
    await world.add('Slack', { APPLY_MODE: 'Approval' });
    expect(await world.writes('Slack')).toEqual([]);
    expect(await world.status('Slack', jane)).toMatchObject({
      status: 'unsynced',
      reason: expect.stringContaining('APPLY_MODE'),
    });

    const shown = await preview();
    expect(shown.summary).toMatchObject({ create: 3, grant: 1 });
    await world.patch(`/Users/${joe}`, { op: 'replace', path: 'title', value: 'Joiner' });
    const run = await apply(shown.id);
    // joe's creation would set a title that nobody has seen.
    expect(run.refused).toMatchObject([{ op: 'create', subject: { display: 'joe@acme.example' } }]);
    expect(await world.account('Slack', 'jane')).toMatchObject({ enabled: true });
    expect(await world.account('Slack', 'joe')).toBeNull();
    expect(await world.members('Slack', 'Engineering')).toEqual(['jane']);

    await world.setActive(jane, false);
    expect(await world.account('Slack', 'jane')).toMatchObject({ enabled: true });
    const again = await preview();
    expect(again.summary).toMatchObject({ create: 1, disable: 1, held: 0 });
    await apply(again.id);
    expect(await world.account('Slack', 'jane')).toMatchObject({ enabled: false });
    expect(await world.account('Slack', 'joe')).toMatchObject({ title: 'Joiner' });
  });

  it('releases what the brake holds only where the admin includes it', async () => {
    await world.add('Slack', { BRAKE_MIN: 1, BRAKE_PERCENT: 0 });
    const ids: string[] = [];
    for (const name of ['ann', 'bob', 'cid']) ids.push(await world.join(name));
    await world.configure('Slack', { BRAKE_MIN: 1, BRAKE_PERCENT: 0, APPLY_MODE: 'Approval' });
    await world.settled();
    for (const id of ids) await world.setActive(id, false);

    const shown = await preview();
    expect(shown.summary).toMatchObject({ disable: 3, held: 3 });
    expect(shown.changes.map((change: { held: boolean }) => change.held)).toEqual([true, true, true]);
    await apply(shown.id);
    expect(await world.account('Slack', 'ann')).toMatchObject({ enabled: true });
    await apply(shown.id, { includeHeld: true });
    for (const name of ['ann', 'bob', 'cid'])
      expect(await world.account('Slack', name)).toMatchObject({ enabled: false });
  });

  it('refuses to apply to a store that is not active', async () => {
    await world.add('Slack', {});
    const shown = await preview();
    await world.configure('Slack', {}, { status: 'INACTIVE' });
    expect(await world.store('Slack', 'POST', `/preview/${shown.id}/apply`, {})).toMatchObject({
      status: 409,
    });
    expect(await world.store('Slack', 'POST', '/preview/nothing/apply', {})).toMatchObject({ status: 404 });
  });
});
