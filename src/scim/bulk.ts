/**
 * Bulk requests (RFC 7644 §3.7). Each operation is a write of its own, in the order given, except that an operation
 * that makes a resource comes before those that refer to it. A cycle of references is refused.
 */

import { requiredScimScopes } from '../auth/scopes.ts';
import { announce } from '../directory/announcement.ts';
import { errorBody, ScimError, toScimError } from './answer/errors.ts';
import { precondition } from './answer/etag.ts';
import { WHOLE } from './answer/projection.ts';
import { mayRename, type Operation, operationsOf, peopleAtRisk, withIds } from './bulkOperations.ts';
import { field } from './patch/operation.ts';
import { objectBody } from './request/body.ts';
import type { Answer, Call, Endpoint, Scim } from './request/call.ts';

const RESPONSE_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:BulkResponse';

interface Outcome {
  readonly answer: Answer | null;
  readonly error: ScimError | null;
  /** The location of the operation's resource; null where there is none. */
  readonly location: string | null;
}

interface Batch {
  readonly scim: Scim;
  readonly call: Call;
  readonly endpoints: readonly Endpoint[];
  readonly operations: readonly Operation[];
  /** For each bulkId, the operation that makes the resource. */
  readonly makers: ReadonlyMap<string, Operation>;
  readonly outcomes: Map<Operation, Outcome>;
  /** Operations that have begun and wait for others to which they refer. */
  readonly begun: Set<Operation>;
  readonly errorsMax: number;
  readonly onError: (error: unknown) => void;
}

/** Answers 200 even where operations failed. Throws ScimError 400 and 413. */
export async function bulk(
  scim: Scim,
  call: Call,
  endpoints: readonly Endpoint[],
  onError: (error: unknown) => void,
): Promise<Answer> {
  const body = objectBody(call.body);
  const operations = await operationsOf(body);
  const errorsMax = errorsAllowed(field(body, 'failOnErrors'));
  const makers = new Map(
    operations.flatMap((operation) =>
      operation.method === 'POST' && operation.bulkId ? [[operation.bulkId, operation] as const] : [],
    ),
  );
  const progress = { outcomes: new Map<Operation, Outcome>(), begun: new Set<Operation>() };
  const batch: Batch = { scim, call, endpoints, operations, makers, ...progress, errorsMax, onError };
  const reach = { people: await peopleAtRisk(operations), identities: operations.filter(mayRename).length };
  const withdraw = await scim.patience.inTime(call, ({ principal: { cause }, method, path, deadline }) => {
    const write = {
      cause,
      origin: { kind: 'request', method, path },
      ...(deadline && { deadline }),
    } as const;
    return announce(scim.directory, write, reach);
  });
  await executeAll(batch);
  await scim.afterCommit(call, withdraw);
  const answered = operations.filter((operation) => batch.outcomes.has(operation));
  return {
    status: 200,
    body: {
      schemas: [RESPONSE_SCHEMA],
      Operations: answered.map((operation) => describe(operation, batch.outcomes.get(operation))),
    },
  };
}

/** 0 means no limit: the RFC does not say, and clients write 0 for a value that they did not set. */
function errorsAllowed(failOnErrors: unknown): number {
  const given = failOnErrors ?? 0;
  if (typeof given === 'number' && Number.isInteger(given) && given >= 0) {
    return given === 0 ? Number.POSITIVE_INFINITY : given;
  }
  throw new ScimError(400, 'invalidValue', 'failOnErrors must be a whole number from 0.');
}

async function executeAll(batch: Batch): Promise<void> {
  for (const operation of batch.operations) await executeAfterMakers(batch, operation);
}

/** First runs the operations that make what this one refers to. After too many errors it runs nothing more. */
async function executeAfterMakers(batch: Batch, operation: Operation): Promise<void> {
  if (batch.outcomes.has(operation)) return;
  batch.begun.add(operation);
  const makers = operation.references.flatMap((bulkId) => batch.makers.get(bulkId) ?? []);
  for (const maker of makers) if (!batch.begun.has(maker)) await executeAfterMakers(batch, maker);
  batch.begun.delete(operation);
  if (errorCount(batch) < batch.errorsMax) batch.outcomes.set(operation, await executeOne(batch, operation));
}

