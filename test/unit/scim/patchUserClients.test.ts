/** PATCH of a user as identity providers write it. */

import { patchUser } from '../../../src/scim/patch/user.ts';
import { ENTERPRISE, HOME, JANE, patch, refusal, USER, WORK } from './jane.ts';

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
