/** Preview, then apply exactly that: what was shown happens, what is not the same any more is refused. */

import { eventually } from '../../bridge.ts';
import { PLAYED } from '../../database.ts';
import { startWorld, type World } from './world.ts';

describe.each(PLAYED)('on %s', (dialect) => {
  let world: World;
  beforeEach(async () => {
    world = await startWorld(dialect);
  });
  afterEach(() => world.stop());

  const preview = () => world.preview('Slack');

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
    // Whoever waits for a person to apply something has not lost access.
    expect(await world.syncStatus('Slack')).toMatchObject({
      openLeavers: [{ subject: { kind: 'user', display: 'jane@acme.example' }, task: null }],
    });
    const again = await preview();
    expect(again.summary).toMatchObject({ create: 1, disable: 1, held: 0 });
    await apply(again.id);
    expect(await world.account('Slack', 'jane')).toMatchObject({ enabled: false });
    expect(await world.account('Slack', 'joe')).toMatchObject({ title: 'Joiner' });
    expect(await world.syncStatus('Slack')).toMatchObject({ openLeavers: [] });
  });

  it('comes to rest where somebody whose change waits is in a group that a rule names', async () => {
    await world.add('Slack');
    const jane = await world.join('jane');
    const staff = await world.group('Staff', [jane]);
    const storeId = world.id('Slack');
    const rule = { storeId, name: 'Staff', active: true, groups: [{ id: staff }] };
    expect((await world.bridge.admin('POST', '/propagation/rules', rule)).status).toBe(201);
    await world.configure('Slack', { APPLY_MODE: 'Approval' });
    await world.patch(`/Users/${jane}`, { op: 'replace', path: 'title', value: 'Cook' });
    const joe = await world.join('joe');
    await world.patch(`/Groups/${staff}`, { op: 'add', path: 'members', value: [{ value: joe }] });
    expect(await world.status('Slack', jane)).toMatchObject({ status: 'unsynced' });
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
    const withheld = await apply(shown.id);
    expect(withheld.summary).toMatchObject({ refused: 3 });
    expect(withheld.refused).toHaveLength(3);
    expect(withheld.refused[0]).toMatchObject({
      op: 'disable',
      reason: expect.stringContaining('includeHeld'),
    });
    expect(await world.account('Slack', 'ann')).toMatchObject({ enabled: true });
    const released = await apply(shown.id, { includeHeld: true });
    expect(released).toMatchObject({ refused: [], summary: { disable: 3 } });
    for (const name of ['ann', 'bob', 'cid'])
      expect(await world.account('Slack', name)).toMatchObject({ enabled: false });
  });

  it('ends the brake and its incident with the last loss that it includes', async () => {
    await world.add('Slack', { BRAKE_MIN: 1, BRAKE_PERCENT: 0, BRAKE_GROUP_PERCENT: 100 });
    const ids: string[] = [];
    for (const name of ['ann', 'bob', 'cid', 'dan']) ids.push(await world.join(name));
    const crew = await world.group('crew', ids.slice(3));
    for (const id of ids.slice(0, 3)) await world.setActive(id, false);
    await world.patch(`/Groups/${crew}`, { op: 'remove', path: `members[value eq "${ids[3]}"]` });
    expect(await world.syncStatus('Slack')).toMatchObject({ syncState: 'BRAKED' });
    const shown = await preview();
    expect(shown.summary).toMatchObject({ disable: 2, revoke: 1, held: 3 });
    await apply(shown.id, { includeHeld: true });
    const { syncState, details } = await world.syncStatus('Slack');
    expect({ syncState, details }).toEqual({ syncState: 'SYNCED', details: [] });
    const { body } = await world.bridge.admin('GET', '/propagation/incidents');
    expect(body._embedded.incidents).toMatchObject([{ state: 'CLOSED' }]);
  });

  it('says of what was not done whether the vendor, the brake or the directory kept it', async () => {
    await world.add('Slack', { BRAKE_MIN: 1, BRAKE_PERCENT: 0, APPLY_MODE: 'Approval' });
    const answer = { status: 400, body: { detail: 'name_not_liked', status: 400 } };
    world.slack.faults.inject({
      fault: { kind: 'answer', answer },
      matches: (r) => r.method === 'POST' && JSON.stringify(r.body ?? '').includes('bad@acme.example'),
    });
    const ids: string[] = [];
    for (const name of ['ann', 'bob', 'bad']) ids.push(await world.join(name));
    const [ann, bob] = ids as [string, string];
    const created = await apply((await preview()).id);
    expect(created.refused).toEqual([
      expect.objectContaining({ op: 'create', reason: expect.stringContaining('name_not_liked') }),
    ]);
    await world.setActive(ann, false);
    const first = (await preview()).id;
    await world.setActive(ann, true);
    await world.setActive(bob, false);
    const second = (await preview()).id;
    await world.setActive(ann, false);
    await apply(first);
    const { refused } = await apply(second);
    expect(refused).toContainEqual(
      expect.objectContaining({
        op: 'disable',
        subject: expect.objectContaining({ display: 'bob@acme.example' }),
        reason: expect.stringMatching(/^the brake holds it now: /),
      }),
    );
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
