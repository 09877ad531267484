/**
 * `OUTBOUND_ALLOW`: addresses, ranges and hosts to which the operator lets the bridge connect although the rule
 * forbids it.
 */

import { isRange, parseRange, type Range, zoneOf } from './zones.ts';

export interface Allowed {
  readonly ranges: readonly Range[];
  /** In lower case. */
  readonly hosts: ReadonlySet<string>;
}

export const NOTHING_ALLOWED: Allowed = { ranges: [], hosts: new Set() };

const HOST = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/;

/** Parses a comma-separated list. Throws an Error with a sentence for the first invalid entry. */
export function parseAllowed(list: string): Allowed {
  const entries = list
    .split(',')
    .map((entry) => entry.trim().toLowerCase())
    .filter((entry) => entry !== '');
  const ranges: Range[] = [];
  const hosts = new Set<string>();
  for (const entry of entries) {
    const range = rangeOf(entry);
    if (range) ranges.push(range);
    else if (HOST.test(entry) && !/^[\d.]+$/.test(entry)) hosts.add(entry);
    else throw new Error(mistake(entry));
  }
  return { ranges, hosts };
}

function rangeOf(entry: string): Range | null {
  const bare = entry.replace(/^\[|\]$/g, '');
  if (!isRange(bare)) return null;
  const range = parseRange(bare);
  if (zoneOf(range[0].toString()) === 'never') throw new Error(`OUTBOUND_ALLOW: ${entry} ${NEVER}`);
  return range;
}

const NEVER = 'is a link-local or metadata address, to which the bridge never connects: remove it';

function mistake(entry: string): string {
  return `OUTBOUND_ALLOW: ${entry} is no address, range or host name; write a list like 10.0.0.0/8, gitlab.corp.example`;
}
