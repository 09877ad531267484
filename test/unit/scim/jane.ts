/** Jane, whom the tests of PATCH change, and what comes of it. */

import type { Resource } from '../../../src/model/resource.ts';
import { PatchError } from '../../../src/scim/patch/error.ts';
import { patchUser } from '../../../src/scim/patch/user.ts';

export const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
export const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';

export const JANE: Resource = {
  userName: 'jane',
  active: true,
  name: { givenName: 'Jane', familyName: 'Doe' },
  emails: [
    { type: 'work', value: 'jane@work.example', primary: true },
    { type: 'home', value: 'jane@home.example', display: 'Home' },
  ],
  [ENTERPRISE]: { department: 'R&D', manager: { value: 'boss', $ref: '../Users/boss' } },
};

export function patch(resource: Resource, ...operations: unknown[]): Resource {
  return patchUser(resource, operations, { unknownAttributes: 'Reject' }).resource;
}

export function refusal(
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

export const [WORK, HOME] = JANE.emails as [object, object];
