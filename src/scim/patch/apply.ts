/**
 * Applies the operations of a PATCH (RFC 7644 §3.5.2) to a copy of the resource, all or none. The body of a POST or
 * PUT is read as one operation that adds everything to an empty resource. The resource holds no memberships;
 * operations on them are passed on.
 */

import { type Attribute, type AttributeChain, leafOf, nameInside } from '../../directory/query/attributes.ts';
import type { Resource } from '../../model/resource.ts';
import type { Kind } from '../../model/subject.ts';
import { PatchError } from './error.ts';
import { applyToList, isFinished } from './lists.ts';
import { isObject, type Op, type Operation, readOperation } from './operation.ts';
import { namesResource, resolveTarget, type Target, type Unknown, unknownAttribute } from './target.ts';
import { type Complex, isEmptied, readValue } from './value.ts';

export interface PatchOptions {
  /** Whether an unknown path is an error, or noted and skipped. */
  readonly unknownAttributes: 'Reject' | 'Ignore';
}

/** Receives an operation on `members`. */
export type OnMembers = (op: Op, target: Target, value: unknown, unknown: Set<string>) => void;

/** Values of lists, times comparisons for each, that one request may visit: some 0.2 s of work. */
const VALUES_VISITED_MAX = 100_000;

interface Patch {
  readonly kind: Kind;
  readonly options: PatchOptions;
  readonly resource: Complex;
  readonly touched: Set<string>;
  readonly unknown: Set<string>;
  readonly onMembers: OnMembers;
  valuesVisited: number;
  /** Elements made without a value, each with its list and the path that made it. */
  readonly unfinished: Map<Complex, { readonly list: Attribute; readonly written: string }>;
}

export interface Patched {
  readonly resource: Resource;
  /** The top-level attributes that the operations touched. */
  readonly touched: ReadonlySet<string>;
  /** Unknown names in the operations, each once; of very many, the first ones. */
  readonly unknown: readonly string[];
}

const UNKNOWN_MAX = 100;

/** Throws PatchError; never changes the given resource. */
export function applyOperations(
  kind: Kind,
  resource: Resource,
  operations: readonly unknown[],
  options: PatchOptions,
  onMembers: OnMembers,
): Patched {
  const patch = begin(kind, structuredClone(resource) as Complex, options, onMembers);
  for (const [i, raw] of operations.entries()) numbered(i, () => applyOperation(patch, readOperation(raw)));
  return finish(patch);
}

/** Throws PatchError. */
export function readAttributes(
  kind: Kind,
  body: Readonly<Record<string, unknown>>,
  onMembers: OnMembers,
): Patched {
  const patch = begin(kind, {}, { unknownAttributes: 'Ignore' }, onMembers);
  applyAttributes(patch, 'add', body);
  return finish(patch);
}

function begin(kind: Kind, resource: Complex, options: PatchOptions, onMembers: OnMembers): Patch {
  const seen = { touched: new Set<string>(), unknown: new Set<string>() };
  return { kind, options, resource, ...seen, onMembers, valuesVisited: 0, unfinished: new Map() };
}

function finish(patch: Patch): Patched {
  refuseUnfinished(patch);
  return {
    resource: patch.resource,
    touched: patch.touched,
    unknown: [...patch.unknown].slice(0, UNKNOWN_MAX),
  };
}

function numbered(index: number, body: () => void): void {
  try {
    body();
  } catch (error) {
    if (!(error instanceof PatchError)) throw error;
    throw new PatchError(error.scimType, `Operation ${index + 1}: ${error.message}`);
  }
}

function refuseUnfinished(patch: Patch): void {
  for (const [element, { list, written }] of patch.unfinished) {
    if (isFinished(list, element) || !elementsOf(patch.resource, list).includes(element)) continue;
    throw new PatchError(
      'noTarget',
      `No value of ${list.name} matches ${written}, and none was given to make one.`,
    );
  }
}

function applyOperation(patch: Patch, operation: Operation): void {
  if (operation.path === null || namesResource(patch.kind, operation.path)) {
    applyWithoutPath(patch, operation);
    return;
  }
  const target = resolveTarget(patch.kind, operation.path);
  if ('unknown' in target) {
    passOver(patch, target);
    return;
  }
  const servers = target.chain.find((attribute) => attribute.mutability === 'readOnly');
  if (servers) throw new PatchError('mutability', `${servers.name} is read-only.`);
  apply(patch, operation.op, target, operation.value);
}

function passOver(patch: Patch, { unknown }: Unknown): void {
  if (patch.options.unknownAttributes === 'Reject') {
    throw new PatchError('invalidPath', unknownAttribute(unknown));
  }
  patch.unknown.add(unknown);
}

/** RFC 7644 §3.5.2.1 and §3.5.2.3: an operation without a path holds attributes in its value. */
function applyWithoutPath(patch: Patch, { op, value }: Operation): void {
  if (op === 'remove') throw new PatchError('noTarget', '"remove" needs a path.');
  if (!isObject(value))
    throw new PatchError('invalidValue', `"${op}" without a path needs an object of attributes.`);
  applyAttributes(patch, op, value);
}

/**
 * Identity providers write dotted names and URNs as keys. They also send back attributes that only the server sets,
 * which is no mistake and changes nothing.
 */
function applyAttributes(patch: Patch, op: Op, attributes: Readonly<Record<string, unknown>>): void {
  for (const [name, part] of Object.entries(attributes)) {
    if (namesResource(patch.kind, name)) {
      applyWithoutPath(patch, { op, path: null, value: part });
      continue;
    }
    const target = resolveKey(patch.kind, name);
    if ('unknown' in target) patch.unknown.add(target.unknown);
    else if (!isServers(target.chain) && !saysNothing(target.chain, part)) apply(patch, op, target, part);
  }
}

