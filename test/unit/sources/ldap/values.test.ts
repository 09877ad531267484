/** Names and values as LDAP servers write them. */

import { isDn, isWithinDn, normalDn } from '../../../../src/sources/ldap/protocol/dn.ts';
import {
  fileTimeMs,
  generalizedTime,
  guidBytes,
  guidText,
  ridOf,
  toGeneralizedTime,
} from '../../../../src/sources/ldap/protocol/values.ts';

it.each([
  ['CN=Ada Lovelace,OU=People,DC=corp', 'cn=ada  lovelace , ou=people,dc=corp'],
  ['CN=Lovelace\\, Ada,DC=corp', 'cn=Lovelace\\2C Ada,dc=CORP'],
  ['CN=Zo\\C3\\AB,DC=corp', 'cn=Zoë,dc=corp'],
  ['OU=a+CN=b,DC=corp', 'CN=b+OU=a,DC=corp'],
  ['CN=a\\+b,DC=corp', 'CN=a\\2Bb,DC=corp'],
])('takes %s and %s for one name', (a, b) => {
  expect(normalDn(a)).toBe(normalDn(b));
});

it('keeps names apart that are not one', () => {
  expect(normalDn('CN=a\\,OU=b,DC=c')).not.toBe(normalDn('CN=a,OU=b,DC=c'));
  expect(isWithinDn(normalDn('CN=x,OU=People,DC=c'), normalDn('ou=people,dc=c'))).toBe(true);
  expect(isWithinDn(normalDn('CN=x,OU=Old People,DC=c'), normalDn('ou=people,dc=c'))).toBe(false);
  expect(['dc=c', 'ou=a b,dc=c', 'reader@c.example', 'CORP\\reader', '', 'dc=c,'].map(isDn)).toEqual([
    ...[true, true, false, false, false, false],
  ]);
});

it('writes ids of bytes as Active Directory shows them, and back', () => {
  const bytes = Buffer.from('33221100554477668899aabbccddeeff', 'hex');
  expect(guidText(bytes)).toBe('00112233-4455-6677-8899-aabbccddeeff');
  expect(guidBytes('00112233-4455-6677-8899-AABBCCDDEEFF')).toEqual(bytes);
  expect(guidText(Buffer.from('ABCDEFGHIJKLMNOP'))).toBe('44434241-4645-4847-494a-4b4c4d4e4f50');
  expect(guidText(Buffer.alloc(15))).toBeNull();
  expect(guidBytes('(objectClass=*)')).toBeNull();
});

it('reads the last part of a security id', () => {
  const sid = Buffer.from('010500000000000515000000a065cf7e784b9b5fe77c8770091c0100', 'hex');
  expect(ridOf(sid)).toBe(72713);
  expect(ridOf(sid.subarray(1))).toBeNull();
});

it.each([
  ['0', null],
  ['9223372036854775807', null],
  ['133801632000000000', Date.parse('2025-01-01T00:00:00Z')],
  ['116444736000000000', 0],
  ['99999999999999999999999', null],
  ['-1', null],
  ['soon', null],
])('takes the FILETIME %s for %s', (text, ms) => {
  expect(fileTimeMs(text)).toBe(ms);
});

it.each([
  ['20260105093000Z', '2026-01-05T09:30:00.000Z'],
  ['20260105093000.0Z', '2026-01-05T09:30:00.000Z'],
  ['20260105093000.25Z', '2026-01-05T09:30:00.250Z'],
  ['202601051030+0100', '2026-01-05T09:30:00.000Z'],
  ['2026010509-0030', '2026-01-05T09:30:00.000Z'],
  ['2026010509.5Z', '2026-01-05T09:30:00.000Z'],
  ['20261305093000Z', undefined],
  ['2026-01-05', undefined],
  ['20260105093000', undefined],
])('takes the time %s for %s', (text, iso) => {
  expect(generalizedTime(text)).toBe(iso);
});

it('asks for times in whole seconds', () => {
  expect(toGeneralizedTime(Date.parse('2026-01-05T09:30:00.999Z'))).toBe('20260105093000Z');
});
