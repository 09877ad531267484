/** The attribute mapping of a connection, as stores and persons see it. */

import { effectiveInbound, isMapped, mappedResource, sourceMistake } from '../../../src/directory/inbound.ts';
import { createUser, deleteUser } from '../../../src/directory/users.ts';
import type { Write } from '../../../src/directory/write.ts';
import type { Resource } from '../../../src/model/resource.ts';
import { primaryEmail } from '../../../src/model/resource.ts';
import { ENTERPRISE_URN, sourceValue } from '../../../src/model/source.ts';
import { onEachDatabase } from '../../database.ts';
import { connection, directoryOn } from './tenants.ts';

const ANN: Resource = {
  userName: '00u1',
  externalId: 'ann@example.com',
  name: { givenName: 'Ann' },
  title: 'Engineer',
  emails: [
    { value: 'ann@home.example', type: 'home' },
    { value: 'ann@work.example', type: 'work', display: 'at work' },
    { value: 'ann@first.example', type: 'other', primary: true },
  ],
  addresses: [{ type: 'home', locality: 'Rome' }],
  roles: [{ value: 'admin' }],
  [ENTERPRISE_URN]: { employeeNumber: '7', manager: { value: 'boss' } },
};

describe('the directory as a mapping shows it', () => {
  it.each<[attribute: string, scim: string | null, shown: string | null]>([
    ['userName', 'externalId', 'ann@example.com'],
    ['primaryEmail', 'emails[type eq "HOME"].value', 'ann@home.example'],
    ['primaryEmail', 'emails', 'ann@first.example'],
    ['primaryEmail', 'emails[type ne "other"]', 'ann@work.example'],
    ['primaryEmail', 'externalId', 'ann@example.com'],
    ['primaryEmail', 'emails[type eq "none"].value', null],
    ['primaryEmail', 'emails[primary eq true].value', 'ann@first.example'],
    ['primaryPhone', 'nickName', null],
    ['title', null, null],
    ['title', 'roles', 'admin'],
    ['title', 'emails.display', 'at work'],
    ['name.familyName', 'addresses[type eq "home"].locality', 'Rome'],
    ['nickName', 'NAME.givenname', 'Ann'],
    ['enterprise.department', `${ENTERPRISE_URN}:manager`, 'boss'],
    ['enterprise.manager', `${ENTERPRISE_URN}:employeeNumber`, '7'],
    ['displayName', 'urn:ietf:params:scim:schemas:core:2.0:User:title', 'Engineer'],
  ])('%s from %s', (attribute, scim, shown) => {
    const before = structuredClone(ANN);
    expect(sourceValue(mappedResource([{ attribute, scim }])(ANN), attribute)).toBe(shown);
    expect(ANN).toEqual(before);
  });

  it('reads every attribute of the directory by default as stores do without any mapping', () => {
    const full: Resource = {
      ...ANN,
      ...{ displayName: 'Ann L', nickName: 'annie', userType: 'e', preferredLanguage: 'it', locale: 'it' },
      ...{ timezone: 'UTC', profileUrl: 'https://ann.example', phoneNumbers: [{ value: '1' }] },
      name: {
        ...{ formatted: 'Ann Lee', familyName: 'Lee', givenName: 'Ann', middleName: 'B' },
        ...{ honorificPrefix: 'Dr', honorificSuffix: 'II' },
      },
      [ENTERPRISE_URN]: {
        ...{ employeeNumber: '7', costCenter: '4', organization: 'O', division: 'D', department: 'R&D' },
        manager: { value: 'boss' },
      },
    };
    const view = mappedResource(effectiveInbound(null))(full);
    for (const { attribute } of effectiveInbound(null)) {
      const plain = sourceValue(full, attribute);
      expect([attribute, plain]).toEqual([attribute, expect.any(String)]);
      expect([attribute, sourceValue(view, attribute)]).toEqual([attribute, plain]);
    }
    expect(primaryEmail(view)).toBe(primaryEmail(full));
  });

  it.each<[sent: readonly (string | undefined)[], chosen: string | null]>([
    [['fax', 'mobile', 'work'], 'work'],
    [['fax', 'mobile'], 'mobile'],
    [['pager', undefined], 'undefined'],
    [['fax', 'Pager'], null],
  ])('of the phones %j takes %j by default, never a fax or a pager', (types, chosen) => {
    const phoneNumbers = types.map((type) => ({ value: String(type), ...(type && { type }) }));
    const user = { userName: 'ann', phoneNumbers };
    expect(sourceValue(user, 'primaryPhone')).toBe(chosen);
    expect(sourceValue(mappedResource(effectiveInbound(null))(user), 'primaryPhone')).toBe(chosen);
  });

  it.each<[seen: string, scim: string, mapped: boolean]>([
    ['emails[type eq "work"].value', 'emails', true],
    ['emails.value', 'emails', true],
    ['emails[type eq "Work"].value', 'emails[type eq "work"].value', true],
    ['emails[type eq "home"].value', 'emails[type eq "work"].value', false],
    ['emails.value', 'emails[type eq "work"].value', false],
    ['emails[type eq "home"].value', 'emails[type ne "other"].value', true],
    ['emails[type eq "other"].value', 'emails[not (type eq "other")].value', false],
    // Which one is primary, or what its value is, the name does not tell.
    ['emails[type eq "work"].value', 'emails[primary eq true].value', true],
    ['emails[type eq "home"].value', 'emails[type eq "work" and primary eq true].value', false],
    ['emails[type eq "work"].value', 'emails[value ew ".example"].value', true],
    ['emails[type eq "work"].display', 'emails[type eq "work"].value', false],
  ])('seen as %s, is it mapped by %s: %s', (seen, scim, mapped) => {
    expect(isMapped('user', seen, [{ attribute: 'title', scim }])).toBe(mapped);
  });

  it.each(['shoeSize', 'name', 'active', 'emails[type eq "work"', 'title[type eq "x"]', 'meta.created', ''])(
    'cannot be fed from %j',
    (scim) => {
      expect(sourceMistake(scim)).toEqual(expect.any(String));
      expect(() => mappedResource([{ attribute: 'title', scim }])).toThrow();
    },
  );
});

