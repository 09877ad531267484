/** PATCH of a group: operations on members become edits (RFC 7644 §3.5.2). */

import { PatchError } from '../../../src/scim/patch/error.ts';
import { patchGroup } from '../../../src/scim/patch/group.ts';

const STAFF = { displayName: 'Staff', externalId: 'e' };
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';

function patch(...operations: unknown[]) {
  return patchGroup(STAFF, operations, { unknownAttributes: 'Reject' });
}

function edits(...operations: unknown[]) {
  const { resource, members } = patch(...operations);
  expect(resource).toEqual(STAFF);
  return members;
}

function refusal(...operations: unknown[]) {
  try {
    patch(...operations);
  } catch (error) {
    expect(error).toBeInstanceOf(PatchError);
    return (error as PatchError).scimType;
  }
  return 'accepted';
}

describe('members as edits (RFC 7644 §3.5.2)', () => {
  it('adds, with and without path, a list or a single value', () => {
    const added = [{ op: 'add', ids: ['a'] }];
    expect(edits({ op: 'add', path: 'members', value: [{ value: 'a', display: 'A' }] })).toEqual(added);
    expect(edits({ op: 'add', path: 'members', value: { value: 'a', type: 'User' } })).toEqual(added);
    expect(edits({ op: 'add', path: `${GROUP}:MEMBERS`, value: ['a'] })).toEqual(added);
    expect(edits({ op: 'add', value: { members: [{ value: 'a' }] } })).toEqual(added);
    expect(edits({ op: 'add', path: 'members', value: [] })).toEqual([]);
  });

  it('replaces all, by an empty list too', () => {
    expect(edits({ op: 'replace', path: 'members', value: [{ value: 'a' }, { value: 'b' }] })).toEqual([
      { op: 'replace', ids: ['a', 'b'] },
    ]);
    for (const value of [[], null]) {
      expect(edits({ op: 'replace', path: 'members', value })).toEqual([{ op: 'replace', ids: [] }]);
    }
    expect(edits({ op: 'replace', value: { members: [] } })).toEqual([{ op: 'replace', ids: [] }]);
  });

  it('removes all without a value, those that are named, and nobody for an empty list', () => {
    expect(edits({ op: 'remove', path: 'members' })).toEqual([{ op: 'removeAll' }]);
    expect(
      edits({ op: 'remove', path: 'members', value: [{ $ref: null, value: 'a' }, { value: 'b' }] }),
    ).toEqual([{ op: 'remove', ids: ['a', 'b'] }]);
    expect(edits({ op: 'remove', path: 'members', value: [] })).toEqual([]);
  });

  it('removes by value path', () => {
    expect(edits({ op: 'remove', path: 'members[value eq "a"]' })).toEqual([{ op: 'remove', ids: ['a'] }]);
    expect(edits({ op: 'remove', path: 'MEMBERS[Value EQ a or (value eq "b" or value eq "c")]' })).toEqual([
      { op: 'remove', ids: ['a', 'b', 'c'] },
    ]);
  });

  it('knows that every member is a user', () => {
    const path = 'members[type eq "user" and value eq "a" or value eq "b" and type eq "Group"]';
    expect(edits({ op: 'remove', path })).toEqual([{ op: 'remove', ids: ['a'] }]);
    expect(edits({ op: 'remove', path: 'members[value eq "b" and type eq "Group"]' })).toEqual([]);
  });

  it('keeps the order of operations, and makes one of neighbours of a kind', () => {
    expect(
      edits(
        { op: 'remove', path: 'members[value eq "a"]' },
        { op: 'add', path: 'members', value: [{ value: 'b' }] },
        { op: 'add', path: 'members', value: [{ value: 'c' }] },
        { op: 'remove', path: 'members', value: [{ value: 'd' }] },
        { op: 'remove', path: 'members[value eq "e"]' },
        { op: 'replace', path: 'members', value: [] },
        { op: 'replace', path: 'members', value: [{ value: 'f' }] },
        { op: 'remove', path: 'members' },
      ),
    ).toEqual([
      { op: 'remove', ids: ['a'] },
      { op: 'add', ids: ['b', 'c'] },
      { op: 'remove', ids: ['d', 'e'] },
      { op: 'replace', ids: [] },
      { op: 'replace', ids: ['f'] },
      { op: 'removeAll' },
    ]);
  });

  it.each<[string, unknown]>([
    ['invalidValue', { op: 'add', path: 'members', value: [{ display: 'x' }] }],
    ['invalidValue', { op: 'add', path: 'members', value: [null] }],
    ['invalidValue', { op: 'add', path: 'members', value: [{ value: '' }] }],
    ['invalidValue', { op: 'add', path: 'members', value: [{ value: 'a\0' }] }],
    ['invalidValue', { op: 'add', path: 'members', value: [{ value: 'g', type: 'Group' }] }],
    ['invalidValue', { op: 'add', path: 'members', value: [{ value: 'g', $ref: '../Groups/g' }] }],
    ['invalidValue', { op: 'add', path: 'members', value: [{ value: 'g', $ref: 'https://x/v2/groups/g' }] }],
    ['invalidValue', { op: 'remove', path: 'members', value: [{}] }],
    ['invalidFilter', { op: 'remove', path: 'members[type eq "User"]' }],
    ['invalidFilter', { op: 'remove', path: 'members[display eq "x"]' }],
    ['invalidFilter', { op: 'remove', path: 'members[value sw "x"]' }],
    ['invalidFilter', { op: 'remove', path: 'members[not (value eq "x")]' }],
    ['invalidFilter', { op: 'remove', path: 'members[value eq null]' }],
    ['invalidFilter', { op: 'remove', path: 'members[value eq "x" and display eq "y"]' }],
    ['invalidFilter', { op: 'remove', path: 'members[value eq "x" or display eq "y"]' }],
    ['mutability', { op: 'replace', path: 'members[value eq "x"]', value: { value: 'y' } }],
    ['mutability', { op: 'replace', path: 'members[value eq "x"].display', value: 'y' }],
    ['mutability', { op: 'add', path: 'members.value', value: 'y' }],
    ['invalidPath', { op: 'remove', path: 'members[mood eq "x"]' }],
    ['mutability', { op: 'remove', path: 'displayName' }],
    ['mutability', { op: 'replace', path: 'id', value: 'x' }],
    ['invalidValue', { op: 'replace', path: 'displayName', value: '' }],
    ['invalidPath', { op: 'replace', path: 'userName', value: 'x' }],
    ['noTarget', { op: 'remove' }],
  ])('%s: %j', (scimType, operation) => {
    expect(refusal(operation)).toBe(scimType);
  });

  it('takes as many members as a body holds', () => {
    const ids = Array.from({ length: 50_000 }, (_, i) => `user${i}`);
    const value = ids.map((id) => ({ value: id }));
    expect(edits({ op: 'add', path: 'members', value }, { op: 'add', path: 'members', value })).toEqual([
      { op: 'add', ids: [...ids, ...ids] },
    ]);
  });
});

