/**
 * `attributes` and `excludedAttributes` (RFC 7644 §3.9): names in any case, dotted, with or without the URN of their
 * schema. `schemas` and `id` are always returned; unknown names are ignored.
 */

import { ENTERPRISE_URN, GROUP_URN, USER_URN } from '../../directory/query/attributes.ts';

/** What a name selects: everything below it, or some sub-attributes, by lower-case name. */
type Names = Map<string, Names | 'all'>;

export interface Projection {
  readonly mode: 'include' | 'exclude';
  readonly names: Names;
}

/** Leaves nothing out. */
export const WHOLE: Projection = { mode: 'exclude', names: new Map() };

const ALWAYS = new Set(['schemas', 'id']);
const CORE_PREFIXES = [USER_URN, GROUP_URN].map((schema) => schema.toLowerCase());
const EXTENSION = ENTERPRISE_URN.toLowerCase();
/** Names in one request; further ones are ignored. */
const NAMES_MAX = 200;

/** If both are given, `attributes` wins. An empty list counts as none. */
export function parseProjection(attributes: unknown, excludedAttributes: unknown): Projection {
  const included = namesIn(attributes);
  if (included.length > 0) return { mode: 'include', names: tree(included) };
  return { mode: 'exclude', names: tree(namesIn(excludedAttributes)) };
}

function namesIn(value: unknown): readonly string[] {
  const list = Array.isArray(value) ? value : [value];
  return list
    .flatMap((item) => (typeof item === 'string' ? item.split(',') : []))
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '')
    .slice(0, NAMES_MAX);
}

function tree(names: readonly string[]): Names {
  const root: Names = new Map();
  for (const name of names) {
    let at: Names = root;
    const path = segments(name);
    for (const [index, segment] of path.entries()) {
      const below = at.get(segment);
      if (below === 'all') break;
      if (index === path.length - 1) at.set(segment, 'all');
      else if (below) at = below;
      else {
        const made: Names = new Map();
        at.set(segment, made);
        at = made;
      }
    }
  }
  return root;
}

/** The steps of a lower-case name through a resource. A URN has dots of its own. */
function segments(name: string): readonly string[] {
  if (name === EXTENSION) return [EXTENSION];
  if (name.startsWith(`${EXTENSION}:`)) return [EXTENSION, ...name.slice(EXTENSION.length + 1).split('.')];
  const core = CORE_PREFIXES.find((prefix) => name.startsWith(`${prefix}:`));
  return (core ? name.slice(core.length + 1) : name).split('.');
}

/** Whether the answer holds a part of this top-level attribute; if not, it need not be read. */
export function includes(projection: Projection, name: string): boolean {
  const named = projection.names.get(name.toLowerCase());
  return projection.mode === 'include' ? named !== undefined : named !== 'all';
}

/** Whether the client named this top-level attribute in `attributes`. */
export function asksFor(projection: Projection, name: string): boolean {
  return projection.mode === 'include' && includes(projection, name);
}

/** True where the client asked for a selection at all. */
export function isSelection(projection: Projection): boolean {
  return projection.names.size > 0;
}

export function project(projection: Projection, resource: object): object {
  if (!isSelection(projection)) return resource;
  const choose = projection.mode === 'include' ? pick : omit;
  const kept: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(resource)) {
    const chosen = ALWAYS.has(key) ? value : choose(value, projection.names.get(key.toLowerCase()));
    if (chosen !== undefined) kept[key] = chosen;
  }
  return kept;
}

function pick(value: unknown, names: Names | 'all' | undefined): unknown {
  if (names === undefined) return undefined;
  if (names === 'all') return value;
  return withinComplex(value, (key, child) => pick(child, names.get(key)));
}

function omit(value: unknown, names: Names | 'all' | undefined): unknown {
  if (names === undefined) return value;
  if (names === 'all') return undefined;
  if (typeof value !== 'object' || value === null) return value;
  return withinComplex(value, (key, child) => omit(child, names.get(key)));
}

/** A complex value that has no sub-attribute left is not returned. */
function withinComplex(value: unknown, choose: (key: string, child: unknown) => unknown): unknown {
  if (Array.isArray(value)) {
    const kept = value.map((item) => withinComplex(item, choose)).filter((item) => item !== undefined);
    return kept.length > 0 ? kept : undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const entries = Object.entries(value)
    .map(([key, child]) => [key, choose(key.toLowerCase(), child)] as const)
    .filter(([, child]) => child !== undefined);
  return entries.length > 0 ? Object.fromEntries(entries) : undefined;
}
