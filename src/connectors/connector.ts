/**
 * The contract between the bridge and a store type. A connector executes; it decides nothing, keeps no
 * state between calls but its pacing, and reads neither clock, database nor environment of its own.
 * Every failure leaves it as a `RemoteError`.
 */

import type { MembershipChange, Write } from '../model/change.ts';
import type { CommonSettings } from '../model/commonSettings.ts';
import type { Attributes, Desired } from '../model/desired.ts';
import type { Page, Remote, RemoteMember } from '../model/remote.ts';
import type { Configuration, SettingSpec } from '../model/settings.ts';
import type { Kind } from '../model/subject.ts';

/** One HTTP exchange with a vendor, for the audit log. The path holds no secret and no query string. */
export interface VendorCall {
  readonly method: string;
  readonly path: string;
  /** 0 where no answer came. */
  readonly status: number;
  readonly durationMs: number;
}

/** What accompanies each operation: when to give up, and where to report what was sent. */
export interface CallContext {
  readonly signal: AbortSignal;
  /** Asked where a request had to wait, for its turn or for a read before it; rejects where it may not leave any more. */
  confirm?(): Promise<void>;
  record(call: VendorCall): void;
  /** For somebody who must lose access: pacing keeps a reserve for these. */
  readonly urgent?: boolean;
}

/**
 * What a store can do, as far as it decides what is planned. The type's definition says what its stores
 * can do at best; a connector says it of its own store.
 */
export interface Capabilities {
  readonly deleteUsers: boolean;
  readonly createGroups: boolean;
  readonly renameGroups: boolean;
  /** Groups that the bridge made; a store may have to be set so. */
  readonly deleteGroups: boolean;
  /** The vendor says that a disabled account keeps its memberships; where not, each may be gone or not. */
  readonly disableKeepsMemberships: boolean;
  /** Memberships have a numeric level, higher means more. */
  readonly membershipLevels: boolean;
  /** Most members that one grant or revoke call may carry. */
  readonly membersPerCallMax: number;
}

export interface AttributeMapping {
  readonly targetAttribute: string;
  /** A path into the SCIM user: `title`, `name.givenName`, `primaryEmail`, `enterprise.department`, … */
  readonly sourceAttribute: string;
}

export interface TargetAttribute {
  readonly name: string;
  readonly description: string;
  readonly required: boolean;
  readonly maxLength?: number;
  /** An adopted account keeps its own value until the directory's changes: a rename would break what hangs on it. */
  readonly keptOnAdoption?: boolean;
  /** The account is found, or signed in to, by it. */
  readonly identity?: boolean;
  /** A value that the bridge did not write is replaced only with `OVERWRITE_IDENTITY`. */
  readonly foreignKept?: boolean;
}

export interface StatusDetail {
  readonly code: string;
  /** Of the bridge's making, or the vendor's beyond doubt. */
  readonly message: string;
  /** What was answered by somebody who may not be the vendor: "redirects to …". Not for tokens of one environment. */
  readonly heard?: string;
}

/** Who a credential speaks for, and where. */
export interface ConnectionStatus {
  readonly status: 'OK' | 'FAILED';
  /** What an admin must fix, or should know. */
  readonly details: readonly StatusDetail[];
  /** The workspace or instance; null where the credential does not tell. */
  readonly tenant: { readonly id: string; readonly name: string } | null;
  /** The credential's own account, which is always protected. */
  readonly self: { readonly remoteId: string | null; readonly identifiers: readonly string[] } | null;
}

export interface Applied<K extends Kind = Kind> {
  /** After create: the new id. Otherwise as in the change. */
  readonly remoteId: string;
  /** What the vendor answered with, where it answered with the object. */
  readonly observed?: Remote<K>;
  /** Attributes that were sent but not as given, by name → value sent (a generated userName, a cut title). */
  readonly sent?: Readonly<Record<string, string>>;
  /** What the vendor did not take while it took the rest, and what its answer contradicts. */
  readonly notAccepted?: readonly NotAccepted[];
  /** Of a delete that ended as a disabling: what somebody has to do there first, in words. */
  readonly left?: string;
  /**
   * `already`: it was so before the call. `gone`: of a disable or delete, there is no such account any more.
   * `disabled`: of a delete, which the vendor refuses for now; access has ended all the same.
   */
  readonly outcome: 'done' | 'already' | 'gone' | 'disabled';
}

