/** `sortBy` and `sortOrder` (RFC 7644 §3.4.2.3) as SQL. */

import type { Dialect } from '../../db/open.ts';
import type { Kind } from '../../model/subject.ts';
import { PathError } from './ast.ts';
import { type AttributeChain, leafOf, resolveAttribute, subAttribute } from './attributes.ts';
import { ELEMENT, sqlDialect } from './dialect.ts';
import { elementField, type Field, fieldOf } from './fields.ts';
import type { Sql } from './text.ts';
import { shown } from './tokens.ts';

/** Every resource has these attributes: the index of the column can sort them. */
const ALWAYS_THERE: ReadonlySet<string> = new Set(['id', 'userName', 'active', 'meta']);

/**
 * The `order by` expressions for `query.orderByRaw(sql, bindings)` on `users` or `groups`. Null where they would
 * order nothing: the schema does not have the attribute, or it is the same for all. The caller appends `created_at,
 * id`, so that pages are stable. A multi-valued attribute sorts by its primary, else its first value. Resources
 * without a value come last in ascending order and first in descending. Throws PathError for an attribute that has no
 * order.
 */
export function sortToSql(sortBy: string, descending: boolean, kind: Kind, dialect: Dialect): Sql | null {
  const chain = resolveAttribute(kind, sortBy.trim());
  const key = chain && sortKey(chain, sortBy, kind, dialect);
  if (!chain || !key?.varies) return null;
  const direction = descending ? 'desc' : 'asc';
  if (ALWAYS_THERE.has(chain[0].name)) return { sql: `${key.sql} ${direction}`, bindings: [] };
  return { sql: `(${key.sql}) is null ${direction}, ${key.sql} ${direction}`, bindings: [] };
}

/** The value by which a list of several kinds is sorted; null where resources of this kind have none. */
export function sortKeyToSql(sortBy: string, kind: Kind, dialect: Dialect): string | null {
  const chain = resolveAttribute(kind, sortBy.trim());
  return (chain && sortKey(chain, sortBy, kind, dialect)?.sql) ?? null;
}

interface SortKey {
  readonly sql: string;
  /** False where every resource of the kind has the same value. */
  readonly varies: boolean;
}

function sortKey(chain: AttributeChain, sortBy: string, kind: Kind, dialect: Dialect): SortKey | null {
  const [top] = chain;
  if (top.name === 'members' || top.name === 'groups' || top.name === 'schemas') throw unsortable(sortBy);
  const leaf = leafOf(chain);
  const value = leaf.type === 'complex' ? subAttribute(leaf, 'value') : leaf;
  if (!value) throw unsortable(sortBy);
  if (!top.multiValued) {
    const field = fieldOf(kind, value === leaf ? chain : [...chain, value], dialect);
    const sql = orderKey(field, dialect);
    return sql === null ? null : { sql, varies: field.kind !== 'constant' };
  }
  const key = orderKey(elementField(kind, top, value, dialect), dialect);
  if (key === null) return null;
  const d = sqlDialect(dialect);
  const isPrimary = d.isBoolean(ELEMENT, ['primary'], true);
  const rows = d.elements(kind === 'user' ? 'users.resource' : 'groups.resource', top.name);
  const first = `order by coalesce(${isPrimary}, false) desc, element.position limit 1`;
  return { sql: `(select ${key} from ${rows} ${first})`, varies: true };
}

function orderKey(field: Field, dialect: Dialect): string | null {
  const d = sqlDialect(dialect);
  switch (field.kind) {
    case 'text':
      return d.ordered(field.text.match === 'insensitive' ? d.lowerAscii(field.text.sql) : field.text.sql);
    case 'time':
      return field.sql;
    case 'boolean':
      return `case when ${field.is(true)} then 1 when ${field.is(false)} then 0 end`;
    case 'constant':
      return `'${field.text}'`;
    case 'computed':
      return null;
  }
}

function unsortable(sortBy: string): PathError {
  return new PathError(
    `Lists cannot be sorted by ${shown(sortBy)}: name one attribute that has a single value.`,
  );
}
