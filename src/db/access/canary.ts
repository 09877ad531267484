/**
 * The encryption canary: a known text that is sealed at the first start. Every later start opens it, to tell before
 * any store does whether `ENCRYPTION_KEY` is the one that this database was used with.
 */

import type { Keyring, SealedSecret } from '../../support/secret.ts';
import { fromJson, toJson } from '../columns.ts';
import type { Db } from '../open.ts';
import { identifierKeySealedWith } from './identifierKey.ts';

const ROW = 'encryption-canary';
const PLACE = ['bridge', ROW];
const TEXT = 'scim-bridge';

/** False until the first start has sealed it. */
export async function hasCanary(db: Db): Promise<boolean> {
  return (await db('bridge').where({ key: ROW }).first('key')) !== undefined;
}

/**
 * Seals the canary where there is none yet. Throws an Error for people where the ring lacks the key of the canary, or
 * of a store's secret.
 */
export async function checkCanary(db: Db, keyring: Keyring): Promise<void> {
  const fresh = { key: ROW, value: toJson(keyring.seal(TEXT, PLACE)) };
  await db('bridge').insert(fresh).onConflict('key').ignore();
  const row = await db('bridge').where({ key: ROW }).first();
  const canary = fromJson<SealedSecret>(row.value);
  const lacking = new Set(await keysInUse(db));
  lacking.add(canary.keyId);
  const identifierKey = await identifierKeySealedWith(db);
  if (identifierKey !== null) lacking.add(identifierKey);
  for (const keyId of keyring.keyIds) lacking.delete(keyId);
  if (lacking.size > 0) {
    throw new Error(
      `ENCRYPTION_KEY does not fit this database: its secrets are sealed with key ${[...lacking].join(', ')}, and ENCRYPTION_KEY lists ${keyring.keyIds.join(', ')}. Start with the key that was used before; to change it, put the new key first and the old one behind a comma.`,
    );
  }
  if (keyring.open(canary, PLACE) !== TEXT)
    throw new Error('The encryption canary in the database was altered.');
}

/** Seals the canary again with the ring's first key. Call it after the stores' secrets were sealed with that key. */
export async function resealCanary(db: Db, keyring: Keyring): Promise<void> {
  const row = await db('bridge').where({ key: ROW }).first();
  if (!row || fromJson<SealedSecret>(row.value).keyId === keyring.sealingKeyId) return;
  await db('bridge')
    .where({ key: ROW })
    .update({ value: toJson(keyring.seal(TEXT, PLACE)) });
}

async function keysInUse(db: Db): Promise<readonly string[]> {
  const rows: { secrets: unknown }[] = await db('stores').whereNull('deleted_at').select('secrets');
  return rows.flatMap((row) =>
    Object.values(fromJson<Record<string, SealedSecret>>(row.secrets)).map((secret) => secret.keyId),
  );
}
