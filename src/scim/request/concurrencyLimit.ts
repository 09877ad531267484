/**
 * Limits how many requests of one connection the process works on at once. Beyond the limit it answers 429, so that
 * an identity provider that floods the bridge neither fills its memory nor makes others wait.
 */

import type { RequestHandler } from 'express';
import { ScimError } from '../answer/errors.ts';

/** Mounted after authentication, which tells whose request it is, and before the body parser. */
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
    // If the client has left already, no `close` event will come to count the request as ended.
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
