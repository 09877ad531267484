/** PATCH of a user that is refused (RFC 7644 §3.12), and attributes that no schema knows. */

import { patchUser } from '../../../src/scim/patch/user.ts';
import { namesIn } from '../../../src/scim/request/names.ts';
import { ENTERPRISE, JANE, patch, refusal } from './jane.ts';

describe('errors (RFC 7644 §3.12)', () => {
  it.each<[string, unknown]>([
    ['invalidSyntax', { op: 'move', path: 'title', value: 'x' }],
    ['invalidSyntax', { path: 'title', value: 'x' }],
    ['invalidSyntax', 'add'],
    ['invalidSyntax', null],
    ['invalidPath', { op: 'add', path: 'shoeSize', value: 'x' }],
    ['invalidPath', { op: 'remove', path: 'name.shoeSize' }],
    ['invalidPath', { op: 'add', path: 'emails[type eq "work"].shoeSize', value: 'x' }],
    ['invalidPath', { op: 'add', path: 'emails[shoeSize eq "work"].value', value: 'x' }],
    ['invalidPath', { op: 'add', path: 'urn:example:2.0:User:x', value: 'x' }],
    ['invalidPath', { op: 'add', path: 'department', value: 'x' }],
    ['invalidPath', { op: 'add', path: 'title[type eq "x"]', value: 'x' }],
    ['invalidPath', { op: 'add', path: 'emails[type eq "x"', value: 'x' }],
    ['invalidPath', { op: 'add', path: 'emails..value', value: 'x' }],
    ['invalidPath', { op: 'add', path: 7, value: 'x' }],
    ['invalidFilter', { op: 'add', path: 'emails[type is "x"].value', value: 'x' }],
    ['invalidFilter', { op: 'add', path: 'emails[primary gt true].value', value: 'x' }],
    ['invalidFilter', { op: 'remove', path: 'roles[primary gt true]' }],
    ['invalidValue', { op: 'add', path: 'title' }],
    ['invalidValue', { op: 'replace' }],
    ['invalidValue', { op: 'replace', value: 'x' }],
    ['invalidValue', { op: 'replace', value: [] }],
    ['invalidValue', { op: 'replace', path: 'title', value: { a: 1 } }],
    ['invalidValue', { op: 'replace', path: 'title', value: ['x', 'y'] }],
    ['invalidValue', { op: 'replace', path: 'title', value: [['x']] }],
    ['invalidValue', { op: 'replace', path: 'active', value: [] }],
    ['invalidValue', { op: 'replace', path: 'title', value: true }],
    ['invalidValue', { op: 'replace', path: 'name', value: 'Jane' }],
    ['invalidValue', { op: 'replace', path: 'name', value: [{}, {}] }],
    ['invalidValue', { op: 'replace', path: 'emails', value: [[{ value: 'x' }]] }],
    ['invalidValue', { op: 'replace', path: 'addresses', value: 'Bonn' }],
    ['invalidValue', { op: 'replace', path: 'userName', value: ' ' }],
    ['invalidValue', { op: 'replace', value: { userName: null } }],
    ['invalidValue', { op: 'replace', path: 'title', value: 'a\0b' }],
    ['invalidValue', { op: 'add', path: 'emails', value: [{ value: 'a\ud800' }] }],
    ['invalidValue', { op: 'add', path: 'emails', value: Array.from({ length: 1001 }, (_, i) => `${i}@x`) }],
    ['mutability', { op: 'replace', path: 'id', value: 'x' }],
    ['mutability', { op: 'add', path: 'groups', value: [{ value: 'g' }] }],
    ['mutability', { op: 'add', path: 'groups[value eq "g"].display', value: 'x' }],
    ['mutability', { op: 'replace', path: 'meta.lastModified', value: 'x' }],
    ['mutability', { op: 'replace', path: `${ENTERPRISE}:manager.displayName`, value: 'x' }],
  ])('%s: %j', (scimType, operation) => {
    expect(refusal(JANE, [operation])).toBe(scimType);
  });

  it('tooMany: what would keep everybody else waiting', () => {
    const emails = Array.from({ length: 1000 }, (_, i) => ({ value: `${i}@x.example` }));
    const operations = Array.from({ length: 1000 }, () => ({ op: 'add', path: 'emails', value: emails }));
    expect(refusal({ userName: 'x', emails }, operations)).toBe('tooMany');
    expect(patch({ userName: 'x', emails }, ...operations.slice(0, 2))).toEqual({ userName: 'x', emails });
    const path = `emails[${Array(500).fill('value eq "x"').join(' or ')}]`;
    expect(refusal({ userName: 'x', emails }, [{ op: 'remove', path }])).toBe('tooMany');
  });

  it('is all or nothing: an earlier operation does not stay', () => {
    const operations = [
      { op: 'replace', path: 'emails[type eq "work"].value', value: 'x' },
      { op: 'remove', path: 'name.givenName' },
      { op: 'replace', path: 'id', value: 'x' },
    ];
    expect(refusal(JANE, operations)).toBe('mutability');
    expect(() => patch(JANE, ...operations)).toThrow('Operation 3: id is read-only.');
  });

  it('is not led astray by names that JavaScript knows', () => {
    const value = JSON.parse(
      '{"__proto__": {"title": "x"}, "constructor": "x", "name": {"__proto__": {"a": 1}}}',
    );
    const { resource, unknown } = patchUser(JANE, [{ op: 'add', value }], { unknownAttributes: 'Reject' });
    expect(resource).toEqual(JANE);
    expect(unknown).toEqual(['__proto__', 'constructor', 'name.__proto__']);
    expect(refusal(JANE, [{ op: 'add', path: 'constructor', value: 'x' }])).toBe('invalidPath');
  });
});

