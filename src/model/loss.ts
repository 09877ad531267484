/** What became of a loss: a change that takes something from a person. */

export type LossState =
  /** Waits for a decision. */
  | 'held'
  /** May run, or did. */
  | 'approved'
  /** Is not to run. */
  | 'discarded'
  /** The store took it without a question. */
  | 'taken'
  /** It was taken and is given back; it is not to run again. */
  | 'undone'
  /** The directory or the account has moved on. */
  | 'moved'
  /** It was taken and cannot be given back. */
  | 'impossible';

/** From how many people a cause could take something, and how many subjects it touched to do so. */
export interface CauseCount {
  readonly people: number;
  readonly subjects: number;
}
