/**
 * What Slack's refusals mean to the bridge. Codes are matched by their leading token, since Slack appends
 * details: `long_username (user=…)`. Nothing but the code and the status leaves this file.
 */

import { type Disposition, RemoteError } from '../../model/errors.ts';

/** An answer of the SCIM API that is not a success. */
export interface Refusal {
  readonly status: number;
  /** Slack's words, cut; for a body that is not Slack's, the status. */
  readonly description: string;
  /** The leading token of the description: `email_taken`. */
  readonly code: string;
  /** False where the body is neither empty nor JSON: then something else than Slack answered. */
  readonly fromSlack: boolean;
}

const DESCRIPTION_LENGTH_MAX = 200;

/**
 * Reads both shapes of error body: `{detail, status}` (v2), and `{Errors: {description, code}}` (v1, and
 * v2's 401).
 */
export function readRefusal(status: number, text: string): Refusal {
  const unknown = { status, description: `HTTP ${status}`, code: `http_${status}` };
  if (text.trim() === '') return { ...unknown, fromSlack: true };
  let body: { detail?: unknown; Errors?: { description?: unknown } } | null;
  try {
    body = JSON.parse(text);
  } catch {
    return { ...unknown, fromSlack: false };
  }
  const said = body?.detail ?? body?.Errors?.description;
  if (typeof said !== 'string' || said.trim() === '') return { ...unknown, fromSlack: true };
  const description = said.trim().slice(0, DESCRIPTION_LENGTH_MAX);
  const code = /^[a-z][a-z0-9_]*/i.exec(description)?.[0]?.toLowerCase() ?? unknown.code;
  return { status, description, code, fromSlack: true };
}

/** A credential that is bad, or lacks a right: nothing works until an admin mends it. What to do about each. */
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
};

const FORBIDDEN = new Set([
  'cannot_modify_owner',
  'cannot_disable_primary_owner',
  'cannot_modify_primary_owner',
  'primary_owner_check_failure',
  'cannot_disable_bot_user_with_scim',
  'permission_denied',
]);

const MISSING = new Set(['no_such_user', 'no_such_group', 'user_not_found', 'group_not_found']);

/** Slack refused before it changed anything, for a reason that passes. */
const PASSING = new Set(['resource_locked', 'invited_user_not_created']);
const PASSING_RETRY_MS = 1_000;

const LIMITED = new Set(['too_many_requests', 'ratelimited', 'rate_limited']);
const LIMITED_RETRY_MS = 5_000;

export const USER_NAME_REFUSED = new Set([
  'username_taken',
  'username_too_long',
  'long_username',
  'username_invalid',
  'invalid_username',
  'username_not_allowed',
]);

/** What to do about a refusal, unless the operation knows better. */
function dispositionOf(refusal: Refusal, writes: boolean): Disposition {
  const { code, status } = refusal;
  if (code in CREDENTIAL_CODES) return 'unauthorized';
  if (FORBIDDEN.has(code)) return 'forbidden';
  if (LIMITED.has(code)) return 'rateLimited';
  if (PASSING.has(code)) return 'transient';
  if (status >= 500 || status === 408) return writes ? 'unknownOutcome' : 'transient';
  if (status === 401) return 'unauthorized';
  // Only Slack's own 404 says that something is gone: a proxy's would deprovision by mistake.
  if (MISSING.has(code) || status === 404) return refusal.fromSlack ? 'missing' : 'rejected';
  if (status === 403) return 'forbidden';
  return 'rejected';
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

/** `disposition` where the operation knows better than the code alone. */
export function refused(call: RefusedCall, refusal: Refusal, disposition?: Disposition): RemoteError {
  const decided = disposition ?? dispositionOf(refusal, call.writes);
  const known = PASSING.has(refusal.code) || LIMITED.has(refusal.code);
  return new RemoteError(sentence(call.action, refusal), {
    store: 'Slack',
    action: call.action,
    disposition: decided,
    status: refusal.status,
    code: refusal.description,
    ...(known ? { retryAfterMs: RETRY_MS[decided] } : {}),
  });
}

/** What an admin can do about codes that are no one's fault but theirs to mend. */
const ADVICE: Readonly<Record<string, string>> = {
  ...CREDENTIAL_CODES,
  cannot_modify_owner: 'Slack lets nobody change an owner over SCIM; change the role in Slack first',
  cannot_disable_primary_owner:
    'the primary owner cannot be deactivated; transfer the ownership in Slack first',
  primary_owner_check_failure: 'Slack could not make sure that this is not the primary owner',
  cannot_disable_bot_user_with_scim: 'this is a bot, which SCIM cannot deactivate',
  permission_denied:
    "the token's own account is not allowed to do this; its role must be above this person's",
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
  if (!refusal.fromSlack) {
    return `Something else than Slack answered ${refusal.status} when asked to ${action}; is SCIM_BASE_URL right?`;
  }
  return `Slack refused to ${action}: ${refusal.description}`;
}
