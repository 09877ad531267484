/**
 * Limits how often an address may call without a known token before it must wait. A caller with a valid token is
 * never limited: many people may share one address.
 */

import type { Request, Response } from 'express';
import ipaddr from 'ipaddr.js';
import type { Clock } from '../support/clock.ts';
import { createOverload } from '../support/retryAfter.ts';

/** Within a minute of the first such call. A client whose token was rotated stays below that. */
export const UNKNOWN_TOKENS_MAX = 300;
const MINUTE_MS = 60_000;
/** The bridge counts this many addresses at once; beyond that all counts start again. */
const ADDRESSES_MAX = 10_000;

/**
 * Counts a request without a known token. Null while there are few; otherwise the seconds for `Retry-After`, answered
 * only after a pause: a client that repeats at once would take time from everybody else.
 */
export type AddressLimit = (address: string) => Promise<number | null>;

export const TOO_MANY = `More than ${UNKNOWN_TOKENS_MAX} requests without a valid token came from this address within a minute; try again later.`;

/**
 * Counts the request. Answers true where the caller must answer 429: `Retry-After` is set then, and the log gets no
 * line, because a flood would fill it.
 */
export async function isOneTooMany(limit: AddressLimit, req: Request, res: Response): Promise<boolean> {
  const waitSeconds = await limit(String(res.locals.address ?? req.ip ?? ''));
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
  /**
   * Counts by network. Each network's minute begins with its first call: with minutes of the wall clock, twice as
   * many calls would pass around the full minute.
   */
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

/** The owner of one IPv6 address usually has all 2^64 addresses of that network. */
function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  if (parsed.kind() === 'ipv4') return parsed.toString();
  return (parsed as ipaddr.IPv6).parts.slice(0, IPV6_HOST_WORDS).join(':');
}
