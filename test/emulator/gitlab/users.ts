/** `/users` and `/user` of the emulated GitLab. */

import type { Answer, EmulatedRequest } from '../server.ts';
import {
  badParameter,
  conflict,
  forbidden,
  invalid,
  notFound,
  type Paging,
  page,
  parameters,
  Refused,
  requireFields,
} from './answers.ts';
import {
  emailOwner,
  type GitLabManners,
  type GitLabState,
  type GitLabUser,
  isLastOwner,
  isNameTaken,
} from './state.ts';

export interface UsersRules {
  readonly paging: Paging;
  /** Most accounts that may be active; null: no limit. */
  readonly seats: number | null;
  /** Deleted users stay visible until the state forgets them. */
  readonly deletesSlowly: boolean;
}

/** `segments` are the path's, after `users`. `admin`: whether the caller has an administrator's rights now. */
export function answerUsers(
  state: GitLabState,
  rules: UsersRules,
  request: EmulatedRequest,
  segments: readonly string[],
  caller: GitLabUser,
  admin: boolean,
): Answer {
  const [id, action] = segments;
  if (id === undefined) {
    if (request.method === 'GET') return list(state, rules, request, admin);
    if (request.method === 'POST') return create(state, rules, request, admin);
    throw notFound('');
  }
  const user = state.users.get(Number(id));
  if (request.method === 'GET' && action === undefined) {
    if (!user) throw notFound('User');
    return { status: 200, body: userJson(user, admin) };
  }
  if (!admin) throw forbidden();
  if (!user) throw notFound('User');
  if (action !== undefined) {
    if (request.method !== 'POST') throw notFound('');
    return { status: 201, body: act(action, user, caller) };
  }
  if (request.method === 'PUT') return update(state, request, user);
  if (request.method === 'DELETE') return remove(state, rules, request, user);
  throw notFound('');
}

export function userJson(user: GitLabUser, admin: boolean): Record<string, unknown> {
  const basic = {
    id: user.id,
    username: user.username,
    name: user.name,
    state: user.state,
    locked: false,
    avatar_url: null,
    web_url: `http://gitlab.example/${user.username}`,
  };
  if (!admin) return basic;
  return {
    ...basic,
    created_at: user.createdAt,
    bio: user.profile.bio ?? '',
    location: user.profile.location ?? '',
    organization: user.profile.organization ?? '',
    job_title: user.profile.job_title ?? '',
    email: user.email,
    unconfirmed_email: user.unconfirmedEmail,
    confirmed_at: user.confirmed ? user.createdAt : null,
    identities: user.identities.map((identity) => ({ ...identity, saml_provider_id: null })),
    external: user.external,
    private_profile: false,
    commit_email: user.email,
    is_admin: user.isAdmin,
    two_factor_enabled: user.hasTwoFactor,
    bot: user.isBot || (user.internal && user.username !== 'ghost'),
    note: user.profile.note ?? null,
    namespace_id: user.id,
  };
}

function list(state: GitLabState, rules: UsersRules, request: EmulatedRequest, admin: boolean): Answer {
  const { query } = request;
  if (query.has('extern_uid') !== query.has('provider')) throw allOrNone();
  const found = [...state.users.values()].filter((user) => matches(user, query, admin));
  const sign = query.get('sort') === 'asc' ? 1 : -1;
  found.sort((a, b) => sign * (a.id - b.id));
  return page(found, request, 'users', rules.paging, (user) => userJson(user, admin));
}

const SEARCH_LENGTH_MIN = 3;

function matches(user: GitLabUser, query: URLSearchParams, admin: boolean): boolean {
  const same = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();
  const username = query.get('username');
  if (username !== null && !same(user.username, username)) return false;
  const search = query.get('search');
  if (search !== null) {
    const part = search.toLowerCase();
    const named =
      part.length >= SEARCH_LENGTH_MIN &&
      [user.username, user.name].some((text) => text.toLowerCase().includes(part));
    const addressed = admin && [user.email, ...user.secondaryEmails].some((email) => same(email, search));
    if (!named && !addressed) return false;
  }
  const provider = query.get('provider');
  const externUid = query.get('extern_uid');
  if (
    provider !== null &&
    !user.identities.some((i) => i.provider === provider && i.extern_uid === externUid)
  )
    return false;
  if (query.get('active') === 'true' && user.state !== 'active') return false;
  if (query.get('blocked') === 'true' && user.state !== 'blocked') return false;
  return !(user.internal && (query.get('exclude_internal') === 'true' || query.get('humans') === 'true'));
}

