/**
 * The contract between the bridge and a directory that it pulls. A source reads; it decides nothing and writes
 * nothing, and has no database or environment of its own. It reports everything that it could not read: a failed or
 * partial read never looks like an empty one. Every failure leaves it as a `RemoteError`.
 */

import type { CallContext, ConnectionStatus, Fetch, Reach, StatusDetail } from '../connectors/connector.ts';
import type { Claims } from '../model/pull/identity.ts';
import type { PulledStrategy } from '../model/pull/pull.ts';
import type { Configuration, SettingSpec } from '../model/settings.ts';
import type { Kind } from '../model/subject.ts';

/** One text, or several in the source's order; numbers and booleans as text. Empty values are left out. */
export type SourceValue = string | readonly string[];

/** By the source's own names, with the parts of an object joined by dots: `department`, `name.familyName`. */
export type SourceAttributes = Readonly<Record<string, SourceValue>>;

/**
 * `gone`: the source itself says that the person is deleted. People who are only missing are not mentioned at all.
 */
export type SourceState = 'active' | 'inactive' | 'gone';

export interface SourceUser {
  /** The source's immutable id, which becomes the externalId; never an address, a login or a DN. */
  readonly id: string;
  readonly state: SourceState;
  /** Why somebody is inactive, in words that an admin knows from the source: "suspended", "account expired". */
  readonly because?: string;
  /** When somebody who is active becomes inactive without any write at the source (AD's accountExpires); ISO. */
  readonly activeUntil?: string;
  readonly attributes: SourceAttributes;
  /** For an account that adds to a person: the claims that tell to whom. */
  readonly claims?: Claims;
  /** Further addresses of the person, only for finding managers and the owners of accounts. */
  readonly aliases?: readonly string[];
  /** When the record was made there; ISO. Of two records with one address the newer one counts. */
  readonly createdAt?: string;
  /** When it was last changed there; ISO. The bridge never replaces a record with an older state. */
  readonly changedAt?: string;
}

export interface SourceGroup {
  /** The source's immutable id. */
  readonly id: string;
  readonly state: 'active' | 'gone';
  readonly name: string;
  /** The kind of group, for people who choose among groups with the same name: "APP_GROUP". */
  readonly type?: string;
  readonly email?: string;
  readonly description?: string;
  /** Its place in a directory that has places. */
  readonly dn?: string;
  /**
   * When the group or its members last changed there; ISO, all by one clock. The bridge never replaces it with an
   * older state.
   */
  readonly changedAt?: string;
}

/** A group among which an admin chooses. */
export interface ListedGroup extends SourceGroup {
  /** As the source's list counts them; absent where it does not. */
  readonly directMembersCount?: number;
}

export interface ListedGroups {
  readonly groups: readonly ListedGroup[];
  /** Where the next portion begins, in the source's own words; null after the last. */
  readonly next: string | null;
}

/** A direct member. The reader of the scan expands groups inside groups. */
export type SourceMember =
  | { readonly kind: 'user' | 'group'; readonly id: string }
  /** Everybody in the account (Google's CUSTOMER). */
  | { readonly kind: 'everyone' };

/** One portion of a scan, in this order: users, groups, members of the shown groups, `end`. */
export type ScanPage =
  | {
      readonly kind: 'users';
      readonly users: readonly SourceUser[];
      /** The number of all users, where the source says it. */
      readonly total?: number;
    }
  | { readonly kind: 'groups'; readonly groups: readonly SourceGroup[] }
  /**
   * Some direct members of a shown group, or of a group inside one; `isLast` marks the last portion, which an empty
   * group has too. Nobody leaves a group whose last portion is missing.
   */
  | {
      readonly kind: 'members';
      readonly groupId: string;
      readonly members: readonly SourceMember[];
      readonly isLast: boolean;
    }
  /**
   * The source could not read one object, or the members of one group, while it could read others; the reason is a
   * sentence. The object keeps what it had, and the run is PARTIAL. Without an id nobody knows which object it was:
   * then the run calls nobody gone who is missing from the scan.
   */
  | {
      readonly kind: 'unread';
      readonly what: Kind | 'members';
      readonly id: string | null;
      readonly reason: string;
    }
  /** Left out on purpose, for the report: members from outside, references that lead out of the base. */
  | {
      readonly kind: 'skipped';
      readonly what: Kind | 'member';
      readonly count: number;
      readonly reason: string;
    }
  /**
   * Everything was read to its last page. A scan without this page is incomplete and takes nothing away. `position`
   * is where the next delta continues; the source makes it, and it is valid only for the same server. Null where
   * there is none.
   */
  | { readonly kind: 'end'; readonly position: string | null };

export interface ScanRequest {
  /** Which groups to read. A group of `Selected` that does not exist is simply not shown. */
  readonly groups: GroupChoice;
  /** Where the last good scan or delta ended; null before the first. */
  readonly position: string | null;
  /** For `demo` alone. */
  readonly day?: number;
}

export type GroupChoice =
  | { readonly mode: 'All' | 'Off' }
  | { readonly mode: 'Selected'; readonly ids: readonly string[] };

/**
 * The answer about a person or group that a complete scan did not show. Never throws for 403, or for an answer that
 * is not the source's: that is `unknown`.
 */
export type Lookup =
  | {
      readonly is: 'found';
      /** False where the base, filter or group choice of the configuration leaves it out. */
      readonly inScope: boolean;
      /** For a user. */
      readonly user?: SourceUser;
    }
  /** The source said, in its documented form, that the id does not exist. */
  | { readonly is: 'gone' }
  | { readonly is: 'unknown'; readonly reason: string };