function errorCount(batch: Batch): number {
  return [...batch.outcomes.values()].filter((outcome) => outcome.error).length;
}

async function executeOne(batch: Batch, given: Operation): Promise<Outcome> {
  let location: string | null = null;
  try {
    const operation = await resolved(batch, given);
    const target = targetOf(batch, operation);
    if (operation.method !== 'POST') location = `${batch.scim.baseUrl}${target.endpoint.path}/${target.id}`;
    const answer = await execute(batch, operation, target);
    return { answer, error: null, location: answer.location ?? location };
  } catch (error) {
    const refusal = toScimError(error);
    if (refusal.status >= 500) batch.onError(error);
    return { answer: null, error: refusal, location };
  }
}

const CYCLE = 'The bulkId references that this operation depends on form a cycle.';

function resolved(batch: Batch, operation: Operation): Promise<Operation> {
  return withIds(operation, (bulkId) => {
    const maker = batch.makers.get(bulkId);
    const outcome = maker && batch.outcomes.get(maker);
    if (outcome?.answer?.id) return outcome.answer.id;
    if (maker && (!outcome || outcome.error?.message === CYCLE)) throw new ScimError(409, null, CYCLE);
    throw new ScimError(409, null, `bulkId:${bulkId} names no resource that this request made.`);
  });
}

interface Place {
  readonly endpoint: Endpoint;
  /** Empty where the operation applies to all of them. */
  readonly id: string;
}

function targetOf(batch: Batch, { path }: Operation): Place {
  const [before, first = '', id = '', ...rest] = path.split('/');
  const endpoint = batch.endpoints.find((one) => one.path.toLowerCase() === `/${first.toLowerCase()}`);
  if (endpoint && before === '' && rest.length === 0 && !path.includes('?')) return { endpoint, id };
  throw new ScimError(400, 'invalidPath', `"${path}" is no path of a bulk operation.`);
}

async function execute(batch: Batch, operation: Operation, { endpoint, id }: Place): Promise<Answer> {
  const { scim } = batch;
  const missing = requiredScimScopes(operation.method, operation.path).filter(
    (scope) => !batch.call.principal.scopes.has(scope),
  );
  if (missing.length > 0) throw new ScimError(403, null, `The token lacks the scope ${missing.join(', ')}.`);
  const call: Call = {
    ...batch.call,
    method: operation.method,
    path: operation.path,
    body: operation.data,
    projection: WHOLE,
    precondition: precondition(operation.version),
  };
  return scim.patience.inTime(call, (timed) => executeAt(scim, operation, timed, { endpoint, id }));
}

async function executeAt(
  scim: Scim,
  operation: Operation,
  call: Call,
  { endpoint, id }: Place,
): Promise<Answer> {
  const { method, path, bulkId } = operation;
  if (method === 'POST' && id === '') {
    if (bulkId) return endpoint.create(scim, call);
    throw new ScimError(400, 'invalidSyntax', 'A POST in a bulk request needs a bulkId.');
  }
  if (id !== '' && method === 'PUT') return endpoint.replace(scim, call, id);
  if (id !== '' && method === 'PATCH') return endpoint.patch(scim, call, id);
  if (id !== '' && method === 'DELETE') return endpoint.remove(scim, call, id);
  throw new ScimError(400, 'invalidSyntax', `${method} ${path} is no bulk operation.`);
}

function describe(operation: Operation, outcome: Outcome | undefined): object {
  const { answer, error, location } = outcome ?? { answer: null, error: null, location: null };
  return {
    method: operation.method,
    ...(operation.bulkId && { bulkId: operation.bulkId }),
    // The RFC requires it except where a POST failed.
    ...(location && { location }),
    ...(answer?.tag !== undefined && { version: answer.tag }),
    status: String(error?.status ?? answer?.status),
    ...(error && { response: errorBody(error) }),
  };
}
