/**
 * RFC 7644 §3.12: a request of few operations is answered in time, with its result or with 429 or 503, and
 * what was refused is not done.
 */

import type { Knex } from 'knex';
import { createPatience, type Timed } from '../../../src/scim/request/patience.ts';
import { systemClock } from '../../../src/support/clock.ts';
import { onEachDatabase } from '../../database.ts';
import { type Client, type EndpointUnderTest, expectScimError, someone, startEndpoint } from './endpoint.ts';

/** More than the 1.5 s that are promised, for a busy machine, and far less than the database is busy. */
const SOON_MS = 4_000;
const BUSY_MS = 8_000;

onEachDatabase((open, dialect) => {
  let db: Knex;
  let endpoint: EndpointUnderTest;
  let idp: Client;

  beforeEach(async () => {
    db = await open();
    endpoint = await startEndpoint(db, { answerWithinMs: 1_250 });
    idp = await endpoint.connect();
  });
  afterEach(() => endpoint.close());

  /** On SQLite whoever writes has the connection; on PostgreSQL somebody has the table. */
  async function whileBusy<T>(ask: () => Promise<T>, table = 'users'): Promise<T> {
    let release = () => {};
    const busy = db.transaction(async (tx) => {
      if (dialect === 'postgres') await tx.raw('lock table ?? in access exclusive mode', [table]);
      started();
      await new Promise<void>((resolve) => {
        release = resolve;
        setTimeout(resolve, BUSY_MS).unref();
      });
    });
    const { promise: isBusy, resolve: started } = Promise.withResolvers<void>();
    await isBusy;
    try {
      return await ask();
    } finally {
      release();
      await busy;
    }
  }

  const timed = async <T>(ask: () => Promise<T>): Promise<T> => {
    const began = performance.now();
    const answer = await ask();
    expect(performance.now() - began).toBeLessThan(SOON_MS);
    return answer;
  };

  const [status, retryAfter] = dialect === 'sqlite' ? [429, '5'] : [503, '10'];

  // What comes first, and what is sent along with the commit.
  const tables = dialect === 'sqlite' ? ['any'] : ['users', 'events'];
  it.each(tables)('refuses writes that cannot be done in time, and never does them: %s', async (table) => {
    const { body } = await idp.post('/Users', someone('ann'));
    const path = `/Users/${body.id}`;
    const bulk = { Operations: [{ method: 'POST', path: '/Users', bulkId: 'a', data: someone('carl') }] };
    const leave = { op: 'replace', path: 'active', value: false };
    const replies = await whileBusy(
      () =>
        timed(() =>
          Promise.all([
            idp.post('/Users', someone('bea')),
            idp.put(path, { ...body, title: 'CEO' }),
            idp.patch(path, [leave]),
            idp.delete(path),
            idp.post('/Bulk', bulk),
          ]),
        ),
      table,
    );
    const [inBulk] = replies.splice(4);
    for (const reply of replies) {
      expectScimError(reply, status);
      expect(reply.headers.get('retry-after')).toBe(retryAfter);
    }
    expect(inBulk?.body.Operations).toMatchObject([{ status: String(status) }]);
    expect((await idp.get(path)).body).toEqual(body);
    expect((await idp.get('/Users')).body.totalResults).toBe(1);
    expect((await idp.patch(path, [leave])).status).toBe(200);
  });

  it('reads beside whoever writes on SQLite, and refuses what nobody can read', async () => {
    const { body } = await idp.post('/Users', someone('ann'));
    const [one, all] = await whileBusy(() =>
      timed(() =>
        Promise.all([idp.get(`/Users/${body.id}`), idp.get('/Users?filter=userName%20eq%20%22ann%22')]),
      ),
    );
    if (dialect === 'sqlite') expect([one?.body, all?.body.Resources]).toEqual([body, [body]]);
    else for (const reply of [one, all]) expect(reply?.status).toBe(503);
  });

  it('calls it overload where the database has answered a part, and an outage where it has answered nothing', async () => {
    const { inTime, answerBy } = createPatience(db, systemClock, 50);
    const late = (isHeard: boolean) =>
      inTime({ answerBy: answerBy({}, 2) } as Timed, async ({ deadline }) => {
        deadline?.begin();
        if (isHeard) deadline?.heard();
        return new Promise(() => {});
      });
    await expect(late(true)).rejects.toMatchObject({ status: 429 });
    await expect(late(false)).rejects.toMatchObject({ status: 503 });
  });

  it('lets a request of many operations take its time', async () => {
    const { body } = await idp.post('/Users', someone('ann'));
    const operations = Array.from({ length: 11 }, (_, n) => ({
      op: 'replace',
      path: 'title',
      value: `${n}`,
    }));
    const [patched] = await Promise.all([
      whileBusy(async () => {
        const sent = idp.patch(`/Users/${body.id}`, operations);
        await new Promise((resolve) => setTimeout(resolve, 2_000));
        return { reply: sent };
      }).then(({ reply }) => reply),
    ]);
    expect([patched.status, patched.body.title]).toEqual([200, '10']);
  });

  it('refuses filters of more than 32 comparisons (RFC 7644 §3.4.2.2)', async () => {
    const filter = (count: number) =>
      encodeURIComponent(`emails[${Array(count).fill('value co "x"').join(' or ')}]`);
    expect((await idp.get(`/Users?filter=${filter(32)}`)).status).toBe(200);
    expectScimError(await idp.get(`/Users?filter=${filter(33)}`), 400, 'invalidFilter');
  });
});
