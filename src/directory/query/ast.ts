/**
 * What a SCIM filter (RFC 7644 §3.4.2.2) and a PATCH path (§3.5.2) are once they are read. Attribute names
 * stay as they were written: which attribute one means depends on the resource, so `attributes.ts` says it.
 */

export type CompareOp = 'eq' | 'ne' | 'co' | 'sw' | 'ew' | 'gt' | 'ge' | 'lt' | 'le';

/**
 * The value compared with. A value without quotes is a boolean, a number or null where the attribute is
 * one, and its own text everywhere else: Entra ID sends `externalId eq 00123`.
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
  /** `emails[…]`: one and the same element satisfies the filter. Its attributes are sub-attributes. */
  | { readonly kind: 'elements'; readonly attribute: string; readonly filter: Filter };

/** `attribute`, `attribute[filter]` or `attribute[filter].sub`; `attribute` holds `name.sub` without a filter. */
export interface Path {
  readonly attribute: string;
  readonly filter: Filter | null;
  /** Only after a filter. */
  readonly sub: string | null;
}

/** A filter that cannot be answered: 400 `invalidFilter` (RFC 7644 §3.12). */
export class FilterError extends Error {
  readonly scimType = 'invalidFilter';

  constructor(message: string) {
    super(message);
    this.name = 'FilterError';
  }
}

/** A PATCH path or a `sortBy` that names nothing usable: 400 `invalidPath` (RFC 7644 §3.12). */
export class PathError extends Error {
  readonly scimType = 'invalidPath';

  constructor(message: string) {
    super(message);
    this.name = 'PathError';
  }
}

/** The parts that must all hold. */
export function conjuncts(filter: Filter): readonly Filter[] {
  return filter.kind === 'and' ? filter.terms.flatMap(conjuncts) : [filter];
}

/** The parts of which one must hold. */
export function disjuncts(filter: Filter): readonly Filter[] {
  return filter.kind === 'or' ? filter.terms.flatMap(disjuncts) : [filter];
}

/** Every attribute name that the filter holds, as written. */
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
