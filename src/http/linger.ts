/**
 * Handles a body that the bridge refuses before it has arrived. The bridge sends the whole answer and reads the rest
 * of the body slowly for a while, throwing it away, so that the client sees the answer; then it closes the
 * connection. Reading at full speed would take time from all other clients.
 */

import type { IncomingMessage } from 'node:http';
import type { Request, RequestHandler, Response } from 'express';

/** A smaller body has probably arrived already. */
const SMALL_BYTES = 64 * 1024;
const TICK_MS = 10;
/** For all such bodies together: 32 MiB a second. */
const BYTES_PER_TICK = 320 * 1024;
const LINGER_MAX_MS = 5_000;

export function lingering(): RequestHandler {
  const drain = createDrain();
  return (request, response, next) => {
    if (isLarge(request)) endAfter(request, response, drain);
    next();
  };
}

function isLarge({ headers }: Request): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > SMALL_BYTES;
}

function endAfter(request: Request, response: Response, drain: (request: IncomingMessage) => Promise<void>) {
  const end = response.end.bind(response) as (...given: unknown[]) => Response;
  response.end = ((...given: unknown[]): Response => {
    if (request.complete || request.destroyed) return end(...given);
    const [chunk, encoding] = given;
    if (!response.headersSent) response.setHeader('Connection', 'close');
    if (typeof chunk === 'string') response.write(chunk, encoding as BufferEncoding);
    else if (chunk instanceof Uint8Array) response.write(chunk);
    else response.flushHeaders();
    void drain(request).then(() => end());
    return response;
  }) as Response['end'];
}

/** Resolves when the body ends, its client is gone, or the time is over. */
function createDrain(): (request: IncomingMessage) => Promise<void> {
  let left = BYTES_PER_TICK;
  let open = 0;
  let ticking: NodeJS.Timeout | undefined;
  const waiting: IncomingMessage[] = [];
  const tick = () => {
    left = BYTES_PER_TICK;
    for (const request of waiting.splice(0)) request.resume();
  };
  return (request) =>
    new Promise((resolve) => {
      open += 1;
      ticking ??= setInterval(tick, TICK_MS);
      const onData = (piece: Buffer) => {
        left -= piece.length;
        if (left > 0) return;
        request.pause();
        waiting.push(request);
      };
      const done = () => {
        clearTimeout(deadline);
        request.off('data', onData).off('end', done).off('close', done).off('error', done);
        open -= 1;
        if (open === 0) {
          clearInterval(ticking);
          ticking = undefined;
        }
        resolve();
      };
      const deadline = setTimeout(done, LINGER_MAX_MS);
      request.on('data', onData).once('end', done).once('close', done).once('error', done);
      request.resume();
    });
}
