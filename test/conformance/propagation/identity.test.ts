/**
 * What an account is found and signed in to by: an identity provider that rewrites it for everybody is stopped by
 * the brake, and one person who marries is not.
 */

import { toLoss } from '../../../src/db/brake/losses.ts';
import { replacesIdentity } from '../../../src/model/change.ts';
import { patch } from '../../bridge.ts';
import { PLAYED } from '../../database.ts';
import { crowdIn, TIGHT } from './crowd.ts';
import { mail, STORE_TYPES, startWorld, type World } from './world.ts';

let world: World;
const { held, joinMany, statuses } = crowdIn(() => world);

/** As an identity provider does whose attribute mapping is changed. */
function rewritten(id: string, name: string, more: Record<string, unknown> = {}) {
  return world.bridge.scim('PUT', `/Users/${id}`, {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
    userName: mail(name),
    displayName: `${name} Doe`,
    emails: [{ value: mail(name), type: 'work', primary: true }],
    active: true,
    ...more,
  });
}

async function rewriteAll(ids: readonly string[]): Promise<readonly string[]> {
  const correlationIds: string[] = [];
  for (const [n, id] of ids.entries()) {
    const reply = await rewritten(id, `wrong${n}`);
    expect(reply.status).toBe(200);
    correlationIds.push(reply.headers.get('x-correlation-id') ?? '');
  }
  await world.settled();
  return correlationIds;
}

async function accountsNamed(type: (typeof STORE_TYPES)[number], prefix: string, count: number) {
  const names = Array.from({ length: count }, (_, n) => `${prefix}${n}`);
  const accounts = await Promise.all(names.map((name) => world.account(type, name)));
  return accounts.filter((account) => account !== null).length;
}

describe.each(PLAYED)('40 rewritten one by one, on %s', (dialect) => {
  beforeEach(async () => {
    world = await startWorld(dialect);
  });
  afterEach(() => world.stop());

  it('10 change, 30 are held, one incident has them all, and what the 10 had is known', async () => {
    const types = STORE_TYPES;
    for (const type of types) await world.add(type);
    const ids = await joinMany(40);
    const causes = await rewriteAll(ids);
    for (const type of types) {
      expect(await accountsNamed(type, 'wrong', 40)).toBe(10);
      expect(await held(type)).toHaveLength(30);
      expect(await world.syncStatus(type)).toMatchObject({ heldCount: 30, openLeavers: [] });
      const losses = { store_id: world.id(type), state: 'taken' };
      const rows = await world.bridge.db('losses').where(losses).whereIn('cause', causes);
      const taken = rows.map(toLoss);
      expect(taken).toHaveLength(10);
      for (const { change } of taken) {
        if (!replacesIdentity(change)) throw new Error('not an identity');
        const address = change.attributes.find(({ to }) => to.startsWith('wrong') && to.includes('@'));
        expect(address?.from).toMatch(/^p\d+@acme\.example$/);
      }
    }
    expect(await world.bridge.db('incidents').select('state')).toEqual([{ state: 'OPEN' }]);
    const [item] = (await held('Slack')) as unknown as { changes: { attributes: unknown[] }[] }[];
    expect(item?.changes).toMatchObject([
      { op: 'update', held: true, attributes: [{ name: 'primaryEmail', from: expect.stringMatching(/^p/) }] },
    ]);
    // The mistake is corrected there: nobody has anything to decide any more.
    for (const [n, id] of ids.entries()) await rewritten(id, `p${n}`);
    await world.settled();
    for (const type of types) expect(await accountsNamed(type, 'p', 40)).toBeGreaterThanOrEqual(30);
  });
});

