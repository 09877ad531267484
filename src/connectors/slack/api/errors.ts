/**
 * What Slack's refusals mean to the bridge. Codes are matched by their leading token, since Slack appends details:
 * `long_username (user=…)`. Only the code and the status leave this file.
 */

import { type Disposition, RemoteError } from '../../../model/errors.ts';
import type { Kind } from '../../../model/subject.ts';
import { ERROR_SCHEMA } from '../mapping.ts';

export const STORE = 'Slack';

/** Slack refused, in its own words. */
export interface Refusal {
  readonly status: number;
  /** Slack's words, cut. */
  readonly description: string;
  /** The leading token of the description: `email_taken`. */
  readonly code: string;
  /** The account or group of the call does not exist. */
  readonly gone: boolean;
}

const DESCRIPTION_LENGTH_MAX = 200;

/**
 * Reads both forms of error body: `{schemas, detail, status}` (v2), and `{Errors: {description, code}}` (v1, and v2's
 * 401). Undefined for any other. A 404 counts only where its words say that the thing asked for (`about`), or a named
 * member, does not exist: with other words it is not Slack's. Only with 400 or 404 does Slack say that something does
 * not exist.
 */
export function readRefusal(
  status: number,
  body: Readonly<Record<string, unknown>>,
  about?: Kind,
): Refusal | undefined {
  const description = wordsOf(status, body);
  if (description === undefined) return undefined;
  const code = /^[a-z][a-z0-9_]*/i.exec(description)?.[0]?.toLowerCase() ?? `http_${status}`;
  if (saysAbsent(code) && status !== 400 && status !== 404) return undefined;
  const gone = about !== undefined && GONE[about].has(code);
  if (status === 404 && !gone && !(about === 'group' && isAboutMember(code))) return undefined;
  return { status, description, code, gone };
}

function wordsOf(status: number, body: Readonly<Record<string, unknown>>): string | undefined {
  const { schemas, detail, status: told, Errors: errors } = body;
  const hasSchema = Array.isArray(schemas) && schemas.includes(ERROR_SCHEMA);
  // Other servers send a `detail` too, but not one of Slack's codes.
  if (isStatus(told, status) && (hasSchema || (told !== undefined && isCode(detail)))) return text(detail);
  if (typeof errors !== 'object' || errors === null) return undefined;
  const { description, code } = errors as { description?: unknown; code?: unknown };
  return isStatus(code, status) ? text(description) : undefined;
}

/** A word such as `no_such_user`. */
function isCode(detail: unknown): boolean {
  return typeof detail === 'string' && /^[a-z]+(_[a-z0-9]+)+\b/i.test(detail);
}

/** Slack repeats the status as a number; RFC 7644 §3.12 has it as text. */
function isStatus(value: unknown, status: number): boolean {
  return value === undefined || String(value) === String(status);
}

function text(value: unknown): string | undefined {
  const words = typeof value === 'string' ? value.trim().slice(0, DESCRIPTION_LENGTH_MAX) : '';
  return words === '' ? undefined : words;
}

/** The credential is bad, or lacks a right: nothing works until an admin fixes it. Each with what to do. */
export const CREDENTIAL_CODES: Readonly<Record<string, string>> = {
  missing_authentication: 'Slack saw no token; enter OAUTH_ACCESS_TOKEN again',
  invalid_authentication: 'the token is not valid; enter a user token (xoxp-…) that has the scope admin',
  not_authed: 'Slack saw no token; enter OAUTH_ACCESS_TOKEN again',
  invalid_auth: 'the token is not valid for this workspace; enter a new one',
  token_revoked: 'the token was revoked; install the app again and enter the new token',
  token_expired: 'the token has expired; install the app again and enter a token that does not expire',
  account_inactive:
    "the token's own account, or its workspace, is deactivated; install the app as another owner",
  not_allowed_token_type: 'this kind of token cannot manage people; enter a user token (xoxp-…)',
  missing_scope:
    'the token lacks the scope admin; add it to the app, install it again and enter the new token',
  no_permission: 'the person who installed the app is not an admin or owner of the workspace any more',
  access_denied: 'Slack denies this token access; install the app again as an owner',
  org_login_required: 'the workspace is being moved into an organisation; install the app there',
  plus_teams_only: "Slack's SCIM API needs the plan Business+ or Enterprise",
  non_org_teams_only:
    'this workspace belongs to an Enterprise organisation: an org owner must install the app on the organisation',
  two_factor_setup_required: "the token's own account must set up two-factor authentication",
  unsupported_version: 'this is not version 2 of the SCIM API; set SCIM_BASE_URL to one that ends in /v2/',
  bad_endpoint: 'there is no such SCIM API; see whether SCIM_BASE_URL is right',
  method_not_allowed:
    'the SCIM API there does not take what the bridge sends; see whether SCIM_BASE_URL is right',
};

/**
 * For one account it means that the account is protected; for every account, that the token's owner is no admin any
 * more.
 */
const DENIED = 'permission_denied';

/** The account is protected: nobody may do this to it, and repeating changes nothing. */
const FORBIDDEN = new Set([
  'cannot_modify_owner',
  'cannot_modify_gdpr',
  'cannot_disable_primary_owner',
  'cannot_modify_primary_owner',
  'primary_owner_check_failure',
  'cannot_disable_bot_user_with_scim',
  'cannot_make_user_guest',
  DENIED,
]);

