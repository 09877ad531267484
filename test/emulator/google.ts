/**
 * A stateful Google Workspace on loopback: the Directory API of its Admin SDK as far as a directory is read from it,
 * and the token endpoint for service accounts. For the tests and for trying out, never for the product.
 */

import { readJwt } from './jwt.ts';
import { emulatedKeys } from './keys.ts';
import { type Answer, type EmulatedRequest, type EmulatorServer, type Handle, serve } from './server.ts';

export type GoogleRecord = { id: string } & Record<string, unknown>;

export interface GoogleMember {
  readonly id: string;
  readonly type: 'USER' | 'GROUP' | 'EXTERNAL' | 'CUSTOMER';
  readonly email?: string;
  /** Google leaves it out for whoever is from outside. */
  readonly status?: string;
}

export interface GoogleEmulatorOptions {
  readonly port?: number;
  readonly now?: () => number;
}

export interface EmulatedGoogle {
  readonly customerId: string;
  readonly users: Map<string, GoogleRecord>;
  readonly groups: Map<string, GoogleRecord>;
  /** By the id of the group. */
  readonly members: Map<string, readonly GoogleMember[]>;
  /** Scopes of the service account in domain-wide delegation. */
  readonly delegated: Set<string>;
  /** What the subject's role lets it read. */
  readonly privileges: Set<'users' | 'groups'>;
  /** The organisational unit that the subject's role is for; it is told that others do not exist. Empty: all of them. */
  readonly role: { unit: string };
  readonly account: { isEnabled: boolean; keyIsKnown: boolean };
  /** The JSON of the service account's key. */
  readonly serviceAccountKey: string;
  readonly subject: GoogleRecord;
  readonly tokenUrl: string;
  readonly handle: Handle;
  addUser(address: string, more?: Readonly<Record<string, unknown>>): GoogleRecord;
  addGroup(address: string, members?: readonly GoogleMember[]): GoogleRecord;
  /** Google lists whoever was deleted for some weeks. */
  deleteUser(id: string): void;
  /** Tokens that were given out end. */
  revokeAll(): void;
}

export type GoogleEmulator = EmulatedGoogle & EmulatorServer;

const SCOPE = 'https://www.googleapis.com/auth/admin.directory.';
const CLIENT_ID = '104711081510471108151';
const API = '/admin/directory/v1/';
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  users: ['user.readonly', 'user'],
  groups: ['group.readonly', 'group'],
  members: ['group.member.readonly', 'group.member', 'group.readonly', 'group'],
  hasMember: ['group.member.readonly', 'group.member', 'group.readonly', 'group'],
};
const PAGE_MAX: Readonly<Record<string, number>> = { users: 500, groups: 200, members: 200 };

class Refusal extends Error {
  readonly status: number;
  readonly reason: string;