function resolveKey(kind: Kind, name: string): Target | Unknown {
  try {
    return resolveTarget(kind, name);
  } catch (error) {
    if (error instanceof PatchError) return { unknown: name };
    throw error;
  }
}

function isServers(chain: AttributeChain): boolean {
  return chain.some((attribute) => attribute.mutability === 'readOnly');
}

/** `active: null` among other attributes: like a missing one, it changes nothing. */
function saysNothing(chain: AttributeChain, value: unknown): boolean {
  return chain[0].name === 'active' && (value === null || value === '');
}

function apply(patch: Patch, op: Op, target: Target, value: unknown): void {
  const [top] = target.chain;
  // The bridge accepts a password and stores it nowhere.
  if (top.mutability === 'writeOnly') return;
  patch.touched.add(top.name);
  if (top.name === 'members') {
    patch.onMembers(op, target, value, patch.unknown);
    return;
  }
  if (!top.multiValued) {
    applyToSingular(patch, op, target.chain, value);
    return;
  }
  const known = elementsOf(patch.resource, top);
  patch.valuesVisited += known.length * (target.selection?.comparisons ?? 1);
  if (patch.valuesVisited > VALUES_VISITED_MAX) {
    throw new PatchError('tooMany', 'So many operations on so many values are too much for one request.');
  }
  const { elements, unfinished } = applyToList(known, op, target, value, patch.unknown);
  if (elements.length > 0) patch.resource[top.name] = elements;
  else delete patch.resource[top.name];
  if (unfinished) patch.unfinished.set(unfinished, { list: top, written: target.written });
}

function elementsOf(resource: Complex, list: Attribute): readonly Complex[] {
  const elements = resource[list.name];
  return Array.isArray(elements) ? elements.filter((element) => isObject(element)) : [];
}

function applyToSingular(patch: Patch, op: Op, chain: AttributeChain, value: unknown): void {
  const leaf = leafOf(chain);
  const given = op === 'remove' ? undefined : readValue(leaf, value, nameOf(chain), patch.unknown);
  const emptied = emptiedBy(chain, given);
  if (emptied || given === undefined) {
    if (emptied || op !== 'add') unassign(patch.resource, op, emptied ?? chain);
    else refuseEmpty(leaf, given);
    return;
  }
  refuseEmpty(leaf, given);
  const parent = chain
    .slice(0, -1)
    .reduce((inside, attribute) => part(inside, attribute.name), patch.resource);
  if (isObject(given)) merge(parent, leaf, given);
  else parent[leaf.name] = given;
  prune(patch.resource, chain);
}

/**
 * The attribute that loses its value: the manager, where an identity provider writes '' into it or into its `value`.
 */
function emptiedBy(chain: AttributeChain, given: unknown): AttributeChain | null {
  if (isEmptied(given)) return chain;
  const [top, ...inner] = chain;
  const isValue = inner.length > 0 && leafOf(chain).name === 'value';
  return isValue && given === '' ? [top, ...inner.slice(0, -1)] : null;
}

function nameOf(chain: AttributeChain): string {
  return chain.map((attribute) => attribute.name).reduce(nameInside);
}

/** RFC 7644 §3.12: a required value must not be missing. */
function refuseEmpty(attribute: Attribute, value: unknown): void {
  if (!attribute.required || (typeof value === 'string' && value.trim() !== '')) return;
  throw new PatchError('invalidValue', `${attribute.name} is required and must not be empty.`);
}

/** RFC 7644 §3.5.2.2: a required attribute cannot be removed. */
function unassign(resource: Complex, op: Op, chain: AttributeChain): void {
  const leaf = leafOf(chain);
  if (leaf.required && op === 'remove') {
    throw new PatchError('mutability', `${leaf.name} is required and cannot be removed.`);
  }
  refuseEmpty(leaf, undefined);
  if (leaf.name === 'active') {
    throw new PatchError(
      'invalidValue',
      'active is true or false: a person who left must not come back by its removal.',
    );
  }
  let inside: unknown = resource;
  for (const attribute of chain.slice(0, -1)) inside = isObject(inside) ? inside[attribute.name] : undefined;
  if (isObject(inside)) delete (inside as Complex)[leaf.name];
  prune(resource, chain);
}

/** The complex value with this name, which is made where it is missing. */
function part(inside: Complex, name: string): Complex {
  const found = inside[name];
  if (isObject(found)) return found as Complex;
  const made: Complex = {};
  inside[name] = made;
  return made;
}

/**
 * RFC 7644 §3.5.2.3: given sub-attributes replace the old ones, the others stay. But another `value` means another
 * thing, such as a new manager: then the old sub-attributes go.
 */
function merge(
  parent: Complex,
  attribute: Attribute,
  given: Complex | Readonly<Record<string, unknown>>,
): void {
  const known = part(parent, attribute.name);
  if (given.value !== undefined && given.value !== known.value) {
    for (const name of Object.keys(known)) delete known[name];
  }
  for (const [name, value] of Object.entries(given)) {
    const sub = attribute.subAttributes.get(name.toLowerCase());
    if (value === undefined) delete known[name];
    else if (sub && isObject(value)) merge(known, sub, value);
    else known[name] = value;
  }
}

/** An empty complex value counts as none (RFC 7643 §2.5). */
function prune(resource: Complex, chain: AttributeChain): void {
  const [top, ...inner] = chain;
  const value = resource[top.name];
  if (!isObject(value)) return;
  const [next] = inner;
  if (next) prune(value as Complex, [next, ...inner.slice(1)]);
  for (const [name, part] of Object.entries(value)) {
    if (isObject(part) && Object.keys(part).length === 0) delete (value as Complex)[name];
  }
  if (Object.keys(value).length === 0) delete resource[top.name];
}