onEachDatabase((open) => {
  const asked = (write: Write, inbound: NonNullable<Write['inbound']>): Write => ({ ...write, inbound });

  it('finds one person in two connections by the e-mail that the mapping names', async () => {
    const db = await open();
    const directory = directoryOn(db);
    const okta = await connection(db);
    const hr = await connection(db, 'default', false);
    const first = await createUser(directory, okta('/Users'), {
      userName: 'a',
      emails: [{ value: 'Ann@Example.com' }],
    });
    const inbound = {
      userIdAttribute: 'userName',
      mapping: [{ attribute: 'primaryEmail', scim: 'externalId' }],
    };
    const second = await createUser(directory, asked(hr('/Users'), inbound), {
      userName: '7',
      externalId: 'ann@example.com',
    });
    expect(second.personId).toBe(first.personId);
  });

  it('knows who returns by the user id before the userName', async () => {
    const db = await open();
    const directory = directoryOn(db);
    const write = (await connection(db))('/Users');
    const inbound = { userIdAttribute: 'nickName', mapping: null };
    const left = [];
    for (const [userName, nickName] of [
      ['ann', 'seven'],
      ['bea', 'eight'],
    ]) {
      const user = await createUser(directory, asked(write, inbound), { userName, nickName });
      await deleteUser(directory, write, user.id, null);
      left.push(user);
    }
    // Bea left last and had the userName; Ann has the user id.
    const back = await createUser(directory, asked(write, inbound), { userName: 'BEA', nickName: 'Seven' });
    expect(back.personId).toBe(left[0]?.personId);
    const other = await createUser(directory, asked(write, inbound), { userName: 'cleo', nickName: 'eight' });
    expect(other.personId).toBe(left[1]?.personId);
  });
});
