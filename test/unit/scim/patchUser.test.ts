/** PATCH of a user, operation by operation (RFC 7644 §3.5.2), and what identity providers send. */

import type { Resource } from '../../../src/model/resource.ts';
import { PatchError } from '../../../src/scim/patch/error.ts';
import { patchUser } from '../../../src/scim/patch/user.ts';
import { namesIn } from '../../../src/scim/request/names.ts';

const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';

const JANE: Resource = {
  userName: 'jane',
  active: true,
  name: { givenName: 'Jane', familyName: 'Doe' },
  emails: [
    { type: 'work', value: 'jane@work.example', primary: true },
    { type: 'home', value: 'jane@home.example', display: 'Home' },
  ],
  [ENTERPRISE]: { department: 'R&D', manager: { value: 'boss', $ref: '../Users/boss' } },
};

function patch(resource: Resource, ...operations: unknown[]): Resource {
  return patchUser(resource, operations, { unknownAttributes: 'Reject' }).resource;
}

function refusal(
  resource: Resource,
  operations: readonly unknown[],
  unknownAttributes: 'Reject' | 'Ignore' = 'Reject',
) {
  const before = structuredClone(resource);
  try {
    patchUser(resource, operations, { unknownAttributes });
  } catch (error) {
    expect(error).toBeInstanceOf(PatchError);
    expect(resource).toEqual(before);
    return (error as PatchError).scimType;
  }
  return 'accepted';
}

const [WORK, HOME] = JANE.emails as [object, object];

describe('add (RFC 7644 §3.5.2.1)', () => {
  it('sets a singular attribute, and replaces one that is there', () => {
    expect(patch(JANE, { op: 'add', path: 'title', value: 'CEO' }).title).toBe('CEO');
    expect(patch(JANE, { op: 'add', path: 'name.givenName', value: 'Jo' }).name).toEqual({
      givenName: 'Jo',
      familyName: 'Doe',
    });
    expect(patch({ userName: 'x' }, { op: 'add', path: 'name.givenName', value: 'Jo' }).name).toEqual({
      givenName: 'Jo',
    });
  });

  it('adds the sub-attributes of a complex attribute to those that are there', () => {
    expect(patch(JANE, { op: 'add', path: 'name', value: { middleName: 'M' } }).name).toEqual({
      givenName: 'Jane',
      familyName: 'Doe',
      middleName: 'M',
    });
  });

  it('appends to a multi-valued attribute, a list or a single value', () => {
    const other = { type: 'other', value: 'j@other.example' };
    for (const value of [[other], other]) {
      expect(patch(JANE, { op: 'add', path: 'emails', value }).emails).toEqual([WORK, HOME, other]);
      expect(patch(JANE, { op: 'add', value: { emails: value } }).emails).toEqual([WORK, HOME, other]);
    }
  });

  it('changes nothing where the value is there already', () => {
    for (const value of [
      WORK,
      { value: 'JANE@WORK.example', type: 'Work' },
      { value: 'jane@work.example' },
    ]) {
      expect(patch(JANE, { op: 'add', path: 'emails', value: [value] }).emails).toHaveLength(2);
    }
    expect(patch(JANE, { op: 'add', path: 'emails', value: [WORK, HOME] })).toEqual(JANE);
    const address = { type: 'work', locality: 'Bonn' };
    const moved = patch(JANE, { op: 'add', path: 'addresses', value: address });
    expect(patch(moved, { op: 'add', path: 'addresses', value: [address, address] })).toEqual(moved);
  });

  it('adds without a path whatever the value holds', () => {
    expect(patch(JANE, { op: 'add', value: { nickName: 'J', name: { middleName: 'M' } } })).toEqual({
      ...JANE,
      nickName: 'J',
      name: { givenName: 'Jane', familyName: 'Doe', middleName: 'M' },
    });
  });

  it('adds nothing for a value of which nothing is left', () => {
    for (const value of [{}, [{}], [null], [''], [{ value: null }]]) {
      expect(patch(JANE, { op: 'add', path: 'emails', value })).toEqual(JANE);
      expect(patch(JANE, { op: 'replace', path: 'phoneNumbers', value })).toEqual(JANE);
    }
  });

  it('adds nothing for null', () => {
    expect(
      patch(JANE, { op: 'add', path: 'title', value: null }, { op: 'add', path: 'name', value: null }),
    ).toEqual(JANE);
  });
});

