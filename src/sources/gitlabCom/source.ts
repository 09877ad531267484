/**
 * Reads the direct members of a top-level group on GitLab.com, and the accounts that its company owns (enterprise
 * users): only those show an address. It asks one by one only about people who are missing, and writes nothing.
 */

import type { CallContext } from '../../connectors/connector.ts';
import { RemoteError } from '../../model/errors.ts';
import { settingsOf } from '../../model/settings.ts';
import { lookedUp } from '../lookups.ts';
import { patiently } from '../patience.ts';
import type { Lookup, Right, ScanPage, Source, SourceDeps, SourceStatus } from '../source.ts';
import { accountOf, isMachine, type Seen } from './account.ts';
import { createGitLabComApi, type GitLabComApi, type List, type Row } from './api.ts';
import { GITLAB_COM_SPECS } from './settings.ts';

export function createGitLabComSource(deps: SourceDeps): Source {
  let made: GitLabComApi | null = null;
  // With STORE_ID alone there is no credential, and nobody calls this.
  const api = () => {
    const { baseUrl, accessToken, rootGroup } = settingsOf(GITLAB_COM_SPECS, deps.configuration);
    made ??= createGitLabComApi({ baseUrl, token: accessToken ?? '', root: (rootGroup ?? '').trim() }, deps);
    return made;
  };
  return {
    check: (context) => check(api(), context),
    tenant: (context) => patiently(deps, context, async () => tenantOf(await api().group(context))),
    scan: (_request, context) => scan(api(), context),
    lookup: (kind, id, context) =>
      kind === 'user' ? lookup(api(), deps, id, context) : Promise.resolve({ is: 'gone' }),
  };
}

async function check(api: GitLabComApi, context: CallContext): Promise<SourceStatus> {
  const rights: Right[] = [];
  const read = async <T>(right: string, advice: string, ask: () => Promise<T>): Promise<T | null> => {
    try {
      const value = await ask();
      rights.push({ code: 'granted', right, granted: true, message: `The bridge may ${right}.` });
      return value;
    } catch (error) {
      const wrong =
        error instanceof RemoteError && /^(unauthorized|missing|rejected)$/.test(error.disposition);
      if (!wrong) throw error;
      const code = error.status === 401 ? 'invalid_credential' : 'missing_right';
      const message = error.status === 401 ? WRONG_TOKEN : `${error.message}: ${advice}.`;
      rights.push({ code, right, granted: false, message });
      return null;
    }
  };
  const self = await read('sign in', WRONG_TOKEN, () => api.self(context));
  const group = self && (await read('read the group', NO_GROUP, () => api.group(context)));
  if (group && group.parent_id !== null && group.parent_id !== undefined)
    rights.push({ code: 'missing_right', right: 'top-level group', granted: false, message: NOT_TOP });
  const members = group && (await read('list members', NO_GROUP, () => api.peek('members', context)));
  const enterprise = members && (await hasEnterprise(api, context));
  if (enterprise) rights.push(enterprise);
  const isOk = rights.every(({ granted }) => granted) && group !== null;
  return {
    status: isOk ? 'OK' : 'FAILED',
    details: rights,
    tenant: group ? tenantOf(group) : null,
    self: self ? { remoteId: String(self.id), identifiers: [String(self.username)] } : null,
  };
}

function tenantOf({ id, full_path }: Row): NonNullable<SourceStatus['tenant']> {
  return { id: String(id), name: String(full_path) };
}

const WRONG_TOKEN = 'GitLab does not accept the ACCESS_TOKEN: it is wrong, expired or revoked.';
const NO_GROUP = 'ROOT_GROUP must be a group in which the ACCESS_TOKEN has the role Owner';
const NOT_TOP = 'ROOT_GROUP is inside another group: enter the top-level one.';
const NOT_OWNER =
  'GitLab shows addresses and sign-in names to owners alone: the ACCESS_TOKEN needs the role Owner of ROOT_GROUP.';
const NO_ENTERPRISE =
  'GitLab shows no enterprise users of this group (they come with Premium and a verified domain): accounts are told by their SAML sign-in alone.';

/** It is no mistake if the plan has no enterprise users, but it is one if the role may not see them. */
async function hasEnterprise(api: GitLabComApi, context: CallContext): Promise<Right> {
  const right = 'list enterprise users';
  try {
    await api.peek('enterprise_users', context);
    return { code: 'granted', right, granted: true, message: `The bridge may ${right}.` };
  } catch (error) {
    if (isNotOffered(error)) return { code: 'not_offered', right, granted: true, message: NO_ENTERPRISE };
    if (!(error instanceof RemoteError) || error.disposition !== 'unauthorized') throw error;
    return { code: 'missing_right', right, granted: false, message: NOT_OWNER };
  }
}

function isNotOffered(error: unknown): boolean {
  return error instanceof RemoteError && error.disposition === 'missing';
}

async function* scan(api: GitLabComApi, context: CallContext): AsyncGenerator<ScanPage> {
  const group = await api.group(context);
  let machines = 0;
  const owned = new Map<number, Row>();
  for await (const rows of enterprisePages(api, context))
    for (const row of rows) {
      if (isMachine(row)) machines += 1;
      else owned.set(row.id, row);
    }
  for await (const rows of api.list('members', context)) {
    const people = rows.filter((row) => !isMachine(row));
    machines += rows.length - people.length;
    yield {
      kind: 'users',
      users: people.map((member) => {
        const enterprise = owned.get(member.id) ?? null;
        owned.delete(member.id);
        return accountOf(String(member.id), { member, enterprise });
      }),
    };
  }
  // An account that the company owns need not be a member of anything.
  const rest = [...owned.values()].map((enterprise) =>
    accountOf(String(enterprise.id), { member: null, enterprise }),
  );
  if (rest.length > 0) yield { kind: 'users', users: rest };
  const reason = `tokens and services of ${String(group.full_path)}`;
  if (machines > 0) yield { kind: 'skipped', what: 'user', count: machines, reason };
  yield { kind: 'end', position: null };
}

async function* enterprisePages(api: GitLabComApi, context: CallContext): AsyncGenerator<readonly Row[]> {
  try {
    yield* api.list('enterprise_users', context);
  } catch (error) {
    if (!isNotOffered(error)) throw error;
  }
}

/** Somebody is gone who is neither a member nor owned, if the group itself still answers. */
function lookup(api: GitLabComApi, deps: SourceDeps, id: string, context: CallContext): Promise<Lookup> {
  return lookedUp(deps, context, async () => {
    const member = await oneOf(api, 'members', id, context);
    const enterprise = await oneOf(api, 'enterprise_users', id, context);
    const seen: Seen = { member, enterprise };
    if (!member && !enterprise) {
      await stillThere(api, context);
      return { is: 'gone' };
    }
    return { is: 'found', inScope: true, user: accountOf(id, seen) };
  });
}

async function oneOf(api: GitLabComApi, what: List, id: string, context: CallContext): Promise<Row | null> {
  try {
    return await api.one(what, id, context);
  } catch (error) {
    if (isNotOffered(error)) return null;
    throw error;
  }
}

/** GitLab answers 404 for everything below a group that the token may no longer see. */
async function stillThere(api: GitLabComApi, context: CallContext): Promise<void> {
  try {
    await api.peek('members', context);
  } catch (error) {
    if (!(error instanceof RemoteError) || error.disposition !== 'missing') throw error;
    const message = 'GitLab shows the ACCESS_TOKEN nothing of ROOT_GROUP any more';
    throw new RemoteError(message, {
      store: 'GitLab.com',
      action: 'look somebody up',
      disposition: 'rejected',
    });
  }
}
