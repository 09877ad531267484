/**
 * Keys that somebody swapped by hand at the vendor among accounts or groups of ours: a sync that repairs finds a circle
 * that no write of the directory made, and ends it like any other.
 */

import type { Dialect } from '../../../src/db/open.ts';
import { PLAYED } from '../../database.ts';
import type { LoggedRequest } from '../../emulator/server.ts';
import { mail, startWorld, VENDORS, type World } from './world.ts';

const BOTH = PLAYED.flatMap((dialect) => VENDORS.map((type) => [dialect, type] as const));

describe.each(BOTH)('on %s, of %s', (dialect: Dialect, type) => {
  let world: World;
  const ids: Record<string, string> = {};
  beforeEach(async () => {
    world = await startWorld(dialect);
    await world.add(type, { GROUP_PROVISIONING: 'Create' });
    for (const name of ['ann', 'bob', 'cat']) ids[name] = await world.join(name);
    await world.forget();
  });
  afterEach(() => world.stop());

  /** The accounts there, by their ids, with what can be swapped. */
  const accounts = () =>
    type === 'Slack'
      ? [...world.slack.users.values()].map((user) => ({ id: user.id, email: user.emails[0]?.value, user }))
      : [...world.gitlab.state.users.values()].map((user) => ({
          id: String(user.id),
          email: user.email,
          user,
        }));

  const nameAttribute = type === 'Slack' ? 'userName' : 'username';

  function rewrite(was: Record<string, string>, attribute: 'email' | 'userName'): void {
    const found = Object.keys(was).map((name) => accounts().find(({ email }) => email === mail(name)));
    for (const [n, to] of Object.values(was).entries()) {
      const user = found[n]?.user as never as Record<string, unknown>;
      if (attribute === 'userName') user[nameAttribute] = to;
      else if (type === 'Slack')
        (user.emails as { value: string }[])[0] = { value: mail(to), primary: true } as never;
      else user.email = mail(to);
    }
  }

  const repair = async () => {
    await world.store(type, 'POST', '/sync', {});
    await world.settled();
  };
  const addresses = () => accounts().map(({ id, email }) => [id, email]);
  const userNames = () =>
    accounts().map(({ id, user }) => [id, (user as never as Record<string, string>)[nameAttribute]]);

  async function expectSynced(): Promise<void> {
    for (const id of Object.values(ids))
      expect(await world.status(type, id)).toMatchObject({ status: 'synced' });
    expect(await world.bridge.db('key_waits')).toEqual([]);
    expect(await world.bridge.db('tasks')).toEqual([]);
  }

  it.each([
    ['two addresses', { ann: 'bob', bob: 'ann' }, 3],
    ['three addresses', { ann: 'bob', bob: 'cat', cat: 'ann' }, 4],
  ] as const)('gives %s back to whose they are', async (_, swap, writes) => {
    const before = addresses();
    rewrite(swap, 'email');
    await repair();
    expect(addresses()).toEqual(before);
    expect(await world.writes(type)).toEqual(Array(writes).fill('update'));
    await expectSynced();
  });

  it('gives addresses back also where the answers to writes of something else showed the others', async () => {
    const before = addresses();
    rewrite({ ann: 'bob', bob: 'ann' }, 'email');
    for (const name of ['ann', 'bob'])
      await world.patch(`/Users/${ids[name]}`, { op: 'replace', path: 'displayName', value: `${name} II` });
    expect(addresses()).not.toEqual(before);
    await repair();
    expect(addresses()).toEqual(before);
    await expectSynced();
  });

  it.each([
    ['at once', []],
    ['after a write of something else', ['ann', 'bob']],
  ])('gives two user names back to whose they are, %s', async (_, written) => {
    // Slack's is unmapped.
    if (type === 'Slack') return;
    const before = userNames();
    rewrite({ ann: 'bob', bob: 'ann' }, 'userName');
    for (const name of written)
      await world.patch(`/Users/${ids[name]}`, { op: 'replace', path: 'displayName', value: `${name} II` });
    await repair();
    expect(userNames()).toEqual(before);
    await expectSynced();
  });

  it('says so of both where the vendor takes no temporary value', async () => {
    rewrite({ ann: 'bob', bob: 'ann' }, 'email');
    const { faults } = type === 'Slack' ? world.slack : world.gitlab;
    const refusal =
      type === 'Slack'
        ? { schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'], detail: 'email_invalid', status: 400 }
        : { message: { email: ['is invalid'] } };
    faults.inject({
      matches: ({ body }: Pick<LoggedRequest, 'body'>) => JSON.stringify(body ?? '').includes('moving-'),
      fault: { kind: 'answer', answer: { status: 400, body: refusal } },
      times: Number.POSITIVE_INFINITY,
    });
    await repair();
    // Each is called as the account is now.
    for (const name of ['ann', 'bob'])
      expect(await world.status(type, ids[name] as string)).toMatchObject({
        status: 'partiallySynced',
        reason: expect.stringMatching(/wants the .*mail .* of .*takes no temporary one/),
      });
    expect(await world.bridge.db('tasks')).toEqual([]);
  });
});
