/**
 * Bulk requests (RFC 7644 §3.7): each operation is a write of its own, in the order given, but for those
 * that wait for a resource that a later operation makes. A cycle of such waits is refused.
 */

import { requiredScimScopes } from '../auth/scopes.ts';
import { announced } from '../directory/announcement.ts';
import { objectBody } from './body.ts';
import type { Answer, Call, Endpoint, Scim } from './call.ts';
import { errorBody, ScimError, toScimError } from './errors.ts';
import { precondition } from './etag.ts';
import { WHOLE } from './projection.ts';

const RESPONSE_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:BulkResponse';
/** Advertised in ServiceProviderConfig. */
export const BULK_OPERATIONS_MAX = 1000;

interface Operation {
  readonly method: string;
  readonly bulkId: string | null;
  readonly version: string | undefined;
  readonly path: string;
  readonly data: unknown;
  /** The bulkIds that the path and the data name. */
  readonly references: readonly string[];
}

interface Outcome {
  readonly answer: Answer | null;
  readonly error: ScimError | null;
}

interface Run {
  readonly scim: Scim;
  readonly call: Call;
  readonly endpoints: readonly Endpoint[];
  readonly operations: readonly Operation[];
  /** By bulkId: who makes the resource. */
  readonly makers: ReadonlyMap<string, Operation>;
  readonly outcomes: Map<Operation, Outcome>;
  readonly errorsMax: number;
  readonly onError: (error: unknown) => void;
}

/** Answers 200 whatever the operations came to. Throws ScimError 400 and 413. */
export async function bulk(
  scim: Scim,
  call: Call,
  endpoints: readonly Endpoint[],
  onError: (error: unknown) => void,
): Promise<Answer> {
  const body = objectBody(call.body);
  const operations = operationsOf(body);
  const errorsMax = errorsAllowed(body.failOnErrors);
  const makers = new Map(
    operations.flatMap((operation) =>
      operation.method === 'POST' && operation.bulkId ? [[operation.bulkId, operation] as const] : [],
    ),
  );
  const run: Run = { scim, call, endpoints, operations, makers, outcomes: new Map(), errorsMax, onError };
  const { cause } = call.principal;
  const write = { cause, method: call.method, path: call.path };
  await announced(scim.directory, write, peopleAtRisk(operations), () => runAll(run));
  const answered = operations.filter((operation) => run.outcomes.has(operation));
  return {
    status: 200,
    body: {
      schemas: [RESPONSE_SCHEMA],
      Operations: answered.map((operation) => describe(operation, run.outcomes.get(operation))),
    },
  };
}

function operationsOf(body: Readonly<Record<string, unknown>>): readonly Operation[] {
  if (!Array.isArray(body.Operations)) {
    throw new ScimError(400, 'invalidSyntax', 'A bulk request needs Operations, a list of operations.');
  }
  if (body.Operations.length > BULK_OPERATIONS_MAX) {
    throw new ScimError(413, null, `A bulk request may hold ${BULK_OPERATIONS_MAX} operations, not more.`);
  }
  const operations = body.Operations.map(operationOf);
  const bulkIds = operations.flatMap((operation) => operation.bulkId ?? []);
  if (new Set(bulkIds).size < bulkIds.length) {
    throw new ScimError(400, 'invalidSyntax', 'Each bulkId of a bulk request must be used once.');
  }
  return operations;
}

function operationOf(given: unknown): Operation {
  const { method, bulkId, version, path, data } = (given ?? {}) as Record<string, unknown>;
  const target = typeof path === 'string' ? path : '';
  return {
    method: typeof method === 'string' ? method.toUpperCase() : '',
    bulkId: typeof bulkId === 'string' && bulkId !== '' ? bulkId : null,
    version: typeof version === 'string' ? version : undefined,
    path: target,
    data,
    references: referencesIn(target, data),
  };
}

function errorsAllowed(failOnErrors: unknown): number {
  if (failOnErrors === undefined || failOnErrors === null) return Number.POSITIVE_INFINITY;
  if (typeof failOnErrors === 'number' && Number.isInteger(failOnErrors) && failOnErrors > 0)
    return failOnErrors;
  throw new ScimError(400, 'invalidValue', 'failOnErrors must be a whole number from 1.');
}

/** How many people could lose something: each operation that deactivates or deletes somebody, or takes members out. */
function peopleAtRisk(operations: readonly Operation[]): number {
  return operations.reduce((sum, operation) => sum + riskOf(operation), 0);
}

function riskOf({ method, path, data }: Operation): number {
  const [, first = ''] = path.toLowerCase().split('/');
  if (method === 'POST') return 0;
  if (method === 'DELETE') return 1;
  const text = (JSON.stringify(data) ?? '').toLowerCase();
  if (first === 'users') return text.includes('active') && text.includes('false') ? 1 : 0;
  if (method === 'PUT') return text.includes('"members"') ? 1 : 0;
  return removedMembers(data);
}

