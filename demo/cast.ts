/** The people of the story, and how Okta writes them. */

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const PATCH_OP = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

export interface Person {
  readonly given: string;
  readonly family: string;
  readonly email: string;
  readonly title: string;
}

function person(name: string, title: string): Person {
  const [given = '', family = ''] = name.split(' ');
  return { given, family, email: `${given.toLowerCase()}@acme.example`, title };
}

export const ADA = person('Ada Lovelace', 'Engineer');
export const GRACE = person('Grace Hopper', 'Engineer');
export const ALAN = person('Alan Turing', 'Engineer');
export const JOAN = person('Joan Clarke', 'Designer');
export const RADIA = person('Radia Perlman', 'Engineer');
/** Of the sales team; the one who really leaves. */
export const KIM = person('Kim Lang', 'Sales');

/** So many that a brake is needed, and not more than Slack's pace lets through in one burst. */
export const SALES: readonly Person[] = [
  ...['Anna Berg', 'Ben Cole', 'Carla Diaz', 'Daniel Eder', 'Elena Fox', 'Felix Gray', 'Gina Hart'],
  ...['Hugo Iles', 'Iris Jung', 'Jonas Kern', 'Lena Marsh', 'Milo Nash', 'Nora Owen', 'Oscar Pratt'],
  ...['Petra Quinn', 'Rosa Stein'],
]
  .map((name) => person(name, 'Sales'))
  .concat(KIM);

export const EVERYBODY: readonly Person[] = [ADA, GRACE, ALAN, JOAN, RADIA, ...SALES];

export function userBody(who: Person): Record<string, unknown> {
  return {
    schemas: [USER],
    userName: who.email,
    name: { givenName: who.given, familyName: who.family },
    displayName: `${who.given} ${who.family}`,
    title: who.title,
    emails: [{ primary: true, value: who.email, type: 'work' }],
    locale: 'en-US',
    externalId: `00u${who.given.toLowerCase()}`,
    groups: [],
    active: true,
  };
}

export function groupBody(displayName: string): Record<string, unknown> {
  return { schemas: [GROUP], displayName, members: [] };
}

export function patchBody(...operations: readonly unknown[]): Record<string, unknown> {
  return { schemas: [PATCH_OP], Operations: operations };
}
