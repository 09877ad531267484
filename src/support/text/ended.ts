/** Joins sentences of the bridge to those of connectors, which end without a full stop. */

export function ended(sentence: string): string {
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}
