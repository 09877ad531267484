/**
 * Checks the texts by which people and groups are found: userName, externalId, addresses, a group's name. A new one
 * may not hold invisible characters, and an address must look like one. A value that a resource has already is not
 * checked again: it may be older than the check.
 */

import { lower } from '../db/columns.ts';
import { emailsOf, isActive, type Resource } from '../model/resource.ts';
import { shown } from './query/tokens.ts';
import { DirectoryRefusal } from './refusal.ts';

interface Identifier {
  /** The attribute's name in the refusal. */
  readonly name: string;
  readonly text: string;
  readonly hidden: RegExp;
}

/** Control characters and all others that Unicode calls ignorable, zero-width and bidirectional ones too. */
const HIDDEN = /[\p{Cc}\p{Default_Ignorable_Code_Point}\u2028\u2029]/u;
/** Groups have names in every script: joiners belong to letters there, and combine several emoji into one. */
const HIDDEN_IN_NAMES = /[\p{Cc}\p{Bidi_Control}\u00ad\u200b\u2028\u2029\u2060-\u2064\ufeff]/u;

/** One @ between two parts, without blanks and without characters that show a list or JSON sent as text. */
const ADDRESS = /^[^\s@"(),:;<>[\]\\]+@[^\s@"(),:;<>[\]\\{}]+$/u;

/** An index row of PostgreSQL holds 2,700 bytes, and lower case can be longer than what was sent. */
const BYTES_MAX = 1024;

/** The user with identifiers trimmed: so they are compared, stored and sent to stores. */
export function trimmedUser(user: Resource): Resource {
  const { emails } = user;
  return {
    ...trimmedAt(user, 'userName'),
    ...(Array.isArray(emails) ? { emails: emails.map((email) => trimmedAt(email, 'value')) } : {}),
  };
}

export function trimmedGroup(group: Resource): Resource {
  return trimmedAt(group, 'displayName');
}

function trimmedAt<T extends Resource>(value: T, name: string): T {
  const text = value[name];
  return typeof text === 'string' && !HIDDEN.test(text) ? { ...value, [name]: text.trim() } : value;
}

/** Throws DirectoryRefusal invalidValue, naming the attribute. `before`: null for a new user. */
export function acceptableUser(before: Resource | null, after: Resource): Resource {
  const mistake = newMistake(before && userIdentifiers(before), userIdentifiers(after));
  if (mistake === null) return after;
  // A leaver must be deactivated: of a request with a bad identifier, the bridge does only that.
  if (before && isActive(before) && !isActive(after)) return { ...before, active: false };
  throw new DirectoryRefusal('invalidValue', mistake);
}

/** Throws DirectoryRefusal invalidValue, naming the attribute. `before`: null for a new group. */
export function acceptableGroup(before: Resource | null, after: Resource): Resource {
  const mistake = newMistake(before && groupIdentifiers(before), groupIdentifiers(after));
  if (mistake === null) return after;
  throw new DirectoryRefusal('invalidValue', mistake);
}

function userIdentifiers(user: Resource): readonly Identifier[] {
  return [
    ...identifier(user, 'userName', HIDDEN),
    ...identifier(user, 'externalId', HIDDEN),
    // Lists are sorted and searched by it, but it identifies nobody: only its length matters.
    ...identifier(user, 'displayName', NOTHING),
    ...emailsOf(user).map(({ value }) => ({ name: 'emails.value', text: value, hidden: HIDDEN })),
  ];
}

const NOTHING = /(?!)/;

function groupIdentifiers(group: Resource): readonly Identifier[] {
  return [...identifier(group, 'displayName', HIDDEN_IN_NAMES), ...identifier(group, 'externalId', HIDDEN)];
}

function identifier(resource: Resource, name: string, hidden: RegExp): readonly Identifier[] {
  const text = resource[name];
  return typeof text === 'string' && text !== '' ? [{ name, text, hidden }] : [];
}

/** Checks only identifiers that the resource does not have yet. */
function newMistake(before: readonly Identifier[] | null, after: readonly Identifier[]): string | null {
  const held = new Set((before ?? []).map(keyOf));
  for (const one of after) {
    const mistake = held.has(keyOf(one)) ? null : mistakeOf(one);
    if (mistake !== null) return `${one.name} ${mistake}`;
  }
  return null;
}

function keyOf({ name, text }: Identifier): string {
  return `${name} ${lower(text.trim())}`;
}

function mistakeOf({ name, text, hidden }: Identifier): string | null {
  if (Buffer.byteLength(text) > BYTES_MAX) return `is longer than ${BYTES_MAX} bytes.`;
  const [character] = hidden.exec(text) ?? [];
  if (character !== undefined) return `holds the character ${codePoint(character)}, which nobody sees.`;
  if (name === 'emails.value' && !ADDRESS.test(text)) return `is no email address: ${shown(text)}.`;
  return null;
}

function codePoint(character: string): string {
  return `U+${character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}`;
}
