/**
 * The paths that the bridge promises, each with its methods: none may go, whatever else the API learns. And every way
 * in which an operation can end has a schema.
 */

import { DOCUMENT } from '../../contract.ts';

const ENV = '/v1/environments/{envId}';
const CONNECTION = `${ENV}/connections/{connectionId}`;
const PERSON = `${ENV}/people/{personId}`;
const USER = `${ENV}/users/{userId}`;
const STORES = `${ENV}/propagation/stores`;
const STORE = `${STORES}/{storeId}`;
const PREVIEW = `${STORE}/preview/{previewId}`;
const INCIDENT = `${ENV}/propagation/incidents/{incidentId}`;

const PROMISED: readonly (readonly [path: string, ...methods: string[]])[] = [
  ['/v1', 'get'],
  ['/v1/openapi.json', 'get'],
  ['/v1/admin-tokens', 'get', 'post'],
  ['/v1/admin-tokens/{tokenId}', 'get', 'delete'],
  ['/v1/admin-tokens/{tokenId}/renew', 'post'],
  ['/v1/session', 'get', 'post', 'delete'],
  ['/v1/sessions', 'get'],
  ['/v1/sessions/{sessionId}', 'get', 'delete'],
  ['/v1/environments', 'get', 'post'],
  [ENV, 'get', 'put', 'delete'],
  [`${ENV}/connections`, 'get', 'post'],
  [CONNECTION, 'get', 'patch', 'delete'],
  [`${CONNECTION}/check`, 'post'],
  [`${CONNECTION}/activate`, 'post'],
  [`${CONNECTION}/pause`, 'post'],
  [`${CONNECTION}/resume`, 'post'],
  [`${CONNECTION}/syncs`, 'get', 'post'],
  [`${CONNECTION}/syncs/{syncId}`, 'get'],
  [`${CONNECTION}/syncs/{syncId}/changes`, 'get'],
  [`${ENV}/connectionMetadata`, 'get'],
  [`${ENV}/connectionMetadata/{strategy}`, 'get'],
  [`${CONNECTION}/scim-configuration`, 'get', 'put'],
  [`${CONNECTION}/scim-configuration/tokens`, 'get', 'post'],
  [`${CONNECTION}/scim-configuration/tokens/{tokenId}`, 'delete'],
  [`${ENV}/people`, 'get'],
  [PERSON, 'get'],
  [`${PERSON}/explanation`, 'get'],
  [`${PERSON}/timeline`, 'get'],
  [`${PERSON}/sync`, 'post'],
  [`${PERSON}/identity`, 'post'],
  [`${ENV}/users`, 'get'],
  [USER, 'get'],
  [`${USER}/syncStatus`, 'get'],
  [`${USER}/sync`, 'post'],
  [`${USER}/timeline`, 'get'],
  [`${ENV}/groups`, 'get'],
  [`${ENV}/groups/{groupId}`, 'get'],
  [`${ENV}/propagation/storeMetadata/{type}`, 'get'],
  [STORES, 'get', 'post'],
  [STORE, 'get', 'put', 'patch', 'delete'],
  [`${STORE}/activate`, 'post'],
  [`${STORE}/deactivate`, 'post'],
  [`${STORES}/connection/status`, 'post'],
  [`${STORE}/preview`, 'post'],
  [PREVIEW, 'get'],
  [`${PREVIEW}/changes`, 'get'],
  [`${PREVIEW}/apply`, 'post'],
  [`${STORE}/sync`, 'post'],
  [`${STORE}/syncs/{syncId}`, 'get'],
  [`${STORE}/syncStatus`, 'get'],
  [`${STORE}/held`, 'get'],
  [`${STORE}/held/approve`, 'post'],
  [`${STORE}/held/discard`, 'post'],
  [`${ENV}/propagation/held`, 'get'],
  [`${ENV}/propagation/held/approve`, 'post'],
  [`${ENV}/propagation/held/discard`, 'post'],
  [`${ENV}/propagation/incidents`, 'get'],
  [INCIDENT, 'get'],
  [`${INCIDENT}/people`, 'get'],
  [`${INCIDENT}/approve`, 'post'],
  [`${INCIDENT}/discard`, 'post'],
  [`${INCIDENT}/undo`, 'post'],
  [`${INCIDENT}/claim`, 'post'],
  [`${INCIDENT}/notes`, 'post'],
  [`${STORE}/people.csv`, 'get'],
  [`${STORE}/access.csv`, 'get'],
  [`${STORE}/links`, 'get', 'post'],
  [`${STORE}/links/{linkId}`, 'get', 'delete'],
  [`${STORE}/accounts`, 'get'],
  [`${STORE}/pause`, 'post'],
  [`${STORE}/resume`, 'post'],
  [`${ENV}/propagation/tasks`, 'get'],
  [`${ENV}/propagation/tasks/{taskId}/retry`, 'post'],
  [`${ENV}/propagation/tasks/{taskId}/discard`, 'post'],
  [`${ENV}/propagation/rules`, 'get', 'post'],
  [`${ENV}/propagation/rules/{ruleId}`, 'get', 'put', 'patch', 'delete'],
  [`${STORE}/mappings`, 'get', 'put'],
  [`${ENV}/events`, 'get'],
  [`${ENV}/events/stream`, 'get'],
  [`${ENV}/alerts`, 'get', 'post'],
  [`${ENV}/alerts/{alertId}`, 'get', 'put', 'patch', 'delete'],
  [`${ENV}/alerts/{alertId}/test`, 'post'],
  [`${ENV}/alerts/{alertId}/deliveries`, 'get'],
  ['/scim/v2/Users', 'get', 'post'],
  ['/scim/v2/Users/{id}', 'get', 'put', 'patch', 'delete'],
  ['/scim/v2/Groups', 'get', 'post'],
  ['/scim/v2/Groups/{id}', 'get', 'put', 'patch', 'delete'],
  ['/scim/v2/.search', 'post'],
  ['/scim/v2/Users/.search', 'post'],
  ['/scim/v2/Groups/.search', 'post'],
  ['/scim/v2/Bulk', 'post'],
  ['/scim/v2/ServiceProviderConfig', 'get'],
  ['/scim/v2/ResourceTypes', 'get'],
  ['/scim/v2/Schemas', 'get'],
  ['/scim/v2/ResourceTypes/{id}', 'get'],
  ['/scim/v2/Schemas/{id}', 'get'],
  ['/', 'get'],
  ['/docs', 'get'],
  ['/console', 'get'],
  ['/healthz', 'get'],
  ['/readyz', 'get'],
  ['/metrics', 'get'],
];

