/**
 * Finds the attributes to which a refusal of Slack refers, so that the connector can send the others without them.
 */

import type { Attributes } from '../../model/desired.ts';
import type { NotAccepted } from '../connector.ts';
import { type Refusal, USER_NAME_REFUSED } from './api/errors.ts';
import { ENTERPRISE } from './mapping.ts';

const NAMES = ['givenName', 'familyName'];
const EMAIL = ['primaryEmail'];
const EXTENSION = [...ENTERPRISE, 'manager'];

const ATTRIBUTES_OF: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries([...USER_NAME_REFUSED].map((code) => [code, ['userName']])),
  invalid_display_name: ['displayName'],
  invalid_name_maxlength: NAMES,
  invalid_name_specials: NAMES,
  invalid_name_required: NAMES,
  phoneNumbers_invalid: ['phoneNumber'],
  phonenumbers_invalid: ['phoneNumber'],
  improper_enterprise_schema_format: EXTENSION,
  unable_to_create_team_profile_fields: EXTENSION,
  email_taken: EMAIL,
  email_invalid: EMAIL,
  emails_invalid: EMAIL,
  email_empty: EMAIL,
  bad_email_address: EMAIL,
  missing_primary_email: EMAIL,
};

/** Slack refuses one of the attributes, and need not say which. */
const ABOUT_SOME = new Set([
  'invalid_attribute_format',
  'invalid_emoji_not_allowed',
  'invalid_name_maxlength',
  'invalid_name_specials',
  'improper_enterprise_schema_format',
  'unable_to_create_team_profile_fields',
  'truncation_error',
]);

/** True where one of several attributes may be the reason, and the others may pass without it. */
export function isAboutSome({ code }: Refusal): boolean {
  return ABOUT_SOME.has(code);
}

/** True where Slack refuses an update and names no attribute, or one that was not sent. */
export function isUnnamed(refusal: Refusal): boolean {
  return isAboutSome(refusal) || ATTRIBUTES_OF[refusal.code] !== undefined;
}

const TAKEN = new Set(['email_taken', 'username_taken']);

/** Which of the sent attributes Slack refused; none where the refusal is about something else. */
export function refusedAttributes(refusal: Refusal, sent: Attributes): readonly NotAccepted[] {
  const { code, description } = refusal;
  const taken = TAKEN.has(code);
  return Object.keys(sent)
    .filter((name) => isAbout(refusal, name, sent))
    .map((attribute) => ({ attribute, reason: description, ...(taken ? { taken } : {}) }));
}

function isAbout({ code, description }: Refusal, name: string, sent: Attributes): boolean {
  if (code === 'invalid_emoji_not_allowed') return /\p{Extended_Pictographic}/u.test(sent[name] ?? '');
  // Slack may or may not name the attribute.
  if (code === 'invalid_attribute_format') return description.includes(name);
  const names = ATTRIBUTES_OF[code] ?? [];
  // The manager must be somebody whom Slack knows: without them the others may pass.
  if (names === EXTENSION && sent.manager) return name === 'manager';
  return names.includes(name);
}
