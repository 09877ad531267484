/**
 * Accounts that matter: whoever holds a SCIM token can neither take over nor lock out a protected account, the
 * credential's own, or one that is privileged there.
 */

import { eventually, patch, person } from '../../bridge.ts';
import { PLAYED } from '../../database.ts';
import { mail, STORE_TYPES, startWorld, VENDORS, type World } from './world.ts';

type Vendor = (typeof VENDORS)[number];

let world: World;
const cases = VENDORS.flatMap((type) => PLAYED.map((dialect) => ({ type, dialect })));

/** Somebody whose address is another's. */
const withAddress = (address: string, name: string) =>
  world.join(name, { emails: [{ value: address, type: 'work', primary: true }] });
const readdress = (id: string, address: string, userName: string) =>
  world.patch(`/Users/${id}`, {
    op: 'replace',
    value: { userName, emails: [{ value: address, type: 'work', primary: true }] },
  });

/** What the vendor has of an account, whatever it is called. */
function shown(type: Vendor, remoteId: string): string {
  if (type === 'Slack') return JSON.stringify(world.slack.users.get(remoteId));
  return JSON.stringify(world.gitlab.state.users.get(Number(remoteId)));
}

function isThere(type: Vendor, name: string): boolean {
  const all = type === 'Slack' ? [...world.slack.users.values()] : [...world.gitlab.state.users.values()];
  return all.some((user) => JSON.stringify(user).includes(mail(name)));
}

function promote(type: Vendor, remoteId: string): void {
  if (type === 'Slack') {
    const user = world.slack.users.get(remoteId);
    if (user) user.role = 'admin';
    return;
  }
  const user = world.gitlab.state.users.get(Number(remoteId));
  if (user) user.isAdmin = true;
}

const link = (type: Vendor, personId: string, remoteId: string, more = {}) =>
  world.store(type, 'POST', '/links', { subject: { kind: 'user', id: personId }, remoteId, ...more });
const heldOf = async (type: Vendor) => (await world.store(type, 'GET', '/held')).body._embedded.held;
const openLeavers = async (type: Vendor) =>
  (await world.syncStatus(type)).openLeavers as { reason: string }[];

