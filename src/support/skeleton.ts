/**
 * How an address looks to people, whatever characters spell it: its skeleton by UTS 39, with the domain in readable
 * form. People may confuse two addresses that have the same skeleton.
 */

import { domainToUnicode } from 'node:url';
import unhomoglyph from 'unhomoglyph';

export function addressSkeleton(address: string): string {
  return unhomoglyph(readable(address).normalize('NFD')).normalize('NFD').toLowerCase();
}

/** False where the address, or its readable domain, has a character outside ASCII. */
export function isPlain(address: string): boolean {
  return !OUTSIDE_ASCII.test(address) && !OUTSIDE_ASCII.test(readable(address));
}

const OUTSIDE_ASCII = /[^\p{ASCII}]/u;

/** Replaces `xn--…` with the characters that it stands for. */
function readable(address: string): string {
  const at = address.lastIndexOf('@') + 1;
  const domain = address.slice(at);
  return address.slice(0, at) + (domainToUnicode(domain) || domain);
}
