/** Where stores of a reach may be, by address, by name, and by what a URL alone tells. */

import { NOTHING_ALLOWED, parseAllowed } from '../../../src/outbound/allow.ts';
import { refusalOf, refusalOfUrl, refusalThroughProxy } from '../../../src/outbound/rule.ts';

const EXPOSED = { allowed: NOTHING_ALLOWED, listensOnLoopback: false };
const AT_HOME = { allowed: NOTHING_ALLOWED, listensOnLoopback: true };
const allowing = (list: string) => ({ allowed: parseAllowed(list), listensOnLoopback: false });

const https = { host: 'store.example', protocol: 'https:' };
const http = { host: 'store.example', protocol: 'http:' };
const NEVER = expect.stringMatching(/leads to a link-local or metadata address, to which the bridge never/);
const UNLISTED = expect.stringMatching(/can list it in OUTBOUND_ALLOW/);
const IN_CLEAR = expect.stringMatching(/in clear over the internet/);

it.each([
  ['a public address', EXPOSED, 'public', https, '8.8.8.8', null],
  ['a public address without TLS', EXPOSED, 'public', http, '8.8.8.8', IN_CLEAR],
  [
    'a public address without TLS, listed',
    allowing('store.example,8.8.8.8'),
    'public',
    http,
    '8.8.8.8',
    IN_CLEAR,
  ],
  ['a private address', EXPOSED, 'public', https, '10.0.0.1', UNLISTED],
  ['a private address where the type lives there', EXPOSED, 'private', https, '10.0.0.1', null],
  ['a private address without TLS', EXPOSED, 'private', http, '10.0.0.1', null],
  ['a private address that is listed', allowing('10.0.0.0/8'), 'public', https, '10.0.0.1', null],
  ['another one than is listed', allowing('10.0.0.0/16'), 'public', https, '10.1.0.1', UNLISTED],
  ['the mapped form of one that is listed', allowing('10.0.0.0/8'), 'public', https, '::ffff:10.0.0.1', null],
  ['a name that is listed', allowing('store.example'), 'public', https, '10.0.0.1', null],
  ['a loopback address', EXPOSED, 'private', https, '127.0.0.1', UNLISTED],
  ['a loopback address, while the bridge listens there', AT_HOME, 'public', http, '127.0.0.1', null],
  ['a loopback address that is listed', allowing('127.0.0.1'), 'public', http, '127.0.0.1', null],
  ['a reserved address', AT_HOME, 'private', https, '198.18.0.1', UNLISTED],
  ['a reserved address that is listed', allowing('198.18.0.0/15'), 'public', https, '198.18.0.1', null],
  ['a link-local address', AT_HOME, 'private', https, '169.254.169.254', NEVER],
  [
    'a link-local address inside a listed range',
    allowing('0.0.0.0/0,store.example'),
    'private',
    https,
    '169.254.1.1',
    NEVER,
  ],
  [
    'a metadata address in a private range',
    allowing('100.64.0.0/10'),
    'private',
    https,
    '100.100.100.200',
    NEVER,
  ],
] as const)('%s', (_, rule, reach, target, address, refusal) => {
  expect(refusalOf(rule, reach, target, address)).toEqual(refusal);
});

it.each([
  ['https://store.example', null],
  ['http://store.example', null],
  ['http://8.8.8.8', IN_CLEAR],
  ['http://169.254.169.254/latest', expect.stringMatching(/^169\.254\.169\.254 is a link-local or metadata/)],
  ['https://metadata.google.internal', expect.stringMatching(/never connects/)],
  ['http://localhost:8080', UNLISTED],
  ['https://api.localhost.', UNLISTED],
  ['http://2130706433', expect.stringMatching(/^127\.0\.0\.1 is a loopback address/)],
  ['not a url', null],
])('what the URL %s tells before any name is resolved', (url, refusal) => {
  expect(refusalOfUrl(EXPOSED, 'private', url)).toEqual(refusal);
});

it.each([
  [EXPOSED, 'https://store.example', null],
  [EXPOSED, 'http://store.example', expect.stringMatching(/goes through a proxy/)],
  [allowing('store.example'), 'http://store.example', null],
  [EXPOSED, 'http://10.0.0.1', null],
  [EXPOSED, 'https://169.254.169.254', expect.stringMatching(/never connects/)],
])('through a proxy, which resolves the name', (rule, url, refusal) => {
  expect(refusalThroughProxy(rule, 'private', url)).toEqual(refusal);
});

it('lets no password go over the internet in clear, by LDAP neither', () => {
  const judged = (protocol: string, address: string) =>
    refusalOf(EXPOSED, 'private', { host: 'ldap.example', protocol }, address);
  expect(judged('ldap:', '8.8.8.8')).toMatch(/in clear over the internet: set TLS to ldaps or startTls/);
  expect(judged('ldap:', '10.0.0.1')).toBeNull();
  expect(judged('ldaps:', '8.8.8.8')).toBeNull();
});
