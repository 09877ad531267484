/**
 * Keys that an account or group without a link had, and that somebody frees by hand at the vendor: the next complete
 * scan finds it, and whoever was refused the key gets it. A key that no scan shows is asked for once more, not at every
 * sync.
 */

import type { Dialect } from '../../../src/db/open.ts';
import { type MovableClock, movableClock } from '../../bridge.ts';
import { PLAYED } from '../../database.ts';
import { mail, startWorld, VENDORS, type World } from './world.ts';

const BOTH = PLAYED.flatMap((dialect) => VENDORS.map((type) => [dialect, type] as const));

describe.each(BOTH)('on %s, of %s', (dialect: Dialect, type) => {
  let world: World;
  let clock: MovableClock;
  let jane = '';
  let stranger = '';
  beforeEach(async () => {
    clock = movableClock();
    world = await startWorld(dialect, clock);
    await world.add(type, { GROUP_PROVISIONING: 'Create', SYNC_INTERVAL_MINUTES: 60 });
    jane = await world.join('jane');
  });
  afterEach(() => world.stop());

  async function sync(body: object = {}): Promise<void> {
    await world.store(type, 'POST', '/sync', body);
    await world.settled();
  }

  async function wantsTheStrangers(): Promise<void> {
    stranger = world.seed(type, { name: 'miller', userName: 'stranger' });
    await readdress('miller');
    await expectRefused();
    await world.forget();
  }

  const readdress = (name: string) =>
    world.patch(`/Users/${jane}`, {
      op: 'replace',
      value: { emails: [{ value: mail(name), type: 'work', primary: true }] },
    });

  const expectRefused = async () =>
    expect(await world.status(type, jane)).toMatchObject({
      status: 'partiallySynced',
      reason: expect.stringMatching(/cannot have the .*mail miller@acme.example/),
    });

  /** Somebody gives the stranger's account another address. */
  const free = () => give(stranger, mail('elsewhere'));

  function give(remoteId: string, email: string): void {
    if (type === 'Slack') {
      const user = world.slack.users.get(remoteId) as { emails: { value: string; primary: boolean }[] };
      user.emails = [{ value: email, primary: true }];
    } else {
      const user = world.gitlab.state.users.get(Number(remoteId)) as { email: string };
      user.email = email;
    }
  }

  async function expectHers(): Promise<void> {
    expect(await world.status(type, jane)).toMatchObject({ status: 'synced' });
    const { remoteId } = (await world.link(type, jane)) as { remoteId: string };
    expect(await world.account(type, 'miller')).toMatchObject({ id: remoteId });
    expect(await world.writes(type)).toEqual(['update']);
    expect(await world.bridge.db('key_waits')).toEqual([]);
  }

  it('gives the address with a sync that repairs, after the preview has shown it', async () => {
    await wantsTheStrangers();
    await sync();
    // A scan shows whose it is, so nobody asks.
    await sync();
    expect((await world.writes(type)).length).toBeLessThanOrEqual(1);
    await expectRefused();
    await world.forget();
    free();
    await sync({ repair: false });
    expect(await world.writes(type)).toEqual([]);
    const { changes } = await world.preview(type);
    expect(changes).toMatchObject([{ op: 'update', attributes: [{ to: mail('miller') }] }]);
    await sync();
    await expectHers();
  });

  it('gives the address with a preview that is applied', async () => {
    await wantsTheStrangers();
    free();
    const { id } = await world.preview(type);
    expect(await world.writes(type)).toEqual([]);
    await world.store(type, 'POST', `/preview/${id}/apply`, {});
    await world.settled();
    await expectHers();
  });

  it('says nothing more of an address that somebody gives by hand to whoever wants it', async () => {
    await wantsTheStrangers();
    free();
    const { remoteId } = (await world.link(type, jane)) as { remoteId: string };
    give(remoteId, mail('miller'));
    await sync();
    expect(await world.status(type, jane)).toMatchObject({ status: 'synced' });
    expect(await world.bridge.db('key_waits')).toEqual([]);
    await world.forget();
    await sync();
    expect(await world.writes(type)).toEqual([]);
  });

  it('gives the address with a periodic sync that only reports drift', async () => {
    await wantsTheStrangers();
    free();
    clock.advance(67 * 60_000);
    await world.bridge.turn();
    await expectHers();
  });

  it('asks once for an address that no scan shows', async () => {
    const refusal =
      type === 'Slack'
        ? { schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'], detail: 'email_taken', status: 409 }
        : { message: 'Email has already been taken' };
    const { faults } = type === 'Slack' ? world.slack : world.gitlab;
    faults.inject({
      matches: ({ body }) => JSON.stringify(body ?? '').includes(mail('miller')),
      fault: { kind: 'answer', answer: { status: 409, body: refusal } },
      times: Number.POSITIVE_INFINITY,
    });
    await readdress('miller');
    await expectRefused();
    await world.forget();
    await sync();
    expect(await world.writes(type)).toEqual(['update']);
    await world.forget();
    expect((await world.preview(type)).changes).toEqual([]);
    for (let n = 0; n < 3; n++) await sync();
    expect(await world.writes(type)).toEqual([]);
    await expectRefused();
    // Somebody shows the address, and gives it up: it may be free.
    stranger = world.seed(type, { name: 'miller', userName: 'stranger' });
    await sync();
    free();
    faults.clear();
    await sync();
    await expectHers();
  });

  it('gives the name of a group', async () => {
    const red = await world.group('red', [jane]);
    const made =
      type === 'Slack' ? world.slack.addGroup('blue') : world.gitlab.state.addGroup({ path: 'blue' });
    if (type !== 'Slack')
      world.gitlab.faults.inject({
        matches: ({ method, body }) => method === 'PUT' && JSON.stringify(body ?? '').includes('blue'),
        fault: {
          kind: 'answer',
          answer: { status: 400, body: { message: { name: ['has already been taken'] } } },
        },
        times: Number.POSITIVE_INFINITY,
      });
    await world.patch(`/Groups/${red}`, { op: 'replace', path: 'displayName', value: 'blue' });
    const status = () =>
      world.bridge.db('sync_statuses').where({ subject_id: red }).first('status', 'reason');
    expect(await status()).toMatchObject({ status: 'partiallySynced' });
    await sync();
    await world.forget();
    await sync();
    expect(await world.writes(type)).toEqual([]);
    world.gitlab.faults.clear();
    Object.assign(made, type === 'Slack' ? { displayName: 'grey' } : { name: 'grey' });
    expect((await world.preview(type)).changes).toMatchObject([
      { op: 'update', attributes: [{ to: 'blue' }] },
    ]);
    await sync();
    expect(await world.writes(type)).toEqual(['rename group']);
    expect(await status()).toMatchObject({ status: 'synced' });
    expect(await world.bridge.db('key_waits')).toEqual([]);
  });
});
