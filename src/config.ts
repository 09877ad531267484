/**
 * Turns the environment variables into a typed `Config`, or into one sentence for each mistake. It reads only the
 * record that it is given, and no sentence contains a secret.
 */

import { dirname } from 'node:path';
import { type DatabaseLocation, parseDatabaseUrl } from './db/open.ts';
import { NOTHING_ALLOWED, parseAllowed } from './outbound/allow.ts';
import { type MailServer, parseMailServer } from './outbound/mail.ts';
import type { OutboundConfig } from './outbound/outbound.ts';
import { isRange, zoneOf } from './outbound/zones.ts';
import { isGuessable, type SecretVariable } from './support/guessable.ts';
import { type Keyring, parseKeyring } from './support/secret.ts';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What a process does: `api` answers requests, `worker` calls vendors, `all` does both. */
export const ROLES = ['all', 'api', 'worker'] as const;
export type Role = (typeof ROLES)[number];

export interface Config {
  readonly role: Role;
  readonly host: string;
  readonly port: number;
  readonly database: DatabaseLocation;
  /** Where the bridge keeps its own files: the embedded database's directory, or `data`. */
  readonly dataDirectory: string;
  /** A valid admin token for as long as it is set. */
  readonly adminToken: string | null;
  /** From `ENCRYPTION_KEY`. Null: the embedded default, whose key is a file in `dataDirectory`. */
  readonly keyring: Keyring | null;
  /** Without a slash at its end. */
  readonly publicUrl: string;
  /** False where neither PUBLIC_URL nor HOST nor PORT is set. */
  readonly isPublicUrlGiven: boolean;
  readonly logLevel: LogLevel;
  /** How long the audit log is kept; 0: for ever. */
  readonly eventRetentionDays: number;
  /** The port that serves `/metrics` alone; null: `port` serves it too. */
  readonly metricsPort: number | null;
  /** Addresses and ranges of proxies whose forwarding headers the bridge believes. */
  readonly trustedProxies: readonly string[];
  readonly outbound: OutboundConfig;
  /** From `SMTP_URL`; null: the bridge sends no e-mail. */
  readonly mailServer: MailServer | null;
  /** Variables whose secret is easy to guess. A first start refuses them; a later start warns. */
  readonly guessable: readonly SecretVariable[];
}

export type ConfigResult =
  | { readonly config: Config; readonly mistakes: readonly [] }
  | { readonly config: null; readonly mistakes: readonly string[] };

export const ADMIN_TOKEN_LENGTH_MIN = 32;
const DATA_DIRECTORY_DEFAULT = 'data';
const DATABASE_URL_DEFAULT = `sqlite:${DATA_DIRECTORY_DEFAULT}/scim-bridge.db`;
const EVENT_RETENTION_DAYS_DEFAULT = 730;
const EVENT_RETENTION_DAYS_MAX = 36_500;

type Environment = Readonly<Record<string, string | undefined>>;

/** A variable that is set but empty is a mistake, not a default: an empty ADMIN_TOKEN hides a typo. */
export function readConfig(environment: Environment): ConfigResult {
  const mistakes: string[] = [];
  const read = <T>(name: string, unset: T, parse: (value: string) => T): T => {
    const value = environment[name];
    if (value === undefined) return unset;
    try {
      if (value.trim() === '') throw new Error(`${name} is empty: give it a value or remove it`);
      return parse(value.trim());
    } catch (error) {
      mistakes.push((error as Error).message);
      return unset;
    }
  };

  const role = read<Role>('ROLE', 'all', parseRole);
  const host = read('HOST', '127.0.0.1', parseHost);
  const port = read('PORT', 3000, (value) => parsePort(value));
  const database = read('DATABASE_URL', parseDatabaseUrl(DATABASE_URL_DEFAULT), parseDatabase);
  const adminToken = read<string | null>('ADMIN_TOKEN', null, parseAdminToken);
  const keyring = read<Keyring | null>('ENCRYPTION_KEY', null, parseKeyring);
  const publicUrl = read('PUBLIC_URL', defaultPublicUrl(host, port), parsePublicUrl);
  const logLevel = read<LogLevel>('LOG_LEVEL', 'info', parseLogLevel);
  const metricsPort = read<number | null>('METRICS_PORT', null, (value) => parsePort(value, 'METRICS_PORT'));
  if (metricsPort === port) mistakes.push('METRICS_PORT must be another port than PORT, or be left out');
  const trustedProxies = read<readonly string[]>('TRUST_PROXY', [], parseProxies);
  const allowed = read('OUTBOUND_ALLOW', NOTHING_ALLOWED, parseAllowed);
  const proxyUrl = read<string | null>('HTTPS_PROXY', null, parseProxy);
  const mailServer = read<MailServer | null>('SMTP_URL', null, parseMailServer);
  const eventRetentionDays = read('EVENT_RETENTION_DAYS', EVENT_RETENTION_DAYS_DEFAULT, parseDays);
  if (database.dialect === 'postgres' && environment.ENCRYPTION_KEY === undefined) {
    mistakes.push('ENCRYPTION_KEY is required with PostgreSQL: make one with: openssl rand -base64 32');
  }
  if (database.dialect === 'sqlite' && role !== 'all') {
    mistakes.push(
      `ROLE=${role} needs PostgreSQL: an embedded database belongs to one process, which does everything. Leave ROLE out, or set DATABASE_URL to a PostgreSQL database`,
    );
  }
  if (mistakes.length > 0) return { config: null, mistakes };
  const dataDirectory = database.dialect === 'sqlite' ? dirname(database.target) : DATA_DIRECTORY_DEFAULT;
  return {
    config: {
      role,
      host,
      port,
      database,
      dataDirectory,
      adminToken,
      keyring,
      publicUrl,
      isPublicUrlGiven: ['PUBLIC_URL', 'HOST', 'PORT'].some((name) => environment[name] !== undefined),
      logLevel,
      eventRetentionDays,
      metricsPort,
      trustedProxies,
      outbound: {
        rule: { allowed, listensOnLoopback: isLoopback(host) },
        proxy: proxyUrl === null ? null : { url: proxyUrl, except: environment.NO_PROXY ?? '' },
      },
      mailServer,
      guessable: guessableSecrets(environment),
    },
    mistakes: [],
  };
}