describe('remove (RFC 7644 §3.5.2.2)', () => {
  it.each<[string, Resource]>([
    ['name.givenName', { ...JANE, name: { familyName: 'Doe' } }],
    ['name', { ...JANE, name: undefined }],
    ['emails', { ...JANE, emails: undefined }],
    ['emails[type eq "home"]', { ...JANE, emails: [WORK] }],
    ['emails[type eq "home" or primary eq true]', { ...JANE, emails: undefined }],
    [
      'emails[type eq "home"].display',
      { ...JANE, emails: [WORK, { type: 'home', value: 'jane@home.example' }] },
    ],
    [
      'emails[type eq "home" and not (display sw "x")].display',
      { ...JANE, emails: [WORK, { type: 'home', value: 'jane@home.example' }] },
    ],
    ['emails.display', { ...JANE, emails: [WORK, { type: 'home', value: 'jane@home.example' }] }],
    // An element without anything but its label is none.
    ['emails[type eq "work"].value', { ...JANE, emails: [HOME] }],
    [`${ENTERPRISE}:manager`, { ...JANE, [ENTERPRISE]: { department: 'R&D' } }],
    [
      `${ENTERPRISE}:manager.$ref`,
      { ...JANE, [ENTERPRISE]: { department: 'R&D', manager: { value: 'boss' } } },
    ],
    [ENTERPRISE, { ...JANE, [ENTERPRISE]: undefined }],
    // What is not there is gone: a success.
    ['title', JANE],
    ['name.middleName', JANE],
    ['roles[value eq "x"].display', JANE],
    ['emails[type eq "other"]', JANE],
    ['phoneNumbers', JANE],
  ])('%s', (path, expected) => {
    expect(patch(JANE, { op: 'remove', path })).toEqual(JSON.parse(JSON.stringify(expected)));
  });

  it('leaves no empty complex attribute behind', () => {
    const emptied = patch(
      JANE,
      { op: 'remove', path: 'name.givenName' },
      { op: 'remove', path: 'name.familyName' },
      { op: 'remove', path: `${ENTERPRISE}:department` },
      { op: 'remove', path: `${ENTERPRISE}:manager.value` },
      { op: 'remove', path: `${ENTERPRISE}:manager.$ref` },
    );
    expect(Object.keys(emptied).sort()).toEqual(['active', 'emails', 'userName']);
  });

  it('Entra ID: removes the values that a value list names', () => {
    expect(
      patch(JANE, { op: 'Remove', path: 'emails', value: [{ value: 'JANE@home.example' }] }).emails,
    ).toEqual([WORK]);
    expect(
      patch(JANE, { op: 'Remove', path: 'emails', value: { type: 'work', value: 'jane@home.example' } }),
    ).toEqual(JANE);
    expect(patch(JANE, { op: 'Remove', path: 'emails', value: ['jane@work.example'] }).emails).toEqual([
      HOME,
    ]);
    expect(patch(JANE, { op: 'Remove', path: 'emails', value: [{ $ref: null, value: 'x' }] })).toEqual(JANE);
    expect(patch(JANE, { op: 'Remove', path: 'emails', value: [] })).toEqual(JANE);
    expect(refusal(JANE, [{ op: 'remove', path: 'emails', value: [{}] }])).toBe('invalidValue');
  });

  it('needs a path: noTarget', () => {
    expect(refusal(JANE, [{ op: 'remove' }])).toBe('noTarget');
    expect(refusal(JANE, [{ op: 'remove', value: { title: 'x' } }])).toBe('noTarget');
  });

  it('cannot remove what is required or read-only: mutability', () => {
    for (const path of ['userName', `${USER}:USERNAME`, 'id', 'meta', 'meta.created', 'groups', 'schemas']) {
      expect(refusal(JANE, [{ op: 'remove', path }])).toBe('mutability');
    }
  });

  it('cannot remove active: someone who left would come back', () => {
    expect(refusal(JANE, [{ op: 'remove', path: 'active' }])).toBe('invalidValue');
    expect(refusal(JANE, [{ op: 'replace', path: 'active', value: null }])).toBe('invalidValue');
    expect(patch({ ...JANE, active: false }, { op: 'replace', value: { active: null } }).active).toBe(false);
  });
});

