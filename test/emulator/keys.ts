/** A key pair for those who sign in to emulated vendors. Making one takes longer than a test: one serves them all. */

import { generateKeyPairSync } from 'node:crypto';

let keys: { readonly publicKey: string; readonly privateKey: string } | undefined;

/** RSA, in PEM form. */
export function emulatedKeys() {
  keys ??= generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return keys;
}
