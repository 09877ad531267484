/** What every connector does with accounts. */

import type { Page, RemoteUser } from '../../src/model/remote.ts';
import { type ConnectorWorld, callContext, createUser, onAccount, remoteErrorOf } from './world.ts';

const PAGES_MAX = 50;

export function registerPeople(world: () => ConnectorWorld): void {
  it('creates an account once, with its attributes, and finds and reads it', async () => {
    const { connector, remote, person } = world();
    const before = await remote.accountCount();
    const context = callContext();
    const applied = await connector.apply(createUser(world(), 'jane'), context);
    expect(applied.outcome).toBe('done');
    expect(await remote.accountCount()).toBe(before + 1);
    expect(await remote.account(applied.remoteId)).toMatchObject({ enabled: true });
    const found = await connector.find('user', person('jane').identifier, context);
    expect(found).toMatchObject({ kind: 'user', remoteId: applied.remoteId, state: 'enabled' });
    expect(await connector.read('user', applied.remoteId, context)).toMatchObject({
      remoteId: applied.remoteId,
      state: 'enabled',
    });
  });

  it('finds an account whatever the case of its identifier, and says null where there is none', async () => {
    const { connector, remote, person } = world();
    const id = await remote.seedAccount('jane', 'enabled');
    await remote.seedAccount('john', 'enabled');
    const shouted = person('jane').identifier.toUpperCase();
    expect(await connector.find('user', shouted, callContext())).toMatchObject({ remoteId: id });
    expect(await connector.find('user', person('nobody').identifier, callContext())).toBeNull();
  });

  it('finds and reads a disabled account as disabled', async () => {
    const { connector, remote, person } = world();
    const id = await remote.seedAccount('jane', 'disabled');
    const expected = { remoteId: id, state: 'disabled' };
    expect(await connector.find('user', person('jane').identifier, callContext())).toMatchObject(expected);
    expect(await connector.read('user', id, callContext())).toMatchObject(expected);
  });

  it('reads null by an id that is not there', async () => {
    const { connector, remote } = world();
    const id = await remote.seedAccount('jane', 'enabled');
    await remote.removeAccount(id);
    expect(await connector.read('user', id, callContext())).toBeNull();
  });

  it('answers a creation under a taken identifier with a conflict, and makes nothing', async () => {
    const { connector, remote } = world();
    for (const [name, state] of [
      ['jane', 'enabled'],
      ['john', 'disabled'],
    ] as const) {
      await remote.seedAccount(name, state);
      const before = await remote.accountCount();
      const error = await remoteErrorOf(connector.apply(createUser(world(), name), callContext()));
      expect(error.disposition).toBe('conflict');
      expect(await remote.accountCount()).toBe(before);
    }
  });

  it('disables and enables, and says so where it already was', async () => {
    const { connector, remote } = world();
    const id = await remote.seedAccount('jane', 'enabled');
    for (const [op, enabled] of [
      ['disable', false],
      ['disable', false],
      ['enable', true],
      ['enable', true],
    ] as const) {
      expect(await connector.apply(onAccount(op, id), callContext())).toMatchObject({ remoteId: id });
      expect(await remote.account(id)).toMatchObject({ enabled });
    }
  });

  it('updates just the attributes that changed', async () => {
    const { connector, remote, update } = world();
    const id = await remote.seedAccount('jane', 'enabled');
    const before = await remote.account(id);
    const from = before?.attributes[update.name] ?? null;
    expect(from).not.toBe(update.to);
    const subject = { kind: 'user', id: 'person-jane', display: 'jane' } as const;
    const change = { op: 'update', subject, remoteId: id, attributes: [{ ...update, from }] } as const;
    for (const _ of ['once', 'again']) {
      expect((await connector.apply(change, callContext())).remoteId).toBe(id);
      expect((await remote.account(id))?.attributes).toEqual({
        ...before?.attributes,
        [update.name]: update.to,
      });
    }
  });

  it('deletes where it can, and refuses where it cannot', async () => {
    const { connector, remote } = world();
    const id = await remote.seedAccount('jane', 'enabled');
    const change = onAccount('delete', id);
    if (!connector.capabilities.deleteUsers) {
      expect((await remoteErrorOf(connector.apply(change, callContext()))).disposition).toBe('rejected');
      expect(await remote.account(id)).toMatchObject({ enabled: true });
      return;
    }
    expect(await connector.apply(change, callContext())).toEqual({ remoteId: id, outcome: 'done' });
    expect(await remote.account(id)).toBeNull();
    expect(await connector.apply(change, callContext())).toMatchObject({ outcome: 'gone' });
  });

  it('takes an account that is gone as disabled already, and misses it for anything else', async () => {
    const { connector, remote, update } = world();
    const id = await remote.seedAccount('jane', 'enabled');
    await remote.removeAccount(id);
    expect(await connector.apply(onAccount('disable', id), callContext())).toMatchObject({
      outcome: 'gone',
    });
    const enabling = connector.apply(onAccount('enable', id), callContext());
    expect((await remoteErrorOf(enabling)).disposition).toBe('missing');
    const subject = { kind: 'user', id: 'person-jane', display: 'jane' } as const;
    const updating = connector.apply(
      { op: 'update', subject, remoteId: id, attributes: [{ ...update, from: null }] },
      callContext(),
    );
    expect((await remoteErrorOf(updating)).disposition).toBe('missing');
  });

  it('leaves an account alone that the vendor protects', async () => {
    const { connector, remote, protectedAccount } = world();
    const id = await protectedAccount();
    if (id === null) return;
    const error = await remoteErrorOf(connector.apply(onAccount('disable', id), callContext()));
    expect(error.disposition).toBe('forbidden');
    expect(await remote.account(id)).toMatchObject({ enabled: true });
  });

  it('scans every account exactly once, page by page, disabled ones included', async () => {
    const { connector, remote, scanCount } = world();
    const seeded = new Set<string>();
    for (let i = 0; i < scanCount; i++) {
      seeded.add(await remote.seedAccount(`person${i}`, i % 10 === 0 ? 'disabled' : 'enabled'));
    }
    const seen: RemoteUser[] = [];
    let cursor: string | null = null;
    let pages = 0;
    do {
      const page: Page<RemoteUser> = await connector.scan('user', cursor, callContext());
      seen.push(...page.items);
      cursor = page.nextCursor;
      pages += 1;
    } while (cursor !== null && pages < PAGES_MAX);
    expect(pages).toBeGreaterThan(1);
    expect(cursor).toBeNull();
    const ids = seen.map((item) => item.remoteId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBe(await remote.accountCount());
    for (const item of seen.filter(({ remoteId }) => seeded.has(remoteId))) {
      const account = await remote.account(item.remoteId);
      expect(item).toMatchObject({ kind: 'user', state: account?.enabled ? 'enabled' : 'disabled' });
    }
  });

  it('checks: the credential is good, where it leads and whose it is', async () => {
    const { connector } = world();
    const status = await connector.check(callContext());
    expect(status.status).toBe('OK');
    expect(status.tenant).toEqual({ id: expect.any(String), name: expect.any(String) });
    expect(status.tenant?.id).not.toBe('');
  });

  it('normalizes purely, and normalizing again changes nothing', () => {
    const { connector, person } = world();
    const desired = {
      kind: 'user',
      id: 'person-jane',
      display: 'jane',
      lifecycle: 'active',
      ...person('jane'),
    } as const;
    const once = connector.normalize(desired);
    expect(once).toEqual(connector.normalize(desired));
    expect(connector.normalize(once.desired).desired).toEqual(once.desired);
  });
}
