/** What became of a loss: a change that takes something from a person. */

export type LossState =
  /** It waits for a decision. */
  | 'held'
  /** It may run, or did. */
  | 'approved'
  /** It must not run. */
  | 'discarded'
  /** The store took it, and nobody had to decide. */
  | 'taken'
  /** The store took it, and the bridge gave it back; it must not run again. */
  | 'undone'
  /** The directory or the account has changed since. */
  | 'moved'
  /** The store took it, and the bridge cannot give it back. */
  | 'impossible';

/** From how many people a cause could take something, and how many subjects it touched. */
export interface CauseCount {
  readonly people: number;
  readonly subjects: number;
}
