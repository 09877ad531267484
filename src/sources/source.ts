/**
 * The contract between the bridge and a directory that it pulls. A source reads; it decides nothing, writes nothing
 * anywhere, and reads neither database nor environment of its own. Whatever it could not read, it says so: a failed
 * or partial read never looks like an empty one. Every failure leaves it as a `RemoteError`.
 */

import type { CallContext, ConnectionStatus, Fetch, Reach, StatusDetail } from '../connectors/connector.ts';
import type { Claims } from '../model/pull/identity.ts';
import type { PulledStrategy } from '../model/pull/pull.ts';
import type { Configuration, SettingSpec } from '../model/settings.ts';
import type { Kind } from '../model/subject.ts';

/** One text, or several in the source's order; numbers and booleans as text. What is empty is left out. */
export type SourceValue = string | readonly string[];

/** By the source's own names, parts of an object joined by dots: `department`, `name.familyName`. */
export type SourceAttributes = Readonly<Record<string, SourceValue>>;

/** `gone`: the source itself says that it is deleted. Who is only missing is not mentioned at all. */
export type SourceState = 'active' | 'inactive' | 'gone';

export interface SourceUser {
  /** The source's immutable id, which becomes the externalId; never an address, a login or a DN. */
  readonly id: string;
  readonly state: SourceState;
  /** Why somebody is inactive, in words that an admin knows from there: "suspended", "account expired". */
  readonly because?: string;
  /** When somebody who is active becomes inactive without any write at the source (AD's accountExpires); ISO. */
  readonly activeUntil?: string;
  readonly attributes: SourceAttributes;
  /** Of an account that adds to somebody: what tells to whom. */
  readonly claims?: Claims;
  /** Other addresses of the same person, for look-ups alone: of a manager, or whose an account is. */
  readonly aliases?: readonly string[];
  /** When the record was made there; ISO. Of two records with one address the newer one counts. */
  readonly createdAt?: string;
  /** When it was changed last there; ISO. A record is never replaced by an older state of itself. */
  readonly changedAt?: string;
}

export interface SourceGroup {
  /** The source's immutable id. */
  readonly id: string;
  readonly state: 'active' | 'gone';
  readonly name: string;
  /** The kind of group, for people who choose among groups of one name: "APP_GROUP". */
  readonly type?: string;
  readonly email?: string;
  readonly description?: string;
  /** When it, or who is in it, was changed last there; ISO, by one clock. Never replaced by an older state of itself. */
  readonly changedAt?: string;
}

/** A direct member. Groups in groups are expanded by whoever reads the scan. */
export type SourceMember =
  | { readonly kind: 'user' | 'group'; readonly id: string }
  /** Everybody in the account (Google's CUSTOMER). */
  | { readonly kind: 'everyone' };

/** One portion of a scan, in this order: users, groups, members of groups that were shown, `end`. */
export type ScanPage =
  | {
      readonly kind: 'users';
      readonly users: readonly SourceUser[];
      /** Of all users, where the source says how many there are. */
      readonly total?: number;
    }
  | { readonly kind: 'groups'; readonly groups: readonly SourceGroup[] }
  /**
   * Some direct members of one group that was shown, or of a group inside one that was; `isLast` with the last
   * portion, which an empty group has too. Of a group without its last portion nobody leaves.
   */
  | {
      readonly kind: 'members';
      readonly groupId: string;
      readonly members: readonly SourceMember[];
      readonly isLast: boolean;
    }
  /**
   * One object, or the members of one group, could not be read while others could; the reason is a sentence.
   * It keeps what it had, and the run is PARTIAL. Without an id nobody knows which it was: then nobody who is
   * missing from the scan is called gone.
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
   * Everything was read to its last page. A scan that ends without it is incomplete, and takes nothing away.
   * `position` is where a delta goes on, of the source's own making and bound to the server it came from; null
   * where there is none.
   */
  | { readonly kind: 'end'; readonly position: string | null };

export interface ScanRequest {
  /** Which groups to read. Of `Selected`, a group that is not there is simply not shown. */
  readonly groups: GroupChoice;
  /** Where the last good scan or delta ended; null before the first. */
  readonly position: string | null;
  /** Of `demo` alone. */
  readonly day?: number;
}

export type GroupChoice =
  | { readonly mode: 'All' | 'Off' }
  | { readonly mode: 'Selected'; readonly ids: readonly string[] };

