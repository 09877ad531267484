/**
 * Operations on multi-valued attributes (RFC 7644 §3.5.2.1 to §3.5.2.3): they select elements, make an element where
 * a client writes into a missing one, and leave no duplicates and at most one primary.
 */

import { conjuncts, type Filter } from '../../directory/query/ast.ts';
import { type Attribute, subAttribute } from '../../directory/query/attributes.ts';
import { operandFor } from '../../directory/query/operand.ts';
import { PatchError } from './error.ts';
import type { Op } from './operation.ts';
import type { Selection, Target } from './target.ts';
import {
  type Complex,
  ELEMENTS_MAX,
  readComplex,
  readElements,
  readValue,
  tooMany,
  type UnknownNames,
  withoutHoles,
} from './value.ts';

export interface ListOutcome {
  readonly elements: readonly Complex[];
  /** Made without a value: a later operation must give it one. */
  readonly unfinished: Complex | null;
}

interface ListOperation {
  readonly op: Op;
  readonly list: Attribute;
  readonly sub: Attribute | null;
  readonly selection: Selection | null;
  readonly written: string;
  readonly value: unknown;
  readonly unknown: UnknownNames;
}

/** May change elements in place: the caller passes a copy. Throws PatchError. */
export function applyToList(
  elements: readonly Complex[],
  op: Op,
  target: Target,
  value: unknown,
  unknown: UnknownNames,
): ListOutcome {
  const [list, sub = null] = target.chain;
  const operation = { op, list, sub, selection: target.selection, written: target.written, value, unknown };
  const outcome =
    sub || target.selection ? changeSelected(elements, operation) : changeAll(elements, operation);
  if (outcome.elements.length > ELEMENTS_MAX) throw tooMany(list);
  return outcome;
}

function changeAll(elements: readonly Complex[], operation: ListOperation): ListOutcome {
  const { op, list, value, unknown } = operation;
  if (op === 'remove')
    return finished(value === undefined || value === null ? [] : without(elements, operation));
  const given = readElements(list, value, unknown).filter((element) => Object.keys(element).length > 0);
  const { all, standing } = combine(list, op === 'add' ? elements : [], given);
  keepOnePrimary(all, standing);
  return finished(all);
}

function finished(elements: readonly Complex[]): ListOutcome {
  return { elements, unfinished: null };
}

/** Entra ID removes by value: an element goes if everything that the client says of it is true. */
function without(elements: readonly Complex[], { list, value, unknown, written }: ListOperation) {
  const named = readElements(list, value, unknown);
  if (named.some((one) => Object.keys(one).length === 0)) {
    throw new PatchError(
      'invalidValue',
      `To remove values of ${written}, each one must be named by an attribute.`,
    );
  }
  const shapes = Map.groupBy(named, (one) => Object.keys(one).sort().join());
  const gone = [...shapes].map(([shape, ones]) => {
    const names = shape.split(',');
    return { names, prints: new Set(ones.map((one) => fingerprint(list, one, names))) };
  });
  return elements.filter(
    (element) => !gone.some(({ names, prints }) => prints.has(fingerprint(list, element, names))),
  );
}

/** A text of these parts of an element; equal parts give the same text. */
function fingerprint(list: Attribute, element: Complex, names: readonly string[]): string {
  return JSON.stringify(names.map((name) => folded(subAttribute(list, name), element[name])));
}

function folded(attribute: Attribute | null, value: unknown): unknown {
  return typeof value === 'string' && !attribute?.caseExact ? value.toLowerCase() : value;
}

function changeSelected(elements: readonly Complex[], operation: ListOperation): ListOutcome {
  const { op, list, sub, selection } = operation;
  const selected = elements.filter((element) => !selection || selection.matches(element));
  if (op === 'remove' && !sub) return finished(others(elements, selected));
  const parts = partsOf(operation);
  if (parts === null)
    return finished(op === 'add' || !sub ? elements : withoutPart(elements, selected, list, sub));
  if (selected.length === 0) return create(elements, parts, operation);
  for (const element of selected) assign(element, parts);
  const kept =
    parts.value === undefined && parts.type === undefined ? elements : combine(list, [], elements).all;
  keepOnePrimary(kept, selected);
  return finished(kept);
}

