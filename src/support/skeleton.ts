/**
 * What an address looks like, whatever characters it is written with: the skeleton of UTS 39, with the domain as people
 * read it. Two addresses with one skeleton can be taken for each other.
 */

import { domainToUnicode } from 'node:url';
import unhomoglyph from 'unhomoglyph';

export function addressSkeleton(address: string): string {
  return unhomoglyph(readable(address).normalize('NFD')).normalize('NFD').toLowerCase();
}

/** False where it holds a character outside ASCII, in its domain's readable form too. */
export function isPlain(address: string): boolean {
  return !OUTSIDE_ASCII.test(address) && !OUTSIDE_ASCII.test(readable(address));
}

const OUTSIDE_ASCII = /[^\p{ASCII}]/u;

/** With `xn--…` as the characters that it stands for. */
function readable(address: string): string {
  const at = address.lastIndexOf('@') + 1;
  const domain = address.slice(at);
  return address.slice(0, at) + (domainToUnicode(domain) || domain);
}