/** An attribute that was wanted and is not so. */
export interface NotAccepted {
  readonly attribute: string;
  /** The vendor's words, or what it shows instead. */
  readonly reason: string;
  /** Another account, or group, has the value: once that one gives it up, it is sent again. */
  readonly taken?: boolean;
}

/** How one member of a batch fared. */
export interface MemberOutcome {
  readonly remoteId: string;
  readonly outcome: 'done' | 'already' | 'refused';
  /** Of `already`: what was wanted comes from a group above, and there is no membership of the group's own. */
  readonly inherited?: true;
  /** Of `already`: the level of the membership, where it is not the wanted one. */
  readonly level?: number;
  /** Why, for `refused`: the vendor's words. */
  readonly reason?: string;
  /** Of `refused`: the HTTP status, as far as a vendor said no. */
  readonly status?: number;
}

/** What a connector does with people, or with groups. */
export interface KindConnector<K extends Kind> {
  /**
   * Pure. Rewrites the desired state to what this store can hold (lengths, forbidden characters, the
   * form in which identifiers are compared) and names what it dropped.
   */
  normalize(desired: Desired<K>): Normalized<K>;
  /**
   * The account whose `UNIQUE_USER_IDENTIFIER`, or the group whose name, equals `identifier`; null only
   * where the store said that there is none. Any failure throws.
   */
  find(identifier: string, context: CallContext): Promise<Remote<K> | null>;
  /** By id; null only where the store said that there is none. */
  read(remoteId: string, context: CallContext): Promise<Remote<K> | null>;
  /** One page of all accounts or groups; the caller owns the loop. `cursor` null starts. */
  scan(cursor: string | null, context: CallContext): Promise<Page<Remote<K>>>;
  /**
   * One change, safe to repeat: "already so" is success. A disable or delete of what is not there any
   * more is `gone`; any other change of it throws `missing`. A group's one attribute is `name`; a rename to a name that
   * another group has is `notAccepted`.
   * `create` throws `conflict` only where the identifier, or a group's name, is what is taken.
   */
  apply(change: Write<K>, context: CallContext): Promise<Applied<K>>;
}

export interface Normalized<K extends Kind> {
  readonly desired: Desired<K>;
  readonly dropped: readonly string[];
}

export interface GroupConnector extends KindConnector<'group'> {
  /**
   * Pure. Why no SCIM group may match the group of this name, as goes on after its name; null where one may. Absent:
   * every group may be matched.
   */
  matchRefusal?(name: string): string | null;
}

/** What a connector does with the members of groups. */
export interface MemberConnector {
  /** The level that a plain grant gives (GitLab's `DEFAULT_ACCESS_LEVEL`); null where there are none. */
  readonly memberLevel: number | null;
  /** One page of a group's direct members. */
  members(remoteGroupId: string, cursor: string | null, context: CallContext): Promise<Page<RemoteMember>>;
  /**
   * Grants, or revokes, on one group: changes of one `op` and one `remoteId`, at most
   * `membersPerCallMax`. One outcome for each, in their order; throws only where the whole call failed: with
   * `splits` where fewer may pass, as long as there is more than one.
   * A group that the vendor does not show throws `missing`: whether it is gone or only hidden, and what is
   * owed there, is the caller's to decide.
   */
  applyMembers(changes: readonly MembershipChange[], context: CallContext): Promise<readonly MemberOutcome[]>;
  /** Whether the account has at least the level in the group, from a group above too; where groups inherit. */
  hasLevel?(
    remoteGroupId: string,
    remoteUserId: string,
    level: number | null,
    context: CallContext,
  ): Promise<boolean>;
}

