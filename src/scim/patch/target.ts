/** Finds the attribute that a path means for a kind of resource. */

import { attributesOf, type Filter, FilterError, PathError } from '../../directory/query/ast.ts';
import {
  type AttributeChain,
  GROUP_URN,
  leafOf,
  resolveAttribute,
  subAttribute,
  USER_URN,
} from '../../directory/query/attributes.ts';
import { type Element, elementMatcher } from '../../directory/query/match.ts';
import { parsePath } from '../../directory/query/parse.ts';
import { shown } from '../../directory/query/tokens.ts';
import type { Kind } from '../../model/subject.ts';
import { PatchError } from './error.ts';

export interface Target {
  /** As the client wrote it. */
  readonly written: string;
  readonly chain: AttributeChain;
  /** Which elements of the list at the beginning of the chain; null: all of them, or there is no list. */
  readonly selection: Selection | null;
}

export interface Selection {
  readonly filter: Filter;
  /** What it costs to try one element. */
  readonly comparisons: number;
  matches(element: Element): boolean;
}

/** The dotted name of an attribute that no schema has. */
export interface Unknown {
  readonly unknown: string;
}

/** Why an unknown attribute is refused, in the words that the identity provider shows its administrator. */
export function unknownAttribute(name: string): string {
  return `There is no attribute ${shown(name)}; a connection with unknownAttributes Ignore passes over it.`;
}

/** Some clients name the whole resource by the URN of its core schema. */
export function namesResource(kind: Kind, written: string): boolean {
  const urn = kind === 'user' ? USER_URN : GROUP_URN;
  return written.trim().toLowerCase() === urn.toLowerCase();
}

/** Throws PatchError: invalidPath, invalidFilter. */
export function resolveTarget(kind: Kind, written: string): Target | Unknown {
  try {
    return resolve(kind, written);
  } catch (error) {
    if (error instanceof PathError || error instanceof FilterError) {
      throw new PatchError(error.scimType, error.message);
    }
    throw error;
  }
}

function resolve(kind: Kind, written: string): Target | Unknown {
  const { attribute, filter, sub } = parsePath(written);
  const chain = resolveAttribute(kind, attribute);
  if (!chain) return { unknown: attribute };
  if (!filter) return { written, chain, selection: null };
  const list = leafOf(chain);
  if (!list.multiValued)
    throw new PathError(`${shown(attribute)} has no elements that a filter could select.`);
  const compared = attributesOf(filter);
  const strange = compared.find((name) => !subAttribute(list, name));
  if (strange !== undefined) return { unknown: `${list.name}.${strange}` };
  const selection = { filter, comparisons: compared.length, matches: elementMatcher(list, filter) };
  if (sub === null) return { written, chain, selection };
  const found = subAttribute(list, sub);
  return found ? { written, chain: [...chain, found], selection } : { unknown: `${list.name}.${sub}` };
}
