/** Checks whether a store can work: whether the credential is good and an administrator's, and for which instance. */

import { RemoteError } from '../../model/errors.ts';
import { ADDRESS_REFUSED, type CallContext, type ConnectionStatus, type StatusDetail } from '../connector.ts';
import type { Row } from './api/calls.ts';
import * as calls from './api/calls.ts';
import type { GitLabClient, Instance } from './api/client.ts';
import { refused } from './api/errors.ts';
import { textOr } from './mapping.ts';
import type { GitLabSettings } from './settings.ts';

/** Something that an admin must fix (`wrong`) or should know. */
interface Finding extends StatusDetail {
  readonly wrong: boolean;
}

export async function checkConnection(
  { client, settings }: Instance,
  context: CallContext,
): Promise<ConnectionStatus> {
  const tenant = { id: settings.baseUrl, name: new URL(settings.baseUrl).host };
  try {
    const action = 'read whose the ACCESS_TOKEN is';
    const answer = await client.ask(calls.currentUser, { context, action }, (api) =>
      api.users.showCurrentUser(),
    );
    if (!answer.ok) throw refused({ action, writes: false }, answer.refusal);
    const user = answer.value;
    const scopes = await scopesOf(client, context);
    const findings = [...lackingScope(scopes), ...(await adminRights(client, user, scopes, context))];
    return {
      status: findings.some(({ wrong }) => wrong) ? 'FAILED' : 'OK',
      details: findings.map(({ code, message }) => ({ code, message })),
      tenant,
      self: { remoteId: String(user.id), identifiers: identifiersOf(user) },
    };
  } catch (error) {
    const detail = whyFailed(error, settings);
    if (!detail) throw error;
    return { status: 'FAILED', details: [detail], tenant: null, self: null };
  }
}

function identifiersOf(user: Row): string[] {
  return [user.email, user.username].filter(
    (value): value is string => typeof value === 'string' && value !== '',
  );
}

/**
 * Null where the token is no personal access token, or may not read its scopes: the calls that follow then show what
 * it may do.
 */
async function scopesOf(client: GitLabClient, context: CallContext): Promise<readonly unknown[] | null> {
  const action = 'read the scopes of the ACCESS_TOKEN';
  const answer = await client.ask(calls.ownToken, { context, action }, (api) => api.tokens.show());
  if (answer.ok) return answer.value.scopes as readonly unknown[];
  if ([400, 403, 404, 405].includes(answer.refusal.status)) return null;
  throw refused({ action, writes: false }, answer.refusal);
}

function lackingScope(scopes: readonly unknown[] | null): Finding[] {
  if (scopes === null || scopes.includes('api')) return [];
  const message = `the ACCESS_TOKEN has the scopes ${scopes.join(', ') || '(none)'}; it needs api`;
  return [{ wrong: true, code: 'missing_scope', message }];
}

/**
 * Checks administrator rights. Where Admin Mode is on and the token lacks the scope admin_mode, GitLab says
 * `is_admin: true` although the token may do nothing. The proof is an answer that only administrators get: a list of
 * users that shows who is one.
 */
async function adminRights(
  client: GitLabClient,
  user: Row,
  scopes: readonly unknown[] | null,
  context: CallContext,
): Promise<Finding[]> {
  const name = textOr(user.username, String(user.id));
  const notAdmin = (message: string) => [{ wrong: true, code: 'not_admin', message }];
  const needed = "creating and blocking accounts needs an administrator's";
  if (user.is_admin === false) return notAdmin(`the ACCESS_TOKEN is ${name}'s; ${needed}`);
  const action = 'see what the ACCESS_TOKEN may see of others';
  const answer = await client.ask(calls.listUsers, { context, action }, (api) =>
    api.users.all({ perPage: 1, maxPages: 1 }),
  );
  if (!answer.ok) throw refused({ action, writes: false }, answer.refusal);
  const [first] = answer.value;
  if (first && 'is_admin' in first) return [];
  if (user.is_admin === true && !scopes?.includes('admin_mode'))
    return notAdmin(
      `GitLab gives the ACCESS_TOKEN no administrator's rights although ${name} is one: where Admin Mode is on it needs the scope admin_mode too`,
    );
  return notAdmin(
    `GitLab does not show that ${name}, whose the ACCESS_TOKEN is, is an administrator; ${needed}`,
  );
}

const NOT_GITLAB = 'not_gitlab';

/** Null where the failure may pass by itself, or has nothing to do with the credential. */
function whyFailed(error: unknown, settings: GitLabSettings): StatusDetail | null {
  if (!(error instanceof RemoteError) || error.code === ADDRESS_REFUSED) return null;
  const { host } = new URL(settings.baseUrl);
  if (error.unrecognised) {
    const message = `${error.message}; BASE_URL must be the address of a GitLab that answers itself`;
    return { code: NOT_GITLAB, message, ...(error.heard === undefined ? {} : { heard: error.heard }) };
  }
  switch (error.disposition) {
    case 'unauthorized':
      return error.status === 403
        ? { code: 'missing_scope', message: 'the ACCESS_TOKEN lacks a scope; it needs api' }
        : {
            code: 'invalid_credential',
            message: `GitLab at ${host} does not accept the ACCESS_TOKEN: it is wrong, expired or revoked`,
          };
    default:
      return null;
  }
}
