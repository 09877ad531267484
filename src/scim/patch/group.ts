/**
 * PATCH of a group (RFC 7644 §3.5.2). It never reads the members: operations on them become edits, whose cost does
 * not depend on the size of the group.
 */

import type { MemberEdit } from '../../directory/members.ts';
import { conjuncts, disjuncts, type Filter } from '../../directory/query/ast.ts';
import { type Attribute, subAttribute } from '../../directory/query/attributes.ts';
import { isNull, isStorableText } from '../../directory/query/operand.ts';
import type { Resource } from '../../model/resource.ts';
import { ScimError } from '../answer/errors.ts';
import { MEMBERS_MAX } from '../request/limits.ts';
import { applyOperations, type Patched, type PatchOptions } from './apply.ts';
import { PatchError } from './error.ts';
import { field, isObject, type Op } from './operation.ts';
import type { Target } from './target.ts';
import { readComplex, type UnknownNames } from './value.ts';

export interface PatchedGroup extends Patched {
  /** In the order of the operations. The directory checks whether an id is a user's. */
  readonly members: readonly MemberEdit[];
}

/**
 * Pure: answers the changed resource, which holds no members, and the edits of its members. Throws PatchError, and
 * then nothing was changed.
 */
export function patchGroup(
  resource: Resource,
  operations: readonly unknown[],
  options: PatchOptions,
): PatchedGroup {
  const members: Edit[] = [];
  let named = 0;
  const patched = applyOperations('group', resource, operations, options, (op, target, value, unknown) => {
    const edit = memberEdit(op, target, value, unknown);
    if (edit && edit.op !== 'removeAll') named += edit.ids.length;
    if (named > MEMBERS_MAX) throw tooManyMembers();
    if (edit) append(members, edit);
  });
  return { ...patched, members };
}

type Edit =
  | { readonly op: 'add' | 'remove' | 'replace'; readonly ids: string[] }
  | { readonly op: 'removeAll' };

/** Joins neighbouring edits of one kind: some clients send one operation for each member. */
function append(edits: Edit[], edit: Edit): void {
  const last = edits.at(-1);
  if (
    (last?.op === 'add' || last?.op === 'remove') &&
    (edit.op === 'add' || edit.op === 'remove') &&
    last.op === edit.op
  ) {
    for (const id of edit.ids) last.ids.push(id);
  } else edits.push(edit);
}

/** Null where nothing is left to do. */
function memberEdit(op: Op, target: Target, value: unknown, unknown: UnknownNames): Edit | null {
  const [list, sub] = target.chain;
  if (sub) throw immutable(`${list.name}.${sub.name}`);
  if (target.selection) {
    if (op !== 'remove') throw immutable('A member');
    const ids = selectedIds(list, target.selection.filter);
    return ids.length === 0 ? null : { op, ids };
  }
  if (op === 'remove' && (value === undefined || value === null)) return { op: 'removeAll' };
  const ids = idsOf(list, value, unknown);
  return ids.length === 0 && op !== 'replace' ? null : { op, ids };
}

/** RFC 7643 §8.7.1: the sub-attributes of members are immutable. */
function immutable(what: string): PatchError {
  return new PatchError('mutability', `${what} cannot be changed: remove the member and add another.`);
}

/** `members[value eq "a" or value eq "b"]`: the filter must name the members, because they are not read here. */
function selectedIds(list: Attribute, filter: Filter): string[] {
  return disjuncts(filter).flatMap((alternative) => {
    const terms = conjuncts(alternative);
    const [id, ...more] = terms.flatMap((term) => comparedWith(list, term, 'value') ?? []);
    const types = terms.flatMap((term) => comparedWith(list, term, 'type') ?? []);
    if (id === undefined || more.length > 0 || types.length < terms.length - 1) {
      throw new PatchError('invalidFilter', 'Members are selected by value eq "ID", several joined by or.');
    }
    // Every member is a user.
    return types.every((type) => type.toLowerCase() === 'user') ? [id] : [];
  });
}

/** The text with which the term compares this sub-attribute by `eq`; null for any other term. */
function comparedWith(list: Attribute, term: Filter, name: string): string | null {
  if (term.kind !== 'compare' || term.op !== 'eq' || isNull(term.literal)) return null;
  return subAttribute(list, term.attribute)?.name === name ? term.literal.text : null;
}

/** The user ids in a value of `members`, with repetitions. Throws PatchError invalidValue. */
export function idsOf(list: Attribute, value: unknown, unknown: UnknownNames): string[] {
  if (value === null || value === '') return [];
  const values = Array.isArray(value) ? value : [value];
  if (values.length > MEMBERS_MAX) throw tooManyMembers();
  return values.map((one) => idOf(list, one, unknown));
}

const MEMBER_PARTS: ReadonlySet<string> = new Set(['value', '$ref', 'display', 'type']);

/** The id of a member in the schema's own form, as nearly all are: 100,000 of them must be quick. */
function plainId(member: unknown): string | null {
  if (!isObject(member) || typeof member.value !== 'string' || !isStorableText(member.value)) return null;
  for (const name in member) if (!MEMBER_PARTS.has(name)) return null;
  return member.value;
}

function tooManyMembers(): ScimError {
  return new ScimError(413, null, `A request may name ${MEMBERS_MAX} members, not more.`);
}

function idOf(list: Attribute, member: unknown, unknown: UnknownNames): string {
  const value = plainId(member) ?? readComplex(list, member, list.name, unknown)?.value;
  if (typeof value !== 'string' || value === '') {
    throw new PatchError('invalidValue', 'Each member needs a value: the id of a user.');
  }
  const given = Array.isArray(member) ? member[0] : member;
  const [type, $ref] = isObject(given) ? [field(given, 'type'), field(given, '$ref')] : [];
  if (/^group$/i.test(String(type)) || /(^|\/)groups\/[^/]*$/i.test(String($ref))) {
    throw new PatchError('invalidValue', `${value} is a group: groups cannot be members of groups here.`);
  }
  return value;
}
