/** A worker makes previews, page by page: what goes first, what it survives, and what ends it. */

import { eventually, person, type Reply } from '../../bridge.ts';
import { PLAYED } from '../../database.ts';
import type { LoggedRequest } from '../../emulator/server.ts';
import { isWrite } from '../../fault/world.ts';
import { startWorld, type World } from './world.ts';

type Request = Pick<LoggedRequest, 'method' | 'path'>;
const reads =
  (what: 'Users' | 'Groups') =>
  ({ method, path }: Request) =>
    method === 'GET' && path.endsWith(`/${what}`);

describe.each(PLAYED)('on %s', (dialect) => {
  let world: World;
  beforeEach(async () => {
    world = await startWorld(dialect);
  });
  afterEach(() => world.stop());

  const ask = (): Promise<Reply> => world.store('Slack', 'POST', '/preview', {});
  const show = async (id: string) => (await world.store('Slack', 'GET', `/preview/${id}`)).body;
  const ended = (id: string) =>
    eventually(async () => {
      const shown = await show(id);
      return shown.state === 'RUNNING' ? undefined : shown;
    }, 60_000);

  /** The vendor keeps the next such request waiting until `release`. */
  function hold(matches: (request: Request) => boolean) {
    let release = () => {};
    const until = new Promise<void>((resolve) => {
      release = resolve;
    });
    world.slack.faults.inject({ fault: { kind: 'hold', until }, matches });
    const arrived = () => eventually(async () => world.slack.requests.some(matches) || undefined, 10_000);
    return { release, arrived };
  }

  it('answers after two seconds while it goes on', async () => {
    await world.add('Slack');
    const { release } = hold(reads('Users'));
    const asked = Date.now();
    const { status, body } = await ask();
    expect({ status, state: body.state }).toEqual({ status: 201, state: 'RUNNING' });
    expect(Date.now() - asked).toBeGreaterThan(1_900);
    release();
    expect(await ended(body.id)).toMatchObject({ state: 'DONE' });
  });

  it('makes one page after the other where nothing else is due', async () => {
    await world.add('Slack');
    await world.join('ann');
    // On a busy machine one of them may take longer than the request waits.
    for (let asked = 1; asked <= 5; asked++) {
      const { body } = await ask();
      if (body.state === 'DONE') return;
      await ended(body.id);
    }
    throw new Error('no preview of one person was done within two seconds');
  });

  it('lets leavers go first, and shares the store with everything else', async () => {
    await world.add('Slack');
    const leaver = await world.join('leaver');
    await world.forget();
    const { release, arrived } = hold(reads('Users'));
    const preview = ask();
    await arrived();
    await world.bridge.scim('PATCH', `/Users/${leaver}`, {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
      Operations: [{ op: 'replace', value: { active: false } }],
    });
    release();
    await ended((await preview).body.id);
    await world.settled();
    const order = world.slack.requests.filter((request) => isWrite(request) || reads('Groups')(request));
    expect(order.map(({ method }) => method)).toEqual(['DELETE', 'GET']);
  });

  it('is made of a paused store, which stays so', async () => {
    await world.add('Slack');
    await world.store('Slack', 'POST', '/pause', {});
    await world.bridge.scim('POST', '/Users', person('ann'));
    const { body } = await ask();
    expect(await ended(body.id)).toMatchObject({ state: 'DONE', summary: { create: 1 } });
    expect(await world.syncStatus('Slack')).toMatchObject({ syncState: 'PAUSED' });
  });

  it('survives a vendor that fails for a moment, and ends with its words where it refuses', async () => {
    await world.add('Slack');
    const fails = (status: number, times: number) =>
      world.slack.faults.inject({
        fault: {
          kind: 'answer',
          answer: { status, body: { Errors: { description: 'not today', code: status } } },
        },
        matches: reads('Groups'),
        times,
      });
    fails(500, 2);
    expect(await ended((await ask()).body.id)).toMatchObject({ state: 'DONE' });
    fails(400, 1);
    expect(await ended((await ask()).body.id)).toMatchObject({
      state: 'FAILED',
      error: expect.stringContaining('not today'),
    });
  });

  it('ends where the settings change meanwhile', async () => {
    await world.add('Slack');
    const { release, arrived } = hold(reads('Users'));
    const preview = ask();
    await arrived();
    const changed = world.store('Slack', 'PUT', '', {
      type: 'Slack',
      name: 'Slack',
      configuration: { ...world.connection('Slack'), CREATE_USERS: false },
    });
    await changed;
    release();
    expect(await ended((await preview).body.id)).toMatchObject({
      state: 'FAILED',
      error: 'The settings of the store were changed meanwhile; ask for a new preview.',
    });
  });

  it('lists people before groups, each by name, and so the members of a group', async () => {
    await world.add('Slack', { GROUP_PROVISIONING: 'Create', APPLY_MODE: 'Approval' });
    const names = ['zoe', 'Ben', 'mia', 'ann', 'dan', 'Eve'];
    const ids: string[] = [];
    for (const name of names) ids.push(await world.join(name));
    for (const group of ['mid', 'Alpha']) await world.group(group, ids);
    const { changes } = await world.preview('Slack');
    const inOrder = ['ann', 'Ben', 'dan', 'Eve', 'mia', 'zoe'].map((name) => `${name}@acme.example`);
    const shown = (
      changes as { op: string; subject: { display: string }; member?: { display: string } }[]
    ).map(({ op, subject, member }) => [op, subject.display, ...(member ? [member.display] : [])]);
    expect(shown).toEqual([
      ...inOrder.map((name) => ['create', name]),
      ...['Alpha', 'mid'].flatMap((group) => [
        ['create', group],
        ...inOrder.map((name) => ['grant', group, name]),
      ]),
    ]);
  });
});
