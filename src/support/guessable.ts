/** Whether a secret looks as if a person had typed it to get past a check of its length. */

const DIFFERENT_MIN = 8;

/** True for fewer than 8 different characters (or bytes), and for one pattern over and over. */
export function isGuessable(secret: string | Uint8Array): boolean {
  const parts = typeof secret === 'string' ? [...secret] : [...secret].map(String);
  return new Set(parts).size < DIFFERENT_MIN || isRepetition(parts);
}

/** Of a pattern that fits in at least twice; the last time it may be cut off. */
function isRepetition(parts: readonly string[]): boolean {
  for (let length = 1; length <= parts.length / 2; length++) {
    if (parts.every((part, index) => part === parts[index % length])) return true;
  }
  return false;
}

/** The variables that hold a secret somebody chose. */
export type SecretVariable = 'ADMIN_TOKEN' | 'ENCRYPTION_KEY';
