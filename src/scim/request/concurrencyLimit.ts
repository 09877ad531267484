/**
 * How many requests of one connection the process has in hand. Beyond the limit it answers 429: an identity
 * provider that floods the bridge neither fills its memory nor makes the others wait.
 */

import type { RequestHandler } from 'express';
import { ScimError } from '../answer/errors.ts';

/** Far beyond what identity providers send at once, and answered within seconds. */
export const CONCURRENT_REQUESTS_MAX = 500;

/** Goes after authentication, which says whose request it is, and before the body is read. */
export function limitConcurrency(max: number): RequestHandler {
  /** By connection id; those without any are not there. */
  const inHand = new Map<string, number>();
  return (_req, res, next) => {
    const { id } = res.locals.scim.connection;
    const others = inHand.get(id) ?? 0;
    if (others >= max) {
      const detail = `The connection has ${max} requests under way; send this one again shortly.`;
      return next(new ScimError(429, null, detail));
    }
    // Whose client has left already is never closed again.
    if (!res.destroyed) {
      inHand.set(id, others + 1);
      res.once('close', () => {
        const left = (inHand.get(id) ?? 1) - 1;
        if (left > 0) inHand.set(id, left);
        else inHand.delete(id);
      });
    }
    next();
  };
}
