/**
 * Changes of one attempt that something else than the vendor answered: nobody knows what became of them. They keep
 * nobody else waiting, and whoever looks next must be told of all of them.
 */

import type { MembershipChange } from '../../model/change.ts';
import { RemoteError } from '../../model/errors.ts';

/** In a row: then it is not about these members. */
const IN_A_ROW_MAX = 3;

export class UnansweredChanges {
  readonly changes: MembershipChange[] = [];
  /** The first one. */
  error: RemoteError | null = null;
  #inARow = 0;

  /** Nothing better is to be expected of the rest. */
  get areTooMany(): boolean {
    return this.#inARow >= IN_A_ROW_MAX;
  }

  /** False where the error is another one. */
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
