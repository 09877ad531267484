/** A group whose members the vendor does not show, while it shows those of others: it fails alone, and says so. */

import { eventually } from '../../bridge.ts';
import { PLAYED } from '../../database.ts';
import type { EmulatedRequest } from '../../emulator/server.ts';
import { startWorld, VENDORS, type World } from './world.ts';

type Vendor = (typeof VENDORS)[number];

const PEOPLE = ['ann', 'bob'];
const DENIED = {
  Slack: {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
    detail: 'permission_denied',
    status: 403,
  },
  GitLabSelfManaged: { message: '403 Forbidden' },
};

const cases = VENDORS.flatMap((type) => PLAYED.map((dialect) => ({ type, dialect })));

describe.each(cases)('at $type, on $dialect', ({ type, dialect }) => {
  let world: World;
  beforeEach(async () => {
    world = await startWorld(dialect);
    await world.add(type, { GROUP_PROVISIONING: 'Create' });
  });
  afterEach(() => world.stop());

  /** Groups of both, out of which somebody takes ann by hand. */
  async function populate(names: readonly string[]): Promise<void> {
    const ids = [];
    for (const name of PEOPLE) ids.push(await world.join(name));
    for (const name of names) await world.group(name, ids);
    const ann = (await world.account(type, 'ann'))?.id ?? '';
    if (type === 'Slack') for (const group of world.slack.groups.values()) group.members.delete(ann);
    else for (const members of world.gitlab.state.members.values()) members.delete(Number(ann));
  }

  function groupId(name: string): string {
    const slack = [...world.slack.groups.values()].find((group) => group.displayName === name);
    return slack?.id ?? String([...world.gitlab.state.groups.values()].find(({ path }) => path === name)?.id);
  }

  const server = () => (type === 'Slack' ? world.slack : world.gitlab);

  function darken(name: string, status: number, body: unknown): void {
    const path = type === 'Slack' ? `/Groups/${groupId(name)}` : `/groups/${groupId(name)}/members`;
    server().faults.inject({
      fault: { kind: 'answer', answer: { status, body } },
      matches: (request: EmulatedRequest) => request.method === 'GET' && request.path.endsWith(path),
      times: Number.POSITIVE_INFINITY,
    });
  }

  async function sync(body: object = {}) {
    const { id } = (await world.store(type, 'POST', '/sync', body)).body;
    return eventually(async () => {
      const run = (await world.store(type, 'GET', `/syncs/${id}`)).body;
      return run.state === 'DONE' || run.state === 'FAILED' ? run : undefined;
    }, 20_000);
  }

  const statusOf = async (name: string) =>
    world.bridge
      .db('sync_statuses')
      .join('groups', 'groups.id', 'sync_statuses.subject_id')
      .where({ 'groups.display_name': name })
      .first('sync_statuses.status', 'sync_statuses.reason');

  it('fails in words that an admin can act on, and the others are repaired', async () => {
    await populate(['dark', 'light']);
    darken('dark', 403, DENIED[type as Vendor]);
    expect(await sync({ repair: false })).toMatchObject({ state: 'DONE' });
    const words = expect.stringMatching(/the members of dark could not be read on .*then sync/);
    expect(await statusOf('dark')).toMatchObject({ status: 'failed', reason: words });
    const { skipped } = await world.preview(type);
    expect(skipped).toMatchObject([{ subject: { display: 'dark' }, reason: words }]);
    expect(await sync()).toMatchObject({ state: 'DONE' });
    await world.settled();
    expect(await world.members(type, 'light')).toEqual(PEOPLE);
    expect(await world.members(type, 'dark')).toEqual(['bob']);
    expect(await statusOf('dark')).toMatchObject({ status: 'failed', reason: words });
    server().faults.clear();
    expect(await sync()).toMatchObject({ state: 'DONE' });
    await world.settled();
    expect(await world.members(type, 'dark')).toEqual(PEOPLE);
    expect(await statusOf('dark')).toMatchObject({ status: 'synced' });
  });

  it('waits for an answer of the vendor alone, where something else answers', async () => {
    await populate(['dark', 'light']);
    darken('dark', 404, '<html>no route</html>');
    const { id } = (await world.store(type, 'POST', '/sync', {})).body;
    await eventually(
      async () => ((await world.members(type, 'light'))?.includes('ann') ? true : undefined),
      20_000,
    );
    server().faults.clear();
    await world.settled();
    expect(await world.members(type, 'dark')).toEqual(PEOPLE);
    expect((await world.store(type, 'GET', `/syncs/${id}`)).body).toMatchObject({ state: 'DONE' });
  });

  it('fails beside others, as long as the credential is good', async () => {
    const names = ['dark', 'dim', 'gloomy', 'grey'];
    await populate([...names, 'light']);
    for (const name of names) darken(name, 403, DENIED[type]);
    expect(await sync({ repair: false })).toMatchObject({
      state: 'DONE',
      drift: [{ subject: { display: 'light' } }],
    });
    for (const name of names) {
      expect(await statusOf(name)).toMatchObject({ status: 'failed' });
      expect(await world.members(type, name)).toEqual(['bob']);
    }
  });
});
