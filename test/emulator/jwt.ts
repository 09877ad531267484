/** Reads and proves the JWTs that emulated vendors are sent; independent of what the bridge signs them with. */

import { createHash, createPublicKey, type JsonWebKey, verify } from 'node:crypto';

export interface Jwt {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  isSignedBy(key: string | JsonWebKey): boolean;
}

/** Null for whatever is no JWT. */
export function readJwt(text: string): Jwt | null {
  const parts = text.split('.');
  const [head = '', body = '', signature = ''] = parts;
  if (parts.length !== 3) return null;
  try {
    const header = JSON.parse(Buffer.from(head, 'base64url').toString());
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString());
    return {
      header,
      claims,
      isSignedBy(key) {
        const publicKey =
          typeof key === 'string' ? createPublicKey(key) : createPublicKey({ key, format: 'jwk' });
        const data = Buffer.from(`${head}.${body}`);
        const bytes = Buffer.from(signature, 'base64url');
        if (header.alg === 'ES256') {
          return verify('sha256', data, { key: publicKey, dsaEncoding: 'ieee-p1363' }, bytes);
        }
        return header.alg === 'RS256' && verify('RSA-SHA256', data, publicKey, bytes);
      },
    };
  } catch {
    return null;
  }
}

/** RFC 7638, of an elliptic or an RSA key. */
export function thumbprint({ kty, crv, x, y, e, n }: JsonWebKey): string {
  const members = kty === 'EC' ? { crv, kty, x, y } : { e, kty, n };
  return createHash('sha256').update(JSON.stringify(members)).digest('base64url');
}
