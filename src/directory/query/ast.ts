/**
 * The parsed form of a SCIM filter (RFC 7644 §3.4.2.2) and of a PATCH path (§3.5.2). Attribute names stay as they
 * were written; `attributes.ts` finds what one means, because that depends on the resource.
 */

export type CompareOp = 'eq' | 'ne' | 'co' | 'sw' | 'ew' | 'gt' | 'ge' | 'lt' | 'le';

/**
 * The value that a filter compares with. A value without quotes is a boolean, a number or null if the attribute is
 * one; for every other attribute it is text: Entra ID sends `externalId eq 00123`.
 */
export interface Literal {
  readonly text: string;
  readonly quoted: boolean;
}

export interface Comparison {
  readonly kind: 'compare';
  readonly attribute: string;
  readonly op: CompareOp;
  readonly literal: Literal;
}

export type Filter =
  | { readonly kind: 'and' | 'or'; readonly terms: readonly Filter[] }
  | { readonly kind: 'not'; readonly term: Filter }
  | Comparison
  | { readonly kind: 'present'; readonly attribute: string }
  /** `emails[…]`: a single element must satisfy the whole filter. The filter names sub-attributes. */
  | { readonly kind: 'elements'; readonly attribute: string; readonly filter: Filter };

/** `attribute`, `attribute[filter]` or `attribute[filter].sub`; `attribute` holds `name.sub` without a filter. */
export interface Path {
  readonly attribute: string;
  readonly filter: Filter | null;
  /** Only after a filter. */
  readonly sub: string | null;
}

/** The bridge cannot answer this filter: 400 `invalidFilter` (RFC 7644 §3.12). */
export class FilterError extends Error {
  readonly scimType = 'invalidFilter';

  constructor(message: string) {
    super(message);
    this.name = 'FilterError';
  }
}

/** A PATCH path or a `sortBy` names nothing that can be used: 400 `invalidPath` (RFC 7644 §3.12). */
export class PathError extends Error {
  readonly scimType = 'invalidPath';

  constructor(message: string) {
    super(message);
    this.name = 'PathError';
  }
}

/** The parts of a filter that must all be true. */
export function conjuncts(filter: Filter): readonly Filter[] {
  return filter.kind === 'and' ? filter.terms.flatMap(conjuncts) : [filter];
}

/** The parts of a filter of which one must be true. */
export function disjuncts(filter: Filter): readonly Filter[] {
  return filter.kind === 'or' ? filter.terms.flatMap(disjuncts) : [filter];
}

/** Every attribute name in the filter, as written. */
export function attributesOf(filter: Filter): readonly string[] {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return filter.terms.flatMap(attributesOf);
    case 'not':
      return attributesOf(filter.term);
    default:
      return [filter.attribute];
  }
}
