/**
 * The identity by which somebody signs in to GitLab, where an administrator made it: it may be another person's way
 * in, so it stays unless OVERWRITE_IDENTITY says otherwise.
 */

import { patch } from '../../bridge.ts';
import { PLAYED } from '../../database.ts';
import { mail, startWorld, type World } from './world.ts';

const TYPE = 'GitLabSelfManaged';
const SAML = { SSO_PROVIDER: 'saml' };
let world: World;
afterEach(() => world.stop());

function jane() {
  const user = [...world.gitlab.state.users.values()].find(({ email }) => email === mail('jane'));
  if (!user) throw new Error('there is no jane');
  return user;
}

const identityIs = (uid: string) => {
  jane().identities = [{ provider: 'saml', extern_uid: uid }];
};
const identity = () => jane().identities.find(({ provider }) => provider === 'saml')?.extern_uid;
const sync = async () => {
  await world.store(TYPE, 'POST', '/sync');
  await world.settled();
};
const KEPT = { status: 'partiallySynced', reason: expect.stringContaining('OVERWRITE_IDENTITY is off') };

describe.each(PLAYED)('made by an administrator, on %s', (dialect) => {
  beforeEach(async () => {
    world = await startWorld(dialect);
    world.seed(TYPE, { name: 'jane' });
    identityIs('admins-own-choice');
  });

  it('is left as it is at the adoption, at each sync and each change, and said', async () => {
    await world.add(TYPE, SAML);
    const id = await world.join('jane', { title: 'Cook' });
    expect(await world.status(TYPE, id)).toMatchObject({
      ...KEPT,
      reason: expect.stringContaining('keeps the externUid "admins-own-choice"'),
    });
    await sync();
    await world.patch(`/Users/${id}`, { op: 'replace', path: 'userName', value: mail('jane.smith') });
    expect(await world.status(TYPE, id)).toMatchObject(KEPT);
    expect(identity()).toBe('admins-own-choice');
    // What else differs has arrived.
    expect(jane()).toMatchObject({ name: 'jane Doe', username: 'jane.smith' });
    const preview = await world.preview(TYPE);
    expect(preview.summary).toMatchObject({ update: 0 });
  });

  it('is replaced where OVERWRITE_IDENTITY is on', async () => {
    await world.add(TYPE, { ...SAML, OVERWRITE_IDENTITY: true });
    const id = await world.join('jane');
    expect(identity()).toBe(mail('jane'));
    expect(await world.status(TYPE, id)).toMatchObject({ status: 'synced' });
  });

  it('is replaced as soon as OVERWRITE_IDENTITY is switched on', async () => {
    await world.add(TYPE, SAML);
    const id = await world.join('jane');
    await world.configure(TYPE, { ...SAML, OVERWRITE_IDENTITY: true });
    expect(identity()).toBe(mail('jane'));
    expect(await world.status(TYPE, id)).toMatchObject({ status: 'synced' });
  });
});

describe('written by the bridge', () => {
  beforeEach(async () => {
    world = await startWorld();
    await world.add(TYPE, SAML);
  });

  it('follows the directory', async () => {
    const id = await world.join('jane');
    expect(identity()).toBe(mail('jane'));
    await world.patch(`/Users/${id}`, { op: 'replace', path: 'userName', value: mail('jane.smith') });
    expect(identity()).toBe(mail('jane.smith'));
    expect(await world.status(TYPE, id)).toMatchObject({ status: 'synced' });
  });

  it('is added to an account that has none', async () => {
    world.seed(TYPE, { name: 'jane' });
    const id = await world.join('jane');
    expect(identity()).toBe(mail('jane'));
    expect(await world.status(TYPE, id)).toMatchObject({ status: 'synced' });
  });

  it.each([
    ['a sync that repairs', sync],
    [
      'a change of the userName',
      async (id: string) => {
        const change = patch({ op: 'replace', path: 'userName', value: mail('jane.smith') });
        await world.bridge.scim('PATCH', `/Users/${id}`, change);
        await world.settled();
      },
    ],
  ])('and rewritten by an administrator, stays so at %s, and is said', async (_name, happens) => {
    const id = await world.join('jane');
    identityIs('somebody-else');
    await happens(id);
    expect(identity()).toBe('somebody-else');
    expect(await world.status(TYPE, id)).toMatchObject(KEPT);
    await sync();
    expect(identity()).toBe('somebody-else');
    expect(await world.status(TYPE, id)).toMatchObject(KEPT);
  });
});
