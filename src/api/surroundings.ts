/**
 * Describes what the bridge answers outside of `/v1`: the SCIM server, the probes and the pages. RFC 7643 and 7644
 * define SCIM, and `/scim/v2/Schemas` lists what this bridge takes of it; this file only says where it is and with
 * which errors it ends.
 */

type Json = { [key: string]: unknown };

export const SURROUNDING_TAGS = [
  {
    name: 'scim',
    description:
      'The SCIM 2.0 server (RFC 7644). The token of a connection says whose directory is written. `/scim/v2/Schemas` has the attributes.',
  },
  { name: 'probes', description: 'Liveness, readiness and figures, without a token.' },
  { name: 'pages', description: 'What a browser opens, without a token.' },
];

export const SURROUNDING_SECURITY = {
  connectionToken: {
    type: 'http',
    scheme: 'bearer',
    description: 'A token of the connection, from its `scim-configuration/tokens`.',
  },
};

const SCIM_TYPE = 'application/scim+json';

const answer = (description: string, type: string, schema: Json) => ({
  description,
  content: { [type]: { schema } },
});
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });

export const SURROUNDING_SCHEMAS: Json = {
  ScimMessage: {
    type: 'object',
    description: 'A resource or a message of RFC 7643 and RFC 7644; `schemas` says which.',
    properties: { schemas: { type: 'array', items: { type: 'string' } } },
    required: ['schemas'],
    additionalProperties: true,
  },
  ScimError: {
    type: 'object',
    description: 'RFC 7644, section 3.12.',
    properties: {
      schemas: { type: 'array', items: { type: 'string' } },
      status: { type: 'string' },
      scimType: { type: 'string' },
      detail: { type: 'string' },
    },
    required: ['schemas', 'status'],
    additionalProperties: true,
  },
  Root: {
    type: 'object',
    properties: {
      name: { type: 'string', const: 'scim-bridge' },
      scim: { type: 'string' },
      admin: { type: 'string' },
      reference: { type: 'string' },
    },
    required: ['name', 'scim', 'admin', 'reference'],
  },
  Alive: {
    type: 'object',
    properties: { status: { type: 'string', const: 'ok' } },
    required: ['status'],
  },
  Readiness: {
    type: 'object',
    properties: {
      status: { type: 'string', enum: ['ready', 'unavailable'] },
      database: { type: 'string', enum: ['ok', 'unreachable', 'replaced'] },
      migrations: { type: 'string', enum: ['ok', 'pending', 'newer', 'unknown'] },
      pendingMigrations: { type: 'array', items: { type: 'string' } },
      warnings: {
        type: 'array',
        items: { type: 'object', properties: { code: { type: 'string' } }, required: ['code'] },
      },
    },
    required: ['status', 'database', 'migrations'],
  },
};

const scimErrors = {
  401: answer('The token is missing, unknown, expired or revoked.', SCIM_TYPE, ref('ScimError')),
  403: answer('The token lacks the scope.', SCIM_TYPE, ref('ScimError')),
  default: answer('Any other error.', SCIM_TYPE, ref('ScimError')),
};

const DONE = {
  200: answer('It is so, or it was done', SCIM_TYPE, ref('ScimMessage')),
  201: answer('Made', SCIM_TYPE, ref('ScimMessage')),
  204: { description: 'Done, and nothing is left to say' },
  304: { description: 'It is as the ETag of `If-None-Match` says' },
};

interface Scim {
  readonly id: string;
  readonly summary: string;
  readonly ends: readonly (keyof typeof DONE)[];
  readonly takesBody?: boolean;
  readonly parameters?: readonly Json[];
}

const scim = ({ id, summary, ends, takesBody, parameters = [] }: Scim) => ({
  operationId: id,
  tags: ['scim'],
  summary,
  security: [{ connectionToken: [] }],
  ...(parameters.length > 0 ? { parameters } : {}),
  ...(takesBody
    ? {
        requestBody: {
          required: true,
          content: {
            [SCIM_TYPE]: { schema: ref('ScimMessage') },
            'application/json': { schema: ref('ScimMessage') },
          },
        },
      }
    : {}),
  responses: { ...Object.fromEntries(ends.map((status) => [status, DONE[status]])), ...scimErrors },
});

const inQuery = (name: string, type: string) => ({ name, in: 'query', required: false, schema: { type } });
const ATTRIBUTES = ['attributes', 'excludedAttributes'].map((name) => inQuery(name, 'string'));
const LIST = [
  ...[inQuery('filter', 'string'), inQuery('sortBy', 'string'), inQuery('sortOrder', 'string')],
  ...[inQuery('startIndex', 'integer'), inQuery('count', 'integer')],
  ...ATTRIBUTES,
];
const ID = { name: 'id', in: 'path', required: true, schema: { type: 'string' } };

