/** Why the directory refused a write. Nothing was written when it throws; the endpoint puts the answer in words. */

export type RefusalReason =
  /** no such live resource in this connection */
  | 'notFound'
  /** the caller's precondition names another version */
  | 'versionMismatch'
  /** the userName or displayName belongs to another resource of this connection */
  | 'taken'
  /** a value that cannot be stored: an unknown member, too long a name */
  | 'invalidValue';

export class DirectoryRefusal extends Error {
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason, message: string) {
    super(message);
    this.name = 'DirectoryRefusal';
    this.reason = reason;
  }
}

/** The refusal with which `check` ends, in words; null where it passes. */
export function refusalIn(check: () => unknown): string | null {
  try {
    check();
    return null;
  } catch (error) {
    if (error instanceof DirectoryRefusal) return error.message;
    throw error;
  }
}
