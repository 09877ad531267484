/** What counts as a scan. That the databases agree is `filterIndexes.test.ts`'s matter. */

import { isScan } from '../../../src/directory/query/cost.ts';
import { parseFilter } from '../../../src/directory/query/parse.ts';
import type { Kind } from '../../../src/model/subject.ts';

const scans = (kind: Kind, filter: string | null, sortBy: string | null = null) =>
  isScan(filter === null ? null : parseFilter(filter), sortBy, kind);

it.each<[Kind, string | null]>([
  ['user', null],
  ['user', 'userName eq "ann"'],
  ['user', 'USERNAME Eq ann'],
  ['user', 'urn:ietf:params:scim:schemas:core:2.0:User:userName eq "ann"'],
  ['user', 'externalId eq "1" and active eq true and title co "x"'],
  ['user', '(title co "x" or active eq true) and id eq "1"'],
  ['user', 'userName eq "ann" or externalId eq "1"'],
  ['user', 'emails eq "ann@example.com"'],
  ['user', 'emails.value eq "ann@example.com"'],
  ['user', 'emails[type eq "work" and value eq "ann@example.com"]'],
  ['user', 'emails[type eq "work"].value eq "ann@example.com"'],
  ['user', 'groups.value eq "1"'],
  ['user', 'userName sw "ann"'],
  ['group', 'displayName eq "sales"'],
  ['group', 'displayName sw "sal"'],
  ['group', 'members eq "1"'],
  ['group', 'members.value eq "1" and displayName co "s"'],
])('is a look-up: %s %s', (kind, filter) => {
  expect(scans(kind, filter)).toBe(false);
});

it.each<[Kind, string]>([
  ['user', 'userName co "ann"'],
  ['user', 'userName sw "an"'],
  ['user', 'id sw "ann"'],
  ['user', 'emails.value sw "ann"'],
  ['user', 'userName ne "ann"'],
  ['user', 'not (userName eq "ann")'],
  ['user', 'not (not (userName eq "ann"))'],
  ['user', 'userName eq "ann" or title eq "x"'],
  ['user', 'userName eq null'],
  ['user', 'active eq false'],
  ['user', 'title eq "x"'],
  ['user', 'emails.type eq "work"'],
  ['user', 'emails[value eq ""]'],
  ['user', 'emails.value co "ann"'],
  ['user', 'emails eq "a@example.com" or emails eq "b@example.com"'],
  ['user', 'groups.value eq "1" and emails[value co "x"]'],
  ['user', 'groups.display eq "x"'],
  ['user', 'meta.lastModified gt "2026-01-01T00:00:00Z"'],
  ['user', 'nothing eq "x"'],
  ['group', 'members.display eq "ann"'],
  ['group', 'userName eq "x"'],
])('is a scan: %s %s', (kind, filter) => {
  expect(scans(kind, filter)).toBe(true);
});

it('is a scan where everybody is sorted by what no column holds', () => {
  expect(scans('user', null, 'userName')).toBe(false);
  expect(scans('user', null, 'meta.lastModified')).toBe(false);
  expect(scans('user', null, 'title')).toBe(true);
  expect(scans('user', null, 'emails')).toBe(true);
  expect(scans('user', 'userName eq "ann"', 'title')).toBe(false);
});
