/** Follows the audit log through `…/events/stream`: it goes on by itself where it broke off, and misses nothing. */

import { setTimeout as pause } from 'node:timers/promises';
import { type Client, type Given, Refused, Unreachable } from './client.ts';

const STREAM = '/environments/:envId/events/stream';
const EVENTS = '/environments/:envId/events';

type Query = NonNullable<Given<'get', typeof STREAM>['query']>;
type EventOf = NonNullable<Awaited<ReturnType<Client['get']>>['body']>;

/** What the list of events shows, one at a time. */
export type Event = Extract<
  EventOf,
  { readonly _embedded: { readonly events: readonly unknown[] } }
>['_embedded']['events'][number];

const RETRY_MS = 2_000;
export const EVENTS_PATH = EVENTS;

/**
 * From now on, without an end. Throws where the first request is refused or reaches nobody; later it tries again, and
 * tells `onBreak` why.
 */
export async function* followEvents(
  client: Client,
  query: Query,
  onBreak: (why: string) => void,
): AsyncGenerator<Event> {
  let lastEventId: string | null = null;
  let isOpen = false;
  for (;;) {
    try {
      const headers: Record<string, string> = lastEventId === null ? {} : { 'Last-Event-ID': lastEventId };
      const pieces = client.read(STREAM, { query }, { headers });
      for await (const { id, data } of blocksOf(pieces)) {
        isOpen = true;
        lastEventId = id ?? lastEventId;
        if (data !== null) yield JSON.parse(data) as Event;
      }
      onBreak('the bridge ended the stream; it is opened again');
    } catch (error) {
      if (!isOpen || !(error instanceof Refused || error instanceof Unreachable)) throw error;
      if (error instanceof Refused && [401, 403, 404].includes(error.status)) throw error;
      if (error instanceof Refused && error.status === 410) lastEventId = null;
      onBreak(error.message);
    }
    await pause(RETRY_MS);
  }
}

interface Block {
  /** Where to go on behind it; null where it does not say. */
  readonly id: string | null;
  readonly data: string | null;
}

/** WHATWG HTML §9.2.6, as far as the bridge writes it: one line of data, ends of line alike. */
async function* blocksOf(pieces: AsyncIterable<string>): AsyncGenerator<Block> {
  let text = '';
  for await (const piece of pieces) {
    const blocks = (text + piece).split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) yield { id: field(block, 'id'), data: field(block, 'data') };
  }
}

function field(block: string, name: string): string | null {
  const line = block.split('\n').find((one) => one.startsWith(`${name}: `));
  return line?.slice(name.length + 2) ?? null;
}