  constructor(status: number, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

export function createGoogle(url: string, { now = Date.now }: GoogleEmulatorOptions = {}): EmulatedGoogle {
  const { publicKey, privateKey } = emulatedKeys();
  const users = new Map<string, GoogleRecord>();
  const groups = new Map<string, GoogleRecord>();
  const members = new Map<string, readonly GoogleMember[]>();
  const delegated = new Set(
    ['user.readonly', 'group.readonly', 'group.member.readonly'].map((name) => SCOPE + name),
  );
  const privileges = new Set<'users' | 'groups'>(['users', 'groups']);
  const role = { unit: '' };
  const deleted = new Map<string, GoogleRecord>();
  const account = { isEnabled: true, keyIsKnown: true };
  const tokens = new Map<string, { readonly scopes: readonly string[]; readonly endsAt: number }>();
  const tokenUrl = `${url}/token`;
  const email = 'bridge@project.iam.gserviceaccount.com';
  const customerId = 'C01emulated';
  let count = 0;
  const nextId = (start: string) => {
    count += 1;
    return `${start}${String(count).padStart(18, '0')}`;
  };
  const addUser: EmulatedGoogle['addUser'] = (address, more = {}) => {
    const [name = address] = address.split('@');
    const user = {
      ...{ kind: 'admin#directory#user', id: nextId('10'), primaryEmail: address, customerId, etag: '"e"' },
      name: { givenName: name, familyName: 'Doe', fullName: `${name} Doe` },
      ...{ isAdmin: false, isDelegatedAdmin: false, suspended: false, archived: false, orgUnitPath: '/' },
      ...{ creationTime: new Date(now()).toISOString(), lastLoginTime: '1970-01-01T00:00:00.000Z' },
      emails: [{ address, primary: true }],
      ...more,
    };
    users.set(user.id, user);
    return user;
  };
  const subject = addUser('reader@acme.example', { isDelegatedAdmin: true });

  const issue = (request: EmulatedRequest): Answer => {
    const { assertion = '' } = (request.body ?? {}) as Readonly<Record<string, string>>;
    const refuse = (status: number, error: string, error_description: string) => ({
      status,
      body: { error, error_description },
    });
    const jwt = readJwt(assertion);
    const { iss, sub, scope, aud, iat, exp } = jwt?.claims ?? {};
    if (!jwt || aud !== tokenUrl) return refuse(400, 'invalid_grant', 'Invalid JWT');
    if (iss !== email) return refuse(400, 'invalid_grant', 'Invalid grant: account not found');
    if (!account.keyIsKnown || !jwt.isSignedBy(publicKey))
      return refuse(400, 'invalid_grant', 'Invalid JWT Signature.');
    const seconds = now() / 1000;
    if (Math.abs(Number(iat) - seconds) > 300 || Number(exp) <= seconds || Number(exp) - Number(iat) > 3600) {
      const why =
        'Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.';
      return refuse(400, 'invalid_grant', why);
    }
    const scopes = String(scope).split(' ');
    if (!scopes.every((one) => delegated.has(one))) {
      const why =
        'Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.';
      return refuse(401, 'unauthorized_client', why);
    }
    const person = [...users.values()].find(({ primaryEmail }) => primaryEmail === sub);
    if (!person || person.suspended === true) return refuse(400, 'invalid_grant', 'Invalid email or User ID');
    count += 1;
    const token = `ya29.emulated-${count}`;
    tokens.set(token, { scopes, endsAt: now() + 3_600_000 });
    return { status: 200, body: { access_token: token, expires_in: 3599, token_type: 'Bearer' } };
  };

  const page = (request: EmulatedRequest, kind: string, all: readonly unknown[]): Answer => {
    const { query } = request;
    const max = Math.min(
      Number(query.get('maxResults') ?? (kind === 'users' ? 100 : 200)),
      PAGE_MAX[kind] ?? 200,
    );
    const from = Number(Buffer.from(query.get('pageToken') ?? '', 'base64url').toString() || 0);
    const part = all.slice(from, from + max);
    const more = from + max < all.length;
    const body = {
      ...{ kind: `admin#directory#${kind}`, etag: '"e"' },
      ...(part.length > 0 ? { [kind]: part } : {}),
      ...(more ? { nextPageToken: Buffer.from(String(from + max)).toString('base64url') } : {}),
    };
    return { status: 200, body };
  };
  const demandCustomer = ({ query }: EmulatedRequest) => {
    const customer = query.get('customer');
    if (customer === null && !query.has('domain')) throw new Refusal(400, 'badRequest', 'Bad Request');
    if (customer !== null && customer !== 'my_customer' && customer !== customerId) {
      throw new Refusal(404, 'notFound', 'Resource Not Found: customer');
    }
  };

  const isInside = (groupId: string, memberId: string, visited: Set<string>): boolean => {
    if (visited.has(groupId)) return false;
    visited.add(groupId);
    return (members.get(groupId) ?? []).some(
      ({ id, type }) =>
        id === memberId ||
        (type === 'CUSTOMER' && users.has(memberId)) ||
        (type === 'GROUP' && isInside(id, memberId, visited)),
    );
  };

  const answerApi = (request: EmulatedRequest): Answer => {
    const [kind = '', key, part, memberId] = request.path
      .slice(API.length)
      .split('/')
      .map(decodeURIComponent);
    const asks = part ?? kind;
    const [, value = ''] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? [];
    const token = tokens.get(value);
    if (!token || token.endsAt <= now()) throw new Refusal(401, 'authError', 'Invalid Credentials');
    if (!account.isEnabled) {
      throw new Refusal(
        403,
        'accessNotConfigured',
        'Admin SDK API has not been used in project 1 before or it is disabled.',
      );
    }
    if (!(NEEDS[asks] ?? []).some((scope) => token.scopes.includes(SCOPE + scope))) {
      throw new Refusal(403, 'insufficientPermissions', 'Request had insufficient authentication scopes.');
    }
    if (!privileges.has(kind === 'users' ? 'users' : 'groups')) {
      throw new Refusal(403, 'forbidden', 'Not Authorized to access this resource/api');
    }
    const isShown = ({ orgUnitPath }: GoogleRecord) =>
      kind === 'groups' || `${String(orgUnitPath)}/`.startsWith(`${role.unit}/`);
    const all = kind === 'groups' ? groups : request.query.get('showDeleted') === 'true' ? deleted : users;
    const things = new Map(
      [...all].filter(([, one]) => isShown(one) || (one === subject && key !== undefined)),
    );
    /** Unless the record has a count of its own, as where Google's lags behind. */
    const counted = (one: GoogleRecord) =>
      kind === 'users' ? one : { directMembersCount: String((members.get(one.id) ?? []).length), ...one };
    if (key === undefined) {
      demandCustomer(request);
      const address = (one: GoogleRecord) => String(one.primaryEmail ?? one.email);
      return page(
        request,
        kind,
        [...things.values()].sort((a, b) => (address(a) < address(b) ? -1 : 1)).map(counted),
      );
    }
    const found =
      things.get(key) ?? [...things.values()].find((one) => one.primaryEmail === key || one.email === key);
    if (!found) {
      if (kind === 'users' && groups.has(key))
        throw new Refusal(400, 'invalid', 'Type not supported: userKey');
      throw new Refusal(404, 'notFound', `Resource Not Found: ${kind === 'users' ? 'userKey' : 'groupKey'}`);
    }
    if (part === undefined) return { status: 200, body: counted(found) };
    const shown = (one: GoogleMember) => ({ kind: 'admin#directory#member', role: 'MEMBER', ...one });
    const direct = members.get(found.id) ?? [];
    if (memberId === undefined) return page(request, 'members', direct.map(shown));
    const member = direct.find(({ id }) => id === memberId);
    if (part === 'hasMember') {
      if (!users.has(memberId) && !groups.has(memberId))
        throw new Refusal(404, 'notFound', 'Resource Not Found: memberKey');
      return { status: 200, body: { isMember: isInside(found.id, memberId, new Set()) } };
    }
    if (!member) throw new Refusal(404, 'notFound', 'Resource Not Found: memberKey');
    return { status: 200, body: shown(member) };
  };

  const handle: Handle = (request) => {
    if (request.path === '/token' && request.method === 'POST') return issue(request);
    if (!request.path.startsWith(API))
      return { status: 404, body: '<html>404</html>', headers: { 'content-type': 'text/html' } };
    try {
      return answerApi(request);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { status, reason, message } = error;
      return { status, body: googleError(status, reason, message) };
    }
  };
  return {
    ...{
      customerId,
      users,
      groups,
      members,
      delegated,
      privileges,
      account,
      role,
      subject,
      tokenUrl,
      handle,
      addUser,
      deleteUser(id: string) {
        const user = users.get(id);
        users.delete(id);
        if (user) deleted.set(id, { ...user, deletionTime: new Date(now()).toISOString() });
      },
    },
    serviceAccountKey: JSON.stringify({
      ...{ type: 'service_account', project_id: 'project', private_key_id: 'key-1', private_key: privateKey },
      ...{ client_email: email, client_id: CLIENT_ID, token_uri: tokenUrl },
    }),
    addGroup(address, direct = []) {
      const group = {
        kind: 'admin#directory#group',
        id: nextId('0'),
        email: address,
        name: address.split('@')[0],
      };
      groups.set(group.id, { ...group, adminCreated: true });
      members.set(group.id, direct);
      return group;
    },
    revokeAll: () => tokens.clear(),
  };
}

export function googleError(code: number, reason: string, message = reason) {
  return { error: { code, message, errors: [{ domain: 'global', reason, message }] } };
}

export function startGoogleEmulator(options: GoogleEmulatorOptions = {}): Promise<GoogleEmulator> {
  return serve((url) => createGoogle(url, options), options.port);
}
