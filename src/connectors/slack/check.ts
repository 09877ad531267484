/**
 * Checks whether a Slack token is good, and what it lacks. The Web API says whose it is and where; a first SCIM
 * request says whether it may manage people. Information that the bridge can do without never fails the check.
 */

import { RemoteError } from '../../model/errors.ts';
import type { RemoteUser } from '../../model/remote.ts';
import { heardOf } from '../answers.ts';
import type { CallContext, ConnectionStatus, StatusDetail } from '../connector.ts';
import * as calls from './api/calls.ts';
import type { ScimClient } from './api/client.ts';
import { CREDENTIAL_CODES, refused } from './api/errors.ts';
import { readResource } from './api/pages.ts';
import type { Identity, WebApi } from './api/web.ts';
import { toRemoteUser } from './mapping.ts';
import { privilegeUnknown } from './privileges.ts';
import type { Workspace } from './workspace.ts';

export async function checkSlack({ scim, web }: Workspace, context: CallContext): Promise<ConnectionStatus> {
  const identity = await orElsewhere('API_BASE_URL', () => web.identity(context));
  if ('elsewhere' in identity) {
    return { status: 'FAILED', details: [identity.elsewhere], tenant: null, self: null };
  }
  if (!identity.ok) {
    return { status: 'FAILED', details: [tokenRefused(identity.error)], tenant: null, self: null };
  }
  const tenant = await describeTenant(identity, web, context);
  if (tenant.id === '') {
    const message = 'Slack did not say which workspace the token belongs to; is API_BASE_URL right?';
    return { status: 'FAILED', details: [{ code: 'no_workspace', message }], tenant: null, self: null };
  }
  const failure = explained(await scimFailure(scim, context), identity);
  const account = failure ? null : await ownAccount(identity, scim, context);
  const unknown = failure ? null : await privilegeUnknown(web, identity, context);
  return {
    status: failure ? 'FAILED' : 'OK',
    details: [failure, unknown].filter((detail) => detail !== null),
    tenant,
    self: { remoteId: identity.userId, identifiers: identifiersOf(identity, account) },
  };
}

function tokenRefused(code: string): StatusDetail {
  const advice = CREDENTIAL_CODES[code];
  return { code, message: advice ? `Slack: ${code}: ${advice}` : `Slack refused the token: ${code}` };
}

/** A token that is installed on an organisation is valid for all its workspaces. */
async function describeTenant(identity: Identity, web: WebApi, context: CallContext) {
  if (identity.isOrgInstall && identity.enterpriseId) {
    return { id: identity.enterpriseId, name: identity.team || identity.enterpriseId };
  }
  const info = await optional(() => web.teamName(context));
  const name = info?.ok && info.name !== '' ? info.name : identity.team || identity.teamId;
  return { id: identity.teamId, name };
}

/**
 * SCIM calls a token without the scope invalid. The Web API knows the token and its scopes, so that the message can
 * name what is missing.
 */
function explained(failure: StatusDetail | null, { scopes }: Identity): StatusDetail | null {
  if (failure?.code !== 'invalid_authentication' || scopes === null || scopes.includes('admin'))
    return failure;
  return { code: 'missing_scope', message: `Slack: ${CREDENTIAL_CODES.missing_scope}` };
}

/** Sends one request that tells whether the token may manage people at all; null where it may. */
async function scimFailure(scim: ScimClient, context: CallContext): Promise<StatusDetail | null> {
  const action = 'list users';
  const query = { startIndex: '1', count: '1' };
  const answer = await orElsewhere('SCIM_BASE_URL', () => scim(calls.list('user', query), action, context));
  if ('elsewhere' in answer) return answer.elsewhere;
  if (answer.ok) return null;
  const { refusal } = answer;
  const error = refused({ action, writes: false }, refusal);
  if (error.disposition === 'transient' || error.disposition === 'rateLimited') throw error;
  const advice = CREDENTIAL_CODES[refusal.code];
  if (advice) return { code: refusal.code, message: `Slack's SCIM API: ${refusal.code}: ${advice}` };
  const { status, description } = refusal;
  const message = `Slack's SCIM API refused to ${action}, with HTTP ${status}`;
  return { code: `http_${status}`, message, heard: `says ${heardOf(description)}` };
}

/** If something other than Slack answers, the address is probably wrong. */
async function orElsewhere<T>(
  key: string,
  ask: () => Promise<T>,
): Promise<T | { readonly elsewhere: StatusDetail }> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof RemoteError) || !error.unrecognised) throw error;
    const heard = error.heard === undefined ? {} : { heard: error.heard };
    return { elsewhere: { code: 'not_slack', message: `${error.message}; is ${key} right?`, ...heard } };
  }
}

async function ownAccount(
  identity: Identity,
  scim: ScimClient,
  context: CallContext,
): Promise<RemoteUser | null> {
  const { userId } = identity;
  if (userId === null) return null;
  const resource = await optional(() => readResource(scim, 'user', userId, context));
  return resource && toRemoteUser(resource, 'primaryEmail');
}

/** The account's id protects it already; its names protect it before it is linked. */
function identifiersOf(identity: Identity, account: RemoteUser | null): string[] {
  const names = [identity.user, account?.attributes.userName, account?.attributes.primaryEmail];
  return [...new Set(names.filter((name): name is string => typeof name === 'string' && name !== ''))];
}

/** For information that the check can do without; a failed call is recorded all the same. */
async function optional<T>(ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof RemoteError) return null;
    throw error;
  }
}
