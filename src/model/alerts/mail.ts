/** A letter that leaves through the operator's mail server, and what comes of it. */

export interface Letter {
  readonly subject: string;
  readonly text: string;
}

export interface AddressedLetter extends Letter {
  /** The same at each attempt. */
  readonly id: string;
  readonly to: readonly string[];
}

/** Sends one letter to all; answers the server's status, and whom it refused. Throws a `PostFailed`. */
export type Post = (
  letter: AddressedLetter,
  signal: AbortSignal,
) => Promise<{ readonly status: number; readonly refused: readonly string[] }>;

/** The mail server did not take a letter. The message is a sentence for an admin. */
export class PostFailed extends Error {
  /** Of the server's answer; 0: none. */
  readonly status: number;
  /** What it answered, which is a stranger's. */
  readonly heard: string;

  constructor(message: string, status: number, heard: string) {
    super(message);
    this.name = 'PostFailed';
    this.status = status;
    this.heard = heard;
  }
}
