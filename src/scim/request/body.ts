/**
 * Reads request bodies: JSON of a known content type, whose limits are checked while the bytes arrive, with text that
 * both databases can store. Mounted after authentication, so that an unknown client cannot make the bridge read
 * anything.
 */

import { isUtf8 } from 'node:buffer';
import type { Request, RequestHandler, Response } from 'express';
import { isStorableText } from '../../directory/query/operand.ts';
import { createTurns, giveWay, type Turns } from '../../support/turns.ts';
import { ScimError } from '../answer/errors.ts';
import type { BytesInHand } from './bytesInHand.ts';
import type { Stretch } from './cuts.ts';
import { BODY_BYTES_MAX, LARGE_BODY_BYTES } from './limits.ts';
import { parseJson } from './parse.ts';
import { createScan } from './scan.ts';
import { walk } from './walk.ts';

const METHODS_WITH_BODY = new Set(['POST', 'PUT', 'PATCH']);
const CONTENT_TYPES = ['application/scim+json', 'application/json'];
const CHARSET = /;\s*charset\s*=\s*"?([^";\s]*)/i;

/**
 * Refuses bodies that are not JSON by content type (415) and parses the others. Where a body has no meaning, it is
 * not read.
 */
export function bodyParser(bytesInHand: BytesInHand): RequestHandler {
  const largeBodies = createTurns(1);
  return async (req, res, next) => {
    if (!METHODS_WITH_BODY.has(req.method) || !hasBody(req)) return next();
    refuseOtherTypes(req);
    const counted = bytesInHand.of(res.locals.scim.connection.id, res);
    try {
      const { bytes, cut } = await readWhole(req, counted.take);
      res.locals.bodyBytes = bytes.length;
      if (bytes.length > LARGE_BODY_BYTES) await waitForTurn(largeBodies, res);
      req.body = await parse(bytes, cut);
    } catch (error) {
      counted.drop();
      throw error;
    }
    next();
  };
}

function hasBody(req: Request): boolean {
  return req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;
}

/** Refuses compressed bodies too: no identity provider sends any, and a small one can become very large. */
function refuseOtherTypes(req: Request): void {
  const contentType = req.headers['content-type'] ?? '';
  const type = contentType.split(';')[0]?.trim().toLowerCase() ?? '';
  if (!CONTENT_TYPES.includes(type)) {
    throw new ScimError(415, null, `The Content-Type must be ${CONTENT_TYPES.join(' or ')}.`);
  }
  const charset = CHARSET.exec(contentType)?.[1] ?? 'utf-8';
  if (!/^utf-8$/i.test(charset)) throw new ScimError(415, null, 'The body must be JSON in UTF-8.');
  const encoding = req.headers['content-encoding'] ?? 'identity';
  if (encoding.trim().toLowerCase() !== 'identity') {
    throw new ScimError(
      415,
      null,
      `The Content-Encoding ${encoding} is not supported: send the body as it is.`,
    );
  }
}

interface Whole {
  readonly bytes: Buffer;
  /** Where the bytes can be cut for parsing; null where they cannot be JSON. */
  readonly cut: Stretch | null;
}

/**
 * `take` gets the size of each piece before it is kept. Throws ScimError where a piece or the client ends the
 * reading.
 */
async function readWhole(req: Request, take: (bytes: number) => void): Promise<Whole> {
  const announced = Number(req.headers['content-length'] ?? 0);
  if (announced > BODY_BYTES_MAX) throw tooLarge();
  const scan = createScan();
  const room = createRoom(announced);
  let length = 0;
  try {
    // The answer uses the same socket, so the stream must not be destroyed with the loop.
    for await (const piece of req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      const end = length + piece.length;
      if (end > BODY_BYTES_MAX) throw tooLarge();
      take(piece.length);
      const whole = room(end);
      piece.copy(whole, length);
      length = end;
      await giveWay();
      scan.next(whole, piece);
    }
  } catch (error) {
    if (error instanceof ScimError) throw error;
    throw new ScimError(400, 'invalidSyntax', 'The request was aborted.');
  }
  return { bytes: room(length).subarray(0, length), cut: scan.end() };
}

const FIRST_BYTES = 64 * 1024;

/**
 * Grows with the bytes that arrive, because a client may announce more than it sends. It grows in place: copies would
 * take twice the memory that is counted, until they are collected.
 */
function createRoom(announced: number): (bytes: number) => Buffer {
  let whole: Buffer = Buffer.allocUnsafeSlow(Math.min(announced, FIRST_BYTES));
  let grown: ArrayBuffer | null = null;
  return (bytes) => {
    if (bytes <= whole.length) return whole;
    const size = Math.min(BODY_BYTES_MAX, Math.max(bytes, 2 * whole.length));
    if (grown) grown.resize(size);
    else grown = new ArrayBuffer(size, { maxByteLength: BODY_BYTES_MAX });
    const larger = Buffer.from(grown, 0, size);
    if (whole.buffer !== grown) whole.copy(larger);
    whole = larger;
    return whole;
  };
}

function tooLarge(): ScimError {
  return new ScimError(413, null, `The body is larger than the limit of ${BODY_BYTES_MAX} bytes.`);
}

/** The turn ends with the answer, even if the client does not read it. */
async function waitForTurn(turns: Turns, res: Response): Promise<void> {
  const end = await turns.take();
  if (res.closed) {
    end();
    throw new ScimError(400, 'invalidSyntax', 'The request was aborted.');
  }
  res.once('prefinish', end).once('close', end);
}

/** Undefined for an empty body. Throws ScimError 400. */
async function parse(bytes: Buffer, cut: Stretch | null): Promise<unknown> {
  if (bytes.length === 0) return undefined;
  // RFC 8259 §8.1. Decoding bad UTF-8 would put U+FFFD into names.
  if (!isUtf8(bytes)) throw new ScimError(400, 'invalidSyntax', 'The body must be JSON in UTF-8.');
  const body = await parseJson(bytes, cut).catch((error: unknown) => {
    if (!(error instanceof SyntaxError)) throw error;
    throw new ScimError(400, 'invalidSyntax', 'The body is not valid JSON.');
  });
  // Text that no database can store only arrives as an escape.
  if (bytes.includes('\\u')) await checkTexts(body);
  return body;
}

/** Throws ScimError 400. */
export function objectBody(body: unknown): Record<string, unknown> {
  if (typeof body === 'object' && body !== null && !Array.isArray(body))
    return body as Record<string, unknown>;
  throw new ScimError(400, 'invalidSyntax', 'The body must be a JSON object.');
}

/** Throws ScimError 400. */
function checkTexts(body: unknown): Promise<void> {
  return walk([body], (entries) => {
    for (const [key, child] of entries) {
      checkText(key);
      if (typeof child === 'string') checkText(child);
    }
  });
}

/** PostgreSQL can store neither NUL nor half of a surrogate pair. Throws ScimError 400. */
function checkText(text: string): void {
  if (!isStorableText(text)) {
    throw new ScimError(
      400,
      'invalidValue',
      'Text must not contain NUL characters or broken surrogate pairs.',
    );
  }
}
