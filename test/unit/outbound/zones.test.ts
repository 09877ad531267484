/** What addresses are, in every form in which they can be written. */

import { parseAllowed } from '../../../src/outbound/allow.ts';
import { isAddress, zoneOf } from '../../../src/outbound/zones.ts';

const ZONES = {
  public: [
    '8.8.8.8',
    '1.1.1.1',
    '2606:4700::1111',
    '[2606:4700::1111]',
    '::ffff:8.8.8.8',
    '64:ff9b::808:808',
  ],
  private: [
    ...['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '100.64.0.1', 'fc00::1', 'fd12:3456::1'],
    ...['::ffff:10.0.0.1', '64:ff9b::a00:1', '2002:a00:1::1', '::ffff:0:10.0.0.1', '::10.0.0.1'],
  ],
  loopback: [
    '127.0.0.1',
    '127.9.9.9',
    '::1',
    '[::1]',
    '0.0.0.0',
    '::',
    '::ffff:127.0.0.1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
  ],
  special: [
    '192.0.2.1',
    '198.18.0.1',
    '240.0.0.1',
    '0.1.2.3',
    '2001::1',
    '64:ff9b:1::7f00:1',
    'fec0::1',
    '2001:db8::1',
  ],
  never: [
    ...[
      '169.254.169.254',
      '169.254.0.1',
      'fe80::1',
      'fe80::1%eth0',
      '::ffff:169.254.169.254',
      '::ffff:a9fe:a9fe',
    ],
    ...[
      '64:ff9b::a9fe:a9fe',
      '2002:a9fe:a9fe::',
      '::169.254.169.254',
      '224.0.0.1',
      'ff02::1',
      '255.255.255.255',
    ],
    ...['fd00:ec2::254', 'fd20:ce::254', '100.100.100.200', '168.63.129.16', '192.0.0.192', 'nonsense', ''],
  ],
} as const;

describe.each(Object.entries(ZONES))('%s', (zone, addresses) => {
  it.each(addresses)('is %s', (address) => expect(zoneOf(address)).toBe(zone));
});

/** How a URL's host is written, and what the parser of URLs makes of it. */
it.each([
  ['http://2130706433/', 'loopback'],
  ['http://0x7f.1/', 'loopback'],
  ['http://0177.0.0.1/', 'loopback'],
  ['http://127.1/', 'loopback'],
  ['http://0/', 'loopback'],
  ['http://[::ffff:7f00:1]/', 'loopback'],
  ['http://①②⑦.0.0.1/', 'loopback'],
  ['http://2852039166/', 'never'],
  ['http://0xa9fea9fe/', 'never'],
  ['http://[0:0:0:0:0:ffff:a9fe:a9fe]/', 'never'],
  ['http://167772161/', 'private'],
])('%s counts as what it means: %s', (url, zone) => {
  const { hostname } = new URL(url);
  expect(isAddress(hostname)).toBe(true);
  expect(zoneOf(hostname)).toBe(zone);
});

describe('OUTBOUND_ALLOW', () => {
  it('takes addresses, ranges and hosts', () => {
    const { ranges, hosts } = parseAllowed(
      '10.0.0.0/8, 127.0.0.1,[::1], fd00::/8 ,GitLab.Corp.Example,intra',
    );
    expect(ranges).toHaveLength(4);
    expect([...hosts]).toEqual(['gitlab.corp.example', 'intra']);
  });

  it.each([
    '10.0.0.0/33',
    '1.2.3',
    '300.1.1.1',
    'http://host',
    'host:80',
    'a b',
    '*.corp.example',
    '::1/129',
  ])('refuses %s', (entry) => {
    expect(() => parseAllowed(`10.0.0.1,${entry}`)).toThrow(
      /^OUTBOUND_ALLOW: .* is no address, range or host name/,
    );
  });

  it.each(['169.254.169.254', '169.254.0.0/16', 'fe80::/10', '100.100.100.200'])(
    'never takes %s',
    (entry) => {
      expect(() => parseAllowed(entry)).toThrow(/to which the bridge never connects/);
    },
  );
});
