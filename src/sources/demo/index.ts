/** The made-up directory, without settings and without a server: for a first look, and for tests. */

import { SOURCE_SPECS } from '../settings.ts';
import type { SourceDefinition, SourceUser } from '../source.ts';
import { companyOn, type Employee } from './company.ts';
import { createDemoSource } from './source.ts';

export const demoSource: SourceDefinition = {
  strategy: 'demo',
  vendor: 'Demo directory',
  enriches: false,
  settings: SOURCE_SPECS,
  scopeKeys: [],
  hostKeys: [],
  reach: 'public',
  defaultMapping: [
    { target: 'userName', sources: ['email'] },
    { target: 'primaryEmail', sources: ['email'] },
    { target: 'name.givenName', sources: ['givenName'] },
    { target: 'name.familyName', sources: ['familyName'] },
    { target: 'displayName', sources: ['displayName'] },
    { target: 'title', sources: ['title'] },
    { target: 'enterprise.department', sources: ['department'] },
    { target: 'enterprise.employeeNumber', sources: ['employeeNumber'] },
  ],
  manager: { childKey: 'managerId', parentKey: 'employeeNumber' },
  create: () => createDemoSource(companyOn, userOf),
};

function userOf(employee: Employee): SourceUser {
  const { id, state, givenName, familyName, number, managerNumber, title, department, office } = employee;
  return {
    id,
    state,
    ...(state === 'inactive' ? { because: 'left the company' } : {}),
    attributes: {
      email: `${givenName}.${familyName}.${number.slice(1)}@demo.example`.toLowerCase(),
      givenName,
      familyName,
      displayName: `${givenName} ${familyName}`,
      ...{ title, department, office },
      employeeNumber: number,
      ...(managerNumber === null ? {} : { managerId: managerNumber }),
    },
  };
}
