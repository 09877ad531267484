/**
 * A top-level group on GitLab.com, on loopback: its members and enterprise users as GitLab shows them to owners and to
 * others. It has what the bridge asks for, and no more.
 */

import { type Answer, type EmulatedRequest, type EmulatorServer, type Handle, serve } from './server.ts';

export interface ComMember {
  readonly id: number;
  username: string;
  name: string;
  /** Null: a member whose account the company does not own. */
  email: string | null;
  isMember: boolean;
  accessLevel: number;
  state: 'active' | 'blocked';
  membershipState: 'active' | 'awaiting';
  /** Of the group's SAML. */
  externUid: string | null;
}

export interface GitLabComState {
  readonly people: Map<number, ComMember>;
  readonly token: string;
  readonly group: { readonly id: number; readonly path: string; parentId: number | null };
  /** Of the token's account in the group. */
  role: 'owner' | 'developer' | 'none';
  /** Enterprise users come with Premium. */
  plan: 'free' | 'premium';
  revoked: boolean;
  add(username: string, more?: Partial<Omit<ComMember, 'id' | 'username'>>): ComMember;
}

export interface EmulatedGitLabCom {
  readonly state: GitLabComState;
  readonly handle: Handle;
}

export type GitLabComEmulator = EmulatedGitLabCom & EmulatorServer;

const PER_PAGE_MAX = 100;

export function startGitLabComEmulator(options: { readonly port?: number } = {}): Promise<GitLabComEmulator> {
  return serve(() => createGitLabCom(), options.port);
}

export function createGitLabCom(): EmulatedGitLabCom {
  const people = new Map<number, ComMember>();
  const state: GitLabComState = {
    people,
    token: 'glpat-emulated-owner-0001',
    group: { id: 9_001, path: 'acme', parentId: null },
    ...{ role: 'owner', plan: 'premium', revoked: false },
    add(username, more = {}) {
      const id = 5_000 + people.size;
      const fresh: ComMember = {
        ...{ id, username, name: username, email: null, isMember: true, accessLevel: 30 },
        ...{ state: 'active', membershipState: 'active', externUid: null, ...more },
      };
      people.set(id, fresh);
      return fresh;
    },
  };
  return { state, handle: (request) => answer(state, request) };
}

const says = (status: number, words: string): Answer => ({ status, body: { message: `${status} ${words}` } });

function answer(state: GitLabComState, request: EmulatedRequest): Answer {
  const { people, group } = state;
  if (request.headers['private-token'] !== state.token || state.revoked) return says(401, 'Unauthorized');
  const [resource, id, list, one] = request.path.replace('/api/v4/', '').split('/').map(decodeURIComponent);
  if (resource === 'user')
    return { status: 200, body: { id: 42, username: 'group_9001_bot_a1b2', state: 'active' } };
  const isGroup = resource === 'groups' && (id === group.path || id === String(group.id));
  if (!isGroup || state.role === 'none') return says(404, 'Group Not Found');
  if (list === undefined) {
    const body = { id: group.id, full_path: group.path, name: 'Acme', parent_id: group.parentId };
    return { status: 200, body };
  }
  const isOwner = state.role === 'owner';
  if (list === 'enterprise_users') {
    if (state.plan === 'free') return says(404, 'Not Found');
    if (!isOwner) return says(403, 'Forbidden');
    const owned = [...people.values()].filter(({ email }) => email !== null);
    return shown(request, owned, one, (person) => ({
      ...account(person),
      ...{ email: person.email, job_title: 'Engineer', two_factor_enabled: false, is_admin: false },
    }));
  }
  if (list !== 'members') return says(404, 'Not Found');
  const members = [...people.values()].filter(({ isMember }) => isMember);
  return shown(request, members, one, (person) => ({
    ...account(person),
    ...{ access_level: person.accessLevel, membership_state: person.membershipState },
    ...(isOwner && person.email !== null ? { email: person.email } : {}),
    ...(isOwner && person.externUid !== null
      ? { group_saml_identity: { provider: 'group_saml', extern_uid: person.externUid, saml_provider_id: 1 } }
      : {}),
  }));
}

function account({ id, username, name, state }: ComMember): Record<string, unknown> {
  return { id, username, name, state, locked: false, web_url: `https://gitlab.com/${username}` };
}

function shown(
  { query }: EmulatedRequest,
  rows: readonly ComMember[],
  one: string | undefined,
  show: (person: ComMember) => Record<string, unknown>,
): Answer {
  if (one !== undefined) {
    const found = rows.find(({ id }) => String(id) === one);
    return found ? { status: 200, body: show(found) } : says(404, 'Not found');
  }
  const size = Math.min(Number(query.get('per_page') ?? 20), PER_PAGE_MAX);
  const page = Number(query.get('page') ?? 1);
  const next = rows.length > page * size ? String(page + 1) : '';
  const headers = { 'x-page': String(page), 'x-per-page': String(size), 'x-next-page': next };
  return { status: 200, headers, body: rows.slice((page - 1) * size, page * size).map(show) };
}
