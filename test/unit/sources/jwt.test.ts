/** The tokens that the bridge signs, against the examples of the RFCs. */

import { createPublicKey, generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import { createProofKey, hashOfToken, readSigningKey, signJwt } from '../../../src/sources/jwt.ts';
import { readJwt, thumbprint } from '../../emulator/jwt.ts';

/** RFC 7515, appendix A.2. */
const RSA: JsonWebKey = {
  kty: 'RSA',
  n: 'ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ',
  e: 'AQAB',
  d: 'Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ',
  p: '4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py5PJdTJNPY8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc',
  q: 'uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7TjeLQeZD_YwD66t62wDmpe_HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc',
  dp: 'BwKfV3Akq5_MFZDFZCnW-wzl-CCo83WoZvnLQwCTeDv8uzluRSnm71I3QCLdhrqE2e9YkxvuxdBfpT_PI7Yz-FOKnu1R6HsJeDCjn12Sk3vmAktV2zb34MCdy7cpdTh_YVr7tss2u6vneTwrA86rZtu5Mbr1C1XsmvkxHQAdYo0',
  dq: 'h_96-mK1R_7glhsum81dZxjTnYynPbZpHziZjeeHcXYsXaaMwkOlODsWa7I9xXDoRwbKgB719rrmI2oKr6N3Do9U0ajaHF-NKJnwgjMd2w9cjz3_-kyNlxAr2v4IKhGNpmM5iIgOS1VZnOZ68m6_pbLBSp3nssTdlqvd0tIiTHU',
  qi: 'IYd7DHOhrWvxkwPQsRM2tOgrjbcrfvtQJipd-DlcxyVuuMm2sVK_bTsGbb-tNhwQgm8XKDOjR9cDqV6G0Tpj-cbGXtzB1ogDjB8n3f4ruJuIoVFVZTxQ8qX9V2UdM4yKqj2OfJUuKhzyVpIoMj0s7XLqZnSlS-1GbMn08YEpTAw',
};

it('signs with RS256 as RFC 7515 has it', () => {
  const key = readSigningKey(JSON.stringify(RSA));
  if (!key) throw new Error('the key of the RFC');
  const token = signJwt(key, {}, { iss: 'joe' });
  expect(token.split('.')[0]).toBe(Buffer.from('{"alg":"RS256"}').toString('base64url'));
  expect(readJwt(token)?.isSignedBy(RSA)).toBe(true);
});

it('signs proofs with the two numbers side by side', () => {
  const { signing, jwk } = createProofKey();
  const token = signJwt(signing, { typ: 'dpop+jwt', jwk }, { htm: 'GET' });
  expect(Buffer.from(token.split('.')[2] ?? '', 'base64url')).toHaveLength(64);
  expect(readJwt(token)?.isSignedBy(jwk)).toBe(true);
  expect(JSON.stringify(jwk)).not.toContain('"d"');
});

it('hashes a token, and the emulators a key, as the RFCs do', () => {
  // RFC 9449, section 7.1, and RFC 7638, section 3.1.
  expect(hashOfToken('Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU')).toBe(
    'fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo',
  );
  const key = {
    kty: 'RSA',
    n: '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw',
    e: 'AQAB',
  };
  expect(thumbprint(key)).toBe('NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs');
});

it('reads private keys in the forms in which people have them, and nothing else', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = (type: 'pkcs1' | 'pkcs8') => privateKey.export({ type, format: 'pem' }).toString();
  expect(readSigningKey(pem('pkcs1'))?.algorithm).toBe('RS256');
  expect(readSigningKey(`  ${pem('pkcs8')}\n`)?.algorithm).toBe('RS256');
  const jwk = JSON.stringify({ ...privateKey.export({ format: 'jwk' }), kid: 'k1' });
  expect(readSigningKey(jwk)).toMatchObject({ algorithm: 'RS256', keyId: 'k1' });
  for (const text of [
    '',
    'secret',
    '{}',
    publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    JSON.stringify(createPublicKey(privateKey).export({ format: 'jwk' })),
    generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  ]) {
    expect(readSigningKey(text)).toBeNull();
  }
});
