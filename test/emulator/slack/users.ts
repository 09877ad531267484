/** What Slack's SCIM API does to people: the rules for names and addresses, deactivation, protection. */

import { ENTERPRISE, ScimRefusal } from './answers.ts';
import type { MultiValue, SlackToken, SlackUser, SlackWorkspace } from './state.ts';

const USER_NAME_LENGTH_MAX = 21;
const DISPLAY_NAME_LENGTH_MAX = 80;
const EMAILS_MAX = 2;
export const PROFILE_ATTRIBUTES = ['title', 'timezone', 'locale', 'preferredLanguage', 'userType'];
export const ENTERPRISE_ATTRIBUTES = [
  'employeeNumber',
  'costCenter',
  'organization',
  'division',
  'department',
];

type Json = Record<string, unknown>;

/** Checks and writes everything that a POST or PUT body says. */
export function fillUser(workspace: SlackWorkspace, user: SlackUser, body: Json): void {
  if (!Array.isArray(body.schemas)) throw new ScimRefusal(400, 'missing_schema_element');
  const emails = multiValues(body.emails);
  if (emails.length === 0) throw new ScimRefusal(400, 'missing_primary_email');
  setEmails(workspace, user, emails);
  const userName = text(body.userName);
  if (userName === '') throw new ScimRefusal(400, 'username_required');
  setUserName(workspace, user, userName);
  const name = (body.name ?? {}) as Json;
  setName(user, 'givenName', text(name.givenName));
  setName(user, 'familyName', text(name.familyName));
  if (body.displayName !== undefined) setDisplayName(workspace, user, text(body.displayName));
  user.phoneNumbers = multiValues(body.phoneNumbers);
  for (const attribute of PROFILE_ATTRIBUTES) {
    if (body[attribute] !== undefined) setProfile(workspace, user, attribute, text(body[attribute]));
  }
  const enterprise = (body[ENTERPRISE] ?? {}) as Json;
  for (const attribute of ENTERPRISE_ATTRIBUTES) {
    if (enterprise[attribute] !== undefined) user.enterprise[attribute] = text(enterprise[attribute]);
  }
  if (enterprise.manager !== undefined) setManager(workspace, user, enterprise.manager);
}

/** By Slack id, address or user name. Slack reads `managerId` and nothing else. */
export function setManager(workspace: SlackWorkspace, user: SlackUser, manager: unknown): void {
  const wanted = text((manager as Json | null)?.managerId).toLowerCase();
  const named = ({ id, userName, emails }: SlackUser) =>
    [id, userName, emails.find(({ primary }) => primary)?.value].some(
      (name) => name?.toLowerCase() === wanted,
    );
  const found = [...workspace.users.values()].find(named);
  if (wanted !== '' && !found) throw new ScimRefusal(400, 'improper_enterprise_schema_format');
  if (!workspace.manners.ignores.has('manager')) user.managerId = found?.id ?? null;
}

const NAME_LENGTH_MAX = 35;

export function setName(user: SlackUser, part: 'givenName' | 'familyName', value: string): void {
  refuseEmoji(value);
  if (value.length > NAME_LENGTH_MAX) throw new ScimRefusal(400, 'invalid_name_maxlength');
  user.name[part] = value;
}

/** Whatever is told to ignore an attribute answers as if it had taken it. */
export function setProfile(workspace: SlackWorkspace, user: SlackUser, name: string, value: string): void {
  if (!workspace.manners.ignores.has(name)) user.profile[name] = value;
}

function refuseEmoji(value: string): void {
  if (/\p{Extended_Pictographic}/u.test(value)) throw new ScimRefusal(400, 'invalid_emoji_not_allowed');
}

const RESERVED_WORDS = new Set(['channel', 'everyone', 'group', 'here', 'me', 'slackbot']);

