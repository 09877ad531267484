/** A client of `…/events/stream` that keeps what it is told, as the tests of the stream need it. */

import { ADMIN_TOKEN, type TestBridge } from './bridge.ts';

export interface Told {
  readonly id: string;
  // biome-ignore lint/suspicious/noExplicitAny: what came over the wire
  readonly event: any;
}

export interface Reader {
  readonly told: readonly Told[];
  /** The last `id:`, with or without an event. */
  lastId(): string;
  comments(): number;
  /** Resolves when so many events have come. */
  until(count: number): Promise<void>;
  /** Resolves when the bridge has ended the stream. */
  ended(): Promise<void>;
  end(): Promise<void>;
}

const WITHIN_MS = 20_000;

export async function read(
  bridge: TestBridge,
  query = '',
  lastEventId?: string,
  credential: Readonly<Record<string, string>> = { authorization: `Bearer ${ADMIN_TOKEN}` },
): Promise<Reader> {
  const leaving = new AbortController();
  const response = await fetch(`${bridge.url}/v1/environments/default/events/stream${query}`, {
    headers: {
      ...credential,
      ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
    },
    signal: leaving.signal,
  });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
  const told: Told[] = [];
  let last = '';
  let comments = 0;
  const reading = (async () => {
    let text = '';
    for await (const piece of (response.body as ReadableStream<Uint8Array>).pipeThrough(
      new TextDecoderStream(),
    )) {
      text += piece;
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const fields = block.split('\n').map((line) => /^(\w*): ?(.*)$/.exec(line) ?? ['', '', '']);
        for (const [, name, value = ''] of fields) {
          if (name === '') comments += 1;
          if (name === 'id') last = value;
          if (name === 'data') told.push({ id: last, event: JSON.parse(value) });
        }
      }
    }
  })().catch((error: unknown) => {
    if (!leaving.signal.aborted) throw error;
  });
  return {
    told,
    lastId: () => last,
    comments: () => comments,
    async until(count) {
      const deadline = Date.now() + WITHIN_MS;
      while (told.length < count) {
        if (Date.now() > deadline) throw new Error(`${told.length} of ${count} events came`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    ended: () => reading,
    async end() {
      leaving.abort();
      await reading;
    },
  };
}

export async function eventually<T>(
  ask: () => T | Promise<T>,
  withinMs = WITHIN_MS,
): Promise<NonNullable<T>> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error('it never came');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
