/** What a plan is made from, and what may record under a store's lease. */

import type { CallContext } from '../connectors/connector.ts';
import type { Db } from '../db/open.ts';
import type { StoreContext } from '../stores/desired.ts';

/** What a plan is made from. */
export interface Planning {
  readonly db: Db;
  readonly context: StoreContext;
  /** ISO time */
  now(): string;
}

/** Something that records under the store's lease: an attempt, a sync or a preview. */
export interface Work extends Planning {
  record<T>(work: (tx: Db) => Promise<T>): Promise<T>;
  /** Asked between the calls of long work: lets due leavers go first. True where some did. */
  giveWay(): Promise<boolean>;
}

/** Work that reads the store. */
export interface Reading extends Work {
  readonly callContext: CallContext;
  /** Throws the RemoteError of a credential that is bad, or that cannot be checked now. */
  proveRights(): Promise<void>;
}
