/**
 * What an account at a vendor says of somebody, as a condition on the rows of `users`: `identities.slack.title`. Rules
 * alone may ask for it. Names stand in the SQL as they are, because `identityPath` lets letters, digits and -_.$ through.
 */

import type { Dialect } from '../../db/open.ts';
import { type IdentityPath, identityPath } from '../../model/pull/identity.ts';
import type { Attribute } from './attributes.ts';
import { sqlDialect } from './dialect.ts';
import type { Field } from './fields.ts';

export interface IdentityField {
  readonly attribute: Attribute;
  readonly field: Field;
}

/** Null for a name of another kind. */
export function identityField(name: string, dialect: Dialect): IdentityField | null {
  const path = identityPath(name);
  if (!path) return null;
  const attribute: Attribute = {
    name,
    ...{ type: 'string', multiValued: false, caseExact: false, mutability: 'readOnly' },
    ...{ required: false, trimmed: false, subAttributes: new Map() },
  };
  return {
    attribute,
    field: { kind: 'text', text: { sql: spokenValue(path, dialect), match: 'insensitive' } },
  };
}

/** The account that speaks for the person, wherever the row's user comes from. */
function spokenValue({ handle, attribute }: IdentityPath, dialect: Dialect): string {
  const value = sqlDialect(dialect).text('identities.attributes', [attribute]);
  return `(select ${value} from identities join connections as enriching on enriching.id = identities.connection_id where identities.person_id = users.person_id and identities.speaks and enriching.environment_id = users.environment_id and enriching.handle = '${handle}')`;
}
