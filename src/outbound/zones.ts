/**
 * The zone of an IP address. An address that contains another one (mapped, NAT64, 6to4) is judged by that. Knows no
 * rule: `rule.ts` says what is permitted.
 */

import ipaddr from 'ipaddr.js';

export type Zone =
  /** An address on the internet. */
  | 'public'
  /** RFC 1918, fc00::/7, 100.64/10. */
  | 'private'
  | 'loopback'
  /** Reserved for documentation or tunnels: nobody has it. */
  | 'special'
  /** Link-local, a cloud's metadata service, or not a single host. */
  | 'never';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Range = readonly [Address, number];

/**
 * Services outside the link-local ranges that give a machine's credentials to anybody who asks on it: AWS over IPv6,
 * Google over IPv6, Alibaba, Oracle, Azure.
 */
const METADATA: readonly Range[] = [
  'fd00:ec2::/32',
  'fd20:ce::/32',
  '100.100.100.200/32',
  '192.0.0.192/32',
  '168.63.129.16/32',
].map((range) => ipaddr.parseCIDR(range));

const ZONES: Readonly<Record<string, Zone>> = {
  unicast: 'public',
  private: 'private',
  uniqueLocal: 'private',
  carrierGradeNat: 'private',
  loopback: 'loopback',
  linkLocal: 'never',
  multicast: 'never',
  broadcast: 'never',
};

/** The zone of an address as the resolver or a URL writes it. Any other text is `never`. */
export function zoneOf(text: string): Zone {
  const bare = text.replace(/^\[|\]$/g, '');
  return ipaddr.isValid(bare) ? zoneOfAddress(carried(ipaddr.parse(bare))) : 'never';
}

/** True for an address, with or without brackets; false for a name. */
export function isAddress(host: string): boolean {
  return ipaddr.isValid(host.replace(/^\[|\]$/g, ''));
}

/** True where the address, or the one that it contains, is in the range. */
export function isWithin(text: string, range: Range): boolean {
  const address = carried(ipaddr.parse(text.replace(/^\[|\]$/g, '')));
  return matches(address, range);
}

/** A single address is a range too. Throws an Error for other text. */
export function parseRange(text: string): Range {
  if (text.includes('/')) return ipaddr.parseCIDR(text);
  const address = ipaddr.parse(text);
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}

/** True for a range or an address, in any form in which people write them. */
export function isRange(text: string): boolean {
  const isForm =
    /^(\d{1,3}\.){3}\d{1,3}(\/\d{1,2})?$/.test(text) || /^[0-9a-f:.]*:[0-9a-f:.]*(\/\d{1,3})?$/i.test(text);
  return isForm && (text.includes('/') ? ipaddr.isValidCIDR(text) : ipaddr.isValid(text));
}

export type { Range };

function zoneOfAddress(address: Address): Zone {
  if (METADATA.some((range) => matches(address, range))) return 'never';
  // A connection to "no address" reaches this machine.
  if (address.toByteArray().every((byte) => byte === 0)) return 'loopback';
  return ZONES[address.range()] ?? 'special';
}

function matches(address: Address, [base, bits]: Range): boolean {
  return address.kind() === base.kind() && address.match(base as never, bits);
}

const V4_BYTES = 4;

/** The IPv4 address inside an IPv6 one, if there is one; otherwise the address itself. */
function carried(address: Address): Address {
  if (address.kind() === 'ipv4') return address;
  const bytes = address.toByteArray();
  const at = v4Offset(address.range(), bytes);
  return at === null ? address : new ipaddr.IPv4(bytes.slice(at, at + V4_BYTES));
}

function v4Offset(range: string, bytes: readonly number[]): number | null {
  if (range === 'ipv4Mapped' || range === 'rfc6145') return 12;
  // The prefix of RFC 6052 has one place for the address; that of RFC 8215 has several.
  if (range === 'rfc6052') return bytes[4] === 0 && bytes[5] === 0 ? 12 : null;
  if (range === '6to4') return 2;
  // RFC 4291 §2.5.5.1, deprecated; `::` and `::1` are zones of their own.
  const isCompatible =
    bytes.slice(0, 12).every((byte) => byte === 0) && bytes.slice(12, 15).some((b) => b > 0);
  return isCompatible ? 12 : null;
}
