/** Tells whether a secret looks as if a person typed it to get past a check of its length. */

const DIFFERENT_MIN = 8;

/** True for fewer than 8 different characters (or bytes), and for a repeated pattern. */
export function isGuessable(secret: string | Uint8Array): boolean {
  const parts = typeof secret === 'string' ? [...secret] : [...secret].map(String);
  return new Set(parts).size < DIFFERENT_MIN || isRepetition(parts);
}

/** True for a pattern that fits in at least twice; its last repetition may be cut off. */
function isRepetition(parts: readonly string[]): boolean {
  for (let length = 1; length <= parts.length / 2; length++) {
    if (parts.every((part, index) => part === parts[index % length])) return true;
  }
  return false;
}

/** The variables that hold a secret which a person chose. */
export type SecretVariable = 'ADMIN_TOKEN' | 'ENCRYPTION_KEY';
