/** A vendor that answers as if it had taken an attribute, and has not: said for as long as it is so, and sent once. */

import { startWorld, type VENDORS, type World } from './world.ts';

let world: World;
afterEach(() => world.stop());

type Vendor = (typeof VENDORS)[number];

function ignores(type: Vendor): Set<string> {
  return type === 'Slack' ? world.slack.workspace.manners.ignores : world.gitlab.state.manners.ignores;
}

const sync = async (type: Vendor) => {
  await world.store(type, 'POST', '/sync');
  await world.settled();
};

describe.each([
  ['Slack', 'title', 'sqlite'],
  ['GitLabSelfManaged', 'bio', 'postgres'],
] as const)('%s, of %s, on %s', (type, attribute, dialect) => {
  it('is said until something else is wanted, and not sent again', async () => {
    world = await startWorld(dialect);
    await world.add(type);
    const jane = await world.join('jane', { title: 'Engineer' });
    ignores(type).add(attribute);
    await world.forget();
    const said = {
      status: 'partiallySynced',
      reason: `jane@acme.example has a ${attribute} that was not accepted by ${type}: it is "Engineer" there`,
    };
    await world.patch(`/Users/${jane}`, { op: 'replace', path: 'title', value: 'Pilot' });
    expect(await world.status(type, jane)).toMatchObject(said);
    await world.patch(`/Users/${jane}`, { op: 'replace', path: 'displayName', value: 'Jane D' });
    expect(await world.status(type, jane)).toMatchObject(said);
    await sync(type);
    await sync(type);
    expect(await world.status(type, jane)).toMatchObject(said);
    expect(await world.writes(type)).toEqual(['update', 'update']);
    expect((await world.syncStatus(type)).details).not.toContainEqual(
      expect.objectContaining({ code: 'drift' }),
    );

    ignores(type).clear();
    await world.patch(`/Users/${jane}`, { op: 'replace', path: 'title', value: 'Captain' });
    expect(await world.status(type, jane)).toMatchObject({ status: 'synced' });
    expect(await world.account(type, 'jane')).toMatchObject({ title: 'Captain' });
  });

  it('is said of a new account too, after whatever comes next', async () => {
    world = await startWorld(dialect);
    await world.add(type);
    ignores(type).add(attribute);
    const jane = await world.join('jane', { title: 'Engineer' });
    await sync(type);
    await world.patch(`/Users/${jane}`, { op: 'replace', path: 'displayName', value: 'Jane D' });
    expect(await world.status(type, jane)).toMatchObject({
      status: 'partiallySynced',
      reason: expect.stringContaining(`has a ${attribute} that was not accepted by ${type}`),
    });
  });
});

it('is found by the next read where the answer showed nothing', async () => {
  world = await startWorld();
  await world.add('Slack');
  const jane = await world.join('jane', { title: 'Engineer' });
  const user = [...world.slack.users.values()].find(({ userName }) => userName === 'jane');
  const schemas = ['urn:ietf:params:scim:schemas:core:2.0:User'];
  const body = { schemas, id: user?.id, userName: 'jane', active: true };
  world.slack.faults.inject({
    fault: { kind: 'answer', answer: { status: 200, body } },
    matches: ({ method }) => method === 'PATCH',
  });
  await world.forget();
  await world.patch(`/Users/${jane}`, { op: 'replace', path: 'title', value: 'Pilot' });
  expect(await world.status('Slack', jane)).toMatchObject({ status: 'synced' });
  await sync('Slack');
  expect(await world.status('Slack', jane)).toMatchObject({
    status: 'partiallySynced',
    reason: expect.stringContaining('was not accepted by Slack: it is "Engineer" there'),
  });
  await sync('Slack');
  expect(await world.writes('Slack')).toEqual(['update']);
});

it('is found by the second read where the answer showed it taken', async () => {
  world = await startWorld();
  await world.add('Slack');
  const jane = await world.join('jane', { title: 'Engineer' });
  const user = [...world.slack.users.values()].find(({ userName }) => userName === 'jane');
  const schemas = ['urn:ietf:params:scim:schemas:core:2.0:User'];
  const body = { schemas, id: user?.id, userName: 'jane', active: true, title: 'Pilot' };
  const seemToTake = () =>
    world.slack.faults.inject({
      fault: { kind: 'answer', answer: { status: 200, body } },
      matches: ({ method }) => method === 'PATCH',
    });
  seemToTake();
  await world.forget();
  await world.patch(`/Users/${jane}`, { op: 'replace', path: 'title', value: 'Pilot' });
  seemToTake();
  await sync('Slack');
  await sync('Slack');
  await sync('Slack');
  expect(await world.status('Slack', jane)).toMatchObject({
    status: 'partiallySynced',
    reason: 'jane@acme.example has a title that was not accepted by Slack: it is "Engineer" there',
  });
  expect(await world.writes('Slack')).toEqual(['update', 'update']);
});

const GROUP_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:Group';

describe.each(['Slack', 'GitLabSelfManaged'] as const)('the name of a group on %s', (type) => {
  const statusOf = (id: string) =>
    world.bridge.db('sync_statuses').where({ subject_id: id }).first('status', 'reason');
  const isRename = ({ method, path }: { method: string; path: string }) =>
    ['PATCH', 'PUT'].includes(method) && /\/groups\/[^/]+$/i.test(path);
  /** Once, a rename is answered with this name, and nothing is renamed. */
  const answers = (name: string) => {
    const [slackId] = [...world.slack.groups.keys()];
    const [gitlabId] = [...world.gitlab.state.groups.keys()];
    const body =
      type === 'Slack'
        ? { schemas: [GROUP_SCHEMA], id: slackId, displayName: name }
        : { id: gitlabId, name, path: 'crew', full_path: 'crew' };
    const faults = type === 'Slack' ? world.slack.faults : world.gitlab.faults;
    faults.inject({ fault: { kind: 'answer', answer: { status: 200, body } }, matches: isRename });
  };
  const rename = (id: string, value: string) =>
    world.patch(`/Groups/${id}`, { op: 'replace', path: 'displayName', value });
  const said = (group: string, there: string) => ({
    status: 'partiallySynced',
    reason: `${group} has a name that was not accepted by ${type}: it is "${there}" there`,
  });

  it('is said to be another than the wanted one, and not sent again', async () => {
    world = await startWorld();
    await world.add(type, { GROUP_PROVISIONING: 'Create' });
    const id = await world.group('crew', [await world.join('ann')]);
    await world.settled();
    await world.forget();
    answers('crew');
    await rename(id, 'pilots');
    await world.settled();
    expect(await statusOf(id)).toMatchObject(said('pilots', 'crew'));
    await sync(type);
    await sync(type);
    expect(await statusOf(id)).toMatchObject(said('pilots', 'crew'));
    expect(await world.writes(type)).toHaveLength(1);

    // An answer that seemed to take it is believed until the list shows otherwise again after a repair.
    answers('captains');
    await rename(id, 'captains');
    answers('captains');
    await sync(type);
    await sync(type);
    expect(await statusOf(id)).toMatchObject(said('captains', 'crew'));
    expect(await world.writes(type)).toHaveLength(3);

    await rename(id, 'masters');
    await world.settled();
    expect(await statusOf(id)).toMatchObject({ status: 'synced' });
  });
});
