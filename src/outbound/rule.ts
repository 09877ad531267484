/**
 * Where the bridge may connect to, by the product's rule and the operator's exceptions. Pure: it judges addresses and
 * URLs and resolves nothing.
 */

import type { Reach } from '../connectors/connector.ts';
import type { Allowed } from './allow.ts';
import { isAddress, isWithin, type Zone, zoneOf } from './zones.ts';

export interface OutboundRule {
  readonly allowed: Allowed;
  /** The bridge listens only on loopback: a caller who reaches it is on this machine already. */
  readonly listensOnLoopback: boolean;
}

export interface Target {
  /** As in the URL: a name, or an address with its brackets. */
  readonly host: string;
  readonly protocol: string;
}

const NAMES: Readonly<Record<Exclude<Zone, 'public'>, string>> = {
  private: 'a private address',
  loopback: 'a loopback address',
  special: 'an address that is reserved',
  never: 'a link-local or metadata address',
};

/**
 * Protocols without encryption, and what to use instead. LDAP with TLS, or with STARTTLS, counts as `ldaps:` here.
 */
const IN_CLEAR: Readonly<Record<string, string>> = {
  'http:': 'enter an address that begins with https://',
  'ldap:': 'set TLS to ldaps or startTls',
};

/** A sentence where the bridge may not connect to the address for this target; null where it may. */
export function refusalOf(rule: OutboundRule, reach: Reach, target: Target, address: string): string | null {
  const zone = zoneOf(address);
  const host = target.host;
  const leads = isAddress(host) ? 'is' : 'leads to';
  if (zone === 'never') return `${host} ${leads} ${NAMES.never}, to which the bridge never connects.`;
  if (zone !== 'public' && !isPermitted(rule, reach, host, address, zone)) {
    return `${host} ${leads} ${NAMES[zone]}, to which the bridge does not connect for this: whoever runs the bridge can list it in OUTBOUND_ALLOW.`;
  }
  const advice = IN_CLEAR[target.protocol];
  if (advice !== undefined && zone !== 'private' && zone !== 'loopback') {
    return `${target.protocol}//${host} would send the credential in clear over the internet: ${advice}.`;
  }
  return null;
}

function isPermitted(rule: OutboundRule, reach: Reach, host: string, address: string, zone: Zone): boolean {
  if (zone === 'private' && reach === 'private') return true;
  if (zone === 'loopback' && rule.listensOnLoopback) return true;
  const { hosts, ranges } = rule.allowed;
  return hosts.has(bareName(host)) || ranges.some((range) => isWithin(address, range));
}

/** Judges what the URL alone shows, before its name is resolved. */
export function refusalOfUrl(rule: OutboundRule, reach: Reach, url: string): string | null {
  if (!URL.canParse(url)) return null;
  const { hostname: host, protocol } = new URL(url);
  const address = isAddress(host) ? host : addressOfKnownName(host);
  return address === null ? null : refusalOf(rule, reach, { host, protocol }, address);
}

/** Whether a server of another protocol, such as mail, listens there, which may take parts of a request for commands. */
export function isOfOtherProtocol(url: string): boolean {
  const { port } = new URL(url);
  return port !== '' && OTHER_PROTOCOLS.has(Number(port));
}

/** The "bad ports" of https://fetch.spec.whatwg.org/#port-blocking, without 10080, at which GitLab often is. */
const OTHER_PROTOCOLS: ReadonlySet<number> = new Set([
  ...[0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103],
  ...[
    104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514,
  ],
  ...[515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723],
  ...[2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697],
]);

/** A proxy resolves the name itself, so that the bridge can judge only the name. */
export function refusalThroughProxy(rule: OutboundRule, reach: Reach, url: string): string | null {
  const known = refusalOfUrl(rule, reach, url);
  if (known !== null || !URL.canParse(url)) return known;
  const { hostname: host, protocol } = new URL(url);
  if (protocol !== 'http:' || isAddress(host) || addressOfKnownName(host) !== null) return null;
  if (rule.allowed.hosts.has(bareName(host))) return null;
  return `http://${host} goes through a proxy, and nobody knows whether it stays in your network: enter an address that begins with https://.`;
}

/** Names that mean the same address everywhere (RFC 6761 §6.3, and names that clouds document). */
function addressOfKnownName(host: string): string | null {
  const name = bareName(host);
  if (name === 'localhost' || name.endsWith('.localhost')) return '127.0.0.1';
  return METADATA_NAMES.has(name) ? '169.254.169.254' : null;
}

const METADATA_NAMES = new Set(['metadata', 'metadata.google.internal', 'metadata.goog', 'instance-data']);

function bareName(host: string): string {
  return host.toLowerCase().replace(/\.$/, '');
}
