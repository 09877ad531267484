/** One person, delivered by two connections: who speaks, what each may change, and what ends with which. */

import type { Dialect } from '../../../src/db/open.ts';
import { person } from '../../bridge.ts';
import { PLAYED } from '../../database.ts';
import { type Connection, connect, firstConnection } from './connections.ts';
import { mail, startWorld, type World } from './world.ts';

describe.each(PLAYED)('on %s', (dialect: Dialect) => {
  let world: World;
  /** The primary connection. */
  let okta: Connection;
  let entra: Connection;
  let people = 0;
  beforeAll(async () => {
    world = await startWorld(dialect);
    okta = await firstConnection(world);
    entra = await connect(world, 'entra', { matchPeople: true });
    // Otherwise whoever brings the first user is the primary connection.
    await okta.join('first');
    await world.add('Demo', { BRAKE_PERCENT: 100 });
  });
  afterAll(() => world.stop());
  beforeEach(() => world.forget());

  /** The store with this brake, and nobody in its books. */
  async function brake(settings: Record<string, number>): Promise<void> {
    await world.configure('Demo', settings);
    // The sync after new settings tries again what was refused before.
    await world.bridge.db('brake_ledger').delete();
  }

  /** That the other connection speaks for whom the primary one has lost. */
  async function approve(): Promise<void> {
    const { body } = await world.store('Demo', 'POST', '/held/approve', { all: true });
    expect(body.approved).toBeGreaterThan(0);
    await world.settled();
  }

  const someone = () => `person${String(++people).padStart(3, '0')}`;
  const active = (value: boolean) => ({ op: 'replace', value: { active: value } });
  const personOf = async (id: string) =>
    (await world.bridge.db('users').where({ id }).first('person_id')).person_id as string;
  const emails = (name: string) => [{ value: mail(name), type: 'work', primary: true }];

  it('attaches by primary e-mail, whoever comes first, in any case; the primary connection speaks', async () => {
    const name = someone();
    const second = await entra.join(name, { title: 'Director', userName: `${name}-entra` });
    const first = await okta.join(name, { title: 'Engineer', emails: emails(name.toUpperCase()) });
    expect(await personOf(first)).toBe(await personOf(second));
    expect(await world.account('Demo', name)).toMatchObject({ enabled: true, title: 'Engineer' });
    expect(await world.writes('Demo')).toEqual(['create', 'update']);
  });

  it('writes what the primary connection says, and not what the other does', async () => {
    const name = someone();
    const first = await okta.join(name, { title: 'Engineer' });
    const second = await entra.join(name, { title: 'Director' });
    expect(await personOf(first)).toBe(await personOf(second));
    expect(await world.account('Demo', name)).toMatchObject({ title: 'Engineer' });
    await entra.patch(`/Users/${second}`, { op: 'replace', value: { title: 'President' } });
    expect(await world.account('Demo', name)).toMatchObject({ title: 'Engineer' });
    await okta.patch(`/Users/${first}`, { op: 'replace', value: { title: 'Manager' } });
    expect(await world.account('Demo', name)).toMatchObject({ title: 'Manager' });
    expect(await world.writes('Demo')).toEqual(['create', 'update']);
    for (const id of [first, second])
      expect(await world.status('Demo', id)).toMatchObject({ status: 'synced' });
  });

  it('attaches nobody to an inactive user, nor by a later rename, nor another environment', async () => {
    const [name, other] = [someone(), someone()];
    const first = await okta.join(name, { active: false });
    const second = await entra.join(name);
    expect(await personOf(first)).not.toBe(await personOf(second));
    const third = await okta.join(other);
    await okta.patch(`/Users/${third}`, { op: 'replace', value: { emails: emails(`${name}-new`) } });
    const fourth = await entra.join(other, { userName: 'somebody else' });
    await entra.patch(`/Users/${fourth}`, { op: 'replace', value: { emails: emails(`${name}-new`) } });
    expect(await personOf(third)).not.toBe(await personOf(fourth));
    // The account is the first one's; the second cannot have it, and nobody gets two.
    expect(await world.status('Demo', third)).toMatchObject({ status: 'synced' });
    expect(await world.status('Demo', fourth)).toMatchObject({ reason: expect.stringContaining('another') });
  });

  it('stays one person when either of the two is renamed', async () => {
    const name = someone();
    const first = await okta.join(name);
    const second = await entra.join(name);
    await entra.patch(`/Users/${second}`, {
      op: 'replace',
      value: { userName: mail(`${name}-e`), emails: emails(`${name}-e`) },
    });
    expect(await world.account('Demo', name)).toMatchObject({ enabled: true });
    await okta.patch(`/Users/${first}`, {
      op: 'replace',
      value: { userName: mail(`${name}-o`), emails: emails(`${name}-o`) },
    });
    expect(await world.account('Demo', `${name}-o`)).toMatchObject({ enabled: true });
    expect(await world.account('Demo', name)).toBeNull();
    expect(await personOf(first)).toBe(await personOf(second));
    expect(await world.writes('Demo')).toEqual(['create', 'update']);
    // Who comes with the old name now is somebody else.
    const third = await okta.join(name);
    expect(await personOf(third)).not.toBe(await personOf(first));
  });

  it('disables when the primary connection says inactive, whatever the other says', async () => {
    const name = someone();
    const first = await okta.join(name);
    const second = await entra.join(name);
    await entra.patch(`/Users/${second}`, active(false));
    expect(await world.account('Demo', name)).toMatchObject({ enabled: true });
    await entra.patch(`/Users/${second}`, active(true));
    await okta.patch(`/Users/${first}`, active(false));
    expect(await world.account('Demo', name)).toMatchObject({ enabled: false });
    // Neither a change nor a return in the other connection brings the person back.
    await entra.patch(`/Users/${second}`, { op: 'replace', value: { title: 'Director' } });
    await entra.patch(`/Users/${second}`, active(false));
    await entra.patch(`/Users/${second}`, active(true));
    expect(await world.account('Demo', name)).toMatchObject({ enabled: false });
    await okta.patch(`/Users/${first}`, active(true));
    expect(await world.account('Demo', name)).toMatchObject({ enabled: true });
    expect(await world.writes('Demo')).toEqual(['create', 'disable', 'enable']);
  });

  it('leaves with the last of the two, and comes back through either', async () => {
    const name = someone();
    const first = await okta.join(name, { title: 'Engineer' });
    const second = await entra.join(name, { title: 'Director' });
    const person = await personOf(first);
    await okta.remove(`/Users/${first}`);
    expect(await world.account('Demo', name)).toMatchObject({ enabled: true, title: 'Director' });
    const back = await okta.join(name, { title: 'Engineer' });
    expect(await personOf(back)).toBe(person);
    expect(await world.account('Demo', name)).toMatchObject({ enabled: true, title: 'Engineer' });
    await entra.remove(`/Users/${second}`);
    await okta.remove(`/Users/${back}`);
    expect(await world.account('Demo', name)).toMatchObject({ enabled: false });
    const again = await entra.join(name, { title: 'Director' });
    expect(await personOf(again)).toBe(person);
    await approve();
    expect(await world.account('Demo', name)).toMatchObject({ enabled: true, title: 'Director' });
  });

  it('goes on as the other says when the one who speaks is deleted while that one is inactive', async () => {
    const name = someone();
    const first = await okta.join(name);
    const second = await entra.join(name);
    await entra.patch(`/Users/${second}`, active(false));
    await okta.remove(`/Users/${first}`);
    expect(await world.account('Demo', name)).toMatchObject({ enabled: false });
    await entra.patch(`/Users/${second}`, active(true));
    expect(await world.account('Demo', name)).toMatchObject({ enabled: false });
    await approve();
    expect(await world.account('Demo', name)).toMatchObject({ enabled: true });
  });

  it('is a member through either, and of a group of one name through the union of both', async () => {
    const [name, other] = [someone(), someone()];
    const [first, second] = [await okta.join(name), await entra.join(name)];
    const third = await entra.join(other);
    const group = `group of ${name}`;
    const [ofOkta, ofEntra] = [await okta.group(group, [first]), await entra.group(group, [second, third])];
    expect(await world.members('Demo', group)).toEqual([name, other]);
    await entra.patch(`/Groups/${ofEntra}`, { op: 'remove', path: `members[value eq "${second}"]` });
    expect(await world.members('Demo', group)).toEqual([name, other]);
    await okta.patch(`/Groups/${ofOkta}`, { op: 'remove', path: `members[value eq "${first}"]` });
    expect(await world.members('Demo', group)).toEqual([other]);
    await okta.patch(`/Groups/${ofOkta}`, { op: 'add', path: 'members', value: [{ value: first }] });
    await okta.remove(`/Users/${first}`);
    expect(await world.members('Demo', group)).toEqual([other]);
    await entra.patch(`/Groups/${ofEntra}`, { op: 'add', path: 'members', value: [{ value: second }] });
    expect(await world.members('Demo', group)).toEqual([name, other]);
    await okta.remove(`/Groups/${ofOkta}`);
    expect(await world.members('Demo', group)).toEqual([name, other]);
    await entra.remove(`/Groups/${ofEntra}`);
    expect(await world.members('Demo', group)).toEqual([]);
  });

  it('does not rename to and fro a group that two feed under different names', async () => {
    const name = someone();
    const [first, second] = [await okta.join(name), await entra.join(name)];
    const ofOkta = await okta.group(`Team ${name}`, [first]);
    const ofEntra = await entra.group(`team ${name}`, [second]);
    await world.forget();
    await okta.patch(`/Groups/${ofOkta}`, { op: 'replace', value: { displayName: `Crew ${name}` } });
    for (let round = 0; round < 2; round++) {
      await world.store('Demo', 'POST', '/sync', {});
      await world.settled();
    }
    await entra.patch(`/Groups/${ofEntra}`, { op: 'replace', value: { displayName: `TEAM ${name}` } });
    expect(await world.writes('Demo')).toEqual([]);
    expect(await world.members('Demo', `Team ${name}`)).toEqual([name]);
    // Whoever is left to feed it names it.
    await okta.remove(`/Groups/${ofOkta}`);
    await entra.patch(`/Groups/${ofEntra}`, { op: 'replace', value: { displayName: `Crew ${name}` } });
    expect(await world.members('Demo', `Crew ${name}`)).toEqual([name]);
  });

  it('forgets no decision, and opens no leaver, for what the connection that does not speak says', async () => {
    await brake({ BRAKE_PERCENT: 1, BRAKE_MIN: 1 });
    const [name, other, third] = [someone(), someone(), someone()];
    const first = await okta.join(name);
    const second = await entra.join(name);
    await okta.patch(`/Users/${await okta.join(other)}`, active(false));
    await okta.patch(`/Users/${first}`, active(false));
    expect(await world.status('Demo', first)).toMatchObject({ status: 'held' });
    const leavers = () => world.bridge.db('leavers').where({ store_id: world.id('Demo') });
    const [{ since }] = await leavers();
    await entra.patch(`/Users/${second}`, active(false));
    await entra.patch(`/Users/${second}`, active(true));
    expect(await leavers()).toMatchObject([{ since }]);
    await world.store('Demo', 'POST', '/held/discard', { all: true });
    await world.forget();
    await entra.patch(`/Users/${second}`, active(false));
    await entra.patch(`/Users/${second}`, active(true));
    await entra.remove(`/Users/${second}`);
    await entra.join(third);
    expect(await world.account('Demo', name)).toMatchObject({ enabled: true });
    expect(await world.status('Demo', first)).toMatchObject({
      status: 'unsynced',
      reason: expect.stringContaining('discarded'),
    });
    expect(await world.writes('Demo')).toEqual(['create']);
    await brake({ BRAKE_PERCENT: 100 });
  });

  it('counts as one cause what a bulk of the primary connection takes from people of the other', async () => {
    await brake({ BRAKE_PERCENT: 1, BRAKE_MIN: 2 });
    const names = [someone(), someone(), someone(), someone(), someone()];
    for (const name of names) await entra.join(name);
    await world.forget();
    const Operations = names.map((name) => ({
      method: 'POST',
      path: '/Users',
      bulkId: name,
      data: person(name, { active: false }),
    }));
    const schemas = ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'];
    expect((await okta.scim('POST', '/Bulk', { schemas, Operations })).status).toBe(200);
    await world.settled();
    expect(await world.writes('Demo')).toEqual([]);
    expect((await world.store('Demo', 'GET', '/held')).body.count).toBe(5);
    await world.store('Demo', 'POST', '/held/approve', { all: true });
    await world.settled();
    expect(await world.writes('Demo')).toEqual(Array(5).fill('disable'));
    await brake({ BRAKE_PERCENT: 100 });
  });

  it('shows each connection its own users alone', async () => {
    const name = someone();
    const first = await okta.join(name);
    const second = await entra.join(name);
    expect((await okta.scim('GET', `/Users/${second}`)).status).toBe(404);
    expect((await entra.scim('GET', `/Users/${first}`)).status).toBe(404);
    const found = await entra.scim(
      'GET',
      `/Users?filter=${encodeURIComponent(`userName eq "${mail(name)}"`)}`,
    );
    expect(found.body.Resources.map((user: { id: string }) => user.id)).toEqual([second]);
  });
});