/** As `KindConnector`, for both kinds: the kind that is asked for is the kind that is answered. */
export interface Connector extends MemberConnector {
  readonly type: string;
  /** A credential that lost rights is not refused where it reads: the vendor shows it less. */
  readonly showsLess?: boolean;
  /** What this very store can do, which its settings or its server may narrow. */
  readonly capabilities: Capabilities;
  /**
   * Is the credential good, for which workspace or instance, and what must an admin fix? A bad
   * credential is `FAILED`; a store that cannot be reached throws a `transient` RemoteError.
   */
  check(context: CallContext): Promise<ConnectionStatus>;
  normalize<K extends Kind>(desired: Desired<K>): Normalized<K>;
  /** As `GroupConnector` says, where it says so. */
  matchRefusal(groupName: string): string | null;
  find<K extends Kind>(kind: K, identifier: string, context: CallContext): Promise<Remote<K> | null>;
  read<K extends Kind>(kind: K, remoteId: string, context: CallContext): Promise<Remote<K> | null>;
  scan<K extends Kind>(kind: K, cursor: string | null, context: CallContext): Promise<Page<Remote<K>>>;
  apply<K extends Kind>(change: Write<K>, context: CallContext): Promise<Applied<K>>;
}

/** As much of the standard's `fetch` as connectors use. Rejects with an `AddressRefused` in its causes. */
export type Fetch = (url: string, init: FetchInit) => Promise<FetchedAnswer>;

export interface FetchInit {
  readonly method: string;
  readonly headers: Headers;
  readonly body?: string | Uint8Array;
  readonly redirect: 'manual';
  readonly signal: AbortSignal;
}

export type FetchedAnswer = Pick<Response, 'status' | 'ok'> & {
  readonly headers: Headers;
  readonly body: AsyncIterable<Uint8Array> | null;
};

/** Where a type's stores may be: on the internet, or in the operator's own network too. */
export type Reach = 'public' | 'private';

/** How stores of such a reach get out, with the `CA_PEM` and `PROXY_URL` of their configuration. */
export type OpenFetch = (reach: Reach, configuration: Configuration) => Fetch;

/** The bridge may not connect to where the settings lead. The message is a sentence for an admin. */
export class AddressRefused extends Error {
  readonly code = ADDRESS_REFUSED;

  constructor(message: string) {
    super(message);
    this.name = 'AddressRefused';
  }
}

/** The code of the pause and of the detail that follow. */
export const ADDRESS_REFUSED = 'address_refused';

/** What a connector is built from. */
export interface ConnectorDeps {
  /** Defaults filled in, secrets in clear. Never logged. */
  readonly configuration: Configuration;
  /** Monotonic milliseconds. */
  now(): number;
  /** Resolves after so many milliseconds, rejects when the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** The connector's only way out. */
  readonly fetch: Fetch;
  /** For a type that keeps its accounts in the bridge's own database. */
  readonly storeId: string;
}

/** What the admin API shows of accounts that the bridge itself keeps. */
export interface OwnAccounts {
  /** In the order of their ids, those after `afterId`. */
  list(storeId: string, afterId: string | null, limit: number): Promise<readonly OwnAccount[]>;
  /** Null where there are too many to count in passing. */
  count(storeId: string): Promise<number | null>;
}

export interface OwnAccount {
  readonly id: string;
  readonly identifier: string;
  readonly enabled: boolean;
  readonly attributes: Attributes;
  readonly groups: readonly { readonly id: string; readonly name: string }[];
}

/** One line of the registry: everything the bridge knows about a store type. */
export interface StoreTypeDefinition {
  readonly type: string;
  /** All configuration keys, common ones included. */
  readonly settings: readonly SettingSpec[];
  /** Mistakes that span keys, e.g. `REMOVE_ACTION: Delete` on Slack. */
  refuse?(configuration: Configuration): readonly { readonly key: string; readonly detail: string }[];
  readonly capabilities: Capabilities;
  readonly userAttributes: readonly TargetAttribute[];
  readonly defaultMapping: readonly AttributeMapping[];
  /** By `UNIQUE_USER_IDENTIFIER`: the target attribute that carries it. */
  readonly identifierAttributes: Readonly<Record<CommonSettings['uniqueUserIdentifier'], string>>;
  /** What the `accessLevel` of a group mapping may be, lowest first, and the level of a membership that it means. */
  readonly accessLevels?: Readonly<Record<string, number>>;
  /** Where stores of this type may be reached. */
  readonly reach: Reach;
  /** The configuration keys whose host a secret is bound to. */
  readonly hostKeys: readonly string[];
  /** Where the bridge itself keeps the accounts, and no vendor's console shows them. */
  readonly ownAccounts?: OwnAccounts;
  create(deps: ConnectorDeps): Connector;
}
