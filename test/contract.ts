/**
 * Holds answers of the bridge to its OpenAPI document: the status is a declared one, and the body has the
 * declared shape and no more. `everyAnswer.ts` asks this of every answer that a test gets.
 */

import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { documentOf, withDocument } from '../src/api/openapi.ts';
import { ROUTES } from '../src/api/routes/index.ts';

interface Response {
  /** Of one that many routes share. */
  readonly $ref?: string;
  readonly content?: Readonly<Record<string, { readonly schema: { readonly $ref: string } }>>;
}

type Operations = Readonly<Record<string, { readonly responses: Readonly<Record<string, Response>> }>>;

export const DOCUMENT = documentOf(withDocument(ROUTES), 'http://bridge.example');

const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats.default(ajv);
ajv.addSchema({ $id: 'openapi', ...DOCUMENT });

/** A path with fewer parameters goes before one with more: `stores/connection` is no store. */
const paths = Object.entries(DOCUMENT.paths as Readonly<Record<string, Operations>>)
  .map(([template, operations]) => ({
    pattern: new RegExp(`^${template.replace(/\{\w+\}/g, '[^/]+')}$`),
    params: template.split('{').length,
    operations,
  }))
  .sort((a, b) => a.params - b.params);

export interface Answered {
  readonly method: string;
  /** With or without a query. */
  readonly path: string;
  readonly status: number;
  readonly type: string | null;
  readonly correlationId: string | null;
  /** Parsed; null where there is none. */
  readonly body: unknown;
}

/** Throws an Error that says what is not as the document has it. */
export function holdToContract(answered: Answered): void {
  const { method, path, status, type, correlationId, body } = answered;
  if (!correlationId) throw broken(answered, 'it has no X-Correlation-Id');
  const [plain = ''] = path.split('?', 1);
  const known = paths.find(({ pattern }) => pattern.test(plain));
  const operation = known?.operations[method === 'HEAD' ? 'get' : method.toLowerCase()];
  const refused = status >= 400;
  const response = operation?.responses[status] ?? (refused ? operation?.responses.default : undefined);
  if (!response && !refused) throw broken(answered, 'the document does not have it');
  const content = response && !response.$ref ? (response.content ?? {}) : refusalOf(plain);
  const [expected] = Object.entries(content);
  if (method === 'HEAD') return;
  if (!expected) {
    if (body !== null) throw broken(answered, 'the document has no body');
    return;
  }
  const [mediaType, { schema }] = expected;
  if (type?.split(';', 1)[0] !== mediaType) throw broken(answered, `it is ${type}, not ${mediaType}`);
  if (!mediaType.endsWith('json')) return;
  const validate = validator(schema.$ref);
  if (!validate(body)) throw broken(answered, ajv.errorsText(validate.errors, { separator: '\n  ' }));
}

/** Of what the document does not name: an unknown path, a body that is too large. */
function refusalOf(path: string): NonNullable<Response['content']> {
  if (/^\/scim\/v2(\/|$)/.test(path)) return { 'application/scim+json': SCIM_ERROR };
  return { 'application/problem+json': PROBLEM };
}

const SCIM_ERROR = { schema: { $ref: '#/components/schemas/ScimError' } };
const PROBLEM = { schema: { $ref: '#/components/schemas/Problem' } };

function validator($ref: string): ValidateFunction {
  const id = `openapi${$ref}`;
  const validate = ajv.getSchema(id);
  if (!validate) throw new Error(`the document lacks ${$ref}`);
  return validate;
}

const SHOWN_MAX = 2_000;

function broken({ method, path, status, body }: Answered, why: string): Error {
  return new Error(
    `${method} ${path} ${status} is not as the document says:\n  ${why}\n${JSON.stringify(body).slice(0, SHOWN_MAX)}`,
  );
}
