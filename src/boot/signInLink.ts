/**
 * Makes a link that signs a person in with a browser, once. A person who may run commands beside the bridge may use
 * it. The link is printed and never logged.
 */

import { existsSync } from 'node:fs';
import { CONFIGURED_TOKEN } from '../auth/configuredToken.ts';
import { newSession } from '../auth/sessions.ts';
import { hashToken } from '../auth/tokens.ts';
import type { Config } from '../config.ts';
import { type AdminTokenRecord, adminTokensOf } from '../db/access/adminTokens.ts';
import { insertSession } from '../db/access/sessions.ts';
import { readFact } from '../db/facts.ts';
import { readSchema } from '../db/migrations.ts';
import type { Db } from '../db/open.ts';
import { type Clock, isoTime } from '../support/clock.ts';
import { openQuietly } from './backup.ts';
import { inWords, refuseNewer } from './database.ts';

/**
 * Answers the text for the terminal. `name` is the admin token for which the session stands. Throws an Error whose
 * message a person can read.
 */
export async function makeSignInLink(
  config: Config,
  name: string | undefined,
  clock: Clock,
): Promise<string> {
  const { database } = config;
  if (database.dialect === 'sqlite' && !existsSync(database.target)) {
    throw new Error(`There is no database ${database.target}: start the bridge first, or check DATABASE_URL`);
  }
  const db = openQuietly(database);
  try {
    const schema = await inWords(database, () => readSchema(db));
    refuseNewer(schema);
    if (schema.pending.length > 0)
      throw new Error('The database is of an older version: start the bridge first');
    const token = await tokenFor(db, config, name, isoTime(clock.now()));
    const publicUrl = (config.isPublicUrlGiven ? null : await readFact(db, 'publicUrl')) ?? config.publicUrl;
    const link = await db.transaction((tx) => signInLink(tx, { ...config, publicUrl }, token, clock.now()));
    return `${link}\nIt signs in as ${token.name}, once, within 15 minutes. Whoever has it comes in: show it to nobody.`;
  } finally {
    await db.destroy();
  }
}

/** Makes a link for the token that the first start has just made, in the same transaction. */
export async function firstSignInLink(tx: Db, config: Config, now: number): Promise<string> {
  return signInLink(tx, config, await tokenFor(tx, config, undefined, isoTime(now)), now);
}

/** `ADMIN_TOKEN` where it is set; otherwise the token that lasts longest of those that may do everything. */
async function tokenFor(
  db: Db,
  { adminToken }: Config,
  name: string | undefined,
  now: string,
): Promise<AdminTokenRecord> {
  if (adminToken !== null && (name === undefined || name === CONFIGURED_TOKEN.name)) return CONFIGURED_TOKEN;
  const valid = (await adminTokensOf(db, null)).filter((token) => endOf(token) > now);
  const fitting =
    name === undefined
      ? valid.filter(({ scopes }) => scopes.length === CONFIGURED_TOKEN.scopes.length)
      : valid.filter((token) => token.name.toLowerCase() === name.toLowerCase());
  const [longest] = fitting.sort((a, b) => (endOf(a) > endOf(b) ? -1 : 1));
  if (longest) return longest;
  const which =
    name === undefined ? 'There is no admin token that is valid' : `No valid admin token is called ${name}`;
  throw new Error(`${which}: set ADMIN_TOKEN, for the bridge and for this command`);
}

const FOREVER = '9999';
const endOf = ({ validUntil }: AdminTokenRecord): string => validUntil ?? FOREVER;

async function signInLink(
  tx: Db,
  { publicUrl, adminToken }: Pick<Config, 'publicUrl' | 'adminToken'>,
  token: AdminTokenRecord,
  now: number,
): Promise<string> {
  const { session, secret } = newSession('code', token, { adminToken, now });
  await insertSession(tx, session, hashToken(secret));
  // The secret comes after the #, so that no server or proxy logs it.
  return `${publicUrl}/console/#code=${secret}`;
}
