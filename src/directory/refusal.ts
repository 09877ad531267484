/** Why the directory refused a write. Nothing was written when one is thrown; the endpoint words the answer. */

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