function resources(endpoint: 'Users' | 'Groups', one: 'User' | 'Group'): Json {
  const noun = one.toLowerCase();
  const whole = { takesBody: true, parameters: [ID, ...ATTRIBUTES] };
  return {
    [`/scim/v2/${endpoint}`]: {
      get: scim({ id: `scimList${endpoint}`, summary: `Find ${noun}s`, ends: [200], parameters: LIST }),
      post: scim({ id: `scimCreate${one}`, summary: `Create a ${noun}`, ends: [201], takesBody: true }),
    },
    [`/scim/v2/${endpoint}/.search`]: {
      post: scim({
        ...{ id: `scimSearch${endpoint}`, summary: `Find ${noun}s by a filter in the body`, ends: [200] },
        takesBody: true,
      }),
    },
    [`/scim/v2/${endpoint}/{id}`]: {
      get: scim({
        ...{ id: `scimRead${one}`, summary: `Show a ${noun}`, ends: [200, 304] },
        parameters: [ID, ...ATTRIBUTES],
      }),
      put: scim({ id: `scimReplace${one}`, summary: `Replace a ${noun}`, ends: [200], ...whole }),
      patch: scim({ id: `scimPatch${one}`, summary: `Change a ${noun}`, ends: [200, 204], ...whole }),
      delete: scim({ id: `scimDelete${one}`, summary: `Delete a ${noun}`, ends: [204], parameters: [ID] }),
    },
  };
}

const discovery = (endpoint: string, summary: string) => ({
  [`/scim/v2/${endpoint}`]: { get: scim({ id: `scimRead${endpoint}`, summary, ends: [200] }) },
});
const oneOf = (endpoint: 'ResourceTypes' | 'Schemas', one: string, summary: string) => ({
  [`/scim/v2/${endpoint}/{id}`]: {
    get: scim({ id: `scimRead${one}`, summary, ends: [200], parameters: [ID] }),
  },
});

const AND_ELSE = { default: { $ref: '#/components/responses/AnyOther' } };

const malformed = {
  400: answer('The request is malformed.', 'application/problem+json', ref('Problem')),
};

const probe = (id: string, summary: string, responses: Json) => ({
  get: {
    operationId: id,
    tags: ['probes'],
    summary,
    security: [],
    responses: { ...responses, ...AND_ELSE },
  },
});

/** Files for a browser, which need no token. */
const pageAt = (id: string, summary: string, responses: Json) => ({
  get: {
    operationId: id,
    tags: ['pages'],
    summary,
    security: [],
    responses: { ...responses, ...malformed, ...AND_ELSE },
  },
});
const leadsTo = (description: string) => ({
  description,
  headers: { Location: { schema: { type: 'string' } } },
});

export const SURROUNDING_PATHS: Json = {
  '/': pageAt('readRoot', 'Say where to go from here', {
    200: answer('Where SCIM, the admin API and its reference are', 'application/json', ref('Root')),
  }),
  '/docs': pageAt('readReference', 'Show this document in a browser', {
    200: answer('The reference page', 'text/html', { type: 'string' }),
    301: leadsTo('Without the slash at its end'),
  }),
  '/console': pageAt('openConsole', 'Lead a browser to the page where sign-in links are taken', {
    302: leadsTo('The reference page'),
  }),
  ...resources('Users', 'User'),
  ...resources('Groups', 'Group'),
  '/scim/v2/.search': {
    post: scim({
      ...{ id: 'scimSearch', summary: 'Find users and groups by a filter in the body', ends: [200] },
      takesBody: true,
    }),
  },
  '/scim/v2/Bulk': {
    post: scim({ id: 'scimBulk', summary: 'Do several operations in order', ends: [200], takesBody: true }),
  },
  ...discovery('ServiceProviderConfig', 'Say what of SCIM is offered'),
  ...discovery('ResourceTypes', 'List the kinds of resource'),
  ...discovery('Schemas', 'List the attributes of each kind of resource'),
  ...oneOf('ResourceTypes', 'ResourceType', 'Show a kind of resource'),
  ...oneOf('Schemas', 'Schema', 'List the attributes of a kind of resource'),
  '/healthz': probe('readLiveness', 'Say whether the process is alive', {
    200: answer('It is alive', 'application/json', ref('Alive')),
    ...malformed,
  }),
  '/readyz': probe('readReadiness', 'Say whether the database and its migrations are ready', {
    200: answer('Ready; `warnings` has what wants attention', 'application/json', ref('Readiness')),
    ...malformed,
    503: answer(
      'The database is away, or its migrations are not those of this version',
      'application/json',
      ref('Readiness'),
    ),
  }),
  '/metrics': probe('readMetrics', 'Show the figures, in the text format of Prometheus', {
    200: answer('The figures', 'text/plain', { type: 'string' }),
    404: answer(
      'They have a listener of their own: `METRICS_PORT`.',
      'application/problem+json',
      ref('Problem'),
    ),
  }),
};
