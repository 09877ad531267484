/** Addresses that can be taken for somebody else's: what is new waits until an admin says that it is meant. */

import { person } from '../../bridge.ts';
import { PLAYED } from '../../database.ts';
import { crowdIn } from './crowd.ts';
import { mail, STORE_TYPES, type StoreType, startWorld, type World } from './world.ts';

/** With the Cyrillic letters that look like them. */
const LOOKALIKE = mail('jаne');
const OF_DOMAIN = 'jane@аcme.example';
const SHARP = 'jané@acme.example';

let world: World;
const { held } = crowdIn(() => world);
const address = (value: string) => ({ emails: [{ value, type: 'work', primary: true }] });

async function post(name: string, email: string): Promise<string> {
  const reply = await world.bridge.scim('POST', '/Users', person(name, address(email)));
  expect(reply.status).toBe(201);
  await world.settled();
  return reply.body.id;
}

async function decide(type: StoreType, what: 'approve' | 'discard'): Promise<void> {
  await world.store(type, 'POST', `/held/${what}`, { all: true });
  await world.settled();
}

describe.each(PLAYED)('on %s', (dialect) => {
  beforeEach(async () => {
    world = await startWorld(dialect);
  });
  afterEach(() => world.stop());

  it.each(STORE_TYPES)('%s: waits for a newcomer who looks like somebody', async (type) => {
    await world.add(type);
    await world.join('jane');
    await world.forget();
    const other = await post('mallory', LOOKALIKE);
    expect(await world.writes(type)).toEqual([]);
    expect(await held(type)).toEqual([
      expect.objectContaining({
        cause: expect.objectContaining({ kind: 'confusable' }),
        reason: expect.stringContaining(`${LOOKALIKE}, which looks like ${mail('jane')} of somebody else`),
      }),
    ]);
    expect(await world.status(type, other)).toMatchObject({ status: 'held' });
    await decide(type, 'approve');
    expect(await world.writes(type)).toEqual(['create']);
    expect(await held(type)).toEqual([]);
    // What was there before is nobody's look-alike, and what is meant is not asked about again.
    await world.patch(`/Users/${other}`, { op: 'replace', path: 'title', value: 'CEO' });
    expect(await held(type)).toEqual([]);
  });

  it('waits for an address that somebody gets later, and for nothing else of the request', async () => {
    const type = 'Slack';
    await world.add(type);
    await world.join('jane');
    const other = await world.join('mallory');
    await world.forget();
    await world.patch(`/Users/${other}`, { op: 'replace', value: { title: 'CEO', ...address(OF_DOMAIN) } });
    expect(await world.account(type, 'mallory')).toMatchObject({ title: 'CEO' });
    expect(await held(type)).toHaveLength(1);
    await decide(type, 'discard');
    expect(await world.account(type, 'mallory')).not.toBeNull();
    await world.setActive(other, false);
    expect(await world.account(type, 'mallory')).toMatchObject({ enabled: false });
  });

  it('lets go what is read apart, what is the same person, and who was there first', async () => {
    const type = 'Demo';
    await post('mallory', LOOKALIKE);
    await world.add(type);
    await post('sharp', SHARP);
    const first = await world.join('ann');
    await world.patch(`/Users/${first}`, { op: 'replace', value: address(mail('аnn')) });
    expect(await held(type)).toEqual([]);
    const plain = await world.join('jane');
    expect(await held(type)).toEqual([
      expect.objectContaining({ subject: expect.objectContaining({ display: mail('jane') }) }),
    ]);
    // A look-alike that is gone, and comes back as something else, is none.
    await world.patch(`/Users/${plain}`, { op: 'replace', value: address(mail('jane.doe')) });
    expect(await held(type)).toEqual([]);
    expect(await world.status(type, plain)).toMatchObject({ status: 'synced' });
  });
});
