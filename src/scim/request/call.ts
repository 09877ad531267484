/**
 * One SCIM operation, as a request of its own or within a bulk request, and its answer. The two resource types
 * implement `Endpoint`; routing, bulk and search know only that.
 */

import type { ScimPrincipal } from '../../auth/scim.ts';
import type { ListMemory } from '../../db/lists/memory.ts';
import type { Db } from '../../db/open.ts';
import type { Scans } from '../../directory/query/scans.ts';
import type { Directory, Precondition, Write } from '../../directory/write.ts';
import type { Kind } from '../../model/subject.ts';
import type { Projection } from '../answer/projection.ts';
import type { Patience, Timed } from './patience.ts';
import type { ListQuery } from './query.ts';
import { redactBody } from './redact.ts';

export interface Scim {
  readonly directory: Directory;
  /** Reads committed data on a connection beside those that write. */
  readonly reads: Db;
  /** The same for a few rows that an index finds. */
  readonly keyedReads: Db;
  readonly scans: Scans;
  readonly lists: ListMemory;
  readonly patience: Patience;
  /** `https://bridge.example.com/scim/v2`: the same for every request, whatever its Host header. */
  readonly baseUrl: string;
  /** Notes which attributes the identity provider sends. Runs after the write and never fails. */
  recordAttributesSeen(call: Call, kind: Kind, names: readonly string[]): Promise<void>;
  /**
   * Runs work that is left after a write, such as a read for the answer. Answers undefined where it fails or takes
   * longer than the call may wait. The write has committed by then: if the answer said that it failed, the client
   * would send it again.
   */
  afterCommit<T>(call: Call, work: () => Promise<T>): Promise<T | undefined>;
}

export interface Call extends Timed {
  readonly principal: ScimPrincipal;
  readonly method: string;
  /** Relative to the endpoint: `/Users/42`. */
  readonly path: string;
  readonly body: unknown;
  readonly projection: Projection;
  readonly precondition: Precondition | null;
}

/**
 * JSON that is sent while it is read: `pages` holds further values of one list of `body`, a few short ones or one
 * long one at a time.
 */
export interface LongBody {
  readonly body: object;
  readonly more?: {
    readonly list: string;
    readonly pages: AsyncIterable<readonly object[] | LongBody>;
  };
}

export interface Answer extends Partial<LongBody> {
  readonly status: number;
  /** The entity tag of the answer. */
  readonly tag?: string;
  /** For `Location` on 201, and in bulk answers. */
  readonly location?: string;
  /** The id of the new resource. */
  readonly id?: string;
  /** The call left a user inactive. */
  readonly leaves?: boolean;
}

/** A resource of a list, or a function that reads it once those before it are sent: it may be long. */
export type Listed = object | (() => Promise<LongBody>);

export interface ListAnswer {
  readonly total: number;
  /** From RFC 9865; absent on the last page. */
  readonly nextCursor?: string;
  readonly resources: readonly Listed[];
}

export interface Endpoint {
  readonly kind: Kind;
  /** `/Users` */
  readonly path: string;
  list(scim: Scim, call: Call, query: ListQuery): Promise<ListAnswer>;
  /** The existing resources with these ids, as lists show them. */
  readAll(scim: Scim, call: Call, ids: readonly string[]): Promise<ReadonlyMap<string, Listed>>;
  read(scim: Scim, call: Call, id: string): Promise<Answer>;
  create(scim: Scim, call: Call): Promise<Answer>;
  replace(scim: Scim, call: Call, id: string): Promise<Answer>;
  patch(scim: Scim, call: Call, id: string): Promise<Answer>;
  remove(scim: Scim, call: Call, id: string): Promise<Answer>;
}

/** The write that the directory records for this call. */
export function writeOf(call: Call): Write {
  return {
    environmentId: call.principal.connection.environmentId,
    connectionId: call.principal.connection.id,
    inbound: call.principal.connection,
    cause: call.principal.cause,
    origin: { kind: 'request', method: call.method, path: call.path, body: redactBody(call.body) },
    ...(call.deadline ? { deadline: call.deadline } : {}),
  };
}
