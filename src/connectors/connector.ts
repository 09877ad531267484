/**
 * The contract between the bridge and a store type. A connector executes and decides nothing. It keeps no state
 * between calls except its pace, and has no clock, database or environment of its own. Every failure leaves it as a
 * `RemoteError`.
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

/** Comes with each operation: when to give up, and where to report each call. */
export interface CallContext {
  readonly signal: AbortSignal;
  /** Called where a request had to wait some ms, for its turn or for a read. Rejects where it may no longer leave. */
  confirm?(): Promise<void>;
  record(call: VendorCall): void;
  /** The request takes access from somebody who must lose it: pacing keeps a reserve for such requests. */
  readonly urgent?: boolean;
}

/**
 * What a store can do, as far as planning depends on it. The definition of the type says what its stores can do at
 * best; a connector says what its own store can do.
 */
export interface Capabilities {
  readonly deleteUsers: boolean;
  readonly createGroups: boolean;
  readonly renameGroups: boolean;
  /** The store deletes groups that the bridge made; some stores need a setting for it. */
  readonly deleteGroups: boolean;
  /** The vendor promises that disabled accounts keep memberships; where false, some may be gone. */
  readonly disableKeepsMemberships: boolean;
  /** Memberships have a numeric level; a higher one gives more rights. */
  readonly membershipLevels: boolean;
  /** The most members in one grant or revoke call. */
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
  /** An adopted account keeps its own value until the directory's changes: a rename could break things there. */
  readonly keptOnAdoption?: boolean;
  /** The account is found by it, or the person signs in with it. */
  readonly identity?: boolean;
  /** The bridge replaces a value that it did not write only with `OVERWRITE_IDENTITY`. */
  readonly foreignKept?: boolean;
  /** The value is the id of another account of the store, the manager's. */
  readonly reference?: boolean;
}

export interface StatusDetail {
  readonly code: string;
  /** The bridge's own words, or words that are certainly the vendor's. */
  readonly message: string;
  /** Words that may not be the vendor's: "redirects to …". Tokens of one environment do not see them. */
  readonly heard?: string;
}

/** Whose credential it is, and for which workspace or instance. */
export interface ConnectionStatus {
  readonly status: 'OK' | 'FAILED';
  /** What an admin must fix, or should know. */
  readonly details: readonly StatusDetail[];
  /** The workspace or instance; null where the credential does not tell. */
  readonly tenant: { readonly id: string; readonly name: string } | null;
  /** The account to which the credential belongs; it is always protected. */
  readonly self: { readonly remoteId: string | null; readonly identifiers: readonly string[] } | null;
}

export interface Applied<K extends Kind = Kind> {
  /** After a create the new id, otherwise the id in the change. */
  readonly remoteId: string;
  /** The object in the vendor's answer, where there is one. */
  readonly observed?: Remote<K>;
  /** Attributes sent in another form than planned, by name → value sent (a generated userName, a cut title). */
  readonly sent?: Readonly<Record<string, string>>;
  /** Attributes that the vendor refused while it took the others, or whose value in its answer differs. */
  readonly notAccepted?: readonly NotAccepted[];
  /** For a delete that became a disabling: what an admin has to do at the vendor first, in words. */
  readonly left?: string;
  /**
   * `already`: nothing had to change. `gone`: for a disable or delete, the account does not exist any more.
   * `disabled`: for a delete, the vendor refuses it for now, but the person has lost access.
   */
  readonly outcome: 'done' | 'already' | 'gone' | 'disabled';
}

/** An attribute that does not have the wanted value. */
export interface NotAccepted {
  readonly attribute: string;
  /** The vendor's words, or the value that it shows instead. */
  readonly reason: string;
  /** Another account or group has the value. The bridge sends it again once that one gives it up. */
  readonly taken?: boolean;
}

/** The outcome for one member of a batch. */
export interface MemberOutcome {
  readonly remoteId: string;
  readonly outcome: 'done' | 'already' | 'refused';
  /** For `already`: a group above gives the membership, and this group has none of its own. */
  readonly inherited?: true;
  /** For `already`: the level of the membership, where it is not the wanted one. */
  readonly level?: number;
  /** For `refused`: the vendor's words. */
  readonly reason?: string;
  /** For `refused`: the HTTP status, where the vendor answered. */
  readonly status?: number;
}

/** What a connector can do with people, or with groups. */
export interface KindConnector<K extends Kind> {
  /**
   * Pure. Rewrites the desired state to what this store can hold (lengths, forbidden characters, the form in which
   * identifiers are compared) and names what it dropped.
   */
  normalize(desired: Desired<K>): Normalized<K>;
  /**
   * Finds the account by its `UNIQUE_USER_IDENTIFIER`, or the group by its name. Null only where the store said that
   * there is none; any failure throws.
   */
  find(identifier: string, context: CallContext): Promise<Remote<K> | null>;
  /** Reads by id. Null only where the store said that there is none. */
  read(remoteId: string, context: CallContext): Promise<Remote<K> | null>;
  /** One page of all accounts or groups; the caller owns the loop. `cursor` null starts. */
  scan(cursor: string | null, context: CallContext): Promise<Page<Remote<K>>>;
  /**
   * Makes one change that is safe to repeat: "already so" is success. Disabling or deleting something that no longer
   * exists is `gone`; any other change of it throws `missing`. A group has one attribute, `name`; renaming it to a
   * name that another group has is `notAccepted`. `create` throws `conflict` only where the identifier, or the
   * group's name, is the value that is taken.
   */
  apply(change: Write<K>, context: CallContext): Promise<Applied<K>>;
}

