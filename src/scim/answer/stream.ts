/** Sends a JSON body while one of its lists is still being read, so that memory never holds the whole list. */

import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Response } from 'express';
import { SCIM_TYPE } from '../../support/scimError.ts';
import type { LongBody } from '../request/call.ts';

const LISTENERS_MAX = 30;

/** An error while reading cuts the answer off. */
export async function sendStreamed(res: Response, status: number, answered: LongBody): Promise<void> {
  res.status(status).type(SCIM_TYPE);
  if (res.req.method === 'HEAD') return void res.end();
  // A pipeline adds several listeners to the answer, besides all that wait for its end already.
  res.setMaxListeners(LISTENERS_MAX);
  try {
    await pipeline(Readable.from(chunks(answered), { objectMode: false }), res);
  } catch (error) {
    // The client has left: nobody needs to be told.
    if ((error as { code?: unknown }).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}

async function* chunks({ body, more }: LongBody): AsyncGenerator<string> {
  const entries = Object.entries(body);
  const at = entries.findIndex(([name]) => name === more?.list);
  const first = entries[at]?.[1] as readonly object[] | undefined;
  if (!more || !first) return void (yield JSON.stringify(body));
  const before = JSON.stringify(Object.fromEntries(entries.slice(0, at)));
  const after = JSON.stringify(Object.fromEntries(entries.slice(at + 1)));
  yield `${before.slice(0, -1)}${at === 0 ? '' : ','}${JSON.stringify(more.list)}:[${valuesOf(first)}`;
  let isEmpty = first.length === 0;
  for await (const page of more.pages) {
    if (isPage(page) && page.length === 0) continue;
    const comma = isEmpty ? '' : ',';
    isEmpty = false;
    if (isPage(page)) yield comma + valuesOf(page);
    else {
      yield comma;
      yield* chunks(page);
    }
  }
  yield `]${after === '{}' ? '' : ','}${after.slice(1)}`;
}

function isPage(page: readonly object[] | LongBody): page is readonly object[] {
  return Array.isArray(page);
}

function valuesOf(page: readonly object[]): string {
  return JSON.stringify(page).slice(1, -1);
}
