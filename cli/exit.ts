/** How a command ends: its exit code, and the sentence on stderr. */

import { Refused, Unreachable } from '../client/client.ts';

export const EXIT = { refused: 1, usage: 2, unreachable: 3, credential: 4 } as const;

/** Ends the command with a sentence. */
export class Exit extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export function nothing(message: string): Exit {
  return new Exit(EXIT.refused, message);
}

export function misused(message: string): Exit {
  return new Exit(EXIT.usage, message);
}

/** The exit code for whatever a command threw; a mistake of the command's own is thrown on. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof Exit) return error.code;
  if (error instanceof Unreachable) return EXIT.unreachable;
  if (error instanceof Refused) return [401, 403].includes(error.status) ? EXIT.credential : EXIT.refused;
  throw error;
}
