/**
 * Finds the attributes to which a refusal of GitLab refers, so that the connector can send the others without them.
 */

import type { Attributes } from '../../model/desired.ts';
import type { NotAccepted } from '../connector.ts';
import { isEmailTaken, isIdentityTaken, isUsernameTaken, type Refusal } from './api/errors.ts';
import { FIELDS } from './mapping.ts';

/** GitLab's further fields for an attribute: it checks an identity as a whole. */
const FIELDS_OF: Readonly<Record<string, readonly string[]>> = {
  username: ['username', 'namespace', 'path', 'route'],
  externUid: ['extern_uid', 'provider', 'identities'],
};

/** Which of the sent attributes GitLab refused; none where the refusal is about something else. */
export function refusedAttributes(refusal: Refusal, sent: Attributes): readonly NotAccepted[] {
  const taken = isTaken(refusal);
  return Object.keys(sent)
    .filter((name) => isAbout(refusal, name))
    .map((attribute) => ({ attribute, reason: refusal.words, ...(taken ? { taken } : {}) }));
}

/** True where GitLab refuses an update because of an attribute, even one that was not sent. */
export function isUnnamed(refusal: Refusal): boolean {
  return refusal.fields.length > 0 || isTaken(refusal);
}

function isTaken(refusal: Refusal): boolean {
  return isEmailTaken(refusal) || isUsernameTaken(refusal) || isIdentityTaken(refusal);
}

function isAbout(refusal: Refusal, name: string): boolean {
  if (isEmailTaken(refusal)) return name === 'email';
  if (isUsernameTaken(refusal)) return name === 'username';
  const own = FIELDS_OF[name] ?? [FIELDS[name] ?? name];
  return refusal.fields.some((field) => own.includes(field.split(/[.[]/)[0] ?? field));
}
