/**
 * `…/events/stream`: with two replicas on one database and writers at both, whose transactions overlap, every stream
 * has every event once, and both in an order in which nothing comes behind a position that was read before.
 */

import type { Knex } from 'knex';
import { appendEvent } from '../../../src/db/events.ts';
import { openDatabase } from '../../../src/db/open.ts';
import { isoTime } from '../../../src/support/clock.ts';
import { onEachDatabase } from '../../database.ts';
import { startTestBridge, type TestBridge } from './bridge.ts';
import { eventually, read } from './eventReader.ts';

const event = (name: string, kind: 'user.created' | 'group.created' = 'user.created') => ({
  environmentId: 'default',
  cause: { correlationId: name, actor: { type: 'system', id: null, name: 'the test' } } as const,
  kind,
  outcome: 'success' as const,
});

const write = (db: Knex, name: string, kind?: 'group.created') =>
  appendEvent(db, isoTime(Date.now()), event(name, kind));

onEachDatabase((open, dialect) => {
  let db: Knex;
  let bridge: TestBridge;
  beforeAll(async () => {
    db = await open();
    bridge = await startTestBridge(db);
  });
  afterAll(() => bridge.stop());

  it('begins now, shows events as the list does, and goes on where it broke off', async () => {
    await write(db, 'before');
    const reader = await read(bridge);
    await write(db, 'one');
    await write(db, 'two');
    await reader.until(2);
    expect(reader.told.map(({ event }) => event.correlationId)).toEqual(['one', 'two']);
    const list = await bridge.ask('GET', '/v1/environments/default/events?limit=2');
    expect(reader.told.map(({ event }) => event)).toEqual(list.body._embedded.events.toReversed());
    await reader.end();
    await write(db, 'three');
    const again = await read(bridge, '', reader.told[0]?.id);
    await again.until(2);
    expect(again.told.map(({ event }) => event.correlationId)).toEqual(['two', 'three']);
    await again.end();
    const behind = await read(bridge, '', again.lastId());
    await write(db, 'four');
    await behind.until(1);
    expect(behind.told.map(({ event }) => event.correlationId)).toEqual(['four']);
    await behind.end();
  });

  it('has a place to go on from before anything happened', async () => {
    const reader = await read(bridge);
    await eventually(() => reader.lastId() !== '');
    await reader.end();
    await write(db, 'meanwhile');
    const again = await read(bridge, '', reader.lastId());
    await again.until(1);
    expect(again.told[0]?.event.correlationId).toBe('meanwhile');
    await again.end();
  });

  it('takes the filters of the list', async () => {
    const reader = await read(bridge, '?kind=group.*');
    await write(db, 'a user');
    await write(db, 'a group', 'group.created');
    await reader.until(1);
    expect(reader.told.map(({ event }) => event.correlationId)).toEqual(['a group']);
    await reader.end();
    const wrong = await bridge.ask('GET', '/v1/environments/default/events/stream?kind=nothing');
    expect(wrong.status).toBe(400);
  });

  it('refuses a position that is not of this audit log, or whose event is gone', async () => {
    const ask = (id: string) =>
      bridge.ask('GET', '/v1/environments/default/events/stream', { headers: { 'last-event-id': id } });
    for (const id of ['1', 'nonsense', Buffer.from('1~x~y~z~0').toString('base64url')])
      expect((await ask(id)).status).toBe(410);
    const reader = await read(bridge);
    await write(db, 'to be pruned');
    await reader.until(1);
    await reader.end();
    const pruned = reader.told[0];
    await db('events').where({ id: pruned?.event.id }).delete();
    expect(await ask(pruned?.id ?? '')).toMatchObject({ status: 410, body: { status: 410 } });
  });

  it('is open 20 times for one token at most, and closed ones count no more', async () => {
    const readers = await Promise.all(Array.from({ length: 20 }, () => read(bridge)));
    const refused = await bridge.ask('GET', '/v1/environments/default/events/stream');
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('5');
    const [first] = readers;
    await first?.end();
    const next = await eventually(() => read(bridge).catch(() => undefined));
    await Promise.all([...readers, next].map((reader) => reader?.end()));
  });

  it('is not for whoever has no token', async () => {
    const url = '/v1/environments/default/events/stream';
    expect((await bridge.ask('GET', url, { token: null })).status).toBe(401);
  });

  it.each(['token', 'session'])('tells nothing more once its %s has ended', async (kind) => {
    const body = { name: `reader with a ${kind}`, scopes: ['read'] };
    const { body: made } = await bridge.ask('POST', '/v1/admin-tokens', { body });
    const signedIn = await bridge.ask('POST', '/v1/session', { token: null, body: { token: made.token } });
    const cookie = signedIn.headers.get('set-cookie')?.split(';', 1)[0] ?? '';
    const authorization = `Bearer ${made.token}`;
    const reader = await read(
      bridge,
      '?kind=user.*',
      undefined,
      kind === 'token' ? { authorization } : { cookie },
    );
    await write(db, 'while it holds');
    await reader.until(1);
    const { body: sessions } = await bridge.ask('GET', '/v1/sessions');
    const [session] = sessions._embedded.sessions;
    const ends = kind === 'token' ? `/v1/admin-tokens/${made.id}` : `/v1/sessions/${session.id}`;
    expect((await bridge.ask('DELETE', ends)).status).toBe(204);
    await write(db, 'afterwards');
    await reader.ended();
    expect(reader.told.map(({ event }) => event.correlationId)).toEqual(['while it holds']);
  });

  it('shows an event within a second of its commit, whichever replica wrote it', async () => {
    const location = {
      dialect,
      target: dialect === 'postgres' ? db.client.config.connection.connectionString : '',
    };
    const other = dialect === 'postgres' ? openDatabase(location) : db;
    const second = await startTestBridge(other);
    const readers = [await read(bridge), await read(second)];
    const took: number[] = [];
    for (let n = 1; n <= 6; n++) {
      await write(n % 2 === 0 ? db : other, `event ${n}`);
      const committed = performance.now();
      await Promise.all(readers.map((reader) => reader.until(n)));
      took.push(performance.now() - committed);
    }
    // Not the slowest: this machine may have been busy with something else just then.
    expect(took.sort((a, b) => a - b)[3]).toBeLessThan(1_000);
    await Promise.all(readers.map((reader) => reader.end()));
    await second.stop();
    if (other !== db) await other.destroy();
  });

  it('loses nothing and turns nothing round, with two replicas and transactions that overlap', async () => {
    const location = {
      dialect,
      target: dialect === 'postgres' ? db.client.config.connection.connectionString : '',
    };
    const other = dialect === 'postgres' ? openDatabase(location) : db;
    const second = await startTestBridge(other);
    const readers = [await read(bridge), await read(second), await read(bridge, '?kind=user.*')];
    const WRITERS = 6;
    const EACH = 40;
    const one = async (writer: number) => {
      const here = writer % 2 === 0 ? db : other;
      for (let n = 0; n < EACH; n++)
        await here.transaction(async (tx) => {
          await write(tx, `${writer}-${n}`);
          // A transaction that takes long commits behind others that began after it.
          if (dialect === 'postgres' && n % 7 === 0) await tx.raw('select pg_sleep(0.15)');
        });
    };
    await Promise.all(Array.from({ length: WRITERS }, (_, writer) => one(writer)));
    for (const reader of readers) {
      await reader.until(WRITERS * EACH);
      const names = reader.told.map(({ event }) => event.correlationId as string);
      expect(new Set(names).size).toBe(WRITERS * EACH);
      for (let writer = 0; writer < WRITERS; writer++) {
        const own = names.filter((name) => name.startsWith(`${writer}-`));
        expect(own).toEqual(Array.from({ length: EACH }, (_, n) => `${writer}-${n}`));
      }
    }
    // From any position of one replica the other one tells exactly what followed it there.
    const [here] = readers;
    for (const at of [0, 57, 133, 238]) {
      const rest = await read(second, '', here?.told[at]?.id);
      const expected = here?.told.slice(at + 1).map(({ event }) => event.id) ?? [];
      await rest.until(expected.length);
      expect(new Set(rest.told.map(({ event }) => event.id))).toEqual(new Set(expected));
      await rest.end();
    }
    await Promise.all(readers.map((reader) => reader.end()));
    await second.stop();
    if (other !== db) await other.destroy();
  });
});