/** What the bridge kept of somebody, or of a group, whom it looks up. */
export interface Known {
  /** Where the source last showed it: a DN, an organisational unit. */
  readonly place?: string;
  /** When a scan last showed it, or later; ISO. */
  readonly seenAt?: string;
}

/** One right, scope or base that a source needs. */
export interface Right extends StatusDetail {
  /** The name that an admin knows: a scope, a role, a base. */
  readonly right: string;
  readonly granted: boolean;
}

/**
 * `tenant` is what the connection is pinned to: org id, customer id, team id, or naming context and kind of server.
 * `self` is the reader's own account. `FAILED` where one right is missing.
 */
export interface SourceStatus extends ConnectionStatus {
  /** One for each right, scope and base, also for granted ones; the message of a missing one says what to do. */
  readonly details: readonly Right[];
}

export interface Source {
  /** As `Connector.check`: throws a `transient` RemoteError where the source does not answer. */
  check(context: CallContext): Promise<SourceStatus>;
  /**
   * The tenant of `check`. The bridge asks before and after each reading, so that it believes no other account's
   * answers. Waits as a scan does.
   */
  tenant(context: CallContext): Promise<SourceStatus['tenant']>;
  /**
   * Reads everything, disabled people too. The caller takes pages one by one, so that the source keeps its pace and
   * holds one page at most. It waits and retries a page itself (`patience.ts`), leaves a reserve of the vendor's rate
   * to others, and fails where its own canary (the reader's entry, the SUBJECT) is not shown any more.
   */
  scan(request: ScanRequest, context: CallContext): AsyncIterable<ScanPage>;
  /**
   * Reads what changed since the position, perhaps more than that; for a shown group, all of its members. A delta
   * says nothing about people it does not show. Where the position is useless (another server, too old) it throws
   * `PositionLost` before its first page. Absent where the source has no delta.
   */
  readonly delta?: (position: string, request: ScanRequest, context: CallContext) => AsyncIterable<ScanPage>;
  lookup(kind: Kind, id: string, context: CallContext, known?: Known): Promise<Lookup>;
  /**
   * Some of the groups, whatever the connection's choice is. `from`: the `next` of the portion before, null at first.
   * Somebody waits for the answer: nothing is tried again. Absent where the source has no groups.
   */
  readonly listGroups?: (from: string | null, context: CallContext) => Promise<ListedGroups>;
  /**
   * Whether this person is in the group or in one inside it, asked without reading the list of members; null where
   * the source does not say. Absent where only the list can tell.
   */
  readonly isMember?: (groupId: string, userId: string, context: CallContext) => Promise<boolean | null>;
}

/** A delta cannot continue from this position: a full scan is needed. */
export class PositionLost extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'PositionLost';
  }
}

/** What a source needs to work. */
export interface SourceDeps {
  readonly connectionId: string;
  /** Defaults filled in, secrets in clear. Never logged. */
  readonly configuration: Configuration;
  /** Monotonic milliseconds. */
  now(): number;
  /** Milliseconds since 1970, for signatures and expiry. Positions never come from it. */
  wallClock(): number;
  /** Resolves after so many milliseconds, rejects when the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** The only way out over HTTP (`src/connectors/http.ts` sends, `answers.ts` judges). */
  readonly fetch: Fetch;
  /**
   * The only way out for other protocols: judges the host and answers the one address to connect to. The source
   * connects to that address and checks certificates against the host's name. Rejects with `AddressRefused`.
   */
  addressOf(host: string, protocol: string): Promise<string>;
}

/** Which attributes of the source feed an attribute of the directory; the first that is not empty wins. */
export interface SourceMapping {
  /** As in a store's `sourceAttribute`: `userName`, `primaryEmail`, `name.givenName`, … */
  readonly target: string;
  readonly sources: readonly string[];
}

/** One line of the registry: everything the bridge knows about a kind of pulled directory. */
export interface SourceDefinition {
  readonly strategy: PulledStrategy;
  /** The vendor's name, for people. */
  readonly vendor: string;
  /** True where its records only add to people whom another connection brought. */
  readonly enriches: boolean;
  /** For a source that enriches: the store type to which these accounts belong. */
  readonly storeType?: string;
  /** The vendor's own names of attributes that stores of this type call otherwise. */
  readonly vendorNames?: Readonly<Record<string, string>>;
  /** All configuration keys, `SOURCE_SPECS` included. */
  readonly settings: readonly SettingSpec[];
  /** Mistakes that involve several keys, in a configuration with its defaults. */
  refuse?(configuration: Configuration): readonly { readonly key: string; readonly detail: string }[];
  /** Configuration keys whose change may leave people out, or make them inactive: bases, filters and rules. */
  readonly scopeKeys: readonly string[];
  /** Configuration keys that name a host. A secret goes only to the host for which it was entered. */
  readonly hostKeys: readonly string[];
  readonly reach: Reach;
  /** Includes `userName`: the first of its attributes that is not empty is the name to sign in by. */
  readonly defaultMapping: readonly SourceMapping[];
  /** Null where the source knows no managers. */
  readonly manager: { readonly childKey: string; readonly parentKey: string } | null;
  /** The form in which values of the manager keys are compared; absent: trimmed, ignoring case. */
  comparedKey?(value: string): string;
  create(deps: SourceDeps): Source;
}