/** An address that means every interface works on this machine, but is open to others too. */
function isLoopback(host: string): boolean {
  if (host === '0.0.0.0' || host === '::') return false;
  return host === 'localhost' || zoneOf(host) === 'loopback';
}

/** Every key of a list must be good, because each one opens secrets. */
function guessableSecrets({ ADMIN_TOKEN, ENCRYPTION_KEY }: Environment): readonly SecretVariable[] {
  const keys = ENCRYPTION_KEY?.split(',').map((key) => Buffer.from(key, 'base64')) ?? [];
  return [
    ...(ADMIN_TOKEN !== undefined && isGuessable(ADMIN_TOKEN.trim()) ? (['ADMIN_TOKEN'] as const) : []),
    ...(keys.some(isGuessable) ? (['ENCRYPTION_KEY'] as const) : []),
  ];
}

function parseRole(value: string): Role {
  const role = ROLES.find((known) => known === value);
  if (role) return role;
  throw new Error(`ROLE must be one of ${ROLES.join(', ')}`);
}

function parseHost(value: string): string {
  if (URL.canParse(`http://${bracketed(value)}/`) && /^[A-Za-z0-9.:_-]+$/.test(value)) return value;
  throw new Error('HOST must be a host name or an IP address without a port, like 127.0.0.1');
}

function parsePort(value: string, name = 'PORT'): number {
  const port = /^\d{1,5}$/.test(value) ? Number(value) : 0;
  if (port >= 1 && port <= 65_535) return port;
  throw new Error(`${name} must be a whole number from 1 to 65535`);
}

function parseDatabase(value: string): DatabaseLocation {
  const location = parseDatabaseUrl(value);
  if (location.target.startsWith(':memory:')) {
    throw new Error('DATABASE_URL must name a file: a database in memory forgets what the bridge did');
  }
  return location;
}

function parseAdminToken(value: string): string {
  if (value.length < ADMIN_TOKEN_LENGTH_MIN) {
    throw new Error(`ADMIN_TOKEN must have at least ${ADMIN_TOKEN_LENGTH_MIN} characters`);
  }
  // A bearer token travels in a header: a blank would end it, and other bytes are not portable.
  if (/^[\x21-\x7e]+$/.test(value)) return value;
  throw new Error('ADMIN_TOKEN must consist of printable ASCII characters without blanks');
}

function parsePublicUrl(value: string): string {
  const url = URL.canParse(value) ? new URL(value) : null;
  const plain = url && url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  if (plain && (url.protocol === 'http:' || url.protocol === 'https:')) return url.href.replace(/\/+$/, '');
  throw new Error(
    'PUBLIC_URL must be an absolute http or https URL without credentials, query or fragment, like https://scim.example.com',
  );
}

function parseProxies(list: string): readonly string[] {
  const entries = list.split(',').map((entry) => entry.trim());
  const wrong = entries.find((entry) => !isRange(entry));
  if (wrong === undefined) return entries;
  throw new Error(`TRUST_PROXY: ${wrong} is no address or range; write a list like 10.0.0.7, 10.1.0.0/16`);
}

function parseProxy(value: string): string {
  const url = URL.canParse(value) ? new URL(value) : null;
  if (url && (url.protocol === 'http:' || url.protocol === 'https:')) return url.href;
  throw new Error(
    'HTTPS_PROXY must be the http or https URL of a proxy, like http://proxy.corp.example:3128',
  );
}

function parseLogLevel(value: string): LogLevel {
  const level = LOG_LEVELS.find((known) => known === value);
  if (level) return level;
  throw new Error(`LOG_LEVEL must be one of ${LOG_LEVELS.join(', ')}`);
}

function parseDays(value: string): number {
  const days = /^\d{1,5}$/.test(value) ? Number(value) : Number.POSITIVE_INFINITY;
  if (days <= EVENT_RETENTION_DAYS_MAX) return days;
  throw new Error(
    `EVENT_RETENTION_DAYS must be a whole number of days from 0 to ${EVENT_RETENTION_DAYS_MAX}; 0 keeps all`,
  );
}

/** Nobody can connect to an address that means "every interface". */
function defaultPublicUrl(host: string, port: number): string {
  const reachable = host === '0.0.0.0' || host === '::' ? 'localhost' : host;
  return `http://${bracketed(reachable)}:${port}`;
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
