/** Between the bridge's attributes and Slack's SCIM resources. */

import {
  ENTERPRISE_SCHEMA,
  newUser,
  patchOperation,
  SLACK_ATTRIBUTES,
  SLACK_DEFAULT_MAPPING,
  toRemoteGroup,
  toRemoteMembers,
  toRemoteUser,
} from '../../../src/connectors/slack/mapping.ts';

describe('the mapping to Slack', () => {
  it('makes a user with a primary address, and nothing that is empty', () => {
    expect(newUser({ primaryEmail: 'jane@example.com', title: '', givenName: 'Jane' }, 'jane')).toEqual({
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
      userName: 'jane',
      emails: [{ value: 'jane@example.com', type: 'work', primary: true }],
      name: { givenName: 'Jane' },
      active: true,
    });
  });

  it('names the enterprise extension where it is used', () => {
    const user = newUser({ primaryEmail: 'jane@example.com', department: 'Flight' }, 'jane');
    expect(user.schemas).toContain(ENTERPRISE_SCHEMA);
    expect(user[ENTERPRISE_SCHEMA]).toEqual({ department: 'Flight' });
  });

  it("names the manager's account as Slack reads it, and reads what Slack shows", () => {
    const user = newUser({ primaryEmail: 'jane@example.com', manager: 'U2' }, 'jane');
    expect(user[ENTERPRISE_SCHEMA]).toEqual({ manager: { managerId: 'U2' } });
    const shown = (manager: unknown) =>
      toRemoteUser({ id: 'U1', [ENTERPRISE_SCHEMA]: { manager } }, 'primaryEmail').attributes.manager;
    expect([{ managerId: 'U2' }, { managerId: null }, {}, null, undefined].map(shown)).toEqual([
      ...['U2', '', '', ''],
      undefined,
    ]);
  });

  it.each([
    ['title', 'Old', 'New', { op: 'replace', path: 'title', value: 'New' }],
    ['title', 'Old', '', { op: 'replace', path: 'title', value: '' }],
    ['givenName', null, 'Jane', { op: 'replace', path: 'name.givenName', value: 'Jane' }],
    [
      'department',
      null,
      'Flight',
      { op: 'replace', path: `${ENTERPRISE_SCHEMA}:department`, value: 'Flight' },
    ],
    ...['U2', ''].map((managerId): [string, null, string, object] => [
      'manager',
      null,
      managerId,
      { op: 'replace', path: `${ENTERPRISE_SCHEMA}:manager`, value: { managerId } },
    ]),
    [
      'primaryEmail',
      'old@example.com',
      'new@example.com',
      { op: 'replace', path: 'emails[primary eq true].value', value: 'new@example.com' },
    ],
    ['phoneNumber', null, '1', { op: 'add', path: 'phoneNumbers', value: [{ value: '1', primary: true }] }],
    ['phoneNumber', '1', '2', { op: 'replace', path: 'phoneNumbers[primary eq true].value', value: '2' }],
    ['phoneNumber', '1', '', { op: 'remove', path: 'phoneNumbers[primary eq true]' }],
  ])('changes %s from %s to "%s" with one operation', (name, from, to, operation) => {
    expect(patchOperation({ name, from, to })).toEqual(operation);
  });

  it('reads what Slack shows, null as empty, and what it does not show as unknown', () => {
    const remote = toRemoteUser(
      {
        id: 'U1',
        userName: 'jane',
        displayName: '',
        active: false,
        name: { givenName: 'Jane', familyName: null },
        emails: [
          { value: 'second@example.com', primary: false },
          { value: 'jane@example.com', primary: true },
        ],
        title: null,
        [ENTERPRISE_SCHEMA]: { department: 'Flight', division: null },
      },
      'primaryEmail',
    );
    expect(remote).toEqual({
      kind: 'user',
      remoteId: 'U1',
      display: 'jane',
      state: 'disabled',
      identifier: 'jane@example.com',
      attributes: {
        userName: 'jane',
        displayName: '',
        title: '',
        givenName: 'Jane',
        familyName: '',
        department: 'Flight',
        division: '',
        primaryEmail: 'jane@example.com',
      },
    });
  });

  it('survives an answer with next to nothing in it', () => {
    expect(toRemoteUser({ id: 'U1' }, 'primaryEmail')).toMatchObject({
      state: 'enabled',
      identifier: null,
      attributes: {},
    });
    expect(toRemoteGroup({ id: 'S1' })).toMatchObject({ remoteId: 'S1', name: '' });
    expect(toRemoteMembers({ id: 'S1', members: [{ value: 'U1' }, { value: '' }, {}] })).toEqual([
      { remoteId: 'U1', display: 'U1', level: null },
    ]);
  });

  it('maps only attributes that it has', () => {
    const known = SLACK_ATTRIBUTES.map((attribute) => attribute.name);
    for (const { targetAttribute } of SLACK_DEFAULT_MAPPING) expect(known).toContain(targetAttribute);
  });
});
