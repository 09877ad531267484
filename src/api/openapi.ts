/**
 * Describes the admin API as OpenAPI 3.1. The description follows from the routes; only the places of SCIM, the
 * probes and the pages are added.
 */

import { z } from 'zod';
import { type Endpoint, endpoint, isWritten, ok, schemasAmong } from './endpoint.ts';
import { TAGS } from './routes/tags.ts';
import { Link, named, names, Problem } from './schemas/common.ts';
import {
  SURROUNDING_PATHS,
  SURROUNDING_SCHEMAS,
  SURROUNDING_SECURITY,
  SURROUNDING_TAGS,
} from './surroundings.ts';

/** Tag → operation id → route. */
export type Tables = Readonly<Record<string, Readonly<Record<string, Endpoint>>>>;

type Json = { [key: string]: unknown };

/** The tables of routes with one more: the routes that serve this description. */
export function withDocument(tables: Tables): Tables {
  let made: Json | null = null;
  const all: Tables = {
    ...tables,
    description: {
      readStart: endpoint({
        method: 'get',
        path: '/',
        scope: null,
        summary: 'Say where to go from here',
        answers: { 200: Start },
        refusals: { 405: 'There is nothing to write here.' },
        handle: (_call, { publicUrl }) => ok(startOf(publicUrl)),
      }),
      readDocument: endpoint({
        method: 'get',
        path: '/openapi.json',
        scope: null,
        summary: 'Show this document',
        answers: { 200: OpenApi },
        refusals: { 405: 'There is nothing to write here.' },
        handle: (_call, { publicUrl }) => {
          // Freezing lets the server serialise it once, however often clients ask for it.
          made ??= Object.freeze(documentOf(all, publicUrl));
          return ok(made);
        },
      }),
    },
  };
  return all;
}

const Start = named(
  'Start',
  z.object({
    name: z.literal('scim-bridge'),
    _links: z.object({ self: Link, environments: Link, document: Link, reference: Link, scim: Link }),
  }),
);

function startOf(publicUrl: string): z.output<typeof Start> {
  const at = (path: string) => ({ href: `${publicUrl}${path}` });
  return {
    name: 'scim-bridge',
    _links: {
      self: at('/v1'),
      environments: at('/v1/environments'),
      document: at('/v1/openapi.json'),
      reference: at('/docs'),
      scim: at('/scim/v2'),
    },
  };
}

const OpenApi = z.record(z.string(), z.unknown());
names.add(OpenApi, { id: 'OpenApi' });

const ABOUT = `Everything below \`/v1\` takes a bearer token with the scope that the operation names, and answers
with \`X-Correlation-Id\`, under which the audit log and the bridge's own log have the request. A list has
\`limit\` and \`cursor\`; its next page is \`_links.next\`. An error is \`application/problem+json\` (RFC 9457).`;

const SESSION = `Set by \`POST /v1/session\`. A write needs the bridge's own \`Origin\` and a JSON \`Content-Type\` besides.`;

/** `publicUrl` is where clients reach the bridge. */
export function documentOf(tables: Tables, publicUrl: string): Json {
  const routes = Object.entries(tables).flatMap(([tag, table]) =>
    Object.entries(table).map(([operationId, route]) => ({ tag, operationId, route })),
  );
  const paths: Record<string, Json> = {};
  for (const { tag, operationId, route } of routes) {
    const path = `/v1${route.path.replace(/:(\w+)/g, '{$1}').replace(/\/$/, '')}`;
    paths[path] = { ...paths[path], [route.method]: operation(tag, operationId, route) };
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'scim-bridge admin API',
      version: '1',
      description: ABOUT,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: publicUrl }],
    tags: [
      ...Object.keys(tables).map((name) => ({ name, description: TAGS[name as keyof typeof TAGS] })),
      ...SURROUNDING_TAGS,
    ],
    paths: { ...paths, ...SURROUNDING_PATHS },
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'An admin token.' },
        session: { type: 'apiKey', in: 'cookie', name: 'scim_bridge_session', description: SESSION },
        ...SURROUNDING_SECURITY,
      },
      responses: Object.fromEntries(Object.entries(COMMON).map(([name, why]) => [name, problem(why)])),
      schemas: { ...schemasOf(routes.map(({ route }) => route)), ...SURROUNDING_SCHEMAS },
    },
  };
}

function operation(tag: string, operationId: string, route: Endpoint): Json {
  const parameters = parametersOf(route);
  return {
    operationId,
    tags: [tag],
    summary: route.summary,
    security: securityOf(route),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(route.body ? { requestBody: requestBody(route.method, route.body) } : {}),
    responses: { ...successes(route), ...refusals(route) },
  };
}

/** A session stands for a token and may do the same. */
function securityOf({ scope }: Endpoint): readonly Json[] {
  if (scope === null) return [];
  const scopes = scope === 'any' ? [] : [scope];
  return [{ bearer: scopes }, { session: scopes }];
}

