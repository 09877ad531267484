/** The one error that a connector throws. Only `disposition` decides what happens next. */

export type Disposition =
  /** try again later, with jitter; nothing reached the store, or a read failed */
  | 'transient'
  /** try again after `retryAfterMs` */
  | 'rateLimited'
  /** the credential is bad, lacks a scope or may not be sent there: pause the store, not a thousand tasks */
  | 'unauthorized'
  /** the store refuses this change for good: park the task with the vendor's words */
  | 'rejected'
  /** create met an account or group that already has the identifier: find and adopt it */
  | 'conflict'
  /** the account or group that the link names is not there any more */
  | 'missing'
  /** the account may not be touched (owner, protected by the vendor): do not retry, say so */
  | 'forbidden'
  /** the vendor has no seats left: creations of this store wait */
  | 'noSeats'
  /** something has to happen at the vendor first: try again after `retryAfterMs`, or with growing gaps */
  | 'waits'
  /** the call left, and no answer came that the vendor gave: read before trying again */
  | 'unknownOutcome';

export interface RemoteErrorFields {
  /** The store's type, for messages. */
  readonly store: string;
  /** What the bridge tried, in words: "disable user U123". */
  readonly action: string;
  readonly disposition: Disposition;
  /** HTTP status of the answer; absent where none came. */
  readonly status?: number | undefined;
  /** The vendor's own error code or message; never a header, a token or a whole body. */
  readonly code?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  /** For a creation: the attribute whose value another account has, unless accounts are found by it. */
  readonly taken?: string | undefined;
  /** Something else than the vendor answered: for a read an outage, for a write an unknown outcome. */
  readonly unrecognised?: boolean;
  /**
   * The words of that answer, cut: "redirects to …". They are stored nowhere, and not shown to tokens of one
   * environment.
   */
  readonly heard?: string | undefined;
  /** For a batch: the vendor refused it because of one of many, or of its size; a smaller one may pass. */
  readonly splits?: boolean;
  /** For a creation: the vendor may have no seats left without being able to say so. */
  readonly mayLackSeats?: boolean;
  /** For a refusal: the credential may lack rights although the check of the store finds nothing wrong. */
  readonly mayLackRights?: boolean;
  readonly cause?: unknown;
}

export class RemoteError extends Error {
  readonly store: string;
  readonly action: string;
  readonly disposition: Disposition;
  readonly status: number | undefined;
  readonly code: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly taken: string | undefined;
  readonly unrecognised: boolean;
  readonly heard: string | undefined;
  readonly mayLackSeats: boolean;
  readonly mayLackRights: boolean;
  readonly splits: boolean;

  constructor(message: string, fields: RemoteErrorFields) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.name = 'RemoteError';
    this.store = fields.store;
    this.action = fields.action;
    this.disposition = fields.disposition;
    this.status = fields.status;
    this.code = fields.code;
    this.retryAfterMs = fields.retryAfterMs;
    this.taken = fields.taken;
    this.unrecognised = fields.unrecognised ?? false;
    this.heard = fields.heard;
    this.mayLackSeats = fields.mayLackSeats ?? false;
    this.mayLackRights = fields.mayLackRights ?? false;
    this.splits = fields.splits ?? false;
  }
}

/** One mistake in a request body: an RFC 6901 pointer and a sentence. */
export interface Mistake {
  readonly pointer: string;
  readonly detail: string;
}

/** A use case refused the request; the admin API answers it as `application/problem+json` (RFC 9457). */
export class RequestError extends Error {
  readonly status: 400 | 401 | 403 | 404 | 409 | 410 | 412 | 422 | 429 | 503;
  readonly errors: readonly Mistake[];
  /** A code for programs, which must tell this refusal from others with its status: `no_worker`. */
  readonly code: string | undefined;
  /** Whole seconds after which the same request may succeed. */
  readonly retryAfterSeconds: number | undefined;
  /** Further members of the answer (RFC 9457 §3.2). */
  readonly members: Readonly<Record<string, unknown>> | undefined;

  constructor(
    status: RequestError['status'],
    message: string,
    errors: readonly Mistake[] = [],
    more: {
      readonly code?: string;
      readonly retryAfterSeconds?: number;
      readonly members?: Readonly<Record<string, unknown>>;
    } = {},
  ) {
    super(message);
    this.name = 'RequestError';
    this.status = status;
    this.errors = errors;
    this.code = more.code;
    this.retryAfterSeconds = more.retryAfterSeconds;
    this.members = more.members;
  }
}