describe.each(cases)('on $type and $dialect', ({ type, dialect }) => {
  beforeEach(async () => {
    world = await startWorld(dialect);
  });
  afterEach(() => world.stop());

  it('whoever leaves is open where their account came to be protected before anybody heard of it', async () => {
    await world.add(type);
    const server = type === 'Slack' ? world.slack : world.gitlab;
    server.faults.inject({
      fault: { kind: 'drop', applied: true },
      matches: ({ method, path }) => method === 'POST' && /\/users$/i.test(path),
    });
    server.faults.inject({
      fault: { kind: 'answer', answer: { status: 503, body: 'no healthy upstream' } },
      matches: ({ method }) => method === 'GET' && isThere(type, 'jane'),
      times: Number.POSITIVE_INFINITY,
    });
    const reply = await world.bridge.scim('POST', '/Users', person('jane'));
    expect(reply.status).toBe(201);
    await eventually(async () => (isThere(type, 'jane') ? true : undefined), 10_000);
    const path = `/propagation/stores/${world.id(type)}`;
    const settings = { configuration: { PROTECTED_ACCOUNTS: ['jane@*'] } };
    expect((await world.bridge.admin('PATCH', path, settings)).status).toBe(200);
    const active = patch({ op: 'replace', value: { active: false } });
    expect((await world.bridge.scim('PATCH', `/Users/${reply.body.id}`, active)).status).toBe(200);
    server.faults.clear();
    await world.settled();
    expect(await world.account(type, 'jane')).toMatchObject({ enabled: true });
    expect(await world.status(type, reply.body.id)).toMatchObject({ status: 'unsynced' });
    expect(await openLeavers(type)).toHaveLength(1);
  });

  it('a protected account is never touched, by address, by rename, by link or by a leave', async () => {
    const ceo = world.seed(type, { name: 'ceo' });
    const before = shown(type, ceo);
    await world.add(type, { PROTECTED_ACCOUNTS: ['ceo@*'] });
    const mallory = await withAddress(mail('ceo'), 'mallory');
    const jane = await world.join('jane');
    expect(await world.status(type, mallory)).toMatchObject({
      status: 'unsynced',
      reason: expect.stringContaining('protected account'),
    });
    expect((await link(type, mallory, ceo, { confirm: true })).status).toBe(409);
    await world.group('board', [mallory, jane]);
    if (type === 'Slack') expect(await world.members(type, 'board')).toEqual(['jane']);
    expect(JSON.stringify((await world.syncStatus(type)).details)).toContain(
      type === 'Slack' ? 'whose memberships the bridge leaves alone' : 'matches no group there',
    );
    await world.setActive(mallory, false);
    expect(await openLeavers(type)).toMatchObject([{ reason: expect.stringContaining('protected account') }]);
    // Jane cannot become the ceo there either.
    await readdress(jane, mail('ceo'), 'jane');
    expect(await world.status(type, jane)).toMatchObject({ status: 'partiallySynced' });
    await readdress(mallory, mail('mallory'), 'mallory');
    await world.setActive(mallory, true);
    expect(await world.account(type, 'mallory')).toMatchObject({ enabled: true });
    expect(await openLeavers(type)).toEqual([]);
    expect(shown(type, ceo)).toBe(before);
  });

  it('protection hangs on the account, whatever it is called later, until the entry is gone', async () => {
    const boss = world.seed(type, { name: 'boss' });
    await world.add(type, { PROTECTED_ACCOUNTS: ['boss@*', 'somebody'] });
    if (type === 'Slack') {
      const user = world.slack.users.get(boss);
      Object.assign(user ?? {}, {
        userName: 'renamed',
        displayName: 'R',
        emails: [{ value: mail('renamed'), primary: true }],
      });
    } else {
      const user = world.gitlab.state.users.get(Number(boss));
      Object.assign(user ?? {}, { username: 'renamed', name: 'R', email: mail('renamed') });
    }
    const dora = await withAddress(mail('renamed'), 'dora');
    expect(await world.status(type, dora)).toMatchObject({
      status: 'unsynced',
      reason: expect.stringContaining('protected account'),
    });
    await world.configure(type, { PROTECTED_ACCOUNTS: ['boss@*'] });
    expect(await world.status(type, dora)).toMatchObject({ status: 'unsynced' });
    await world.configure(type, { PROTECTED_ACCOUNTS: ['somebody'] });
    expect(await world.status(type, dora)).toMatchObject({ status: 'synced' });
  });

  it('says why anew where a change of the settings gives another reason', async () => {
    promote(type, world.seed(type, { name: 'boss' }));
    await world.add(type, { PROTECTED_ACCOUNTS: ['boss@*'] });
    const dora = await withAddress(mail('boss'), 'dora');
    expect(await world.status(type, dora)).toMatchObject({
      status: 'unsynced',
      reason: expect.stringContaining('protected account'),
    });
    await world.configure(type, { PROTECTED_ACCOUNTS: [] });
    expect(await world.status(type, dora)).toMatchObject({
      status: 'unsynced',
      reason: expect.stringContaining('which is privileged there'),
    });
  });

  it("the account of the store's own credential is nobody's", async () => {
    await world.add(type);
    const [remoteId, address] =
      type === 'Slack'
        ? [world.slack.owner.id, world.slack.owner.emails[0]?.value ?? '']
        : ['1', world.gitlab.state.users.get(1)?.email ?? ''];
    const before = shown(type, remoteId);
    const mallory = await withAddress(address, 'mallory');
    expect(await world.status(type, mallory)).toMatchObject({ status: 'unsynced' });
    expect((await link(type, mallory, remoteId, { confirm: true })).status).toBe(409);
    await world.setActive(mallory, false);
    expect(shown(type, remoteId)).toBe(before);
  });

  it('a privileged account that no scan has seen is not taken for one that the bridge made', async () => {
    await world.add(type);
    const chief = world.seed(type, { name: 'chief' });
    promote(type, chief);
    const before = shown(type, chief);
    const chiefs = await world.join('chief');
    expect(await world.status(type, chiefs)).toMatchObject({
      status: 'unsynced',
      reason: expect.stringContaining('privileged'),
    });
    await world.setActive(chiefs, false);
    expect(shown(type, chief)).toBe(before);
  });

  it('a privileged account is adopted by hand alone, and its leaver waits for an admin', async () => {
    const chief = world.seed(type, { name: 'chief' });
    promote(type, chief);
    const before = shown(type, chief);
    await world.add(type);
    // The same request is carried out there.
    await world.add('Demo');
    const chiefs = await world.join('chief');
    expect(await world.status(type, chiefs)).toMatchObject({
      status: 'unsynced',
      reason: expect.stringContaining('privileged'),
    });
    expect((await link(type, chiefs, chief)).status).toBe(409);
    await world.setActive(chiefs, false);
    expect(shown(type, chief)).toBe(before);
    const [item] = await heldOf(type);
    expect(item).toMatchObject({
      cause: { kind: 'privileged' },
      changes: [{ op: 'disable', privileged: true, held: true }],
    });
    const incidents = (await world.bridge.admin('GET', '/propagation/incidents')).body._embedded.incidents;
    expect(incidents).toMatchObject([{ causes: [{ kind: 'privileged', people: 1 }] }]);
    expect(await openLeavers(type)).toHaveLength(1);
    await world.remove(`/Users/${chiefs}`);
    expect(await openLeavers(type)).toHaveLength(1);
    const [still] = await heldOf(type);
    await world.store(type, 'POST', '/held/approve', { ids: [still.id] });
    await world.settled();
    expect(await world.account(type, 'chief')).toMatchObject({ enabled: false });
    expect(await openLeavers(type)).toEqual([]);
    const adopted = await world.bridge.admin('GET', '/events?kind=change.adopt&outcome=success');
    expect(adopted.body._embedded.events).toMatchObject([{ after: { privileged: true } }]);
  });

  it('a linked account that was promoted since keeps its address until an admin says otherwise', async () => {
    await world.add(type);
    const janes = await world.join('jane');
    promote(type, (await world.account(type, 'jane'))?.id ?? '');
    await readdress(janes, mail('mallory'), mail('mallory'));
    expect(await world.account(type, 'jane')).not.toBeNull();
    expect(await heldOf(type)).toMatchObject([
      { cause: { kind: 'privileged' }, changes: [{ op: 'update' }] },
    ]);
    await world.store(type, 'POST', '/held/approve', { all: true });
    await world.settled();
    expect(await world.account(type, 'mallory')).not.toBeNull();
  });
});

