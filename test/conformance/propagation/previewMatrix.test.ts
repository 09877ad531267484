/**
 * What a preview lists is what the next activation or repairing sync does, whatever kind of account is a member of a
 * group: no more, because an admin applies it, and no less.
 */

import { PLAYED } from '../../database.ts';
import { startWorld, VENDORS, type World } from './world.ts';

type Vendor = (typeof VENDORS)[number];

const DEVELOPER = 30;
const NO_BRAKE = { BRAKE_PERCENT: 100, BRAKE_GROUP_PERCENT: 100 };
const PROTECTING = { PROTECTED_ACCOUNTS: ['protected@*'] };

const SETTINGS: readonly Record<string, unknown>[] = [
  { GROUP_MEMBERSHIP_HANDLING: 'Overwrite' },
  { GROUP_MEMBERSHIP_HANDLING: 'Overwrite', ADOPT_USERS: 'Any' },
  { GROUP_MEMBERSHIP_HANDLING: 'Overwrite', ADOPT_USERS: 'Never', CREATE_USERS: false },
  { GROUP_MEMBERSHIP_HANDLING: 'Merge', DISABLE_USERS: false },
];

/** In words, so that a change that was shown and one that was made can be compared. */
type Words = readonly string[];

interface Shown {
  readonly op: string;
  readonly subject: { readonly display: string };
  readonly member?: { readonly display: string };
  readonly held: boolean;
}

describe.each(PLAYED)('on %s', (dialect) => {
  let world: World;
  beforeEach(async () => {
    world = await startWorld(dialect);
  });
  afterEach(() => world.stop());

  /** Accounts of every kind, made by hand, all members of the group `crew`. */
  function seedCrew(type: Vendor): void {
    const ids = ['wanted', 'chief', 'outsider', 'leaver', 'stranger', 'protected'].map((name) =>
      world.seed(type, { name }),
    );
    ids.push(world.seed(type, { name: 'shut', enabled: false }));
    if (type === 'Slack') {
      // Where it drops them, what a preview shows of a leaver's memberships is gone by the time it would be done.
      world.slack.workspace.manners.keepsMemberships = true;
      const chief = world.slack.users.get(ids[1] ?? '');
      if (chief) chief.role = 'admin';
      const bot = world.slack.users.get(world.seed(type, { name: 'helper' }));
      if (bot) bot.isBot = true;
      world.slack.addGroup('crew', [...ids, bot?.id ?? '', world.slack.owner.id]);
      return;
    }
    const { state } = world.gitlab;
    const chief = state.users.get(Number(ids[1]));
    if (chief) chief.isAdmin = true;
    ids.push(world.seed(type, { name: 'banned', state: 'banned' }));
    ids.push(world.seed(type, { name: 'pending', state: 'blocked_pending_approval' }));
    for (const username of ['service_account_group_1_a', 'release-robot'])
      ids.push(String(state.addUser({ username, isBot: true }).id));
    ids.push(String(state.addUser({ username: 'support-bot', internal: true }).id));
    const root = [...state.users.values()].find((user) => user.username === 'root');
    const group = state.addGroup({ path: 'crew' });
    for (const id of [...ids, String(root?.id)]) state.setMember(group.id, Number(id), DEVELOPER);
  }

  /** Of them the directory has five, and one who has no account yet; two are to be in the group. */
  async function push(): Promise<void> {
    const ids = new Map<string, string>();
    for (const name of ['wanted', 'chief', 'outsider', 'leaver', 'protected', 'newcomer'])
      ids.set(name, await world.join(name));
    await world.setActive(ids.get('leaver') ?? '', false);
    const wanted = ['wanted', 'chief', 'newcomer', 'protected'];
    await world.group(
      'crew',
      wanted.map((name) => ids.get(name) ?? ''),
    );
  }

  /** What a preview lists and nothing holds. */
  async function shown(type: Vendor): Promise<Words> {
    const { changes } = await world.preview(type);
    return (changes as Shown[])
      .filter(({ held }) => !held)
      .map(({ op, subject, member }) => `${op} ${nameOf(subject.display)} ${nameOf(member?.display)}`)
      .sort();
  }

  const nameOf = (display = '') => display.split(/[@ ]/)[0] ?? '';

  /** What the audit log has of changes, from here on. */
  async function done(from: number, outcome: string): Promise<Words> {
    const rows = await world.bridge.db('events').where('id', '>', from).where({ outcome }).orderBy('id');
    return rows
      .filter(({ kind }) => kind.startsWith('change.'))
      .flatMap(({ kind, subject_display: display, after }) => {
        const op = kind.slice('change.'.length);
        const { members } = (typeof after === 'string' ? JSON.parse(after) : after) ?? {};
        if (op !== 'grant' && op !== 'revoke') return [`${op} ${nameOf(display)} `];
        return members.map(
          (member: { display: string }) => `${op} ${nameOf(display)} ${nameOf(member.display)}`,
        );
      })
      .sort();
  }

  const lastEvent = async () => Number((await world.bridge.db('events').max({ id: 'id' }).first())?.id ?? 0);

  const cases = VENDORS.flatMap((type) => SETTINGS.map((settings) => [type, settings] as const));

  it.each(cases)('what is shown is what is made, at %s, with %j', async (type, settings) => {
    const configuration = { ...NO_BRAKE, ...PROTECTING, ...settings };
    seedCrew(type);
    await push();
    await world.add(type, configuration, { status: 'INACTIVE' });
    const first = await shown(type);
    const before = await lastEvent();
    await world.configure(type, configuration, { status: 'ACTIVE' });
    expect({ made: await done(before, 'success'), refused: await done(before, 'failure') }).toEqual({
      made: first,
      refused: [],
    });
    expect(await shown(type)).toEqual([]);

    // Somebody lets one in by hand, and takes another one out.
    const stranger = world.seed(type, { name: 'stranger2' });
    const wanted = (await world.account(type, 'wanted'))?.id ?? '';
    if (type === 'Slack') {
      const [group] = [...world.slack.groups.values()];
      group?.members.add(stranger);
      group?.members.delete(wanted);
    } else {
      const [group] = [...world.gitlab.state.members.values()];
      group?.set(Number(stranger), DEVELOPER);
      group?.delete(Number(wanted));
    }
    const second = await shown(type);
    const then = await lastEvent();
    await world.store(type, 'POST', '/sync', {});
    await world.settled();
    expect({ made: await done(then, 'success'), refused: await done(then, 'failure') }).toEqual({
      made: second,
      refused: [],
    });
    expect(await shown(type)).toEqual([]);
  });
});
