/**
 * Seals credentials with AES-256-GCM (NIST SP 800-38D) under a ring of keys: the first key seals, any key opens. A
 * sealed secret opens only in the place for which it was sealed. Nothing here logs, and no error holds a secret or a
 * key.
 */

import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

export const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const KEYS_MAX = 16;

export interface SealedSecret {
  /** A short hash of the key, so that a ring knows which one opens it. */
  readonly keyId: string;
  /** Base64 of nonce, tag and ciphertext. */
  readonly sealed: string;
}

export interface Keyring {
  /** The id of the key that seals. */
  readonly sealingKeyId: string;
  /** The ids of all keys, the sealing one first. */
  readonly keyIds: readonly string[];
  /** `place` is authenticated together with the secret: opening it for another place fails. */
  seal(secret: string, place: readonly string[]): SealedSecret;
  /** Throws an Error for people where no key of the ring opens it, or it was sealed for another place. */
  open(sealed: SealedSecret, place: readonly string[]): string;
}

/** A new key in the form that `ENCRYPTION_KEY` takes. */
export function generateKey(): string {
  return randomBytes(KEY_BYTES).toString('base64');
}

/** `ENCRYPTION_KEY`: 32 bytes in base64, several separated by commas. Throws an Error that says what is wrong. */
export function parseKeyring(text: string): Keyring {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.length > KEYS_MAX) throw new Error(`ENCRYPTION_KEY lists more than ${KEYS_MAX} keys`);
  const keys = new Map<string, Buffer>();
  for (const [index, part] of parts.entries()) {
    const key = Buffer.from(part, 'base64');
    if (!/^[A-Za-z0-9+/]+={0,2}$/.test(part) || key.length !== KEY_BYTES) {
      throw new Error(
        `ENCRYPTION_KEY: key ${index + 1} is not ${KEY_BYTES} bytes in base64; make one with: openssl rand -base64 ${KEY_BYTES}`,
      );
    }
    keys.set(keyIdOf(key), key);
  }
  return createKeyring(keys);
}

const KEY_ID_LENGTH = 12;

function keyIdOf(key: Buffer): string {
  return createHash('sha256').update('scim-bridge key id').update(key).digest('hex').slice(0, KEY_ID_LENGTH);
}

function createKeyring(keys: ReadonlyMap<string, Buffer>): Keyring {
  const keyIds = [...keys.keys()];
  const [sealingKeyId] = keyIds;
  if (sealingKeyId === undefined) throw new Error('ENCRYPTION_KEY lists no key');
  return {
    sealingKeyId,
    keyIds,
    seal(secret, place) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv('aes-256-gcm', keys.get(sealingKeyId) as Buffer, iv);
      cipher.setAAD(authenticated(place));
      const ciphertext = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
      const sealed = Buffer.concat([iv, cipher.getAuthTag(), ciphertext]).toString('base64');
      return { keyId: sealingKeyId, sealed };
    },
    open({ keyId, sealed }, place) {
      const key = keys.get(keyId);
      if (!key) {
        throw new Error(
          `A secret is sealed with key ${keyId}, which ENCRYPTION_KEY does not list (it lists ${keyIds.join(', ')})`,
        );
      }
      const bytes = Buffer.from(sealed, 'base64');
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, IV_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(authenticated(place));
      decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
      try {
        const text = decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES));
        return Buffer.concat([text, decipher.final()]).toString('utf8');
      } catch {
        // Node's own error only says "unable to authenticate data".
        throw new Error(`A secret was altered, or sealed for another place than ${place.join(', ')}`);
      }
    },
  };
}

/** JSON, because no two places then have the same bytes. */
function authenticated(place: readonly string[]): Buffer {
  return Buffer.from(JSON.stringify(place), 'utf8');
}