describe('which accounts are adopted', () => {
  beforeEach(async () => {
    world = await startWorld();
  });
  afterEach(() => world.stop());

  it.each(VENDORS)('Never adopts nobody, Any everybody, on %s', async (type) => {
    const chief = world.seed(type, { name: 'chief' });
    promote(type, chief);
    world.seed(type, { name: 'jane' });
    await world.add(type, { ADOPT_USERS: 'Never' });
    const [a, b] = [await world.join('chief'), await world.join('jane')];
    expect(await world.status(type, b)).toMatchObject({
      status: 'unsynced',
      reason: expect.stringContaining('Never'),
    });
    await world.configure(type, { ADOPT_USERS: 'Ordinary' });
    expect(await world.status(type, b)).toMatchObject({ status: 'synced' });
    expect(await world.status(type, a)).toMatchObject({ status: 'unsynced' });
    const preview = await world.preview(type);
    expect(preview.skipped).toMatchObject([{ reason: expect.stringContaining('privileged') }]);
    await world.configure(type, { ADOPT_USERS: 'Any' });
    expect(await world.status(type, a)).toMatchObject({ status: 'synced', privileged: true });
  });

  it.each(VENDORS)('one that is disabled is marked as revived, on %s', async (type) => {
    world.seed(type, { name: 'jane', enabled: false });
    await world.add(type, {}, { status: 'INACTIVE' });
    const jane = await world.bridge.scim('POST', '/Users', person('jane'));
    expect(jane.status).toBe(201);
    const preview = await world.preview(type);
    expect(preview.changes).toContainEqual(expect.objectContaining({ op: 'adopt', revives: true }));
    await world.configure(type, {}, { status: 'ACTIVE' });
    const { body } = await world.bridge.admin('GET', '/events?kind=change.adopt&outcome=success');
    expect(body._embedded.events).toMatchObject([{ after: { revives: true } }]);
  });

  it('says of a Slack token that is not shown who is an admin', async () => {
    world.slack.addToken(world.slack.workspace, {
      token: 'xoxp-blind',
      userId: world.slack.owner.id,
      scopes: ['admin'],
    });
    const configuration = { ...world.connection('Slack'), OAUTH_ACCESS_TOKEN: 'xoxp-blind' };
    const reply = await world.bridge.admin('POST', '/propagation/stores/connection/status', {
      type: 'Slack',
      configuration,
    });
    expect(reply.body).toMatchObject({ status: 'OK' });
    expect(reply.body.details.map(({ code }: { code: string }) => code)).toContain('privilege_unknown');
  });
});

it('protection by name needs nothing of the vendor', async () => {
  world = await startWorld();
  await world.add('Demo', { PROTECTED_ACCOUNTS: ['vip*'] });
  const vip = await world.join('vip1');
  expect(await world.status('Demo', vip)).toMatchObject({ status: 'unsynced' });
  expect(await world.account('Demo', 'vip1')).toBeNull();
  expect(STORE_TYPES).toContain('Demo');
  await world.bridge.scim('PATCH', `/Users/${vip}`, patch({ op: 'replace', value: { active: false } }));
  await world.settled();
  expect((await world.syncStatus('Demo')).openLeavers).toEqual([]);
  await world.stop();
});
