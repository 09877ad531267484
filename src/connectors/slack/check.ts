/**
 * Is a Slack token good, and what is missing? The Web API says whose it is and where; a first SCIM request
 * says whether it may manage people. What is merely nice to know never fails the check.
 */

import { RemoteError } from '../../model/errors.ts';
import type { RemoteUser } from '../../model/remote.ts';
import type { CallContext, ConnectionStatus } from '../connector.ts';
import type { ScimClient } from './client.ts';
import { CREDENTIAL_CODES, type Refusal, refused } from './errors.ts';
import { type SlackUser, toRemoteUser } from './mapping.ts';
import type { Identity, WebApi } from './web.ts';
import type { Workspace } from './workspace.ts';

type Detail = ConnectionStatus['details'][number];

export async function checkSlack({ scim, web }: Workspace, context: CallContext): Promise<ConnectionStatus> {
  const identity = await web.identity(context);
  if (!identity.ok) {
    return { status: 'FAILED', details: [tokenRefused(identity.error)], tenant: null, self: null };
  }
  const tenant = await describeTenant(identity, web, context);
  if (tenant.id === '') {
    const message = 'Slack did not say which workspace the token belongs to; is API_BASE_URL right?';
    return { status: 'FAILED', details: [{ code: 'no_workspace', message }], tenant: null, self: null };
  }
  const failure = await scimFailure(scim, context);
  const account = failure ? null : await ownAccount(identity, scim, context);
  return {
    status: failure ? 'FAILED' : 'OK',
    details: failure ? [failure] : [],
    tenant,
    self: { remoteId: identity.userId, identifiers: identifiersOf(identity, account) },
  };
}

function tokenRefused(code: string): Detail {
  const advice = CREDENTIAL_CODES[code];
  const known = advice ?? (code === 'unreadable_answer' || code.startsWith('http_') ? WRONG_API : null);
  return { code, message: known ? `Slack: ${code}: ${known}` : `Slack refused the token: ${code}` };
}

const WRONG_API = "the answer is not the Web API's; is API_BASE_URL right?";

/** A token that is installed on an organisation speaks for all its workspaces. */
async function describeTenant(identity: Identity, web: WebApi, context: CallContext) {
  if (identity.isOrgInstall && identity.enterpriseId) {
    return { id: identity.enterpriseId, name: identity.team || identity.enterpriseId };
  }
  const info = await optional(() => web.teamName(context));
  const name = info?.ok && info.name !== '' ? info.name : identity.team || identity.teamId;
  return { id: identity.teamId, name };
}

/** The one request that says whether the token may manage people at all; null where it may. */
async function scimFailure(scim: ScimClient, context: CallContext): Promise<Detail | null> {
  const action = 'list users';
  const query = { startIndex: '1', count: '1' };
  const answer = await scim({ method: 'GET', path: 'Users', query, action }, context);
  if (answer.ok) return null;
  const { refusal } = answer;
  const error = refused({ action, writes: false }, refusal);
  if (error.disposition === 'transient' || error.disposition === 'rateLimited') throw error;
  return { code: refusal.code, message: scimMessage(refusal, error) };
}

function scimMessage(refusal: Refusal, error: RemoteError): string {
  const advice = CREDENTIAL_CODES[refusal.code];
  if (advice) return `Slack's SCIM API: ${refusal.code}: ${advice}`;
  if (refusal.status === 404) return "Slack's SCIM API was not found there; is SCIM_BASE_URL right?";
  return error.message;
}

async function ownAccount(
  identity: Identity,
  scim: ScimClient,
  context: CallContext,
): Promise<RemoteUser | null> {
  const { userId } = identity;
  if (userId === null) return null;
  const path = `Users/${encodeURIComponent(userId)}`;
  const answer = await optional(() => scim({ method: 'GET', path, action: `read user ${userId}` }, context));
  return answer?.ok && typeof answer.body?.id === 'string'
    ? toRemoteUser(answer.body as unknown as SlackUser, 'primaryEmail')
    : null;
}

/** The account is protected by its id already; its names protect it before it is linked. */
function identifiersOf(identity: Identity, account: RemoteUser | null): string[] {
  const names = [identity.user, account?.attributes.userName, account?.attributes.primaryEmail];
  return [...new Set(names.filter((name): name is string => typeof name === 'string' && name !== ''))];
}

/** For what the check can do without; the failed call is recorded all the same. */
async function optional<T>(ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof RemoteError) return null;
    throw error;
  }
}
