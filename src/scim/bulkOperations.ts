/**
 * The operations of a bulk request: what each one says, how many people may lose something, and which bulkIds stand
 * for resources that other operations make. Operations may hold any JSON, and very much of it.
 */

import { ScimError } from './answer/errors.ts';
import { field, isObject } from './patch/operation.ts';
import { BULK_OPERATIONS_MAX } from './request/limits.ts';
import { walk } from './request/walk.ts';

export interface Operation {
  readonly method: string;
  readonly bulkId: string | null;
  readonly version: string | undefined;
  readonly path: string;
  readonly data: unknown;
  /** The bulkIds in the path and the data. */
  readonly references: readonly string[];
}

/** Throws ScimError 400 and 413. */
export async function operationsOf(body: Readonly<Record<string, unknown>>): Promise<readonly Operation[]> {
  const given = field(body, 'Operations');
  if (!Array.isArray(given)) {
    throw new ScimError(400, 'invalidSyntax', 'A bulk request needs Operations, a list of operations.');
  }
  if (given.length > BULK_OPERATIONS_MAX) {
    throw new ScimError(413, null, `A bulk request may hold ${BULK_OPERATIONS_MAX} operations, not more.`);
  }
  const operations: Operation[] = [];
  for (const one of given) operations.push(await operationOf(one));
  const bulkIds = operations.flatMap((operation) => operation.bulkId ?? []);
  if (new Set(bulkIds).size < bulkIds.length) {
    throw new ScimError(400, 'invalidSyntax', 'Each bulkId of a bulk request must be used once.');
  }
  return operations;
}

async function operationOf(given: unknown): Promise<Operation> {
  const text = (name: string) => {
    const value = isObject(given) ? field(given, name) : undefined;
    return typeof value === 'string' ? value : '';
  };
  const path = text('path');
  const data = isObject(given) ? field(given, 'data') : undefined;
  return {
    method: text('method').toUpperCase(),
    bulkId: text('bulkId') || null,
    version: text('version') || undefined,
    path,
    data,
    references: await referencesIn([path, data]),
  };
}

/** How many people may lose something: counts operations that deactivate or delete somebody, or remove members. */
export async function peopleAtRisk(operations: readonly Operation[]): Promise<number> {
  let people = 0;
  for (const operation of operations) people += await riskOf(operation);
  return people;
}

async function riskOf({ method, path, data }: Operation): Promise<number> {
  const [, first = ''] = path.toLowerCase().split('/');
  if (method === 'DELETE') return 1;
  // A new user who is inactive counts too: another connection may have had the person as active.
  if (first === 'users') {
    const deactivates =
      (await holds(data, (text) => text.includes('active'))) &&
      (await holds(data, (text) => text.includes('false')));
    return deactivates ? 1 : 0;
  }
  if (method === 'POST') return 0;
  if (method === 'PUT') return (await holds(data, (text) => text === 'members')) ? 1 : 0;
  return removedMembers(data);
}

/** Whether `isIt` accepts a key or a single value in the data, in lower case. */
async function holds(data: unknown, isIt: (text: string) => boolean): Promise<boolean> {
  let found = false;
  await walk([data], (entries) => {
    found ||= entries.some(
      ([key, child]) =>
        isIt(key.toLowerCase()) || (typeof child !== 'object' && isIt(String(child).toLowerCase())),
    );
  });
  return found;
}

/** Through a mapping, any attribute of a user may be the one by which an account is found or signed in to. */
export function mayRename({ method, path }: Operation): boolean {
  return /^\/users\//i.test(path) && (method === 'PUT' || method === 'PATCH');
}

/** How many members the operation names. Members whom a new list removes are counted when it commits. */
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

/**
 * A bulkId is a whole string, or a whole segment or quoted part of one: `/Groups/bulkId:g`, `members[value eq
 * "bulkId:u"]`.
 */
const REFERENCE = /(?<=^|["/])bulkId:([^"/]+)(?=$|["/])/g;

/** Looks everywhere in the path and the data: in values, and in the paths of PATCH operations. */
async function referencesIn(parts: readonly unknown[]): Promise<readonly string[]> {
  const found: string[] = [];
  await walk(parts, (entries) => {
    for (const [, child] of entries) {
      if (!mayRefer(child)) continue;
      for (const [, bulkId = ''] of child.matchAll(REFERENCE)) found.push(bulkId);
    }
  });
  return found;
}

function mayRefer(value: unknown): value is string {
  return typeof value === 'string' && value.includes('bulkId:');
}

/** Replaces bulkIds with ids in place: the original text is not needed any more. */
export async function withIds(operation: Operation, idOf: (bulkId: string) => string): Promise<Operation> {
  if (operation.references.length === 0) return operation;
  const { path, data } = operation;
  const parts = { path, data };
  await walk(parts, (entries, container) => {
    for (const [key, child] of entries) {
      if (!mayRefer(child)) continue;
      const text = child.replace(REFERENCE, (_, bulkId: string) => idOf(bulkId));
      (container as Record<string, unknown>)[key] = text;
    }
  });
  return { ...operation, ...parts };
}