/** The values that the operation writes into each selected element; null: it removes the sub-attribute. */
function partsOf({ op, list, sub, value, unknown, written }: ListOperation): Complex | null {
  if (op === 'remove') return null;
  if (!sub) {
    const parts = readComplex(list, value, list.name, unknown);
    if (parts) return parts;
    throw new PatchError('invalidValue', `${written} needs a value with sub-attributes.`);
  }
  const part = readValue(sub, value, `${list.name}.${sub.name}`, unknown);
  // A value of '' means that the element has none: Entra ID clears a phone number in this way.
  return part === undefined || (part === '' && sub.name === 'value') ? null : { [sub.name]: part };
}

function assign(element: Complex, parts: Complex): void {
  for (const [name, part] of Object.entries(parts)) {
    if (part === undefined) delete element[name];
    else element[name] = part;
  }
}

/** An element with only its label left is removed. */
function withoutPart(
  elements: readonly Complex[],
  selected: readonly Complex[],
  list: Attribute,
  sub: Attribute,
): readonly Complex[] {
  for (const element of selected) delete element[sub.name];
  return others(
    elements,
    selected.filter((element) => !isFinished(list, element)),
  );
}

function others(elements: readonly Complex[], selected: readonly Complex[]): readonly Complex[] {
  const gone = new Set(selected);
  return elements.filter((element) => !gone.has(element));
}

/** Whether the element has more than `type` and `primary`. */
export function isFinished(list: Attribute, element: Complex): boolean {
  return [...list.subAttributes.values()].some(
    ({ name }) => name !== 'type' && name !== 'primary' && (element[name] ?? '') !== '',
  );
}

/**
 * `emails[type eq "work"].value` without a work address: identity providers expect that one is made. If the filter
 * does not say which, or contradicts the value, there is no target.
 */
function create(elements: readonly Complex[], parts: Complex, operation: ListOperation): ListOutcome {
  const { list, selection, written } = operation;
  const element = withoutHoles({ ...(selection && labelOf(list, selection.filter)), ...parts });
  if (selection && !selection.matches(element)) {
    throw new PatchError('noTarget', `No value of ${list.name} matches ${written}.`);
  }
  const { all, standing } = combine(list, elements, [element]);
  keepOnePrimary(all, standing);
  return { elements: all, unfinished: standing.find((one) => !isFinished(list, one)) ?? null };
}

/** The `type` and `primary` that the filter demands. */
function labelOf(list: Attribute, filter: Filter): Complex {
  const label: Complex = {};
  for (const term of conjuncts(filter)) {
    if (term.kind !== 'compare' || term.op !== 'eq') continue;
    const sub = subAttribute(list, term.attribute);
    if (sub?.name !== 'type' && sub?.name !== 'primary') continue;
    const operand = operandFor(sub, term.op, term.literal);
    if (operand.kind === 'text') label[sub.name] = operand.text;
    if (operand.kind === 'boolean') label[sub.name] = operand.value;
  }
  return label;
}

/**
 * RFC 7643 §2.4: each pair of type and value appears once. Also answers which elements now stand for the given ones.
 */
function combine(list: Attribute, known: readonly Complex[], given: readonly Complex[]) {
  const all = [...known];
  const places = new Map<string, Complex>();
  const place = (element: Complex) => {
    for (const at of placesOf(list, element)) if (!places.has(at)) places.set(at, element);
  };
  for (const element of known) place(element);
  const standing = given.map((element) => {
    const [exact = '', anyType = exact] = placesOf(list, element);
    const same = places.get(element.type === undefined ? anyType : exact);
    if (same) return Object.assign(same, element);
    all.push(element);
    place(element);
    return element;
  });
  return { all, standing };
}

/**
 * What identifies an element, so that no other may have it: its value and type. A value without a type has any type.
 */
function placesOf(list: Attribute, element: Complex): readonly string[] {
  const names = [...list.subAttributes.values()].map(({ name }) => name);
  if (element.value === undefined || !names.includes('type')) return [fingerprint(list, element, names)];
  return [['value', 'type'], ['value']].map((parts) => fingerprint(list, element, parts));
}

/** RFC 7644 §3.5.2: a new primary element replaces the old one. Of several new ones the first counts. */
function keepOnePrimary(elements: readonly Complex[], touched: readonly Complex[]): void {
  const primaries = elements.filter((element) => element.primary === true);
  const chosen = touched.find((element) => primaries.includes(element)) ?? primaries[0];
  for (const element of primaries) if (element !== chosen) element.primary = false;
}
