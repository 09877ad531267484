/** Whether a store can work: is the credential good, an administrator's, and of which instance? */

import { RemoteError } from '../../model/errors.ts';
import type { CallContext, ConnectionStatus } from '../connector.ts';
import type { GitLabClient, Instance } from './client.ts';
import { isRemoteError, NOT_GITLAB } from './errors.ts';
import { rowOf, textOr } from './mapping.ts';
import type { Row } from './pages.ts';
import type { GitLabSettings } from './settings.ts';

type Detail = ConnectionStatus['details'][number];

/** What an admin must mend (`wrong`), or should know. */
interface Finding extends Detail {
  readonly wrong: boolean;
}

export async function checkConnection(
  { client, settings }: Instance,
  context: CallContext,
): Promise<ConnectionStatus> {
  const tenant = { id: settings.baseUrl, name: new URL(settings.baseUrl).host };
  try {
    const action = 'read whose the ACCESS_TOKEN is';
    const user = rowOf(await client.during({ context, action }).users.showCurrentUser(), action, false);
    const findings = [...(await scopes(client, context)), ...(await adminRights(client, user, context))];
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

/** Tokens that are no personal access tokens have no such page; the calls themselves then tell. */
async function scopes(client: GitLabClient, context: CallContext): Promise<Finding[]> {
  const action = 'read the scopes of the ACCESS_TOKEN';
  let token: unknown;
  try {
    token = await client.during({ context, action }).tokens.show();
  } catch (error) {
    if (isRemoteError(error) && [403, 404, 405].includes(error.status ?? 0)) return [];
    throw error;
  }
  const given = (token as Row | null)?.scopes;
  if (!Array.isArray(given) || given.includes('api')) return [];
  const message = `the ACCESS_TOKEN has the scopes ${given.join(', ') || '(none)'}; it needs api`;
  return [{ wrong: true, code: 'missing_scope', message }];
}

/** Only an administrator sees `is_admin`; where it is absent, what the token is shown of others decides. */
async function adminRights(client: GitLabClient, user: Row, context: CallContext): Promise<Finding[]> {
  if (user.is_admin === true) return [];
  const name = textOr(user.username, String(user.id));
  const needed = 'creating and blocking accounts needs an administrator';
  if (user.is_admin === false) {
    return [{ wrong: true, code: 'not_admin', message: `the ACCESS_TOKEN is ${name}'s; ${needed}'s` }];
  }
  const action = 'see what the ACCESS_TOKEN may see of others';
  const rows: unknown = await client.during({ context, action }).users.all({ perPage: 1, maxPages: 1 });
  const [first] = Array.isArray(rows) ? (rows as Row[]) : [];
  if (first && 'email' in first) return [];
  const unseen = `GitLab does not show that ${name}, whose the ACCESS_TOKEN is, is an administrator; ${needed}'s`;
  return [{ wrong: first !== undefined, code: first ? 'not_admin' : 'admin_unknown', message: unseen }];
}

/** Null for what may pass by itself, or is not about the credential. */
function whyFailed(error: unknown, settings: GitLabSettings): Detail | null {
  if (!(error instanceof RemoteError)) return null;
  const { host } = new URL(settings.baseUrl);
  if (error.code === NOT_GITLAB) return { code: NOT_GITLAB, message: error.message };
  if (error.disposition === 'unauthorized') {
    return error.status === 403
      ? { code: 'missing_scope', message: 'the ACCESS_TOKEN lacks a scope; it needs api' }
      : {
          code: 'invalid_credential',
          message: `GitLab at ${host} does not accept the ACCESS_TOKEN: it is wrong, expired or revoked`,
        };
  }
  if (error.disposition === 'missing') {
    return {
      code: NOT_GITLAB,
      message: `there is no GitLab API at ${settings.baseUrl}; see whether BASE_URL is right`,
    };
  }
  if (error.disposition === 'forbidden' || error.disposition === 'rejected') {
    return { code: 'forbidden', message: error.message };
  }
  return null;
}
