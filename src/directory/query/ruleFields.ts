/**
 * Conditions on rows of `users` that only rules may use: about an account at a vendor (`identities.slack.title`), and
 * about what a mapping keeps under a name of its own (`metadata.costCode`). The SQL holds names unescaped, which is
 * safe because `identityPath` and `isMetadata` accept only letters, digits and -_.$.
 */

import type { Dialect } from '../../db/open.ts';
import { type IdentityPath, identityPath } from '../../model/pull/identity.ts';
import { isMetadata } from '../../model/source.ts';
import type { Attribute } from './attributes.ts';
import { sqlDialect } from './dialect.ts';
import type { Field } from './fields.ts';

export interface RuleField {
  readonly attribute: Attribute;
  readonly field: Field;
}

/** Null where the name is of neither form. */
export function ruleField(name: string, dialect: Dialect): RuleField | null {
  const path = identityPath(name);
  if (path) return textField(name, spokenValue(path, dialect));
  if (!isMetadata(name)) return null;
  const [, key = ''] = name.split('.');
  return textField(name, sqlDialect(dialect).text('users.resource', ['metadata', key]));
}

function textField(name: string, sql: string): RuleField {
  const attribute: Attribute = {
    name,
    ...{ type: 'string', multiValued: false, caseExact: false, mutability: 'readOnly' },
    ...{ required: false, trimmed: false, subAttributes: new Map() },
  };
  return { attribute, field: { kind: 'text', text: { sql, match: 'insensitive' } } };
}

/** The value of the person's speaking account, whichever connection brought the row's user. */
function spokenValue({ handle, attribute }: IdentityPath, dialect: Dialect): string {
  const value = sqlDialect(dialect).text('identities.attributes', [attribute]);
  return `(select ${value} from identities join connections as enriching on enriching.id = identities.connection_id where identities.person_id = users.person_id and identities.speaks and enriching.environment_id = users.environment_id and enriching.handle = '${handle}')`;
}