describe('replace (RFC 7644 §3.5.2.3)', () => {
  it('sets what is there and what is not', () => {
    expect(patch(JANE, { op: 'replace', path: 'userName', value: 'jo' }).userName).toBe('jo');
    expect(patch(JANE, { op: 'replace', path: 'title', value: 'CEO' }).title).toBe('CEO');
  });

  it('replaces the named sub-attributes of a complex attribute and keeps the others, with and without path', () => {
    const name = { givenName: 'Jo', familyName: 'Doe', formatted: 'Jo Doe' };
    const value = { givenName: 'Jo', formatted: 'Jo Doe' };
    expect(patch(JANE, { op: 'replace', path: 'name', value }).name).toEqual(name);
    expect(patch(JANE, { op: 'replace', value: { name: value } }).name).toEqual(name);
    expect(patch(JANE, { op: 'replace', path: 'name', value: { givenName: null } }).name).toEqual({
      familyName: 'Doe',
    });
    const department = { department: 'Sales' };
    for (const operation of [
      { op: 'replace', path: ENTERPRISE, value: department },
      { op: 'replace', value: { [ENTERPRISE]: department } },
    ]) {
      expect(patch(JANE, operation)[ENTERPRISE]).toEqual({ ...(JANE[ENTERPRISE] as object), ...department });
    }
  });

  it('knows nothing of a new manager but what it was given', () => {
    expect(
      patch(JANE, { op: 'replace', path: `${ENTERPRISE}:manager`, value: { value: 'other' } })[ENTERPRISE],
    ).toEqual({
      department: 'R&D',
      manager: { value: 'other' },
    });
  });

  it('replaces all values of a multi-valued attribute', () => {
    const value = [{ value: 'a', type: 'work' }, { value: 'A', type: 'WORK' }, { value: 'b' }];
    for (const operation of [
      { op: 'replace', path: 'emails', value },
      { op: 'replace', value: { emails: value } },
    ]) {
      expect(patch(JANE, operation).emails).toEqual([{ value: 'A', type: 'WORK' }, { value: 'b' }]);
    }
  });

  it.each([[[]], [null]])('unassigns by %j (RFC 7643 §2.5)', (value) => {
    expect(patch(JANE, { op: 'replace', path: 'emails', value }).emails).toBeUndefined();
    expect(patch(JANE, { op: 'replace', value: { emails: value, name: null } })).toEqual({
      userName: 'jane',
      active: true,
      [ENTERPRISE]: JANE[ENTERPRISE],
    });
  });

  it('writes into every selected value', () => {
    const both = patch(JANE, { op: 'replace', path: 'emails[value co "example"].display', value: 'Mail' });
    expect(both.emails).toEqual([
      { ...WORK, display: 'Mail' },
      { ...HOME, display: 'Mail' },
    ]);
    expect(patch(JANE, { op: 'replace', path: 'emails.display', value: 'Mail' })).toEqual(both);
  });

  it('replaces the named sub-attributes of a selected value', () => {
    const value = { value: 'new@work.example', display: 'W' };
    expect(patch(JANE, { op: 'replace', path: 'emails[type eq "work"]', value }).emails).toEqual([
      { ...WORK, ...value },
      HOME,
    ]);
    expect(patch(JANE, { op: 'replace', path: 'emails[type eq "work"]', value: [value] }).emails).toEqual([
      { ...WORK, ...value },
      HOME,
    ]);
  });

  it('makes one of values that became the same', () => {
    const patched = patch(
      JANE,
      { op: 'replace', path: 'emails.type', value: 'other' },
      { op: 'replace', path: 'emails.value', value: 'x' },
    );
    expect(patched.emails).toEqual([{ type: 'other', value: 'x', primary: true, display: 'Home' }]);
  });

  it('noTarget: nothing matches, and the filter names no value to make', () => {
    for (const [path, value] of [
      ['emails[value eq "nobody@x"].type', 'home'],
      ['emails[value eq "nobody@x"].value', 'other@x'],
      ['emails[value eq "nobody@x"]', { type: 'home' }],
      ['emails[type eq "other" or type eq "fax"].value', 'x'],
      ['emails[value co "zzz"].value', 'x'],
      ['emails[not (type pr)].type', 'x'],
      ['addresses[locality eq "Bonn"].country', 'DE'],
      ['emails[type eq "other"].primary', true],
      ['emails[type eq "other"]', { type: 'fax', value: 'x' }],
    ] as const) {
      expect([path, refusal(JANE, [{ op: 'replace', path, value }])]).toEqual([path, 'noTarget']);
    }
  });

  it('takes no value away from nothing', () => {
    expect(patch(JANE, { op: 'replace', path: 'emails[type eq "other"].value', value: '' })).toEqual(JANE);
    expect(patch(JANE, { op: 'replace', path: 'emails[type eq "other"].value', value: null })).toEqual(JANE);
    expect(patch(JANE, { op: 'replace', path: 'emails[type eq "home"].value', value: '' }).emails).toEqual([
      WORK,
      { type: 'home', display: 'Home' },
    ]);
  });
});

