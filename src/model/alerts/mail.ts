/** A letter that the operator's mail server delivers, and what comes of it. */

export interface Letter {
  readonly subject: string;
  readonly text: string;
}

export interface AddressedLetter extends Letter {
  /** The same for each attempt. */
  readonly id: string;
  readonly to: readonly string[];
}

/**
 * Sends one letter to all addresses. Answers the server's status and the addresses that it refused. Throws a
 * `PostFailed`.
 */
export type Post = (
  letter: AddressedLetter,
  signal: AbortSignal,
) => Promise<{ readonly status: number; readonly refused: readonly string[] }>;

/** The mail server did not take a letter. The message is a sentence for an admin. */
export class PostFailed extends Error {
  /** The status of the server's answer; 0: no answer came. */
  readonly status: number;
  /** The server's words. */
  readonly heard: string;

  constructor(message: string, status: number, heard: string) {
    super(message);
    this.name = 'PostFailed';
    this.status = status;
    this.heard = heard;
  }
}
