/**
 * The key that identifiers of purged people are hashed with. It is made once and sealed with `ENCRYPTION_KEY`, so
 * that the database alone does not let anybody guess whose they were.
 */

import { createHmac, createSecretKey, randomBytes } from 'node:crypto';
import type { Keyring, SealedSecret } from '../../support/secret.ts';
import { fromJson, toJson } from '../columns.ts';
import type { Db } from '../open.ts';
import type { Hash } from '../people/formers.ts';

const ROW = 'identifier-key';
const PLACE = ['bridge', ROW];
const KEY_BYTES = 32;

/** Reads the database at its first call only, which must not come from inside a transaction. */
export type IdentifierHash = () => Promise<Hash>;

export function createIdentifierHash(db: Db, keyring: Keyring): IdentifierHash {
  let made: Promise<Hash> | null = null;
  return () => {
    made ??= readKey(db, keyring).then(hashWith, (error: unknown) => {
      made = null;
      throw error;
    });
    return made;
  };
}

export function hashWith(key: Buffer): Hash {
  // Making the key from bytes each time would take longer than the hash.
  const secret = createSecretKey(key);
  return (text) => createHmac('sha256', secret).update(text).digest('hex');
}

async function readKey(db: Db, keyring: Keyring): Promise<Buffer> {
  const fresh = keyring.seal(randomBytes(KEY_BYTES).toString('base64'), PLACE);
  await db('bridge')
    .insert({ key: ROW, value: toJson(fresh) })
    .onConflict('key')
    .ignore();
  const row = await db('bridge').where({ key: ROW }).first();
  return Buffer.from(keyring.open(fromJson<SealedSecret>(row.value), PLACE), 'base64');
}

/** The id of the key that sealed it; null where there is none yet. */
export async function identifierKeySealedWith(db: Db): Promise<string | null> {
  const row = await db('bridge').where({ key: ROW }).first();
  return row ? fromJson<SealedSecret>(row.value).keyId : null;
}

/** Seals it again with the ring's first key. */
export async function resealIdentifierKey(db: Db, keyring: Keyring): Promise<void> {
  const row = await db('bridge').where({ key: ROW }).first();
  const sealed = row && fromJson<SealedSecret>(row.value);
  if (!sealed || sealed.keyId === keyring.sealingKeyId) return;
  await db('bridge')
    .where({ key: ROW })
    .update({ value: toJson(keyring.seal(keyring.open(sealed, PLACE), PLACE)) });
}
