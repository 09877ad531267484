/**
 * Limits how many requests of one connection the process works on at once. Beyond the limit it answers 429,
 * so that an identity provider that floods the bridge neither fills its memory nor makes the others wait.
 */

import type { RequestHandler } from 'express';
import { ScimError } from '../answer/errors.ts';

/** Goes after authentication, which says whose request it is, and before the body is read. */
export function limitConcurrency(max: number): RequestHandler {
  /** Requests under way, by connection id; connections without any are absent. */
  const underWay = new Map<string, number>();
  return (_req, res, next) => {
    const { id } = res.locals.scim.connection;
    const others = underWay.get(id) ?? 0;
    if (others >= max) {
      const detail = `The connection has ${max} requests under way; send this one again shortly.`;
      return next(new ScimError(429, null, detail));
    }
    // Where the client has left already, no `close` will come to take the request off again.
    if (!res.destroyed) {
      underWay.set(id, others + 1);
      res.once('close', () => {
        const left = (underWay.get(id) ?? 1) - 1;
        if (left > 0) underWay.set(id, left);
        else underWay.delete(id);
      });
    }
    next();
  };
}