/** Of one who was missing from a complete scan. Never throws for 403, or what is not the source's: `unknown`. */
export type Lookup =
  | {
      readonly is: 'found';
      /** False where the base, filter or choice of the configuration leaves it out. */
      readonly inScope: boolean;
      /** Of a user. */
      readonly user?: SourceUser;
    }
  /** The source said, in the shape that it documents, that there is no such id. */
  | { readonly is: 'gone' }
  | { readonly is: 'unknown'; readonly reason: string };

/** One right, scope or base that a source needs. */
export interface Right extends StatusDetail {
  /** As the admin knows it: a scope's name, a role, a base. */
  readonly right: string;
  readonly granted: boolean;
}

/**
 * `tenant` is what the connection is pinned to: org id, customer id, team id, the naming context with the kind of
 * server. `self` is the reader's own account. `FAILED` where one right is missing.
 */
export interface SourceStatus extends ConnectionStatus {
  /** One for each right, scope and base, granted ones too; of one that is missing the message says what to do. */
  readonly details: readonly Right[];
}

export interface Source {
  /** As `Connector.check`: throws a `transient` RemoteError where nobody answers. */
  check(context: CallContext): Promise<SourceStatus>;
  /** As `check` says it: asked before and after each reading, so that nobody believes another account's. Waits as a scan. */
  tenant(context: CallContext): Promise<SourceStatus['tenant']>;
  /**
   * Reads everything, disabled people too. Pages are pulled one by one, so the source keeps its pace and no more
   * than a page. It waits and tries a page again itself (`patience.ts`), keeps a reserve of the vendor's rate for
   * others, and fails where its own canary (the reader's entry, the SUBJECT) is not shown any more.
   */
  scan(request: ScanRequest, context: CallContext): AsyncIterable<ScanPage>;
  /**
   * What changed since the position, perhaps more than that; of a group that is shown, all members. Nobody is
   * missing from a delta. Where the position is of no use any more (another server, too old) it throws
   * `PositionLost` before its first page. Absent where the source has none.
   */
  readonly delta?: (position: string, request: ScanRequest, context: CallContext) => AsyncIterable<ScanPage>;
  /** `known`: what the source said last of a user. */
  lookup(kind: Kind, id: string, context: CallContext, known?: SourceUser): Promise<Lookup>;
  /**
   * Whether this one is in the group, or in one inside it, asked without the list of its members; null where the source
   * does not say.
   * Absent where nothing but the list says it.
   */
  readonly isMember?: (groupId: string, userId: string, context: CallContext) => Promise<boolean | null>;
}

/** A delta cannot go on from here: a full scan has to. */
export class PositionLost extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'PositionLost';
  }
}

/** What a source is built from. */
export interface SourceDeps {
  readonly connectionId: string;
  /** Defaults filled in, secrets in clear. Never logged. */
  readonly configuration: Configuration;
  /** Monotonic milliseconds. */
  now(): number;
  /** Milliseconds since 1970, for signatures and for what expires. Positions never come from it. */
  wallClock(): number;
  /** Resolves after so many milliseconds, rejects when the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** The only way out over HTTP (`src/connectors/http.ts` sends, `answers.ts` judges). */
  readonly fetch: Fetch;
  /**
   * The only way out for another protocol: the address to connect to for this host, judged and pinned. A source
   * connects to the address, and checks certificates by the host. Rejects with `AddressRefused`.
   */
  addressOf(host: string, protocol: string): Promise<string>;
}

/** Which attributes of the source feed one of the directory; the first that is not empty wins. */
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
  /** Of one that enriches: the type of store whose accounts these are. */
  readonly storeType?: string;
  /** What the vendor calls those attributes of accounts that stores of that type call otherwise. */
  readonly vendorNames?: Readonly<Record<string, string>>;
  /** All configuration keys, `SOURCE_SPECS` included. */
  readonly settings: readonly SettingSpec[];
  /** Mistakes that span keys, of a configuration whose defaults are filled in. */
  refuse?(configuration: Configuration): readonly { readonly key: string; readonly detail: string }[];
  /** The configuration keys whose change may leave people out, or make them inactive: bases, filters and rules. */
  readonly scopeKeys: readonly string[];
  /** The configuration keys whose host a secret is bound to. */
  readonly hostKeys: readonly string[];
  readonly reach: Reach;
  /** With `userName`, the attributes of which the first non-empty one is the name to sign in by. */
  readonly defaultMapping: readonly SourceMapping[];
  /** Null where the source knows no managers. */
  readonly manager: { readonly childKey: string; readonly parentKey: string } | null;
  /** The form in which values of the manager keys are compared; absent: trimmed, without regard to case. */
  comparedKey?(value: string): string;
  create(deps: SourceDeps): Source;
}
