/**
 * Random numbers and ids from one source for the whole process. The simulation replaces the source, so that a failed
 * history can be replayed. Secrets never come from here.
 */

import { randomUUID } from 'node:crypto';

export interface RandomSource {
  /** At least 0, below 1. */
  number(): number;
  uuid(): string;
}

const REAL: RandomSource = { number: Math.random, uuid: () => randomUUID() };

let source = REAL;

export function random(): number {
  return source.number();
}

export function uuid(): string {
  return source.uuid();
}

/** Null restores the real source. */
export function replaceRandomSource(replacement: RandomSource | null): void {
  source = replacement ?? REAL;
}