export function setUserName(workspace: SlackWorkspace, user: SlackUser, wanted: string): void {
  if (wanted.length > USER_NAME_LENGTH_MAX) throw new ScimRefusal(400, `username_too_long (user=${wanted})`);
  if (wanted.startsWith('@')) throw new ScimRefusal(400, 'invalid_starts_with_at');
  const userName = wanted.toLowerCase().replace(/[^a-z0-9._-]/g, '_');
  if (RESERVED_WORDS.has(userName)) throw new ScimRefusal(400, `invalid_reserved_word (user=${userName})`);
  const holder = [...workspace.users.values()].find((other) => other.userName === userName);
  if ((holder && holder.id !== user.id) || workspace.channels.has(userName)) {
    throw new ScimRefusal(409, `username_taken (user=${userName})`);
  }
  user.userName = userName;
}

export function setDisplayName(workspace: SlackWorkspace, user: SlackUser, displayName: string): void {
  const isLegal = !displayName.includes('@') && displayName.length <= DISPLAY_NAME_LENGTH_MAX;
  if (!isLegal || workspace.manners.refusesDisplayNames) throw new ScimRefusal(400, 'invalid_display_name');
  refuseEmoji(displayName);
  if (!user.displayNameLocked && !workspace.manners.ignores.has('displayName'))
    user.displayName = displayName;
}

/** An address stays taken when its account is deactivated. */
export function setEmails(workspace: SlackWorkspace, user: SlackUser, emails: readonly MultiValue[]): void {
  for (const { value } of emails) {
    if (!value.includes('@')) throw new ScimRefusal(400, 'email_invalid');
    const holder = [...workspace.users.values()].find((other) =>
      other.emails.some((email) => email.value.toLowerCase() === value.toLowerCase()),
    );
    if (holder && holder.id !== user.id) {
      throw new ScimRefusal(409, `email_taken (email=${value}) existing_user=${holder.id}`);
    }
  }
  if (emails.filter((email) => email.primary).length > 1) {
    throw new ScimRefusal(400, 'Multi-valued attributes can not have more than one primary element');
  }
  const kept = emails.slice(0, EMAILS_MAX);
  const primary = kept.find((email) => email.primary) ?? kept[0];
  user.emails = kept.map((email) => ({ value: email.value, primary: email === primary }));
}

/** `showLateMs`: for so long, reads still show the account as active. */
export function setActive(
  workspace: SlackWorkspace,
  token: SlackToken,
  user: SlackUser,
  active: boolean,
  shownActiveUntilMs: number,
): void {
  if (user.active === active) return;
  if (!active) {
    if (user.role === 'primaryOwner') throw new ScimRefusal(403, 'cannot_disable_primary_owner');
    if (user.isBot) throw new ScimRefusal(403, 'cannot_disable_bot_user_with_scim');
    refuseAboveRole(workspace, token, user);
    if (!workspace.manners.keepsMemberships) {
      for (const group of workspace.groups.values()) group.members.delete(user.id);
    }
  }
  user.active = active;
  user.shownActiveUntilMs = active ? 0 : shownActiveUntilMs;
}

const RANK = { member: 0, admin: 1, owner: 2, primaryOwner: 3 } as const;

/** A token acts on its own account's role and those below. */
export function refuseAboveRole(workspace: SlackWorkspace, token: SlackToken, user: SlackUser): void {
  if (user.isErased) throw new ScimRefusal(400, 'cannot_modify_gdpr');
  const actor = workspace.users.get(token.userId);
  if (RANK[user.role] > RANK[actor?.role ?? 'member']) throw new ScimRefusal(403, 'cannot_modify_owner');
}

/** Slack answers with a default where a value is not text. */
export function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function multiValues(value: unknown): MultiValue[] {
  if (!Array.isArray(value)) return [];
  return (value as Json[])
    .filter((entry) => text(entry?.value) !== '')
    .map((entry) => ({ value: text(entry.value), primary: entry.primary === true }));
}