describe('primary (RFC 7644 §3.5.2: a new primary ends the former one)', () => {
  it.each<[unknown]>([
    [{ op: 'replace', path: 'emails[type eq "home"].primary', value: true }],
    [{ op: 'Replace', path: 'emails[type eq "home"].primary', value: 'True' }],
    [{ op: 'add', path: 'emails', value: [{ ...HOME, primary: true }] }],
    [{ op: 'replace', path: 'emails[type eq "home"]', value: { primary: true } }],
  ])('%j', (operation) => {
    expect(patch(JANE, operation).emails).toEqual([
      { ...WORK, primary: false },
      { ...HOME, primary: true },
    ]);
  });

  it('lets the first of several new ones count', () => {
    const value = [
      { value: 'a', primary: true },
      { value: 'b', primary: true },
    ];
    expect(patch(JANE, { op: 'replace', path: 'emails', value }).emails).toEqual([
      { value: 'a', primary: true },
      { value: 'b', primary: false },
    ]);
    expect(patch(JANE, { op: 'add', path: 'emails', value }).emails).toEqual([
      { ...WORK, primary: false },
      HOME,
      { value: 'a', primary: true },
      { value: 'b', primary: false },
    ]);
  });
});

describe('what identity providers send', () => {
  it('Okta: replace without path', () => {
    expect(patch(JANE, { op: 'replace', value: { active: false } })).toEqual({ ...JANE, active: false });
  });

  it('Entra ID: capital operations, booleans as strings', () => {
    expect(patch(JANE, { op: 'Replace', path: 'active', value: 'False' }).active).toBe(false);
    expect(patch(JANE, { op: 'Add', path: 'Active', value: 'true' }).active).toBe(true);
    expect(refusal(JANE, [{ op: 'Replace', path: 'active', value: 'no' }])).toBe('invalidValue');
  });

  it('Entra ID: dotted names, URNs and value paths as keys', () => {
    expect(
      patch(JANE, {
        op: 'replace',
        value: {
          displayName: 'J',
          'name.givenName': 'Jo',
          'emails[type eq "work"].value': 'jo@work.example',
          [`${ENTERPRISE}:employeeNumber`]: '7',
          [`${USER}:title`]: 'CEO',
          [`${ENTERPRISE}:manager`]: 'new-boss',
        },
      }),
    ).toEqual({
      ...JANE,
      displayName: 'J',
      title: 'CEO',
      name: { givenName: 'Jo', familyName: 'Doe' },
      emails: [{ ...WORK, value: 'jo@work.example' }, HOME],
      [ENTERPRISE]: { department: 'R&D', employeeNumber: '7', manager: { value: 'new-boss' } },
    });
  });

  it('takes the core schema by its URN for the resource itself, as a path and as a key', () => {
    const value = { title: 'CEO', name: { givenName: 'Jo' } };
    const patched = { ...JANE, title: 'CEO', name: { givenName: 'Jo', familyName: 'Doe' } };
    expect(patch(JANE, { op: 'replace', path: USER.toLowerCase(), value })).toEqual(patched);
    expect(patch(JANE, { op: 'add', value: { [USER]: value } })).toEqual(patched);
    expect(patch(JANE, { op: 'replace', value: { [USER]: { active: 'False' } } }).active).toBe(false);
    expect(refusal(JANE, [{ op: 'remove', path: USER }])).toBe('noTarget');
    expect(refusal(JANE, [{ op: 'add', value: { [USER]: 'CEO' } }])).toBe('invalidValue');
  });

  it.each(['Add', 'Replace'])('Entra ID: %s makes the element that is not there', (op) => {
    const user = patch(
      { userName: 'x' },
      { op, path: 'emails[type eq "work"].value', value: 'x@work.example' },
      { op, path: 'phoneNumbers[type eq "mobile"].value', value: '+1' },
      { op, path: 'addresses[type eq "work"].formatted', value: 'Columbus' },
      { op, path: 'addresses[type eq "work"].country', value: 'US' },
      { op, path: 'roles[primary eq "True"].display', value: 'Admin' },
      { op, path: 'roles[primary eq "True"].value', value: 'admin' },
      { op, path: 'ims[type eq "xmpp"]', value: { value: 'x' } },
    );
    expect(user).toEqual({
      userName: 'x',
      emails: [{ type: 'work', value: 'x@work.example' }],
      phoneNumbers: [{ type: 'mobile', value: '+1' }],
      addresses: [{ type: 'work', formatted: 'Columbus', country: 'US' }],
      roles: [{ primary: true, display: 'Admin', value: 'admin' }],
      ims: [{ type: 'xmpp', value: 'x' }],
    });
  });

  it('Entra ID: primary may come before the value of the element that is to be made', () => {
    const operations = [
      { op: 'Add', path: 'emails[type eq "other"].primary', value: 'true' },
      { op: 'Add', path: 'emails[type eq "other"].value', value: 'o@x' },
    ];
    expect(patch(JANE, ...operations).emails).toEqual([
      { ...WORK, primary: false },
      HOME,
      { type: 'other', primary: true, value: 'o@x' },
    ]);
    expect(refusal(JANE, operations.slice(0, 1))).toBe('noTarget');
  });

  it('takes a list of one for the value of a singular attribute', () => {
    expect(
      patch(
        { ...JANE, active: true },
        { op: 'replace', path: 'active', value: [false] },
        { op: 'replace', path: 'title', value: ['CEO'] },
        { op: 'replace', value: { 'name.givenName': ['Jo'], nickName: ['J'] } },
        { op: 'replace', path: 'emails[type eq "home"].value', value: ['jo@home.example'] },
      ),
    ).toEqual({
      ...JANE,
      active: false,
      title: 'CEO',
      nickName: 'J',
      name: { givenName: 'Jo', familyName: 'Doe' },
      emails: [WORK, { ...HOME, value: 'jo@home.example' }],
    });
    expect(patch(JANE, { op: 'replace', path: 'title', value: [] })).not.toHaveProperty('title');
  });

  it('takes the manager away whose value is empty', () => {
    const without = { ...JANE, [ENTERPRISE]: { department: 'R&D' } };
    for (const op of ['add', 'replace']) {
      expect(patch(JANE, { op, path: `${ENTERPRISE}:manager`, value: { value: '' } })).toEqual(without);
      expect(patch(JANE, { op, path: `${ENTERPRISE}:manager.value`, value: '' })).toEqual(without);
      expect(patch(JANE, { op, value: { [ENTERPRISE]: { manager: { value: '' } } } })).toEqual(without);
      expect(patch(JANE, { op, value: { [`${ENTERPRISE}:manager`]: [{ value: '' }] } })).toEqual(without);
    }
  });

  it('Entra ID: the manager as a bare string, or as an empty one', () => {
    const manager = (value: unknown) =>
      patch(JANE, { op: 'Replace', path: `${ENTERPRISE}:manager`, value })[ENTERPRISE];
    expect(manager('b2')).toEqual({ department: 'R&D', manager: { value: 'b2' } });
    expect(manager([{ value: 'b2' }])).toEqual({ department: 'R&D', manager: { value: 'b2' } });
    expect(manager('')).toEqual({ department: 'R&D' });
    expect(patch(JANE, { op: 'Add', path: `${ENTERPRISE}:manager`, value: '' })).toEqual(JANE);
  });

  it('Entra ID: an empty list of operations changes nothing', () => {
    expect(patch(JANE)).toEqual(JANE);
  });

  it('takes names in any case and stores them in theirs', () => {
    expect(
      patch(
        { userName: 'x' },
        { OP: 'REPLACE', Path: 'NAME.GIVENNAME', Value: 'Jo' },
        { op: 'add', path: `${ENTERPRISE.toUpperCase()}:DEPARTMENT`, value: 'R' },
        { op: 'add', path: `${USER}:EMAILS[TYPE EQ "work"].VALUE`, value: 'a' },
        { op: 'add', value: { PHONENUMBERS: [{ VALUE: '1', Type: 'work', PRIMARY: 'TRUE' }] } },
      ),
    ).toEqual({
      userName: 'x',
      name: { givenName: 'Jo' },
      [ENTERPRISE]: { department: 'R' },
      emails: [{ type: 'work', value: 'a' }],
      phoneNumbers: [{ value: '1', type: 'work', primary: true }],
    });
  });

  it('takes any type of a value: canonicalValues are suggestions (RFC 7643 §7)', () => {
    expect(
      patch(JANE, {
        op: 'add',
        path: 'roles',
        value: [{ value: 'r', type: 'WindowsAzureActiveDirectoryRole', primary: 'True' }],
      }).roles,
    ).toEqual([{ value: 'r', type: 'WindowsAzureActiveDirectoryRole', primary: true }]);
  });

  it('passes over what only the server sets, where it comes among other attributes', () => {
    const value = {
      id: 'x',
      meta: {},
      groups: [{ value: 'g' }],
      schemas: [],
      title: 'CEO',
      'meta.created': 'x',
    };
    expect(patchUser(JANE, [{ op: 'replace', value }], { unknownAttributes: 'Reject' })).toMatchObject({
      resource: { ...JANE, title: 'CEO' },
      unknown: [],
    });
    const extended = { [ENTERPRISE]: { manager: { displayName: 'B', value: 'boss' } } };
    expect(patch(JANE, { op: 'replace', value: extended })).toEqual(JANE);
  });

  it('takes a password and keeps it nowhere', () => {
    expect(
      patch(
        JANE,
        { op: 'add', path: 'password', value: 's3cret' },
        { op: 'replace', value: { password: 'x' } },
        { op: 'remove', path: 'password' },
      ),
    ).toEqual(JANE);
  });
});

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
