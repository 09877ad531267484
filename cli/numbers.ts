/** Numbers among the words of a command: a mistake in one ends it before anything is asked. */

import { InvalidArgumentError } from 'commander';

/** How many lines of a list: as many as the API gives at once. */
export function lineCount(text: string): number {
  return wholeNumber(text, 1_000);
}

export function dayCount(text: string): number {
  return wholeNumber(text, 36_500);
}

function wholeNumber(text: string, max: number): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= 1 && number <= max) return number;
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${max}.`);
}