describe.each(STORE_TYPES)('an identity, on %s', (type) => {
  beforeEach(async () => {
    world = await startWorld();
    await world.add(type, TIGHT);
  });
  afterEach(() => world.stop());

  it('of one person is replaced, together with what else is new, in one call', async () => {
    const [id = ''] = await joinMany(1);
    await rewritten(id, 'married', { title: 'Dr' });
    await world.settled();
    expect(await world.account(type, 'married')).not.toBeNull();
    expect(await world.writes(type)).toEqual(['update']);
  });

  it('that is held does not hold up what else is new of the person', async () => {
    const [first = '', second = ''] = await joinMany(2);
    await rewritten(first, 'first');
    await world.settled();
    await rewritten(second, 'second', { displayName: 'Second Name' });
    await world.settled();
    expect(await held(type)).toHaveLength(1);
    expect(await world.account(type, 'p1')).toMatchObject({ displayName: 'Second Name' });
    expect(await statuses(type, [second])).toEqual(['held']);
    await world.store(type, 'POST', '/held/approve', { all: true });
    await world.settled();
    expect(await world.account(type, 'second')).toMatchObject({ displayName: 'Second Name' });
    expect(await statuses(type, [second])).toEqual(['synced']);
  });

  it('that an admin declined stays as it is until another value is wanted, through a leave and a return', async () => {
    const [first = '', second = ''] = await joinMany(2);
    await rewritten(first, 'first');
    await world.settled();
    await rewritten(second, 'second');
    await world.settled();
    await world.store(type, 'POST', '/held/discard', { all: true });
    await world.setActive(second, false);
    await world.store(type, 'POST', '/held/approve', { all: true });
    await world.settled();
    await world.setActive(second, true);
    await world.store(type, 'POST', '/sync', {});
    await world.settled();
    expect(await world.account(type, 'p1')).toMatchObject({ enabled: true });
    expect(await world.status(type, second)).toMatchObject({
      status: 'unsynced',
      reason: expect.stringMatching(/^discarded by /),
    });
    expect(await held(type)).toEqual([]);
    const { summary, changes } = await world.preview(type);
    expect(summary).toMatchObject({ update: 0, held: 0 });
    expect(changes).toEqual([]);
    await rewritten(second, 'third');
    await world.settled();
    // The approval of the last held item has begun the window anew.
    expect(await held(type)).toEqual([]);
    expect(await statuses(type, [second])).toEqual(['synced']);
    expect((await world.account(type, 'third'))?.enabled).toBe(true);
  });
});

describe('many identities in one cause', () => {
  beforeEach(async () => {
    world = await startWorld();
  });
  afterEach(() => world.stop());

  it.each(STORE_TYPES)('a bulk request is held whole, on %s', async (type) => {
    await world.add(type);
    const ids = await joinMany(15);
    const operations = ids.map((id, n) => ({
      method: 'PATCH',
      path: `/Users/${id}`,
      data: patch(
        { op: 'replace', path: 'emails[type eq "work"].value', value: mail(`wrong${n}`) },
        { op: 'replace', path: 'userName', value: mail(`wrong${n}`) },
      ),
    }));
    const reply = await world.bridge.scim('POST', '/Bulk', {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
      Operations: operations,
    });
    expect(reply.status).toBe(200);
    await world.settled();
    expect(await accountsNamed(type, 'wrong', 15)).toBe(0);
    expect(await held(type)).toHaveLength(15);
  });

  it('what the adoptions of an activation would replace is one cause, and shows as held before', async () => {
    const type = 'Slack';
    await world.add(type, { UNIQUE_USER_IDENTIFIER: 'userName' }, { status: 'INACTIVE' });
    for (let n = 0; n < 12; n++) {
      const account = world.slack.addUser({
        userName: `p${n}_acme.example`,
        email: `p${n}@private.example`,
        displayName: `p${n} Doe`,
      });
      expect(account.active).toBe(true);
    }
    await joinMany(12);
    const preview = await world.preview(type);
    expect(preview.summary).toMatchObject({ adopt: 12, update: 12, held: 12 });
    expect(preview.changes.filter(({ held }: { held: boolean }) => held)).toHaveLength(12);
    await world.configure(type, { UNIQUE_USER_IDENTIFIER: 'userName' }, { status: 'ACTIVE' });
    expect(await world.writes(type)).toEqual([]);
    expect(await held(type)).toHaveLength(12);
  });
});