/** As far as the operation names them; what a whole list replaces is counted when it commits. */
function removedMembers(data: unknown): number {
  const { Operations } = (data ?? {}) as { Operations?: unknown };
  if (!Array.isArray(Operations)) return 0;
  return Operations.reduce((sum: number, given: unknown) => {
    const { op, value } = (given ?? {}) as { op?: unknown; value?: unknown };
    if (String(op).toLowerCase() === 'add') return sum;
    return (
      sum + (String(op).toLowerCase() === 'remove' && Array.isArray(value) ? Math.max(1, value.length) : 1)
    );
  }, 0);
}

/** Passes over what is left until nothing moves; each pass settles at least one operation. */
async function runAll(run: Run): Promise<void> {
  for (let settled = -1; settled < run.outcomes.size; ) {
    settled = run.outcomes.size;
    for (const operation of run.operations) {
      if (run.outcomes.has(operation) || waits(run, operation)) continue;
      if (errorCount(run) >= run.errorsMax) return;
      run.outcomes.set(operation, await runOne(run, operation));
    }
  }
  for (const operation of run.operations) {
    if (run.outcomes.has(operation)) continue;
    if (errorCount(run) >= run.errorsMax) return;
    const error = new ScimError(409, null, 'The operation waits, by its bulkId references, for itself.');
    run.outcomes.set(operation, { answer: null, error });
  }
}

function errorCount(run: Run): number {
  return [...run.outcomes.values()].filter((outcome) => outcome.error).length;
}

const REFERENCE = /bulkId:([^\s"'/\]]+)/g;

/** Anywhere in the data: values, and the paths of PATCH operations. */
function referencesIn(path: string, data: unknown): readonly string[] {
  const text = `${path} ${JSON.stringify(data ?? null)}`;
  return [...text.matchAll(REFERENCE)].flatMap((match) => match[1] ?? []);
}

/** True while a resource that the operation names is still to be made. */
function waits(run: Run, operation: Operation): boolean {
  return operation.references.some((bulkId) => {
    const made = run.makers.get(bulkId);
    return made !== undefined && !run.outcomes.has(made);
  });
}

async function runOne(run: Run, operation: Operation): Promise<Outcome> {
  try {
    return { answer: await execute(run, resolved(run, operation)), error: null };
  } catch (error) {
    const told = toScimError(error);
    if (told.status >= 500) run.onError(error);
    return { answer: null, error: told };
  }
}

function resolved(run: Run, operation: Operation): Operation {
  const idOf = (bulkId: string) => {
    const made = run.makers.get(bulkId);
    const id = made && run.outcomes.get(made)?.answer?.id;
    if (id) return id;
    throw new ScimError(409, null, `bulkId:${bulkId} names no resource that this request made.`);
  };
  const substitute = (value: unknown): unknown => {
    if (typeof value === 'string') return value.replace(REFERENCE, (_, bulkId: string) => idOf(bulkId));
    if (Array.isArray(value)) return value.map(substitute);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, substitute(child)]));
  };
  return { ...operation, path: substitute(operation.path) as string, data: substitute(operation.data) };
}

async function execute(run: Run, operation: Operation): Promise<Answer> {
  const { scim, endpoints } = run;
  const [, first = '', id = '', ...rest] = operation.path.split('/');
  const endpoint = endpoints.find(({ path }) => path.toLowerCase() === `/${first.toLowerCase()}`);
  if (!endpoint || rest.length > 0) {
    throw new ScimError(400, 'invalidPath', `"${operation.path}" is no path of a bulk operation.`);
  }
  const missing = requiredScimScopes(operation.method, operation.path).filter(
    (scope) => !run.call.principal.scopes.has(scope),
  );
  if (missing.length > 0) throw new ScimError(403, null, `The token lacks the scope ${missing.join(', ')}.`);
  const call: Call = {
    ...run.call,
    method: operation.method,
    path: operation.path,
    body: operation.data,
    projection: WHOLE,
    precondition: precondition(operation.version),
  };
  if (operation.method === 'POST' && id === '') {
    if (operation.bulkId) return endpoint.create(scim, call);
    throw new ScimError(400, 'invalidSyntax', 'A POST in a bulk request needs a bulkId.');
  }
  if (id !== '' && operation.method === 'PUT') return endpoint.replace(scim, call, id);
  if (id !== '' && operation.method === 'PATCH') return endpoint.patch(scim, call, id);
  if (id !== '' && operation.method === 'DELETE') return endpoint.remove(scim, call, id);
  throw new ScimError(400, 'invalidSyntax', `${operation.method} ${operation.path} is no bulk operation.`);
}

function describe(operation: Operation, outcome: Outcome | undefined): object {
  const { answer, error } = outcome ?? { answer: null, error: null };
  return {
    method: operation.method,
    ...(operation.bulkId && { bulkId: operation.bulkId }),
    ...(answer?.location && { location: answer.location }),
    ...(answer?.tag !== undefined && { version: answer.tag }),
    status: String(error?.status ?? answer?.status),
    ...(error && { response: errorBody(error) }),
  };
}