/** `job_title` is shown, and no parameter of a write: GitLab drops it without a word. */
const PROFILE_FIELDS = ['organization', 'location', 'bio', 'note'];
const PASSWORDS = ['password', 'reset_password', 'force_random_password'];

function create(state: GitLabState, rules: UsersRules, request: EmulatedRequest, admin: boolean): Answer {
  if (!admin) throw forbidden();
  const given = taken(state, parameters(request));
  requireFields(given, ['email', 'name', 'username']);
  if (!PASSWORDS.some((name) => name in given)) {
    throw badParameter(`${PASSWORDS.join(', ')} are missing, at least one parameter must be provided`);
  }
  validate(given);
  const { email = '', name = '', username = '' } = given;
  if (emailOwner(state, email)) throw conflict('Email has already been taken');
  if (isNameTaken(state, username)) throw conflict('Username has already been taken');
  refuseTakenIdentity(state, given);
  const active = [...state.users.values()].filter((user) => user.state === 'active' && !user.internal);
  if (rules.seats !== null && active.length >= rules.seats) {
    throw noSeats(state.manners.seatsAnswer);
  }
  const user = state.addUser({
    username,
    name,
    email: email.toLowerCase(),
    profile: profileOf(given),
    identities: identitiesOf(given, []),
    isAdmin: given.admin === 'true',
    external: given.external === 'true',
    confirmed: given.skip_confirmation === 'true',
    state: state.manners.newUsersPending ? 'blocked_pending_approval' : 'active',
  });
  return { status: 201, body: userJson(user, true) };
}

/** Without what this instance answers as if it had taken it. */
function taken(state: GitLabState, given: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(given).filter(([name]) => !state.manners.ignores.has(name)));
}

function noSeats(how: GitLabManners['seatsAnswer']): Refused {
  switch (how) {
    case 500:
      return new Refused(500, { message: '500 Internal Server Error' });
    case 'reason':
      return new Refused(400, {
        status: 'error',
        message: 'There are not enough available seats to invite this many users.',
        reason: 'seat_limit_exceeded_error',
      });
    default:
      return new Refused(400, { message: how });
  }
}

/** All of it or nothing. */
function update(state: GitLabState, request: EmulatedRequest, user: GitLabUser): Answer {
  const given = taken(state, parameters(request));
  validate(given);
  if (user.hasRegistryTags && given.username !== undefined && given.username !== user.username) {
    const why = 'cannot be changed if a personal project has container registry tags.';
    throw invalid({ username: [why] });
  }
  if (given.email !== undefined && (emailOwner(state, given.email) ?? user) !== user) {
    throw conflict('Email has already been taken');
  }
  if (given.username !== undefined && isNameTaken(state, given.username, user.id)) {
    throw conflict('Username has already been taken');
  }
  refuseTakenIdentity(state, given, user);
  user.username = given.username ?? user.username;
  user.name = given.name ?? user.name;
  if (given.email !== undefined && given.email.toLowerCase() !== user.email) {
    if (given.skip_reconfirmation === 'true') user.email = given.email.toLowerCase();
    else user.unconfirmedEmail = given.email.toLowerCase();
  }
  Object.assign(user.profile, profileOf(given));
  user.identities = identitiesOf(given, user.identities);
  return { status: 200, body: userJson(user, true) };
}

function profileOf(given: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(given).filter(([name]) => PROFILE_FIELDS.includes(name)));
}

function identitiesOf(given: Readonly<Record<string, string>>, present: GitLabUser['identities']) {
  const { provider, extern_uid: uid } = given;
  if (provider === undefined || uid === undefined) return present;
  return [...present.filter((identity) => identity.provider !== provider), { provider, extern_uid: uid }];
}

