/** Lists that cannot be true: the sync and the preview fail with a sentence, and nobody loses anything by them. */

import { PLAYED } from '../../database.ts';
import type { Answer, EmulatedRequest } from '../../emulator/server.ts';
import { STORE_TYPES, startWorld, VENDORS, type World } from './world.ts';

type Vendor = (typeof VENDORS)[number];
type StoreType = (typeof STORE_TYPES)[number];

const PEOPLE = ['ann', 'bob', 'cid'];

describe.each(PLAYED)('on %s', (dialect) => {
  let world: World;
  beforeEach(async () => {
    world = await startWorld(dialect);
  });
  afterEach(() => world.stop());

  async function populate(type: StoreType): Promise<void> {
    await world.add(type, { GROUP_PROVISIONING: 'Create' });
    const ids = [];
    for (const name of PEOPLE) ids.push(await world.join(name));
    await world.group('crew', ids);
    await world.forget();
  }

  async function sync(type: StoreType) {
    const { id } = (await world.store(type, 'POST', '/sync', {})).body;
    await world.settled();
    return (await world.store(type, 'GET', `/syncs/${id}`)).body;
  }

  /** The sync and a preview fail in these words, and everybody is as before. */
  async function expectDoubt(type: StoreType, words: RegExp): Promise<void> {
    expect(await sync(type)).toMatchObject({ state: 'FAILED', error: expect.stringMatching(words) });
    expect((await world.syncStatus(type)).details).toContainEqual({
      code: 'sync_failed',
      message: expect.stringMatching(words),
    });
    await expect(world.preview(type)).rejects.toThrow(words);
    await world.settled();
    expect(await world.writes(type)).toEqual([]);
    for (const name of PEOPLE) expect(await world.account(type, name)).toMatchObject({ enabled: true });
  }

  it.each(STORE_TYPES)('does not believe that %s has no account at all', async (type) => {
    await populate(type);
    if (type === 'Demo') {
      await world.bridge.db('demo_members').delete();
      await world.bridge.db('demo_accounts').delete();
      expect(await sync(type)).toMatchObject({
        state: 'FAILED',
        error: expect.stringMatching(/3 people have/),
      });
      await expect(world.preview(type)).rejects.toThrow(/3 people have/);
      expect(await world.writes(type)).toEqual([]);
      return;
    }
    lie(type, () => (type === 'Slack' ? slackPage([], 0) : { status: 200, body: [] }));
    await expectDoubt(type, /lists no account at all, although 3 people have an enabled one there/);
    // Whom the directory has meanwhile is looked for before an account is made.
    const found = world.seed(type, { name: 'dan' });
    await world.join('dan');
    expect(await world.account(type, 'dan')).toMatchObject({ id: found });
    expect(await world.writes(type)).not.toContain('create');
  });

  it.each(VENDORS)('does not follow pages of %s that show nobody new', async (type) => {
    await populate(type);
    const shown = await firstPage(type);
    let asked = 0;
    lie(type, () => {
      asked += 1;
      return type === 'Slack'
        ? slackPage(shown, 1_000_000)
        : { status: 200, body: shown, headers: { link: nextLink(`c${asked}`) } };
    });
    await expectDoubt(type, /10 pages in a row/);
    expect(asked).toBeLessThan(30);
  });

  it('does not follow pages of GitLab that are empty for ever, and follows some', async () => {
    await populate('GitLabSelfManaged');
    let asked = 0;
    const emptyAnd = (links: number) => (request: EmulatedRequest) => {
      asked += 1;
      if (asked <= links) return { status: 200, body: [], headers: { link: nextLink(`c${asked}`) } };
      return world.gitlab.handle({ ...request, query: new URLSearchParams({ exclude_internal: 'true' }) });
    };
    lie('GitLabSelfManaged', emptyAnd(9));
    expect(await sync('GitLabSelfManaged')).toMatchObject({ state: 'DONE', drift: [] });
    lie('GitLabSelfManaged', emptyAnd(Number.POSITIVE_INFINITY));
    await expectDoubt('GitLabSelfManaged', /10 pages in a row/);
  });

  it('does not follow the same cursor of GitLab twice', async () => {
    await populate('GitLabSelfManaged');
    const body = await firstPage('GitLabSelfManaged');
    lie('GitLabSelfManaged', () => ({ status: 200, body, headers: { link: nextLink('again') } }));
    await expectDoubt('GitLabSelfManaged', /named before/);
  });

  it('does not believe members of a group that never end', async () => {
    await populate('GitLabSelfManaged');
    const members = /\/groups\/\d+\/members$/;
    const endless = nextLink('again').replace('/users', '/groups/1/members');
    world.gitlab.faults.inject({
      times: Number.POSITIVE_INFINITY,
      matches: ({ method, path }) => method === 'GET' && members.test(path),
      fault: { kind: 'answer', answer: { status: 200, body: [], headers: { link: endless } } },
    });
    expect(await sync('GitLabSelfManaged')).toMatchObject({
      state: 'FAILED',
      error: expect.stringMatching(/The list of the members of crew .* named before/),
    });
    expect(await world.writes('GitLabSelfManaged')).toEqual([]);
    expect(await world.members('GitLabSelfManaged', 'crew')).toEqual(PEOPLE);
  });

  function lie(type: Vendor, answer: (request: EmulatedRequest) => Answer): void {
    const { faults } = type === 'Slack' ? world.slack : world.gitlab;
    faults.clear();
    faults.inject({
      times: Number.POSITIVE_INFINITY,
      matches: ({ method, path, query }) =>
        method === 'GET' && /\/users$/i.test(path) && !query.has('search') && !query.has('filter'),
      fault: { kind: 'answer', answer },
    });
  }

  function firstPage(type: Vendor): Promise<unknown[]> {
    return type === 'Slack' ? slackUsers() : gitlabUsers();
  }

  async function slackUsers(): Promise<unknown[]> {
    const headers = { authorization: `Bearer ${world.connection('Slack').OAUTH_ACCESS_TOKEN}` };
    const body = (await (await fetch(`${world.slack.scimUrl}Users`, { headers })).json()) as {
      Resources: unknown[];
    };
    return body.Resources;
  }

  async function gitlabUsers(): Promise<unknown[]> {
    const headers = { 'private-token': world.gitlab.adminToken };
    const url = `${world.gitlab.url}/api/v4/users?exclude_internal=true`;
    return (await (await fetch(url, { headers })).json()) as unknown[];
  }

  const nextLink = (cursor: string) =>
    `<${world.gitlab.url}/api/v4/users?cursor=${cursor}&per_page=100>; rel="next"`;
});

function slackPage(resources: readonly unknown[], total: number): Answer {
  const schemas = ['urn:ietf:params:scim:api:messages:2.0:ListResponse'];
  return {
    status: 200,
    body: {
      schemas,
      totalResults: total,
      itemsPerPage: resources.length,
      startIndex: 1,
      Resources: resources,
    },
  };
}