export interface Normalized<K extends Kind> {
  readonly desired: Desired<K>;
  readonly dropped: readonly string[];
}

export interface GroupConnector extends KindConnector<'group'> {
  /**
   * Pure. Why SCIM groups may not match this group; the text continues after its name. Null where they may. Absent:
   * they may match every group.
   */
  matchRefusal?(name: string): string | null;
}

/** What a connector can do with the members of groups. */
export interface MemberConnector {
  /** The level of a grant that names no other (GitLab's `DEFAULT_ACCESS_LEVEL`); null where there are none. */
  readonly memberLevel: number | null;
  /** One page of a group's direct members. */
  members(remoteGroupId: string, cursor: string | null, context: CallContext): Promise<Page<RemoteMember>>;
  /**
   * Grants or revokes memberships of one group: all changes have the same `op` and `remoteId`, and there are at most
   * `membersPerCallMax`. Answers one outcome for each, in their order. Throws only where the whole call failed, with
   * `splits` where a smaller call may pass. Throws `missing` where the vendor does not show the group: the caller
   * decides whether it is gone or hidden, and what follows.
   */
  applyMembers(changes: readonly MembershipChange[], context: CallContext): Promise<readonly MemberOutcome[]>;
  /** Whether the account has at least this level, also through a group above. Only where groups inherit. */
  hasLevel?(
    remoteGroupId: string,
    remoteUserId: string,
    level: number | null,
    context: CallContext,
  ): Promise<boolean>;
}

/** A connector for both kinds. The kind of the question is the kind of the answer. */
export interface Connector extends MemberConnector {
  readonly type: string;
  /** A credential that has lost rights is not refused when it reads; the vendor just shows it less. */
  readonly showsLess?: boolean;
  /** What this one store can do; its settings or its server may allow less than its type. */
  readonly capabilities: Capabilities;
  /**
   * Checks whether the credential is good, for which workspace or instance, and what an admin must fix. A bad
   * credential answers `FAILED`; a store that the bridge cannot reach throws a `transient` RemoteError.
   */
  check(context: CallContext): Promise<ConnectionStatus>;
  normalize<K extends Kind>(desired: Desired<K>): Normalized<K>;
  /** As in `GroupConnector`; null where the type has no such rule. */
  matchRefusal(groupName: string): string | null;
  find<K extends Kind>(kind: K, identifier: string, context: CallContext): Promise<Remote<K> | null>;
  read<K extends Kind>(kind: K, remoteId: string, context: CallContext): Promise<Remote<K> | null>;
  scan<K extends Kind>(kind: K, cursor: string | null, context: CallContext): Promise<Page<Remote<K>>>;
  apply<K extends Kind>(change: Write<K>, context: CallContext): Promise<Applied<K>>;
}

/** The part of the standard's `fetch` that connectors use. Rejects with an `AddressRefused` among its causes. */
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

/** Where stores of a type may be: only on the internet, or also in the operator's own network. */
export type Reach = 'public' | 'private';

/** Opens the way out for stores of this reach, with the `CA_PEM` and `PROXY_URL` of their configuration. */
export type OpenFetch = (reach: Reach, configuration: Configuration) => Fetch;

/** The settings lead to an address to which the bridge may not connect. The message is a sentence for an admin. */
export class AddressRefused extends Error {
  readonly code = ADDRESS_REFUSED;

  constructor(message: string) {
    super(message);
    this.name = 'AddressRefused';
  }
}

/** The code of the pause and of the detail that follow from it. */
export const ADDRESS_REFUSED = 'address_refused';

/** What a connector needs to work. */
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

/** Lets the admin API show accounts that the bridge itself keeps. */
export interface OwnAccounts {
  /** The accounts after `afterId`, in the order of their ids. */
  list(storeId: string, afterId: string | null, limit: number): Promise<readonly OwnAccount[]>;
  /** Null where counting them would take too long. */
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
  /** The values that `accessLevel` of a group mapping may have, lowest first, each with its membership level. */
  readonly accessLevels?: Readonly<Record<string, number>>;
  /** Where stores of this type may be reached. */
  readonly reach: Reach;
  /** The configuration keys that name a host. A secret goes only to the host for which it was entered. */
  readonly hostKeys: readonly string[];
  /** Set where the bridge itself keeps the accounts, and no vendor's console shows them. */
  readonly ownAccounts?: OwnAccounts;
  create(deps: ConnectorDeps): Connector;
}
