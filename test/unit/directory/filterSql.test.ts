/** What each operator of a filter selects, and how lists are sorted, on both databases. */

import type { Knex } from 'knex';
import { FilterError, PathError } from '../../../src/directory/query/ast.ts';
import { COMPARISONS_MAX, parseFilter } from '../../../src/directory/query/parse.ts';
import { sortToSql } from '../../../src/directory/query/sort.ts';
import { filterToSql } from '../../../src/directory/query/sql.ts';
import type { Kind } from '../../../src/model/subject.ts';
import { onEachDatabase } from '../../database.ts';
import { addGroup, addUser, openDirectory } from './people.ts';

const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';

onEachDatabase((open, dialect) => {
  let db: Knex;
  const ids: Record<string, string> = {};

  beforeAll(async () => {
    db = await openDirectory(open);
    ids.jane = await addUser(
      db,
      {
        userName: 'Jane@Example.com',
        externalId: '00aB',
        displayName: 'Jane Ärmel',
        active: true,
        title: '100%_Boss! "chief" \\ (1)',
        name: { givenName: 'Jane', familyName: 'Ärmel' },
        emails: [
          { type: 'work', value: 'Jane@Work.example', primary: true },
          { type: 'home', value: 'jane@home.example' },
        ],
        photos: [{ value: 'https://example.com/Jane.png', type: 'photo' }],
        [ENTERPRISE]: { department: 'R&D', manager: { value: 'boss-1' } },
      },
      '2026-01-01T00:00:00.000Z',
    );
    ids.john = await addUser(
      db,
      {
        userName: 'john',
        externalId: '00ab',
        active: false,
        title: 'clerk',
        emails: [
          { type: 'home', value: 'john@home.example' },
          { type: 'other', value: '' },
        ],
        roles: [{ value: 'admin' }],
      },
      '2026-02-01T12:00:00.500Z',
    );
    ids.kim = await addUser(db, { userName: 'kim', title: '', active: true }, '2026-03-01T00:00:00.000Z');
    ids.staff = await addGroup(db, { displayName: 'Staff' }, [ids.jane, ids.john]);
    ids.empty = await addGroup(
      db,
      { displayName: 'Empty', externalId: 'G1' },
      [],
      '2026-02-01T00:00:00.000Z',
    );
  });

  async function found(kind: Kind, filter: string): Promise<string[]> {
    const written = filter.replace(/\$(\w+)/g, (whole, name) => ids[name] ?? whole);
    const { sql, bindings } = filterToSql(parseFilter(written), kind, dialect);
    const rows = await db(kind === 'user' ? 'users' : 'groups')
      .whereRaw(sql, bindings as never)
      .select('id');
    return names(rows.map((row) => row.id));
  }

  function names(found: readonly string[]): string[] {
    return found.map((id) => Object.keys(ids).find((name) => ids[name] === id) ?? id).sort();
  }

  it.each<[string, string[]]>([
    // RFC 7643 §2.2 caseExact, §2.1 attribute names without regard to case, RFC 7644 §3.10 URNs
    ['userName eq "JANE@example.COM"', ['jane']],
    ['USERNAME EQ "john"', ['john']],
    [`${USER}:userName eq "john"`, ['john']],
    [`${USER.toUpperCase()}:NAME.givenname eq "jane"`, ['jane']],
    ['externalId eq "00ab"', ['john']],
    ['externalId eq 00aB', ['jane']],
    ['id eq "$kim"', ['kim']],
    ['id pr', ['jane', 'john', 'kim']],
    [`${ENTERPRISE}:department eq "r&d"`, ['jane']],
    [`${ENTERPRISE}:manager.value eq "boss-1"`, ['jane']],
    [`${ENTERPRISE}:manager eq "boss-1"`, ['jane']],
    [`${ENTERPRISE}:manager[value eq "boss-1"]`, ['jane']],
    [`${ENTERPRISE} pr`, ['jane']],
    [`schemas eq "${ENTERPRISE}"`, ['jane']],
    [`schemas eq "${USER}"`, ['jane', 'john', 'kim']],
    ['meta.resourceType eq "User"', ['jane', 'john', 'kim']],
    ['meta.resourceType eq "Group"', []],
    // RFC 7644 §3.4.2.2, table 3: the operators
    ['title co "%_boss"', ['jane']],
    ['title co "%boss"', []],
    ['title sw "100%_"', ['jane']],
    ['title sw "1_0"', []],
    ['title ew "\\\\ (1)"', ['jane']],
    ['title co "\\"CHIEF\\""', ['jane']],
    ['title co "!"', ['jane']],
    ['title co ""', ['jane', 'john', 'kim']],
    ['title pr', ['jane', 'john']],
    ['title eq ""', ['kim']],
    ['nickName pr', []],
    ['name pr', ['jane']],
    ['displayName pr', ['jane']],
    ['userName gt "John"', ['kim']],
    ['userName ge "John"', ['john', 'kim']],
    ['userName lt "john"', ['jane']],
    ['userName le "john"', ['jane', 'john']],
    ['name.familyName eq "äRMEL"', ['jane']],
    ['name.familyName sw "Ä"', ['jane']],
    ['displayName ew "ärmel"', ['jane']],
    ['active eq true', ['jane', 'kim']],
    ['active eq "False"', ['john']],
    ['active ne true', ['john']],
    ['active pr', ['jane', 'john', 'kim']],
    // `ne` is not `eq`; what is not there has no value (RFC 7643 §2.5)
    ['title ne "clerk"', ['jane', 'kim']],
    ['name.givenName ne "Jane"', ['john', 'kim']],
    ['not (name.givenName eq "Jane")', ['john', 'kim']],
    ['name.givenName eq null', ['john', 'kim']],
    ['name.givenName ne null', ['jane']],
    ['not (not (name.givenName eq "Jane"))', ['jane']],
    ['not (name.givenName eq "Jane" or title eq "clerk")', ['kim']],
    // multi-valued: any value matches
    ['emails eq "jane@HOME.example"', ['jane']],
    ['emails.value ew "home.example"', ['jane', 'john']],
    ['emails.type eq "work"', ['jane']],
    ['emails.type ne "home"', ['jane', 'john']],
    ['not (emails.type eq "work")', ['john', 'kim']],
    ['emails pr', ['jane', 'john']],
    ['emails eq null', ['kim']],
    ['emails.primary eq true', ['jane']],
    ['emails.primary pr', ['jane']],
    ['emails[type eq "home" and value co "jane"]', ['jane']],
    ['emails[type eq "work" and value co "home"]', []],
    // one and the same element satisfies the whole of a value path
    ['emails[value eq "jane@work.example" and value eq "jane@home.example"]', []],
    ['emails.value eq "jane@work.example" and emails.value eq "jane@home.example"', ['jane']],
    ['emails[value eq "jane@work.example" and value eq "JANE@work.example"]', ['jane']],
    ['emails[type eq "Work"].value eq "JANE@work.example"', ['jane']],
    ['emails[not (primary eq true) and value pr]', ['jane', 'john']],
    ['emails[type eq "other" and value eq ""]', ['john']],
    ['emails[value eq "john@home.example" or primary eq true]', ['jane', 'john']],
    ['photos.value eq "https://example.com/jane.png"', []],
    ['photos.value eq "https://example.com/Jane.png"', ['jane']],
    ['roles[value eq "admin" and type eq null]', ['john']],
    ['name[givenName eq "jane" and familyName pr]', ['jane']],
    // groups, meta and times
    ['groups.value eq "$staff"', ['jane', 'john']],
    ['groups eq "$empty"', []],
    ['groups.display eq "STAFF"', ['jane', 'john']],
    ['groups[value eq "$staff" and type eq "direct"]', ['jane', 'john']],
    ['groups[value eq "$staff" and type eq "indirect"]', []],
    ['not (groups pr)', ['kim']],
    ['meta.created gt "2026-01-31T23:59:59Z"', ['john', 'kim']],
    ['meta.created eq "2026-02-01T13:00:00.5+01:00"', ['john']],
    ['meta.lastModified ge 2026-02-01', ['john', 'kim']],
    ['meta.created sw "2026-03"', ['kim']],
    ['meta.version pr', ['jane', 'john', 'kim']],
    // RFC 7644 §3.4.2.1: an attribute that the resource does not have has no value
    ['shoeSize eq 42', []],
    ['shoeSize pr', []],
    ['shoeSize ne 42', ['jane', 'john', 'kim']],
    ['emails.shoe eq "x"', []],
    ['members pr', []],
    ['shoes[size eq 42]', []],
    ['urn:example:custom:2.0:User:shoe.size pr', []],
    ['password pr', []],
    // a value without quotes is text where the attribute is
    ['title eq 5', []],
    ['title eq true', []],
  ])('users: %s', async (filter, expected) => {
    expect(await found('user', filter)).toEqual(expected);
  });

  it.each<[string, string[]]>([
    ['displayName eq "staff"', ['staff']],
    ['externalId eq "g1"', []],
    ['externalId pr', ['empty']],
    ['members.value eq "$jane"', ['staff']],
    ['members eq "$kim"', []],
    ['id eq "$staff" and members eq "$john"', ['staff']],
    ['members[value eq "$jane" or value eq "$kim"]', ['staff']],
    ['members[value eq "$jane" and value eq "$john"]', []],
    ['members.value eq "$jane" and members.value eq "$john"', ['staff']],
    ['members[value eq "$jane" and type eq "user"]', ['staff']],
    ['members.display co "ärm"', ['staff']],
    ['members.display eq "JOHN"', ['staff']],
    ['members.value ne "$jane"', ['staff']],
    ['not (members.value eq "$jane")', ['empty']],
    ['members pr', ['staff']],
    ['members.$ref pr', ['staff']],
    ['members eq null', ['empty']],
    ['meta.lastModified gt "2026-01-15T00:00:00Z"', ['empty']],
    ['userName pr', []],
    ['urn:ietf:params:scim:schemas:core:2.0:Group:displayName sw "E"', ['empty']],
  ])('groups: %s', async (filter, expected) => {
    expect(await found('group', filter)).toEqual(expected);
  });

  it.each([
    // RFC 7644 §3.4.2.2: booleans and binaries have no order
    'active gt true',
    'emails.primary le false',
    'x509Certificates.value gt "x"',
    'active co "t"',
    'active eq "maybe"',
    'name eq "Jane"',
    'addresses eq "x"',
    'meta eq "x"',
    'title gt null',
    'meta.created gt "yesterday"',
    'meta.location eq "x"',
    'userName[value eq "x"]',
    'title eq "\\u0000"',
    'title eq "\\ud800"',
  ])('refuses %s', (filter) => {
    expect(() => filterToSql(parseFilter(filter), 'user', dialect)).toThrow(FilterError);
  });

  it('binds every value', () => {
    const { sql, bindings } = filterToSql(
      parseFilter('title eq "needle" and emails[value sw "needle"] and externalId eq needle'),
      'user',
      dialect,
    );
    expect(sql).not.toContain('needle');
    expect(bindings.filter((binding) => binding === 'needle')).toHaveLength(3);
  });

  it('answers the widest and the deepest filter', async () => {
    const wide = Array.from({ length: COMPARISONS_MAX }, () => 'emails.type eq "ä"').join(' or ');
    const deep = `${'not ('.repeat(50)}title eq "clerk"${')'.repeat(50)}`;
    expect(await found('user', wide)).toEqual([]);
    expect(await found('user', deep)).toEqual(['john']);
  });

  it('never fails, whatever stands in the JSON', async () => {
    const odd = await openDirectory(open);
    for (const [i, value] of [
      'x',
      5,
      true,
      null,
      [],
      {},
      ['x', 5, null, ['y'], { value: {} }],
      { a: 'x' },
    ].entries()) {
      await addUser(odd, {
        userName: `odd${i}`,
        title: value,
        name: value,
        emails: value,
        roles: value,
        [ENTERPRISE]: value,
      });
    }
    for (const filter of [
      'title co "x"',
      'title gt "1"',
      'name.givenName pr',
      'emails.value ne "x"',
      'emails[type sw "x" and primary eq true]',
      'roles pr',
      `${ENTERPRISE}:manager.value eq "x"`,
    ]) {
      const { sql, bindings } = filterToSql(parseFilter(filter), 'user', dialect);
      await odd('users').whereRaw(sql, bindings as never);
    }
    for (const sortBy of ['title', 'emails', 'emails.type', `${ENTERPRISE}:manager`]) {
      const sort = sortToSql(sortBy, false, 'user', dialect);
      await odd('users').orderByRaw(sort?.sql ?? '', sort?.bindings as never);
    }
  });

  describe('sorting (RFC 7644 §3.4.2.3)', () => {
    async function sorted(sortBy: string, descending = false, kind: Kind = 'user'): Promise<string[]> {
      const table = kind === 'user' ? 'users' : 'groups';
      const query = db(table).select('id');
      const sort = sortToSql(sortBy, descending, kind, dialect);
      if (sort) query.orderByRaw(sort.sql, sort.bindings as never);
      const rows = await query.orderBy(`${table}.created_at`).orderBy(`${table}.id`);
      return rows.flatMap((row) => names([row.id]));
    }

    it.each<[string, string[], string[]]>([
      ['userName', ['jane', 'john', 'kim'], ['kim', 'john', 'jane']],
      ['meta.created', ['jane', 'john', 'kim'], ['kim', 'john', 'jane']],
      [`${USER}:TITLE`, ['kim', 'jane', 'john'], ['john', 'jane', 'kim']],
      // absent comes last, and first in descending order
      ['name.familyName', ['jane', 'john', 'kim'], ['john', 'kim', 'jane']],
      ['active', ['john', 'jane', 'kim'], ['jane', 'kim', 'john']],
      // the primary value, else the first
      ['emails', ['jane', 'john', 'kim'], ['kim', 'john', 'jane']],
      ['emails.type', ['john', 'jane', 'kim'], ['kim', 'jane', 'john']],
      [`${ENTERPRISE}:manager`, ['jane', 'john', 'kim'], ['john', 'kim', 'jane']],
      // unknown, or the same everywhere: the stable order
      ['shoeSize', ['jane', 'john', 'kim'], ['jane', 'john', 'kim']],
      ['meta.resourceType', ['jane', 'john', 'kim'], ['jane', 'john', 'kim']],
    ])('by %s', async (sortBy, ascending, descending) => {
      expect(await sorted(sortBy)).toEqual(ascending);
      expect(await sorted(sortBy, true)).toEqual(descending);
    });

    it('sorts groups', async () => {
      expect(await sorted('displayName', false, 'group')).toEqual(['empty', 'staff']);
      expect(await sorted('externalId', true, 'group')).toEqual(['staff', 'empty']);
    });

    it.each(['name', 'addresses', 'groups', 'groups.value'])('refuses %s, which has no order', (sortBy) => {
      expect(() => sortToSql(sortBy, false, 'user', dialect)).toThrow(PathError);
    });
  });
});