it('tells which attributes were sent, not which are there', () => {
  const operations = [
    { op: 'replace', value: { active: false, id: 'x', password: 'p', shoeSize: 1, 'name.givenName': 'Jo' } },
    { op: 'add', path: 'phoneNumbers[type eq "work"].value', value: '1' },
  ];
  const { resource, touched } = patchUser(JANE, operations, { unknownAttributes: 'Reject' });
  expect(namesIn('user', resource, touched)).toEqual([
    'active',
    'name.givenName',
    'name.familyName',
    'phoneNumbers[type eq "work"].value',
  ]);
});

describe('attributes that no schema knows', () => {
  it('are noted and passed over in values', () => {
    const value = {
      shoeSize: 42,
      'name.shoeSize': 1,
      'emails[': 2,
      name: { givenName: 'Jo', nick: 'x' },
      emails: [{ value: 'x', shoe: 1 }],
      [ENTERPRISE]: { badge: 1, manager: { mood: 'x' } },
      [`${ENTERPRISE}:desk`]: 1,
      'urn:example:2.0:User': {},
    };
    const { resource, unknown } = patchUser({ userName: 'x' }, [{ op: 'add', value }], {
      unknownAttributes: 'Reject',
    });
    expect(resource).toEqual({ userName: 'x', name: { givenName: 'Jo' }, emails: [{ value: 'x' }] });
    expect([...unknown].sort()).toEqual(
      [
        'shoeSize',
        'name.shoeSize',
        'emails[',
        'name.nick',
        'emails.shoe',
        `${ENTERPRISE}:badge`,
        `${ENTERPRISE}:manager.mood`,
        `${ENTERPRISE}:desk`,
        'urn:example:2.0:User',
      ].sort(),
    );
  });

  it('are noted and passed over as paths where the connection ignores them', () => {
    const operations = [
      { op: 'add', path: 'shoeSize', value: 42 },
      { op: 'remove', path: 'name.shoeSize' },
      { op: 'replace', path: 'emails[type eq "work"].shoe', value: 1 },
      { op: 'replace', path: 'emails[shoe eq "x"].value', value: 1 },
      { op: 'add', path: 'title', value: 'CEO' },
    ];
    expect(patchUser(JANE, operations, { unknownAttributes: 'Ignore' })).toMatchObject({
      resource: { ...JANE, title: 'CEO' },
      unknown: ['shoeSize', 'name.shoeSize', 'emails.shoe'],
    });
    expect(refusal(JANE, [{ op: 'add', path: 'shoe size', value: 42 }], 'Ignore')).toBe('invalidPath');
  });
});
