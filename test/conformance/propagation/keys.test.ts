/**
 * People and groups who want each other's addresses, user names and group names: whoever wants one that another is
 * about to give up waits for it, circles end, and nobody keeps a temporary value.
 */

import type { Dialect } from '../../../src/db/open.ts';
import { eventually, person } from '../../bridge.ts';
import { PLAYED } from '../../database.ts';
import type { LoggedRequest } from '../../emulator/server.ts';
import { mail, STORE_TYPES, type StoreType, startWorld, type World } from './world.ts';

const BOTH = PLAYED.flatMap((dialect) => STORE_TYPES.map((type) => [dialect, type] as const));

describe.each(BOTH)('on %s, of %s', (dialect: Dialect, type: StoreType) => {
  let world: World;
  beforeEach(async () => {
    world = await startWorld(dialect);
  });
  afterEach(() => world.stop());

  const emails = (name: string) => [{ value: mail(name), type: 'work', primary: true }];
  const readdress = (id: string, name: string) =>
    world.bridge.scim('PATCH', `/Users/${id}`, {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
      Operations: [{ op: 'replace', value: { emails: emails(name) } }],
    });
  const rename = (id: string, name: string) =>
    world.bridge.scim('PATCH', `/Groups/${id}`, {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
      Operations: [{ op: 'replace', path: 'displayName', value: name }],
    });
  /** The account of whoever joined under the name, by the address that it has now. */
  const accountIds = async (...names: readonly string[]) =>
    Promise.all(names.map(async (name) => (await world.account(type, name))?.id ?? null));

  async function expectSynced(...ids: readonly string[]): Promise<void> {
    for (const id of ids) expect(await world.status(type, id)).toMatchObject({ status: 'synced' });
    expect(await world.bridge.db('key_waits')).toEqual([]);
    expect(await world.bridge.db('tasks')).toEqual([]);
  }

  async function joinAll<const N extends readonly string[]>(names: N): Promise<{ [K in keyof N]: string }> {
    const ids: string[] = [];
    for (const name of names) ids.push(await world.join(name));
    return ids as { [K in keyof N]: string };
  }

  /** What each group is called there. */
  async function groupNames(groupIds: readonly string[]): Promise<readonly unknown[]> {
    const links = await world.bridge.db('links').where({ kind: 'group' });
    const remoteIds = groupIds.map((id) => links.find((link) => link.subject_id === id)?.remote_id);
    if (type === 'Slack') return remoteIds.map((id) => world.slack.groups.get(id)?.displayName);
    if (type === 'GitLabSelfManaged')
      return remoteIds.map((id) => world.gitlab.state.groups.get(Number(id))?.name);
    const rows = await world.bridge.db('demo_groups');
    return remoteIds.map((id) => rows.find((row) => row.id === id)?.name);
  }

  /** Everything that is queued is worked on in this order. */
  async function inOrder(...ids: readonly string[]): Promise<void> {
    for (const [n, id] of ids.entries()) {
      const user = await world.bridge.db('users').where({ id }).first('person_id');
      await world.bridge
        .db('tasks')
        .where({ subject_id: user?.person_id ?? id })
        .update({ run_at: `2020-01-01T00:00:0${n}.000Z` });
    }
  }

  const paused = async (work: () => Promise<void>, settles = true) => {
    await world.store(type, 'POST', '/pause', {});
    await work();
    await world.store(type, 'POST', '/resume', {});
    if (settles) await world.settled();
  };

  it('waits for an address until its holder has another one, whoever comes first', async () => {
    await world.add(type);
    const [a, b] = [await world.join('ann'), await world.join('bob')];
    const before = await accountIds('ann', 'bob');
    await world.forget();
    await paused(async () => {
      await readdress(a, 'anna');
      await readdress(b, 'ann');
      await inOrder(b, a);
    });
    expect(await accountIds('anna', 'ann')).toEqual(before);
    expect(await world.writes(type)).toEqual(['update', 'update']);
    await expectSynced(a, b);
  });

  it('lets two people swap addresses', async () => {
    await world.add(type);
    const [a, b] = [await world.join('ann'), await world.join('bob')];
    const before = await accountIds('ann', 'bob');
    await world.forget();
    await paused(async () => {
      await readdress(a, 'interim');
      await readdress(b, 'ann');
      await readdress(a, 'bob');
    });
    expect(await accountIds('bob', 'ann')).toEqual(before);
    expect(await world.writes(type)).toEqual(['update', 'update', 'update']);
    await expectSynced(a, b);
  });

  it('lets a chain of addresses move on, and three in a circle', async () => {
    await world.add(type);
    const names = ['ann', 'bob', 'cat', 'dan', 'eve'] as const;
    const [a, b, c, d, e] = await joinAll(names);
    const before = await accountIds(...names);
    await world.forget();
    await paused(async () => {
      // ann → bob → cat → ann; dan → eve → free.
      await readdress(a, 'interim');
      await readdress(c, 'ann');
      await readdress(b, 'cat');
      await readdress(a, 'bob');
      await readdress(e, 'free');
      await readdress(d, 'eve');
      await inOrder(d, c, b, a, e);
    });
    expect(await accountIds('bob', 'cat', 'ann', 'eve', 'free')).toEqual(before);
    expect(await world.writes(type)).toEqual(Array(6).fill('update'));
    await expectSynced(a, b, c, d, e);
  });

  it('gives a newcomer the address that somebody else is about to give up', async () => {
    await world.add(type);
    const a = await world.join('ann');
    const [before] = await accountIds('ann');
    let newcomer = '';
    await paused(async () => {
      await readdress(a, 'anna');
      const { body } = await world.bridge.scim('POST', '/Users', person('new', { emails: emails('ann') }));
      newcomer = body.id;
      await inOrder(newcomer, a);
    });
    const [moved, made] = await accountIds('anna', 'ann');
    expect(moved).toBe(before);
    expect(made).not.toBeNull();
    expect(made).not.toBe(before);
    await expectSynced(a, newcomer);
  });

  it('gives an address as soon as it is free to whoever was refused it', async () => {
    await world.add(type);
    const [a, b] = await joinAll(['ann', 'bob']);
    const before = await accountIds('ann', 'bob');
    await readdress(b, 'ann');
    await world.settled();
    const refused = expect.stringMatching(
      /^bob@acme.example cannot have the (primaryE|e)mail ann@acme.example on .*: it is that of ann/i,
    );
    expect(await world.status(type, b)).toMatchObject({ status: 'partiallySynced', reason: refused });
    await world.forget();
    // Neither the next change nor a sync sends it again.
    await world.patch(`/Users/${b}`, { op: 'replace', path: 'title', value: 'Pilot' });
    await world.store(type, 'POST', '/sync', {});
    await world.settled();
    expect(await world.writes(type)).toEqual(['update']);
    expect(await world.status(type, b)).toMatchObject({ status: 'partiallySynced', reason: refused });
    expect(await accountIds('ann', 'bob')).toEqual(before);
    await readdress(a, 'anna');
    await world.settled();
    expect(await accountIds('anna', 'ann')).toEqual(before);
    await expectSynced(a, b);
  });

  it('waits for nobody who waits in vain, and gets the address when that one moves on', async () => {
    await world.add(type);
    const [a, b, c] = await joinAll(['a', 'b', 'c']);
    await world.setActive(c, false);
    await paused(async () => {
      // Of whoever is inactive nothing is changed: the account keeps its address.
      await readdress(c, 'c2');
      await readdress(b, 'c');
      await readdress(a, 'b');
    });
    for (const id of [a, b])
      expect(await world.status(type, id)).toMatchObject({
        status: 'partiallySynced',
        reason: expect.stringContaining('cannot have'),
      });
    expect(await world.bridge.db('tasks')).toEqual([]);
    await world.setActive(c, true);
    expect(await accountIds('b', 'c', 'c2')).not.toContain(null);
    await expectSynced(a, b, c);
  });

  it('gives the wanted address also to whoever has a temporary one and cannot go back to the former', async () => {
    if (type === 'Demo') return;
    // One after another, so that Cat is the one who finds the circle.
    await world.add(type, { PARALLEL_CHANGES: 1 });
    const [a, b, c] = await joinAll(['a', 'b', 'c']);
    const before = await accountIds('a', 'b', 'c');
    const { faults } = type === 'Slack' ? world.slack : world.gitlab;
    faults.inject({
      matches: ({ body }: Pick<LoggedRequest, 'body'>) => JSON.stringify(body ?? '').includes(mail('b')),
      fault: { kind: 'answer', answer: { status: 404, body: 'A proxy.' } },
      times: Number.POSITIVE_INFINITY,
    });
    await paused(async () => {
      await readdress(a, 'b');
      await readdress(b, 'c');
      await readdress(c, 'a');
      await inOrder(a, b, c);
    }, false);
    await eventually(async () => ((await accountIds('c'))[0] === before[1] ? true : undefined), 10_000);
    // Bob has the former address of Cat, and Ann keeps the one that Cat wants.
    await readdress(a, 'a');
    faults.clear();
    await world.patch(`/Users/${c}`, { op: 'replace', path: 'title', value: 'Pilot' });
    await world.settled();
    expect(await accountIds('a', 'c')).toEqual([before[0], before[1]]);
    expect(await world.status(type, c)).toMatchObject({
      status: 'partiallySynced',
      reason: expect.stringMatching(/cannot have the .*mail a@acme.example on .*: it is that of a/i),
    });
    await world.forget();
    await world.store(type, 'POST', '/sync', {});
    await world.settled();
    expect(await world.writes(type)).toEqual([]);

    await readdress(a, 'a2');
    await world.settled();
    expect(await accountIds('a2', 'c', 'a')).toEqual(before);
    await expectSynced(a, b, c);
  });

  it('lets the rest of a change go while the address waits, and says whom it waits for', async () => {
    await world.add(type);
    const [a, b] = await joinAll(['ann', 'bob']);
    await paused(async () => {
      await readdress(a, 'anna');
      await world.bridge.scim('PATCH', `/Users/${b}`, {
        schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
        Operations: [{ op: 'replace', value: { emails: emails('ann'), title: 'Pilot' } }],
      });
      await world.bridge.db('tasks').update({ run_at: '2999-01-01T00:00:00.000Z' });
      await inOrder(b);
    }, false);
    const bob = await eventually(async () => {
      const status = await world.status(type, b);
      return status.reason === null ? undefined : status;
    }, 10_000);
    expect(bob).toMatchObject({
      status: 'pending',
      reason: expect.stringMatching(/^bob@acme.example waits for the .*mail ann@acme.example until ann/),
    });
    expect(await world.account(type, 'bob')).toMatchObject({ title: 'Pilot' });
    await world.patch(`/Users/${a}`, { op: 'replace', path: 'title', value: 'Captain' });
    expect(await world.account(type, 'ann')).toMatchObject({ title: 'Pilot' });
    await expectSynced(a, b);
  });

  it('lets groups pass their names on, and swap them', async () => {
    await world.add(type, { GROUP_PROVISIONING: 'Create' });
    const jane = await world.join('jane');
    const groups = [await world.group('red', [jane]), await world.group('green'), await world.group('blue')];
    const [red = '', green = '', blue = ''] = groups;
    const before = await groupNames(groups);
    await world.forget();
    await paused(async () => {
      // red → green → red, blue → free.
      await rename(red, 'interim');
      await rename(green, 'red');
      await rename(red, 'green');
      await rename(blue, 'free');
    });
    const after = await groupNames(groups);
    expect(before).toEqual(['red', 'green', 'blue']);
    expect(after).toEqual(['green', 'red', 'free']);
    // GitLab's paths stay.
    expect(await world.members(type, type === 'GitLabSelfManaged' ? 'red' : 'green')).toEqual(['jane']);
    expect(await world.bridge.db('key_waits')).toEqual([]);
    expect(await world.bridge.db('tasks')).toEqual([]);
    expect((await world.syncStatus(type)).details).toEqual([]);
  });

  it('lets three groups pass their names on in a circle', async () => {
    await world.add(type, { GROUP_PROVISIONING: 'Create' });
    const groups = [await world.group('red'), await world.group('green'), await world.group('blue')];
    const [red = '', green = '', blue = ''] = groups;
    await world.forget();
    await paused(async () => {
      // red → green → blue → red.
      await rename(red, 'interim');
      await rename(blue, 'red');
      await rename(green, 'blue');
      await rename(red, 'green');
      await inOrder(green, red, blue);
    });
    expect(await groupNames(groups)).toEqual(['green', 'blue', 'red']);
    expect(await world.writes(type)).toEqual(Array(4).fill('rename group'));
    expect(await world.bridge.db('key_waits')).toEqual([]);
    expect(await world.bridge.db('tasks')).toEqual([]);
  });

  it('lets two people swap user names, and with them what they sign in by', async () => {
    if (type !== 'GitLabSelfManaged') return;
    await world.add(type, { SSO_PROVIDER: 'saml' });
    const [a, b] = await joinAll(['ann', 'bob']);
    await world.forget();
    const rename = (id: string, name: string) =>
      world.bridge.scim('PATCH', `/Users/${id}`, {
        schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
        Operations: [{ op: 'replace', path: 'userName', value: mail(name) }],
      });
    await paused(async () => {
      await rename(a, 'interim');
      await rename(b, 'ann');
      await rename(a, 'bob');
    });
    const named = (name: string) =>
      [...world.gitlab.state.users.values()].find(({ email }) => email === mail(name));
    for (const [name, now] of [
      ['ann', 'bob'],
      ['bob', 'ann'],
    ] as const)
      expect(named(name)).toMatchObject({
        username: now,
        identities: [{ provider: 'saml', extern_uid: mail(now) }],
      });
    await expectSynced(a, b);
  });

  it('leaves no temporary value behind, whatever becomes of the answer to it', async () => {
    if (type === 'Demo') return;
    await world.add(type);
    const [a, b] = await joinAll(['ann', 'bob']);
    const before = await accountIds('ann', 'bob');
    const { faults } = type === 'Slack' ? world.slack : world.gitlab;
    const isTemporary = ({ body }: { body: unknown }) => JSON.stringify(body ?? '').includes('moving-');
    faults.inject({ matches: isTemporary, fault: { kind: 'drop', applied: true } });
    faults.inject({ matches: isTemporary, fault: { kind: 'drop', applied: false } });
    await paused(async () => {
      await readdress(a, 'interim');
      await readdress(b, 'ann');
      await readdress(a, 'bob');
    });
    expect(await accountIds('bob', 'ann')).toEqual(before);
    await expectSynced(a, b);
  });

  it('says so of both where the vendor takes no temporary value, and parks neither', async () => {
    if (type === 'Demo') return;
    await world.add(type);
    const [a, b] = await joinAll(['ann', 'bob']);
    const before = await accountIds('ann', 'bob');
    const refusal =
      type === 'Slack'
        ? { schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'], detail: 'email_invalid', status: 400 }
        : { message: { email: ['is invalid'] } };
    const { faults } = type === 'Slack' ? world.slack : world.gitlab;
    faults.inject({
      matches: ({ body }) => JSON.stringify(body ?? '').includes('moving-'),
      fault: { kind: 'answer', answer: { status: 400, body: refusal } },
      times: Number.POSITIVE_INFINITY,
    });
    await paused(async () => {
      await readdress(a, 'interim');
      await readdress(b, 'ann');
      await readdress(a, 'bob');
    });
    expect(await accountIds('ann', 'bob')).toEqual(before);
    for (const [id, other] of [
      [a, 'bob'],
      [b, 'ann'],
    ] as const)
      expect(await world.status(type, id)).toMatchObject({
        status: 'partiallySynced',
        reason: expect.stringMatching(new RegExp(`wants the .*mail .* of ${other}.*takes no temporary one`)),
      });
    await world.forget();
    await world.store(type, 'POST', '/sync', {});
    await world.settled();
    expect(await world.writes(type)).toEqual([]);
    // Whoever is corrected by hand in the directory ends it for both.
    await readdress(a, 'anna');
    await world.settled();
    expect(await accountIds('anna', 'ann')).toEqual(before);
    await expectSynced(a, b);
  });
});