function parametersOf({ path, query = {}, refusals = {} }: Endpoint): Json[] {
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const inQuery = Object.entries(query).map(([name, schema]) => {
    const { description, ...shape } = inlined(schema);
    return {
      name,
      in: 'query',
      ...(description ? { description } : {}),
      required: !schema.safeParse(undefined).success,
      schema: shape,
    };
  });
  const header = (name: string, description: string) => [
    { name, in: 'header', description, required: false, schema: { type: 'string' } },
  ];
  const version = refusals[412] ? header('If-Match', IF_MATCH) : [];
  const position = refusals[410] ? header('Last-Event-ID', LAST_EVENT_ID) : [];
  return [...inPath, ...inQuery, ...version, ...position];
}

const IF_MATCH = 'The `ETag` of the version that is meant; any version without it.';

const LAST_EVENT_ID = 'The `id:` that was read last: the stream goes on behind it. From now on without it.';

const BODY_TYPES = {
  patch: ['application/merge-patch+json', 'application/json'],
  other: ['application/json'],
};

function requestBody(method: string, body: z.ZodType): Json {
  const types = method === 'patch' ? BODY_TYPES.patch : BODY_TYPES.other;
  const content = Object.fromEntries(types.map((type) => [type, { schema: reference(body) }]));
  return { required: !body.safeParse({}).success, content };
}

function successes({ answers }: Endpoint): Json {
  const entries = Object.entries(answers).map(([status, schema]) => {
    if (isWritten(schema)) {
      const type = schema.mediaType.split(';', 1)[0] ?? '';
      return [
        status,
        { description: schema.description, content: { [type]: { schema: { type: 'string' } } } },
      ];
    }
    const content = schema && { 'application/json': { schema: reference(schema) } };
    return [status, { description: DONE[status] ?? 'Done', ...(content ? { content } : {}) }];
  });
  return Object.fromEntries(entries);
}

const DONE: Readonly<Record<string, string>> = {
  200: 'It is so, or it was done',
  201: 'Made',
  202: 'Accepted: what was asked for goes on',
  204: 'Gone, or nothing is left to say',
};

/** Refusals that follow from what a route declares, said once for all routes. */
const COMMON = {
  NotUnderstood: 'The request is not understood; `errors` says where.',
  NoToken: 'The token is missing, unknown, expired or revoked.',
  NotAllowed: 'The token lacks the scope, or is bound to one environment.',
  NotThere: 'What the path names is not there.',
  AnyOther: 'Any other error.',
};

function refusals({ scope, path, query, body, refusals = {} }: Endpoint): Json {
  const common = (name: keyof typeof COMMON) => ({ $ref: `#/components/responses/${name}` });
  const own = Object.entries(refusals).map(([status, why]) => [status, problem(why)]);
  return {
    ...(query || body ? { 400: common('NotUnderstood') } : {}),
    ...(scope === null ? {} : { 401: common('NoToken'), 403: common('NotAllowed') }),
    ...(path.includes(':') ? { 404: common('NotThere') } : {}),
    ...Object.fromEntries(own),
    default: common('AnyOther'),
  };
}

function problem(description: string): Json {
  return { description, content: { 'application/problem+json': { schema: reference(Problem) } } };
}

function reference(schema: z.ZodType): Json {
  return { $ref: `#/components/schemas/${nameOf(schema)}` };
}

function nameOf(schema: z.ZodType): string {
  const id = names.get(schema)?.id;
  if (id === undefined) throw new Error('a body or an answer without a name: give its schema one by named()');
  return id;
}

/**
 * Bodies are described as clients send them, answers as they receive them: a key with a default is optional in a body
 * and always there in an answer.
 */
function schemasOf(routes: readonly Endpoint[]): Json {
  const sent = routes.flatMap(({ body }) => body ?? []);
  const shown = [Problem, ...routes.flatMap(({ answers }) => schemasAmong(answers))];
  const input = reachable(allNamed('input'), sent.map(nameOf));
  const output = reachable(allNamed('output'), shown.map(nameOf));
  for (const id of Object.keys(input)) {
    if (id in output && JSON.stringify(input[id]) !== JSON.stringify(output[id])) {
      throw new Error(`the schema ${id} differs as a body and as an answer: give them two`);
    }
  }
  return Object.fromEntries(Object.entries({ ...input, ...output }).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function allNamed(io: 'input' | 'output'): Json {
  return z.toJSONSchema(names, { io, uri: (id) => `#/components/schemas/${id}`, override: tidy }).schemas;
}

function inlined(schema: z.ZodType): Json {
  const { $schema: _, ...shape } = z.toJSONSchema(schema, { io: 'input', override: tidy });
  return shape;
}

/** Removes noise: zod's own pattern beside a format, and the bounds that it gives every integer. */
function tidy({ jsonSchema }: { readonly jsonSchema: Json }): void {
  delete jsonSchema.$schema;
  delete jsonSchema.$id;
  delete jsonSchema.id;
  delete jsonSchema.propertyNames;
  if (jsonSchema.format === 'date-time') delete jsonSchema.pattern;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
}

function reachable(all: Json, from: readonly string[]): Json {
  const found = new Set<string>();
  const open = [...from];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (found.has(id)) continue;
    found.add(id);
    for (const [, next = ''] of JSON.stringify(all[id]).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      open.push(next);
    }
  }
  return Object.fromEntries([...found].map((id) => [id, all[id]]));
}
