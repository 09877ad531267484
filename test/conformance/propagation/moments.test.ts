/**
 * Accounts that matter, at moments in which what the bridge remembers is older than what is so: an account that was
 * promoted since a scan, a creation without an answer, a protection that was entered just now.
 */

import { patch } from '../../bridge.ts';
import { PLAYED } from '../../database.ts';
import { mail, startWorld, VENDORS, type World } from './world.ts';

type Vendor = (typeof VENDORS)[number];

let world: World;
const cases = VENDORS.flatMap((type) => PLAYED.map((dialect) => ({ type, dialect })));

function promote(type: Vendor, remoteId: string): void {
  if (type === 'Slack') Object.assign(world.slack.users.get(remoteId) ?? {}, { role: 'admin' });
  else Object.assign(world.gitlab.state.users.get(Number(remoteId)) ?? {}, { isAdmin: true });
}

describe.each(cases)('on $type and $dialect', ({ type, dialect }) => {
  beforeEach(async () => {
    world = await startWorld(dialect);
  });
  afterEach(() => world.stop());

  const faults = () => (type === 'Slack' ? world.slack : world.gitlab).faults;
  const isCreation = ({ method, path }: { method: string; path: string }) =>
    method === 'POST' && /\/users$/i.test(path);

  it('an account that was promoted since a scan saw it is not adopted', async () => {
    const chief = world.seed(type, { name: 'chief' });
    await world.add(type);
    promote(type, chief);
    const chiefs = await world.join('chief');
    expect(await world.status(type, chiefs)).toMatchObject({
      status: 'unsynced',
      reason: expect.stringContaining('privileged'),
    });
    await world.setActive(chiefs, false);
    expect(await world.account(type, 'chief')).toMatchObject({ enabled: true });
  });

  it('a privileged or protected account is not taken for what an unanswered creation made', async () => {
    await world.add(type, { PROTECTED_ACCOUNTS: ['root'] });
    const chief = world.seed(type, { name: 'chief' });
    promote(type, chief);
    world.seed(type, { name: 'other', userName: 'root' });
    for (const name of ['chief', 'other']) {
      faults().inject({ fault: { kind: 'drop' }, matches: isCreation });
      const mallory = await world.join(`mallory-${name}`, {
        emails: [{ value: mail(name), type: 'work', primary: true }],
      });
      expect(await world.link(type, mallory)).toBeNull();
      expect(await world.status(type, mallory)).toMatchObject({ status: 'unsynced' });
      await world.setActive(mallory, false);
      expect(await world.account(type, name)).toMatchObject({ enabled: true });
    }
  });

  it('whoever is protected from now on is granted nothing by what comes at once', async () => {
    await world.add(type, { GROUP_PROVISIONING: 'Create' });
    const [boss, jane] = [await world.join('boss'), await world.join('jane')];
    const group = await world.group('board', [jane]);
    await world.store(type, 'POST', '/pause');
    const configuration = { PROTECTED_ACCOUNTS: [mail('boss')] };
    expect((await world.store(type, 'PATCH', '', { configuration })).status).toBe(200);
    const added = await world.bridge.scim(
      'PATCH',
      `/Groups/${group}`,
      patch({ op: 'add', path: 'members', value: [{ value: boss }] }),
    );
    expect(added.status).toBeLessThan(300);
    await world.store(type, 'POST', '/resume');
    await world.settled();
    expect(await world.members(type, 'board')).toEqual(['jane']);
    expect(await world.status(type, boss)).toMatchObject({ status: 'unsynced' });
  });
});