const GONE: Readonly<Record<Kind, ReadonlySet<string>>> = {
  user: new Set(['no_such_user', 'unknown_user', 'cannot_decode_user_id', 'user_not_found']),
  group: new Set(['no_such_group', 'group_not_found']),
};

/** Slack refused before it changed anything, for a reason that passes by itself. */
const PASSING = new Set(['resource_locked', 'invited_user_not_created']);
const PASSING_RETRY_MS = 1_000;

const LIMITED = new Set(['too_many_requests', 'ratelimited', 'rate_limited']);
const LIMITED_RETRY_MS = 5_000;

/** Slack failed, perhaps in the middle of a call. */
const BROKEN = new Set(['database_query_failure']);

/** Slack may accept the same request later, whatever status it gave. */
export function passes({ code }: Refusal): boolean {
  return PASSING.has(code) || LIMITED.has(code) || BROKEN.has(code);
}

/** Slack refuses every change to this group's members; each member alone would be refused as well. */
const GROUP_CODES = new Set(['idp_group_linked_to_channels', 'failed_to_remove_users_for_linked_subteam']);

export function isAboutGroup({ code }: Refusal): boolean {
  return GROUP_CODES.has(code) || FORBIDDEN.has(code);
}

/** Another user name may be accepted. */
export const USER_NAME_REFUSED: ReadonlySet<string> = new Set([
  'username_taken',
  'username_too_long',
  'long_username',
  'long_nickname',
  'username_invalid',
  'invalid_username',
  'username_not_allowed',
  'username_required',
  'username_empty',
  'invalid_reserved_word',
  'invalid_starts_with_at',
  'truncation_error',
]);

const MEMBER_CODES = new Set([
  'no_such_group_members',
  'no_such_user',
  'unknown_user',
  'user_not_found',
  'unable_to_add_deleted_or_guest_to_group',
]);

/** Slack refuses the whole call because of one of its members, and does not say which. */
export function isAboutMember(code: string): boolean {
  return MEMBER_CODES.has(code);
}

/** Slack says that there is no such account, or no such member; reading the group tells whether that is so. */
export function saysNoMember(code: string): boolean {
  return GONE.user.has(code) || code === 'no_such_group_members';
}

function saysAbsent(code: string): boolean {
  return saysNoMember(code) || GONE.group.has(code);
}

/** What to do about a refusal, unless the operation knows better. */
function dispositionOf({ code, status, gone }: Refusal, writes: boolean): Disposition {
  if (code in CREDENTIAL_CODES) return 'unauthorized';
  if (FORBIDDEN.has(code)) return 'forbidden';
  if (LIMITED.has(code)) return 'rateLimited';
  if (PASSING.has(code)) return 'transient';
  if (gone) return 'missing';
  if (status >= 500 || BROKEN.has(code)) return writes ? 'unknownOutcome' : 'transient';
  if (status === 401) return 'unauthorized';
  return status === 403 ? 'forbidden' : 'rejected';
}

const RETRY_MS: Partial<Record<Disposition, number>> = {
  transient: PASSING_RETRY_MS,
  rateLimited: LIMITED_RETRY_MS,
};

export interface RefusedCall {
  /** In words: "disable user U123". */
  readonly action: string;
  readonly writes: boolean;
}

/** Pass `disposition` where the operation knows better than the code alone. */
/** `taken` goes into the error. */
export function refused(
  call: RefusedCall,
  refusal: Refusal,
  disposition?: Disposition,
  taken?: string,
): RemoteError {
  const decided = disposition ?? dispositionOf(refusal, call.writes);
  const known = PASSING.has(refusal.code) || LIMITED.has(refusal.code);
  return new RemoteError(sentence(call.action, refusal), {
    store: STORE,
    action: call.action,
    disposition: decided,
    status: refusal.status,
    code: refusal.description,
    taken,
    mayLackRights: decided === 'forbidden' && (refusal.code === DENIED || !FORBIDDEN.has(refusal.code)),
    ...(known ? { retryAfterMs: RETRY_MS[decided] } : {}),
  });
}

/** What an admin can do about codes that only they can resolve. */
const ADVICE: Readonly<Record<string, string>> = {
  ...CREDENTIAL_CODES,
  cannot_modify_gdpr: 'the profile of this person was deleted, and nobody can change it',
  cannot_modify_owner: 'Slack lets nobody change an owner over SCIM; change the role in Slack first',
  cannot_disable_primary_owner:
    'the primary owner cannot be deactivated; transfer the ownership in Slack first',
  primary_owner_check_failure: 'Slack could not make sure that this is not the primary owner',
  cannot_disable_bot_user_with_scim: 'this is a bot, which SCIM cannot deactivate',
  permission_denied:
    "the token's own account is not allowed to do this; its role must be above this person's",
  invalid_display_name:
    'Slack allows no such display name, or people may change theirs; send it on creation only, or switch off "Allow users to change their display name"',
  no_such_group_members: 'there is no such account at Slack',
  email_taken: 'another account has this email address',
  username_taken: 'another account or a channel has this user name',
  group_member_max_exceeded: 'the group has as many members as Slack allows',
  too_many_users: 'too many people for one group or one call',
  unable_to_add_deleted_or_guest_to_group: 'guests and deactivated people cannot be in a group',
  idp_group_linked_to_channels: 'the group is linked to channels; unlink them in Slack first',
};

function sentence(action: string, refusal: Refusal): string {
  const advice = ADVICE[refusal.code];
  if (advice) return `Slack refused to ${action}: ${refusal.description} (${advice})`;
  return `Slack refused to ${action}: ${refusal.description}`;
}