describe('groups of identity providers', () => {
  it('Okta: renames without a path, its id among the attributes', () => {
    expect(patch({ op: 'replace', value: { id: 'g', displayName: 'Crew' } })).toMatchObject({
      resource: { ...STAFF, displayName: 'Crew' },
      members: [],
      unknown: [],
    });
  });

  it('Entra ID: a second schema and capital operations', () => {
    const value = {
      schemas: ['http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group'],
      externalId: 'x',
      mailNickname: 'n',
    };
    expect(
      patch({ op: 'Add', value }, { op: 'Remove', path: 'members', value: [{ value: 'a' }] }),
    ).toMatchObject({
      resource: { ...STAFF, externalId: 'x' },
      members: [{ op: 'remove', ids: ['a'] }],
      unknown: ['mailNickname'],
    });
  });

  it('a path that names three hundred members', () => {
    const ids = Array.from(
      { length: 300 },
      (_, i) => `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`,
    );
    const path = `members[${ids.map((id) => `value eq "${id}"`).join(' or ')}]`;
    expect(path.length).toBeGreaterThan(15_000);
    expect(edits({ op: 'remove', path })).toEqual([{ op: 'remove', ids }]);
  });

  it('JumpCloud: members without a filter', () => {
    expect(edits({ op: 'add', path: 'members', value: [{ value: 'a' }] })).toEqual([
      { op: 'add', ids: ['a'] },
    ]);
  });
});
