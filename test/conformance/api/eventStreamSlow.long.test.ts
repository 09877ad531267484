/**
 * A client of `…/events/stream` that stops reading is dropped, which makes room for another stream of its token; with
 * the last `id:` that it read it comes back and has lost nothing.
 */

import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { appendEvent } from '../../../src/db/events.ts';
import { isoTime } from '../../../src/support/clock.ts';
import { onEachDatabase } from '../../database.ts';
import { ADMIN_TOKEN, startTestBridge } from './bridge.ts';
import { eventually, read } from './eventReader.ts';

const EVENTS = 800;
/** Together more than the buffers between two processes take. */
const PADDING = 'x'.repeat(30_000);
const STREAMS = 20;
const DROPPED_WITHIN_MS = 60_000;

onEachDatabase((open) => {
  it('drops who does not read, and goes on from where they were', async () => {
    const db = await open();
    const bridge = await startTestBridge(db);
    const begin = await read(bridge);
    await eventually(() => begin.lastId() !== '');
    await begin.end();
    const names = Array.from({ length: EVENTS }, (_, n) => `event ${n}`);
    await db.transaction(async (tx) => {
      for (const correlationId of names)
        await appendEvent(tx, isoTime(Date.now()), {
          environmentId: 'default',
          cause: { correlationId, actor: { type: 'system', id: null, name: 'the test' } },
          kind: 'user.created',
          outcome: 'success',
          after: { padding: PADDING },
        });
    });
    const slow = await unread(bridge.url, begin.lastId());
    const others = await Promise.all(Array.from({ length: STREAMS - 1 }, () => read(bridge)));
    const more = () => bridge.ask('GET', '/v1/environments/default/events/stream');
    expect((await more()).status).toBe(429);
    const next = await eventually(() => read(bridge).catch(() => undefined), DROPPED_WITHIN_MS);
    await Promise.all([...others, next].map((reader) => reader.end()));

    const blocks = (await whatCame(slow)).split('\n\n').slice(0, -1);
    const told = blocks.flatMap((block) => /^data: (.*)$/m.exec(block)?.[1] ?? []);
    const seen = told.map((data) => JSON.parse(data).correlationId as string);
    expect(seen.length).toBeLessThan(EVENTS);
    const lastId = /^id: (.*)$/m.exec(blocks.at(-1) ?? '')?.[1] ?? begin.lastId();
    const again = await read(bridge, '', lastId);
    await again.until(EVENTS - seen.length);
    expect([...seen, ...again.told.map(({ event }) => event.correlationId)]).toEqual(names);
    await again.end();
    await bridge.stop();
  }, 120_000);
});

/** An answer whose body nobody reads. */
async function unread(url: string, lastEventId: string): Promise<IncomingMessage> {
  const request = get(`${url}/v1/environments/default/events/stream`, {
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'last-event-id': lastEventId },
  });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  expect(response.statusCode).toBe(200);
  return response;
}

/** What had reached the client before it was dropped; that it was is an error of the connection. */
async function whatCame(response: IncomingMessage): Promise<string> {
  let text = '';
  response.setEncoding('utf8');
  try {
    for await (const piece of response) text += String(piece);
  } catch (error) {
    expect(error).toMatchObject({ code: 'ECONNRESET' });
  }
  return text;
}
