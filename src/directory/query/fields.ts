/**
 * Where the database has the value of an attribute: in a column, at a JSON path, or nowhere because it is known
 * anyway.
 */

import type { Dialect } from '../../db/open.ts';
import type { Kind } from '../../model/subject.ts';
import { type Attribute, type AttributeChain, leafOf } from './attributes.ts';
import { ELEMENT, sqlDialect } from './dialect.ts';
import type { SqlText } from './text.ts';

export type Field =
  | { readonly kind: 'text'; readonly text: SqlText }
  | { readonly kind: 'boolean'; is(value: boolean): string }
  | { readonly kind: 'time'; readonly sql: string }
  /** The same for every resource of the kind. */
  | { readonly kind: 'constant'; readonly text: string }
  /** Always there, but made only for the answer: there is nothing to compare with. */
  | { readonly kind: 'computed' };

/** A single-valued attribute of the resource that is not complex. */
export function fieldOf(kind: Kind, chain: AttributeChain, dialect: Dialect): Field {
  const table = kind === 'user' ? 'users' : 'groups';
  const [top] = chain;
  switch (top.name) {
    case 'id':
      return exact(`${table}.id`);
    case 'externalId':
      return indexed(exact(`${table}.external_id`));
    case 'userName':
      return indexed(lowered(`${table}.user_name_lower`));
    case 'displayName':
      return indexed(lowered(`${table}.display_name_lower`));
    case 'active':
      return { kind: 'boolean', is: (value) => `${table}.active = ${value}` };
    case 'meta':
      return metaField(kind, table, leafOf(chain).name);
    default:
      return jsonField(
        `${table}.resource`,
        chain.map((attribute) => attribute.name),
        leafOf(chain),
        dialect,
      );
  }
}

function metaField(kind: Kind, table: string, name: string): Field {
  if (name === 'created') return { kind: 'time', sql: `${table}.created_at` };
  if (name === 'lastModified') return { kind: 'time', sql: `${table}.updated_at` };
  if (name === 'resourceType') return { kind: 'constant', text: kind === 'user' ? 'User' : 'Group' };
  return { kind: 'computed' };
}

/** A sub-attribute of one element of a multi-valued attribute. */
export function elementField(kind: Kind, list: Attribute, sub: Attribute, dialect: Dialect): Field {
  if (list.name === 'members') return memberField(kind, sub.name, 'User');
  if (list.name === 'groups') return memberField(kind, sub.name, 'direct');
  return jsonField(ELEMENT, [sub.name], sub, dialect);
}

/** Memberships are rows: `membership` is the row, `other` the user or group at its other end. */
function memberField(kind: Kind, name: string, type: string): Field {
  switch (name) {
    case 'value':
      return exact(kind === 'group' ? 'membership.user_id' : 'membership.group_id');
    case 'type':
      return { kind: 'constant', text: type };
    case 'display':
      return lowered(
        kind === 'group'
          ? 'coalesce(other.display_name_lower, other.user_name_lower)'
          : 'other.display_name_lower',
      );
    default:
      return { kind: 'computed' };
  }
}

function jsonField(json: string, path: readonly string[], attribute: Attribute, dialect: Dialect): Field {
  const d = sqlDialect(dialect);
  if (attribute.type === 'boolean') return { kind: 'boolean', is: (value) => d.isBoolean(json, path, value) };
  const match = attribute.caseExact ? 'exact' : 'insensitive';
  return { kind: 'text', text: { sql: d.text(json, path), match } };
}

type TextField = Extract<Field, { kind: 'text' }>;

function indexed({ kind, text }: TextField): Field {
  return { kind, text: { ...text, isIndexed: true } };
}

function exact(sql: string): TextField {
  return { kind: 'text', text: { sql, match: 'exact' } };
}

function lowered(sql: string): TextField {
  return { kind: 'text', text: { sql, match: 'lowered' } };
}
