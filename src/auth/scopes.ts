/** The scopes of tokens, and which scopes a request needs. */

export const ADMIN_SCOPES = ['read', 'write'] as const;
export type AdminScope = (typeof ADMIN_SCOPES)[number];

const VERBS = ['get', 'post', 'put', 'patch', 'delete'] as const;
type Verb = (typeof VERBS)[number];
const RESOURCES = ['users', 'groups'] as const;
type ScimResource = (typeof RESOURCES)[number];

export type ScimScope = `${Verb}:${ScimResource}`;
export const SCIM_SCOPES: readonly ScimScope[] = RESOURCES.flatMap((resource) =>
  VERBS.map((verb): ScimScope => `${verb}:${resource}`),
);

/**
 * The scopes that a SCIM request needs. Discovery needs none. A bulk request itself needs none either: each of its
 * operations is checked on its own. `path` is relative to `/scim/v2`. A search by POST (RFC 7644 §3.4.3) reads, and
 * without a resource it reads both kinds.
 */
export function requiredScimScopes(method: string, path: string): readonly ScimScope[] {
  const [first = '', ...rest] = path.toLowerCase().split('/').filter(Boolean);
  const search = method === 'POST' && [first, ...rest].at(-1) === '.search';
  const verb = search || method === 'HEAD' ? 'get' : VERBS.find((v) => v === method.toLowerCase());
  if (!verb) return [];
  if (first === '.search') return RESOURCES.map((resource): ScimScope => `${verb}:${resource}`);
  const resource = RESOURCES.find((r) => r === first);
  return resource ? [`${verb}:${resource}`] : [];
}
