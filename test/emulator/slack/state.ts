/**
 * What an emulated Slack remembers: workspaces with their tokens, people, groups and channel names. Tests
 * read it, and seed it as an admin would by hand; requests change it through the other files here.
 */

export type SlackRole = 'member' | 'admin' | 'owner' | 'primaryOwner';

export interface MultiValue {
  value: string;
  primary: boolean;
}

export interface SlackUser {
  readonly id: string;
  userName: string;
  displayName: string;
  active: boolean;
  name: { givenName: string; familyName: string; honorificPrefix?: string };
  emails: MultiValue[];
  phoneNumbers: MultiValue[];
  /** title, timezone, locale, preferredLanguage, userType */
  profile: Record<string, string>;
  /** The enterprise extension's strings. */
  enterprise: Record<string, string>;
  managerId: string | null;
  role: SlackRole;
  isBot: boolean;
  isGuest: boolean;
  /** Slack answers 200 to an update of the display name, and ignores it. */
  displayNameLocked: boolean;
  /** The profile was deleted (GDPR), and nobody can change it. */
  isErased: boolean;
  readonly createdMs: number;
  /** Until then, reads still show the account as active. */
  shownActiveUntilMs: number;
}

export interface SlackGroup {
  readonly id: string;
  displayName: string;
  readonly members: Set<string>;
  readonly createdMs: number;
}

/** What differs between workspaces, or was seen both ways; a test sets it whenever it likes. */
export interface SlackManners {
  /** People may change their display names, so that SCIM may not ("invalid_display_name"). */
  refusesDisplayNames: boolean;
  /** Attributes that a write answers 200 or 201 to, and leaves as they were. */
  readonly ignores: Set<string>;
  /** A new account comes without its enterprise attributes, as where one of them is invalid. */
  dropsProfileOnCreate: boolean;
  /** A creation that meets an account says "user_creation_failed", and not what is taken. */
  vagueConflicts: boolean;
  /** Who is not there is "unknown_user" with 400, not "no_such_user" with 404. */
  unknownIs400: boolean;
  /** A deactivated account stays a member of its groups. */
  keepsMemberships: boolean;
}

export type SlackPlan = 'free' | 'business' | 'enterprise';

export interface SlackWorkspace {
  readonly id: string;
  readonly name: string;
  /** Set where the workspace belongs to an Enterprise organisation. */
  readonly enterpriseId: string | null;
  plan: SlackPlan;
  readonly manners: SlackManners;
  readonly users: Map<string, SlackUser>;
  readonly groups: Map<string, SlackGroup>;
  /** Their names share one namespace with user names. */
  readonly channels: Set<string>;
}

export interface SlackToken {
  readonly token: string;
  readonly workspace: SlackWorkspace;
  readonly userId: string;
  readonly scopes: readonly string[];
  /** Installed on the organisation, not on one workspace. */
  readonly orgInstall: boolean;
  /** What the Web API says instead of answering: `token_revoked`, `account_inactive`. */
  refusedWith: string | null;
}

export interface SlackState {
  readonly workspaces: Map<string, SlackWorkspace>;
  readonly tokens: Map<string, SlackToken>;
  /** A fresh id with the vendor's letter before it: `U0000001`. */
  nextId(letter: 'U' | 'S'): string;
}

export function createState(): SlackState {
  let issued = 0;
  return {
    workspaces: new Map(),
    tokens: new Map(),
    nextId: (letter) => `${letter}${(++issued).toString(36).toUpperCase().padStart(8, '0')}`,
  };
}

/** Of what it holds; what is made in the copy has ids of its own. */
export function copyState({ workspaces, tokens }: SlackState): SlackState {
  return { ...createState(), ...structuredClone({ workspaces, tokens }) };
}

export interface SeedWorkspace {
  readonly id: string;
  readonly name: string;
  readonly enterpriseId?: string;
  readonly plan?: SlackPlan;
}

export function seedWorkspace(state: SlackState, seed: SeedWorkspace): SlackWorkspace {
  const workspace: SlackWorkspace = {
    id: seed.id,
    name: seed.name,
    enterpriseId: seed.enterpriseId ?? null,
    plan: seed.plan ?? 'business',
    manners: {
      refusesDisplayNames: false,
      ignores: new Set(),
      dropsProfileOnCreate: false,
      vagueConflicts: false,
      unknownIs400: false,
      keepsMemberships: false,
    },
    users: new Map(),
    groups: new Map(),
    channels: new Set(['general', 'random']),
  };
  state.workspaces.set(workspace.id, workspace);
  return workspace;
}

export interface SeedUser {
  readonly userName: string;
  readonly email: string;
  readonly displayName?: string;
  readonly givenName?: string;
  readonly familyName?: string;
  readonly title?: string;
  readonly active?: boolean;
  readonly role?: SlackRole;
  readonly isGuest?: boolean;
  readonly displayNameLocked?: boolean;
}

export function seedUser(state: SlackState, workspace: SlackWorkspace, seed: SeedUser): SlackUser {
  const user: SlackUser = {
    ...emptyUser(state.nextId('U'), Date.now()),
    userName: seed.userName,
    displayName: seed.displayName ?? seed.userName,
    active: seed.active ?? true,
    name: { givenName: seed.givenName ?? '', familyName: seed.familyName ?? '' },
    emails: [{ value: seed.email, primary: true }],
    profile: seed.title === undefined ? {} : { title: seed.title },
    role: seed.role ?? 'member',
    isGuest: seed.isGuest ?? false,
    displayNameLocked: seed.displayNameLocked ?? false,
  };
  workspace.users.set(user.id, user);
  return user;
}

export function emptyUser(id: string, createdMs: number): SlackUser {
  return {
    id,
    userName: '',
    displayName: '',
    active: true,
    name: { givenName: '', familyName: '' },
    emails: [],
    phoneNumbers: [],
    profile: {},
    enterprise: {},
    managerId: null,
    role: 'member',
    isBot: false,
    isGuest: false,
    displayNameLocked: false,
    isErased: false,
    createdMs,
    shownActiveUntilMs: 0,
  };
}

export function seedGroup(
  state: SlackState,
  workspace: SlackWorkspace,
  displayName: string,
  members: readonly string[] = [],
): SlackGroup {
  const group: SlackGroup = {
    id: state.nextId('S'),
    displayName,
    members: new Set(members),
    createdMs: Date.now(),
  };
  workspace.groups.set(group.id, group);
  return group;
}
