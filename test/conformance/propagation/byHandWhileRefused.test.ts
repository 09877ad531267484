/** While the vendor refuses the credential somebody changes memberships by hand: the bridge claims none of it. */

import { startWorld, untilSyncState, type VENDORS, type World } from './world.ts';

let world: World;
afterEach(() => world.stop());

type Vendor = (typeof VENDORS)[number];

const UNAUTHORIZED = {
  Slack: {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
    detail: 'invalid_authentication',
    status: 401,
  },
  GitLabSelfManaged: { message: '401 Unauthorized' },
} as const;

const add = (...ids: readonly string[]) => ({
  op: 'add',
  path: 'members',
  value: ids.map((value) => ({ value })),
});

const server = (type: Vendor) => (type === 'Slack' ? world.slack : world.gitlab);

const changesMembers = ({ method, path }: { readonly method: string; readonly path: string }) =>
  method !== 'GET' && /\/groups\/\d+\/members|\/Groups\//.test(path);

/** From the first change of a membership on. */
function refuse(type: Vendor): void {
  let isRefused = false;
  server(type).faults.inject({
    matches: (request) => {
      isRefused ||= changesMembers(request);
      return isRefused && /^\/(scim|api\/v4)\//.test(request.path);
    },
    fault: { kind: 'answer', answer: { status: 401, body: UNAUTHORIZED[type] } },
    times: Number.POSITIVE_INFINITY,
  });
}

async function ask(type: Vendor, group: string, ...operations: readonly unknown[]): Promise<void> {
  await world.bridge.scim('PATCH', `/Groups/${group}`, {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
    Operations: operations,
  });
  await untilSyncState(world, type, 'PAUSED');
}

async function accept(type: Vendor): Promise<void> {
  server(type).faults.clear();
  await world.store(type, 'POST', '/resume', {});
  await world.settled();
}

async function setByHand(type: Vendor, name: string, isMember: boolean): Promise<void> {
  const { id } = (await world.account(type, name)) ?? {};
  if (type === 'Slack') {
    const group = [...world.slack.groups.values()].find(({ displayName }) => displayName === 'pilots');
    if (isMember) group?.members.add(`${id}`);
    else group?.members.delete(`${id}`);
  } else {
    const { groups, members } = world.gitlab.state;
    const group = [...groups.values()].find((one) => one.name === 'pilots');
    const of = members.get(group?.id ?? 0);
    if (isMember) of?.set(Number(id), 30);
    else of?.delete(Number(id));
  }
}

/** The names of those whose membership the bridge found changed, and took for a change of its own. */
async function claimed(kind: 'change.grant' | 'change.revoke'): Promise<string[]> {
  const { body } = await world.bridge.admin('GET', `/events?kind=${kind}&outcome=success`);
  const events = body._embedded.events as { reason: string; after: { members: { display: string }[] } }[];
  const found = events.filter(({ reason }) => reason.startsWith('found done'));
  return found.flatMap(({ after }) => after.members.map(({ display }) => display));
}

describe.each([
  ['Slack', 'postgres'],
  ['GitLabSelfManaged', 'sqlite'],
] as const)('at %s, on %s', (type, dialect) => {
  beforeEach(async () => {
    world = await startWorld(dialect);
    await world.add(type, type === 'Slack' ? {} : { GROUP_PROVISIONING: 'Create' });
  });

  it('somebody whom another one added', async () => {
    const ann = await world.join('ann');
    const group = await world.group('pilots');
    refuse(type);
    await ask(type, group, add(ann));
    await setByHand(type, 'ann', true);
    await accept(type);
    expect(await world.members(type, 'pilots')).toEqual(['ann']);
    expect(await claimed('change.grant')).toEqual([]);
  });

  it('somebody whom another one took out', async () => {
    const ann = await world.join('ann');
    const group = await world.group('pilots', [ann]);
    refuse(type);
    await ask(type, group, { op: 'remove', path: 'members' });
    await setByHand(type, 'ann', false);
    await accept(type);
    expect(await world.members(type, 'pilots')).toEqual([]);
    expect(await claimed('change.revoke')).toEqual([]);
  });
});

describe('where a proxy kept the answer of the first of several in one task', () => {
  const type = 'GitLabSelfManaged';
  const names = ['ann', 'bob', 'cyd'];
  let ids: string[] = [];
  let group = '';
  beforeEach(async () => {
    world = await startWorld();
    await world.add(type, { GROUP_PROVISIONING: 'Create' });
    ids = [];
    for (const name of names) ids.push(await world.join(name));
    group = await world.group('pilots');
    server(type).faults.inject({
      matches: changesMembers,
      fault: { kind: 'answer', answer: { status: 200, body: '<html>Sign in</html>' }, applied: true },
      times: 1,
    });
  });

  it('that one is found, and nobody else whom somebody added', async () => {
    refuse(type);
    await ask(type, group, add(...ids));
    const [first = ''] = (await world.members(type, 'pilots')) ?? [];
    for (const name of names) if (name !== first) await setByHand(type, name, true);
    await accept(type);
    expect(await world.members(type, 'pilots')).toEqual(names);
    expect(await claimed('change.grant')).toEqual([first]);
  });

  it('that one is found too after other settings were saved in the middle of the task', async () => {
    const { promise: until, resolve: goOn } = Promise.withResolvers<void>();
    const { promise: isHeld, resolve: hold } = Promise.withResolvers<void>();
    server(type).faults.inject({
      matches: (request) => {
        if (!changesMembers(request)) return false;
        hold();
        return true;
      },
      fault: { kind: 'hold', until },
      times: 1,
    });
    await world.bridge.scim('PATCH', `/Groups/${group}`, {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
      Operations: [add(...ids)],
    });
    await isHeld;
    const [first = ''] = (await world.members(type, 'pilots')) ?? [];
    const configuration = { ...world.connection(type), GROUP_PROVISIONING: 'Create', UPDATE_USERS: false };
    const { status } = await world.store(type, 'PUT', '', { type, name: type, configuration });
    expect(status).toBe(200);
    goOn();
    await world.settled();
    expect(await world.members(type, 'pilots')).toEqual(names);
    expect(await claimed('change.grant')).toEqual([first]);
  });
});
