/**
 * Signs the JSON Web Tokens (RFC 7515, RFC 7519) with which the bridge proves who it is to Okta and Google. Private
 * keys stay in here: no error and no text shows one.
 */

import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  sign,
} from 'node:crypto';

export interface SigningKey {
  readonly key: KeyObject;
  readonly algorithm: 'RS256' | 'ES256';
  /** The key id of a JWK that has one. */
  readonly keyId: string | null;
}

export type Claims = Readonly<Record<string, unknown>>;

/** A private key in PEM form (its line breaks may be written as `\n`), or a JWK; null for any other text. */
export function readSigningKey(text: string): SigningKey | null {
  const trimmed = text.trim();
  try {
    if (!trimmed.startsWith('{')) return signingKey(createPrivateKey(trimmed.replaceAll('\\n', '\n')), null);
    const jwk = JSON.parse(trimmed) as JsonWebKey & { readonly kid?: unknown };
    const keyId = typeof jwk.kid === 'string' ? jwk.kid : null;
    return signingKey(createPrivateKey({ key: jwk, format: 'jwk' }), keyId);
  } catch {
    return null;
  }
}

/** Every verifier refuses shorter RSA keys. */
const RSA_BITS_MIN = 2048;

function signingKey(key: KeyObject, keyId: string | null): SigningKey | null {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === 'rsa' && (details?.modulusLength ?? 0) >= RSA_BITS_MIN)
    return { key, algorithm: 'RS256', keyId };
  return type === 'ec' && details?.namedCurve === 'prime256v1' ? { key, algorithm: 'ES256', keyId } : null;
}

export function signJwt({ key, algorithm }: SigningKey, header: Claims, claims: Claims): string {
  const part = (value: Claims) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: algorithm, ...header })}.${part(claims)}`;
  // RFC 7518 §3.4: an elliptic signature is two numbers side by side, not DER. RSA has only one form.
  const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}

/** A key pair for proofs of possession (RFC 9449), with the public key as the proofs show it. */
export function createProofKey(): { readonly signing: SigningKey; readonly jwk: JsonWebKey } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return {
    signing: { key: privateKey, algorithm: 'ES256', keyId: null },
    jwk: publicKey.export({ format: 'jwk' }),
  };
}

/** RFC 9449 §4.2: `ath`. */
export function hashOfToken(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}