interface Response {
  readonly $ref?: string;
  readonly content?: Readonly<Record<string, { readonly schema?: unknown }>>;
}
type Operations = Readonly<Record<string, { readonly responses: Readonly<Record<string, Response>> }>>;

const paths = DOCUMENT.paths as Readonly<Record<string, Operations>>;
/** Whatever a parameter is called. */
const unnamed = (path: string) => path.replace(/\{\w+\}/g, '{}');
const documented = new Map(Object.entries(paths).map(([path, operations]) => [unnamed(path), operations]));

it.each(PROMISED)('has %s', (path, ...methods) => {
  expect(Object.keys(documented.get(unnamed(path)) ?? {})).toEqual(expect.arrayContaining(methods));
});

const shared = (DOCUMENT.components as { responses: Readonly<Record<string, Response>> }).responses;

it('has a schema for whatever an operation answers, errors first of all', () => {
  for (const [path, operations] of Object.entries(paths))
    for (const [method, { responses }] of Object.entries(operations)) {
      expect({ path, method, has: 'default' in responses }).toMatchObject({ has: true });
      for (const [status, given] of Object.entries(responses)) {
        const response = given.$ref === undefined ? given : shared[given.$ref.split('/').at(-1) ?? ''];
        const content = Object.entries(response?.content ?? {});
        const isError = status === 'default' || Number(status) >= 400;
        const type = path.startsWith('/scim/') ? 'application/scim+json' : 'application/problem+json';
        // What /readyz refuses is an answer all the same: it says what is missing.
        if (isError && path !== '/readyz')
          expect({ path, method, status, type: content[0]?.[0] }).toMatchObject({ type });
        for (const [, { schema }] of content) expect(schema).toBeDefined();
      }
    }
});