/** One identity of a provider is one account's (app/models/identity.rb), whatever its case. */
function refuseTakenIdentity(
  state: GitLabState,
  given: Readonly<Record<string, string>>,
  own: GitLabUser | null = null,
): void {
  const { provider, extern_uid: uid } = given;
  if (provider === undefined || uid === undefined) return;
  const isSame = (identity: GitLabUser['identities'][number]) =>
    identity.provider === provider && identity.extern_uid.toLowerCase() === uid.toLowerCase();
  const isTaken = [...state.users.values()].some((user) => user !== own && user.identities.some(isSame));
  if (isTaken) throw invalid({ 'identities.extern_uid': ['has already been taken'] });
}

const RESERVED = new Set(
  'admin api assets dashboard explore groups help import jwt oauth profile projects public s search snippets u uploads users'.split(
    ' ',
  ),
);

function validate(given: Readonly<Record<string, string>>): void {
  const { username, email, name } = given;
  if ('extern_uid' in given !== 'provider' in given) throw allOrNone();
  if (username !== undefined) {
    if (!/^[a-zA-Z0-9_.][a-zA-Z0-9_.-]{0,254}$/.test(username) || /\.(git|atom)?$/.test(username)) {
      throw invalid({
        username: [
          "can contain only letters, digits, '_', '-' and '.'. Cannot start with '-', end in '.git' or end in '.atom'.",
        ],
      });
    }
    if (RESERVED.has(username.toLowerCase())) throw invalid({ username: ['is a reserved name'] });
    if (/\.(png|jpe?g|gif|html?|json|xml|txt|pdf|zip|gz|js|css|csv)$/i.test(username)) {
      throw invalid({ username: ['ending with a reserved file extension is not allowed.'] });
    }
  }
  if (email !== undefined && !/^[^@\s]+@[^@\s]+$/.test(email)) throw invalid({ email: ['is invalid'] });
  if (name === '') throw invalid({ name: ["can't be blank"] });
}

function allOrNone(): Refused {
  return badParameter('extern_uid, provider provide all or none of parameters');
}

function remove(state: GitLabState, rules: UsersRules, request: EmulatedRequest, user: GitLabUser): Answer {
  const owned = [...state.groups.keys()].some((groupId) => isLastOwner(state, groupId, user.id));
  if (owned && parameters(request).hard_delete !== 'true') {
    throw conflict('User cannot be removed while is the sole-owner of a group');
  }
  if (!rules.deletesSlowly) state.removeUser(user.id);
  return { status: 204 };
}

/** The state actions. Answers the literal body: `true`, `false`, or null where it was so already. */
function act(action: string, user: GitLabUser, caller: GitLabUser): boolean | null {
  switch (action) {
    case 'block':
      return block(user, caller);
    case 'unblock':
      return unblock(user);
    case 'deactivate':
      if (user.state === 'deactivated') return null;
      if (user.state !== 'active') throw forbidden('A blocked user cannot be deactivated by the API');
      user.state = 'deactivated';
      return true;
    case 'activate':
      if (user.state === 'active') return null;
      if (user.state !== 'deactivated') throw forbidden('A blocked user must be unblocked to be activated');
      user.state = 'active';
      return true;
    default:
      throw notFound('');
  }
}

function block(user: GitLabUser, caller: GitLabUser): boolean | null {
  if (user.state === 'ldap_blocked') throw forbidden('LDAP blocked users cannot be modified by the API');
  if (user.id === caller.id) throw forbidden('The API initiating user cannot be blocked by the API');
  // Whoever counts as blocked in any way is passed over.
  if (user.state !== 'active' && user.state !== 'deactivated') return null;
  if (user.internal) throw new Refused(403, { message: 'An internal user cannot be blocked' });
  user.state = 'blocked';
  return true;
}

/** The service activates whoever is not active, whatever kept them out. */
function unblock(user: GitLabUser): boolean {
  if (user.state === 'ldap_blocked') throw forbidden('LDAP blocked users cannot be unblocked by the API');
  if (user.state === 'deactivated') throw forbidden('Deactivated users cannot be unblocked by the API');
  if (user.state === 'active') return false;
  user.state = 'active';
  return true;
}
