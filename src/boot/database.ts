/**
 * Opens the database for the bridge's process: locks an embedded one, migrates the schema, and checks that the
 * encryption key belongs to it. Where something does not fit, it changes nothing and says so in one sentence: it
 * makes nothing new beside files that somebody may put back.
 */

import { existsSync } from 'node:fs';
import type { Knex } from 'knex';
import type { Config } from '../config.ts';
import { checkCanary, hasCanary } from '../db/access/canary.ts';
import { hasOtherSessions } from '../db/backup/backup.ts';
import { lockDatabaseFile } from '../db/embedded/lock.ts';
import { type FileWatch, watchDatabaseFile } from '../db/embedded/watch.ts';
import { readFact, writeFact } from '../db/facts.ts';
import { migrate, readSchema, type Schema } from '../db/migrations.ts';
import { type DatabaseLocation, openDatabase } from '../db/open.ts';
import type { Log } from '../support/log.ts';
import type { Keyring } from '../support/secret.ts';
import { VERSION } from '../support/version.ts';
import { keyFileOf, makeKeyFile, readKeyFile } from './ownFiles.ts';

export interface OpenedDatabase {
  readonly db: Knex;
  readonly keyring: Keyring;
  /** Set for an embedded database only. */
  readonly file: FileWatch | null;
}

export async function openOwnDatabase(config: Config, log: Log): Promise<OpenedDatabase> {
  const { database } = config;
  const dbLog = log.child({ room: 'db' });
  const embedded = database.dialect === 'sqlite' ? database.target : null;
  if (embedded !== null) refuseLostDatabase(config, embedded);
  if (embedded !== null) await inWords(database, () => lockDatabaseFile(database));
  const patient = openDatabase(database, dbLog, 'long');
  const keyring = await upgrade(config, patient, log).finally(() => patient.destroy());
  const db = openDatabase(database, dbLog);
  const file = embedded === null ? null : await watchDatabaseFile(db, embedded);
  return { db, keyring, file };
}

/** A lost database leaves files behind: they tell it apart from a first start. */
function refuseLostDatabase({ dataDirectory }: Config, file: string): void {
  if (existsSync(file)) return;
  const left = [keyFileOf(dataDirectory), `${file}-wal`].find(existsSync);
  if (left !== undefined) throw lostDatabase(file, left);
}

function lostDatabase(file: string, left: string): Error {
  return new Error(
    `${left} is there, and the database ${file} that it belongs to is not: put the database back, or restore a backup with npm run restore -- FILE. To begin anew, move ${left} away.`,
  );
}

async function upgrade(config: Config, db: Knex, log: Log): Promise<Keyring> {
  const { database } = config;
  const before = await inWords(database, () => readSchema(db));
  refuseNewer(before);
  const isNew = before.applied.length === 0;
  const keyFile = keyFileOf(config.dataDirectory);
  // A first start makes the schema before the key.
  if (isNew && database.dialect === 'sqlite' && existsSync(keyFile)) {
    throw lostDatabase(database.target, keyFile);
  }
  if (isNew) refuseGuessable(config);
  if (!isNew && (await hasCanary(db))) await checkCanary(db, presentKey(config));
  await inWords(database, () => migrate(db));
  const keyring = config.keyring ?? ownKey(config);
  await checkCanary(db, keyring);
  await noteVersion(db, before, log);
  return keyring;
}

export function refuseNewer({ unknown }: Schema): void {
  if (unknown.length === 0) return;
  throw new Error(
    `The database was used with a newer version of the bridge (this is ${VERSION}, which lacks its migration ${unknown.at(-1)}): start that version, or restore a backup from before the upgrade.`,
  );
}

/**
 * Refuses while a bridge runs. For commands that replace a database; an embedded database's lock does it already.
 * `named`: the database in words.
 */
export async function refuseRunning(location: DatabaseLocation, db: Knex, named: string): Promise<void> {
  if (location.dialect === 'sqlite') return;
  if (await db.transaction((tx) => hasOtherSessions(tx)))
    throw new Error(`A bridge is connected to ${named}: stop every process of it first`);
}

function refuseGuessable({ guessable: [name] }: Config): void {
  if (name === undefined) return;
  throw new Error(
    `${name} can be guessed (it has fewer than 8 different characters, or repeats one pattern): make one with: openssl rand -base64 32`,
  );
}

/** The key of a database that has sealed secrets already. */
function presentKey({ keyring, dataDirectory, database }: Config): Keyring {
  const key = keyring ?? readKeyFile(dataDirectory);
  if (key) return key;
  throw new Error(
    `The database ${database.target} is sealed with a key, and ${keyFileOf(dataDirectory)} is not there: put it back, or set ENCRYPTION_KEY to what it held.`,
  );
}

function ownKey({ dataDirectory }: Config): Keyring {
  try {
    return readKeyFile(dataDirectory) ?? makeKeyFile(dataDirectory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    throw new Error(
      `The directory ${dataDirectory} cannot be used (${whatFailed(error)}): make it writable for this user, or correct DATABASE_URL`,
      { cause: error },
    );
  }
}

async function noteVersion(db: Knex, before: Schema, log: Log): Promise<void> {
  const version = await readFact(db, 'version');
  const { applied } = await readSchema(db);
  if (version === VERSION && applied.length === before.applied.length) return;
  await writeFact(db, 'version', VERSION);
  if (before.applied.length === 0) return;
  const from = { version: version ?? 'unknown', schema: before.applied.at(-1) };
  log.info({ from, to: { version: VERSION, schema: applied.at(-1) } }, 'upgraded');
}

/** Turns a driver's error into a sentence that names the database and says what to do. */
export async function inWords<T>(database: DatabaseLocation, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Error && error.name === 'Error' && !('code' in error)) throw error;
    const what = whatFailed(error);
    if (database.dialect === 'sqlite') {
      throw new Error(
        `The database file ${database.target} cannot be used (${what}): check that it is a SQLite file that this user may write, or correct DATABASE_URL`,
        { cause: error },
      );
    }
    // Shows only the place, never the URL, which holds the password.
    const { host, pathname } = new URL(database.target);
    throw new Error(
      `The PostgreSQL database ${pathname.slice(1)} at ${host} cannot be used (${what}): check that it is up and that DATABASE_URL is right`,
      { cause: error },
    );
  }
}

/** One line. A connection failure with several addresses has a code and no message of its own. */
function whatFailed(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  const words = typeof message === 'string' && message !== '' ? message : String(code ?? error);
  return words.split('\n', 1)[0] as string;
}
