/** Sends a JSON body while one of its lists is still being read, so that nobody ever holds the whole list. */

import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Response } from 'express';
import { SCIM_TYPE } from '../../support/scimError.ts';
import type { Answer } from '../request/call.ts';

const LISTENERS_MAX = 30;

type Streamed = Required<Pick<Answer, 'status' | 'body' | 'more'>>;

/** The body holds the list's first values already. An error while it is read cuts the answer off. */
export async function sendStreamed(res: Response, { status, body, more }: Streamed): Promise<void> {
  res.status(status).type(SCIM_TYPE);
  if (res.req.method === 'HEAD') return void res.end();
  // A pipeline listens for each way in which it may end, beside all who wait for the end of the answer already.
  res.setMaxListeners(LISTENERS_MAX);
  try {
    await pipeline(Readable.from(chunks(body, more), { objectMode: false }), res);
  } catch (error) {
    // The client has left: there is nobody to be told.
    if ((error as { code?: unknown }).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}

async function* chunks(body: object, { list, pages }: Streamed['more']): AsyncGenerator<string> {
  const entries = Object.entries(body);
  const at = entries.findIndex(([name]) => name === list);
  const first = entries[at]?.[1] as readonly object[] | undefined;
  if (!first || first.length === 0) return void (yield JSON.stringify(body));
  const before = JSON.stringify(Object.fromEntries(entries.slice(0, at)));
  const after = JSON.stringify(Object.fromEntries(entries.slice(at + 1)));
  yield `${before.slice(0, -1)}${at === 0 ? '' : ','}${JSON.stringify(list)}:${JSON.stringify(first).slice(0, -1)}`;
  for await (const page of pages) if (page.length > 0) yield `,${JSON.stringify(page).slice(1, -1)}`;
  yield `]${after === '{}' ? '' : ','}${after.slice(1)}`;
}
