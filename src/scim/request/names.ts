/** Names the attributes that a resource has, as an admin can map them. */

import { type Attribute, nameInside, schemaOf } from '../../directory/query/attributes.ts';
import type { Resource } from '../../model/resource.ts';
import type { Kind } from '../../model/subject.ts';

/** How many names of one resource are noted; others are left out. */
const NAMES_MAX = 200;

const SELECTORS: ReadonlySet<string> = new Set(['type', 'primary']);

/**
 * Dotted names; for a list's element with its type: `emails[type eq "work"].value`. Only names, no other values.
 * `only`: these top-level attributes.
 */
export function namesIn(kind: Kind, resource: Resource, only?: ReadonlySet<string>): readonly string[] {
  const names = new Set<string>();
  const parts = Object.entries(resource).filter(([name]) => !only || only.has(name));
  collect(schemaOf(kind), Object.fromEntries(parts), '', names);
  return [...names].slice(0, NAMES_MAX);
}

function collect(complex: Attribute, value: Resource, parent: string, names: Set<string>): void {
  for (const [key, part] of Object.entries(value)) {
    const attribute = complex.subAttributes.get(key.toLowerCase());
    // The selector in the name already tells this element from others.
    if (!attribute || (complex.multiValued && SELECTORS.has(attribute.name))) continue;
    const name = parent === '' ? attribute.name : nameInside(parent, attribute.name);
    for (const one of Array.isArray(part) ? part : [part]) {
      if (attribute.type !== 'complex') names.add(name);
      else if (isObject(one)) collect(attribute, one, name + selector(attribute, one), names);
    }
  }
}

function selector(attribute: Attribute, element: Resource): string {
  if (!attribute.multiValued || typeof element.type !== 'string') return '';
  return `[type eq ${JSON.stringify(element.type)}]`;
}

function isObject(value: unknown): value is Resource {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
