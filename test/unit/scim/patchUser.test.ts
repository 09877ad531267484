/** PATCH of a user, operation by operation (RFC 7644 §3.5.2). */

import type { Resource } from '../../../src/model/resource.ts';
import { ENTERPRISE, HOME, JANE, patch, refusal, USER, WORK } from './jane.ts';

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
