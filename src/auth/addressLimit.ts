/**
 * How often an address may come without a token that is known, before it is told to wait. Whoever has a valid token
 * is never asked: behind one address there may be many.
 */

import type { Request, Response } from 'express';
import ipaddr from 'ipaddr.js';
import type { Clock } from '../support/clock.ts';
import { createOverload } from '../support/retryAfter.ts';

/** In a minute from the first. A client with a token that was rotated away asks a few times in that time. */
export const UNKNOWN_TOKENS_MAX = 300;
const MINUTE_MS = 60_000;
/** Addresses that are counted at once; beyond them all counts begin anew. */
const ADDRESSES_MAX = 10_000;

/**
 * Notes a request without a known token. Null where there were not too many; else seconds for `Retry-After`, and only
 * after a pause: whoever asks again as soon as it is answered would take the time of everybody else.
 */
export type AddressLimit = (address: string) => Promise<number | null>;

export const TOO_MANY = `More than ${UNKNOWN_TOKENS_MAX} requests without a valid token came from this address within a minute; try again later.`;

/**
 * Counts the request. True where it is to be answered 429: the answer has its `Retry-After`, and no line of its own in
 * the log, which a flood would fill.
 */
export async function isOneTooMany(limit: AddressLimit, req: Request, res: Response): Promise<boolean> {
  const waitSeconds = await limit(req.ip ?? '');
  res.locals.hasPassedLimit = waitSeconds === null;
  if (waitSeconds === null) return false;
  res.locals.isFlood = true;
  res.setHeader('Retry-After', String(waitSeconds));
  return true;
}

const PAUSE_MS = 100;
const NEVER = new AbortController().signal;

export function createAddressLimit(clock: Clock): AddressLimit {
  const overload = createOverload(clock);
  /** By network. The minute is each one's own: across one of the wall clock's twice as many would pass. */
  const minutes = new Map<string, { readonly since: number; count: number }>();
  return async (address) => {
    const now = clock.now();
    const network = networkOf(address);
    let minute = minutes.get(network);
    if (!minute || now - minute.since >= MINUTE_MS) {
      if (minutes.size >= ADDRESSES_MAX) minutes.clear();
      minute = { since: now, count: 0 };
      minutes.set(network, minute);
    }
    minute.count += 1;
    if (minute.count <= UNKNOWN_TOKENS_MAX) return null;
    await clock.sleep(PAUSE_MS, NEVER);
    return overload(network);
  };
}

const IPV6_HOST_WORDS = 4;

/** Whoever has one IPv6 address has the 2^64 beside it. */
function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  if (parsed.kind() === 'ipv4') return parsed.toString();
  return (parsed as ipaddr.IPv6).parts.slice(0, IPV6_HOST_WORDS).join(':');
}
