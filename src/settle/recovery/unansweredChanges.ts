/**
 * Changes of one attempt that something else than the vendor answered, so their outcome is unknown. Other changes go
 * on, and the next attempt is told of all of these.
 */

import type { MembershipChange } from '../../model/change.ts';
import { RemoteError } from '../../model/errors.ts';

/** How many in a row: after that, the cause is not these members. */
const IN_A_ROW_MAX = 3;

export class UnansweredChanges {
  readonly changes: MembershipChange[] = [];
  /** The error of the first one. */
  error: RemoteError | null = null;
  #inARow = 0;

  /** So many in a row that the rest would fare no better. */
  get areTooMany(): boolean {
    return this.#inARow >= IN_A_ROW_MAX;
  }

  /** Takes note of the changes; false where the error is of another kind. */
  takes(error: unknown, changes: readonly MembershipChange[]): boolean {
    if (!(error instanceof RemoteError && error.unrecognised && error.disposition === 'unknownOutcome'))
      return false;
    this.error ??= error;
    this.changes.push(...changes);
    this.#inARow += 1;
    return true;
  }

  answered(): void {
    this.#inARow = 0;
  }
}
