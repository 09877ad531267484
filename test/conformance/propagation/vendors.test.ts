/** The main job on both databases: an IdP pushes, Slack, GitLab and the demo store follow, one write for each change. */

import { person } from '../../bridge.ts';
import { PLAYED } from '../../database.ts';
import { STORE_TYPES, startWorld, type World } from './world.ts';

describe.each(PLAYED)('on %s', (dialect) => {
  let world: World;
  beforeEach(async () => {
    world = await startWorld(dialect);
    world.gitlab.state.addGroup({ path: 'engineering', name: 'Engineering' });
    for (const type of STORE_TYPES) await world.add(type);
  });
  afterEach(() => world.stop());

  /** What reached each store since the last look. */
  async function written(): Promise<Record<string, readonly string[]>> {
    const words: Record<string, readonly string[]> = {};
    for (const type of STORE_TYPES) words[type] = await world.writes(type);
    await world.forget();
    return words;
  }
  const everywhere = (...words: readonly string[]) =>
    Object.fromEntries(STORE_TYPES.map((type) => [type, words]));

  it('creates, updates, disables, re-enables and re-creates one account on each store', async () => {
    const jane = await world.join('jane');
    expect(await written()).toEqual(everywhere('create'));

    await world.bridge.scim('PUT', `/Users/${jane}`, person('jane'));
    await world.settled();
    expect(await written()).toEqual(everywhere());

    await world.patch(`/Users/${jane}`, { op: 'replace', path: 'title', value: 'Engineer' });
    expect(await written()).toEqual(everywhere('update'));

    await world.setActive(jane, false);
    expect(await written()).toEqual(everywhere('disable'));
    await world.setActive(jane, true);
    expect(await written()).toEqual(everywhere('enable'));

    await world.remove(`/Users/${jane}`);
    expect(await written()).toEqual(everywhere('disable'));
    const again = await world.join('jane', { title: 'Engineer' });
    expect(again).not.toBe(jane);
    expect(await written()).toEqual(everywhere('enable'));
    for (const type of STORE_TYPES) {
      expect(await world.account(type, 'jane')).toMatchObject({ enabled: true, title: 'Engineer' });
      expect(await world.status(type, again)).toMatchObject({ status: 'synced', origin: 'created' });
    }
  });

  it('grants and revokes with one call for one membership', async () => {
    const jane = await world.join('jane');
    const joe = await world.join('joe');
    await world.forget();
    const group = await world.group('engineering', [joe]);
    expect(await written()).toEqual({
      Slack: ['create group', 'grant'],
      GitLabSelfManaged: ['grant'],
      Demo: ['create group', 'grant'],
    });
    await world.patch(`/Groups/${group}`, { op: 'add', path: 'members', value: [{ value: jane }] });
    expect(await written()).toEqual(everywhere('grant'));
    await world.patch(`/Groups/${group}`, { op: 'remove', path: `members[value eq "${joe}"]` });
    expect(await written()).toEqual(everywhere('revoke'));
    for (const type of STORE_TYPES) expect(await world.members(type, 'engineering')).toEqual(['jane']);
  });
});

it('what Slack does not take of a person takes nothing else with it, and is named', async () => {
  const world = await startWorld();
  try {
    await world.add('Slack');
    const jane = await world.join('jane', { title: 'Engineer' });
    world.slack.workspace.manners.refusesDisplayNames = true;
    await world.patch(`/Users/${jane}`, {
      op: 'replace',
      value: { title: 'Pilot', displayName: 'Jane the Pilot' },
    });
    expect(await world.account('Slack', 'jane')).toMatchObject({ title: 'Pilot', displayName: 'jane Doe' });
    const refused = expect.stringMatching(/displayName .* was not accepted by Slack: invalid_display_name/);
    expect(await world.status('Slack', jane)).toMatchObject({ status: 'partiallySynced', reason: refused });
    const joe = await world.join('joe');
    expect(await world.account('Slack', 'joe')).toMatchObject({ enabled: true });
    expect(await world.status('Slack', joe)).toMatchObject({ status: 'partiallySynced', reason: refused });
  } finally {
    await world.stop();
  }
});
