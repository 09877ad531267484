/**
 * Conditions on rows of `users` about an account at a vendor: `identities.slack.title`. Only rules may use them. The
 * SQL holds names unescaped, which is safe because `identityPath` accepts only letters, digits and -_.$.
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

/** Null where the name is not of this form. */
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

/** The value of the person's speaking account, whichever connection brought the row's user. */
function spokenValue({ handle, attribute }: IdentityPath, dialect: Dialect): string {
  const value = sqlDialect(dialect).text('identities.attributes', [attribute]);
  return `(select ${value} from identities join connections as enriching on enriching.id = identities.connection_id where identities.person_id = users.person_id and identities.speaks and enriching.environment_id = users.environment_id and enriching.handle = '${handle}')`;
}
