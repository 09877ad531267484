/**
 * Reads parts of the tree. Each search goes to its last page, and starts again on a new connection where the old one
 * broke, but never on another server than the first.
 */

import { AndFilter, EqualityFilter, type Filter } from 'ldapts';
import type { CallContext } from '../../connectors/connector.ts';
import { RemoteError } from '../../model/errors.ts';
import type { SourceDeps } from '../source.ts';
import { type Preset, presetOf } from './presets.ts';
import { openSession } from './protocol/connect.ts';
import type { Entry } from './protocol/entry.ts';
import { CODE, isCode, resultError } from './protocol/errors.ts';
import type { Comparison, Found, Query, Session } from './protocol/session.ts';
import { guidBytes } from './protocol/values.ts';
import { ANY_ENTRY, NO_ATTRIBUTES, readServer, type Server } from './server.ts';
import type { LdapSettings } from './settings.ts';

const PAGE_SIZE = 500;
const PAGE_SIZE_MIN = 10;
const PAGES_MAX = 1_000_000;
/** Active Directory may return empty pages although more entries follow. */
const EMPTY_PAGES_MAX = 10_000;
const RESTARTS_MAX = 3;
const RESTART_GAP_MS = 1_000;

export interface Tree {
  readonly server: Server;
  readonly preset: Preset;
  /** Every page; a restart may show some entries twice. */
  pages(query: Omit<Query, 'page'>, action: string): AsyncGenerator<Found>;
  /** One entry; throws `missing` where it does not exist, or the account does not see it. */
  entry(dn: string, attributes: readonly string[], action: string, filter?: Filter): Promise<Entry>;
  /** Everything in a single answer, for searches with few results. */
  search(query: Omit<Query, 'page'>, action: string): Promise<Found>;
  /** Whether the attribute has the value; null where the entry has no such attribute. Throws where the account may not know. */
  compare(comparison: Comparison, action: string): Promise<boolean | null>;
  close(): void;
}

export async function openTree(
  settings: LdapSettings,
  deps: SourceDeps,
  { signal }: Pick<CallContext, 'signal'>,
): Promise<Tree> {
  let session: Session = await openSession(settings, deps, signal);
  let server: Server;
  try {
    server = await readServer(session, settings);
  } catch (error) {
    session.close();
    throw error;
  }
  const reconnected = async (): Promise<Session> => {
    const next = await openSession(settings, deps, signal);
    session.close();
    session = next;
    const { identity } = await readServer(session, settings);
    if (identity !== server.identity) throw anotherServer(server.identity, identity);
    return session;
  };
  let reconnecting: Promise<Session> | null = null;
  /** Searches that find the connection broken share one new connection. */
  const connected = (): Promise<Session> => {
    if (reconnecting === null && session.isOpen) return Promise.resolve(session);
    reconnecting ??= reconnected().finally(() => {
      reconnecting = null;
    });
    return reconnecting;
  };
  /** Tries again after a failure that may pass, on a new connection if the old one broke. */
  const restarted = async <T>(failures: number, error: unknown, again: () => T): Promise<T> => {
    const passes = error instanceof RemoteError && error.disposition === 'transient';
    if (!passes || failures > RESTARTS_MAX || signal.aborted) throw error;
    await deps.sleep(RESTART_GAP_MS * 2 ** (failures - 1), signal);
    return again();
  };

  async function* pass(query: Omit<Query, 'page'>, action: string, size: number): AsyncGenerator<Found> {
    const one = await connected();
    let cookie: Buffer = Buffer.alloc(0);
    let empty = 0;
    for (let count = 1; ; count += 1) {
      const found = await one.search({ ...query, page: { size, cookie } }, action);
      yield found;
      cookie = found.cookie;
      if (cookie.length === 0) return;
      empty = found.entries.length === 0 ? empty + 1 : 0;
      if (count >= PAGES_MAX || empty >= EMPTY_PAGES_MAX)
        throw resultError(CODE.adminLimit, 'pages do not end', action);
    }
  }

  async function asked<T>(ask: (session: Session) => Promise<T>, failures = 0): Promise<T> {
    try {
      return await ask(await connected());
    } catch (error) {
      return restarted(failures + 1, error, () => asked(ask, failures + 1));
    }
  }
  const search = (query: Omit<Query, 'page'>, action: string) =>
    asked((session) => session.search(query, action));

  return {
    server,
    preset: presetOf(server.kind),
    async *pages(query, action) {
      let size = PAGE_SIZE;
      let failures = 0;
      for (;;) {
        try {
          yield* pass(query, action, size);
          return;
        } catch (error) {
          if (isCode(error, CODE.adminLimit) && size > PAGE_SIZE_MIN) {
            size = Math.max(PAGE_SIZE_MIN, Math.floor(size / 2));
            continue;
          }
          failures += 1;
          await restarted(failures, error, () => undefined);
        }
      }
    },
    search,
    compare: (comparison, action) => asked((session) => session.compare(comparison, action)),
    async entry(base, attributes, action, filter = ANY_ENTRY) {
      const { entries } = await search({ base, scope: 'base', filter, attributes }, action);
      if (!entries[0]) throw resultError(CODE.noSuchObject, '', action);
      return entries[0];
    },
    close: () => session.close(),
  };
}

/** Throws where the base is gone or the account cannot see it any more: that would look like an empty company. */
export async function demandBase(tree: Tree, base: string, key: string): Promise<void> {
  try {
    await tree.entry(base, NO_ATTRIBUTES, `read ${key}`);
  } catch (error) {
    if (!isCode(error, CODE.noSuchObject, CODE.insufficientAccess)) throw error;
    const message = `${key} ${base} is gone, or the account of BIND_DN cannot see it any more: nothing is taken from that`;
    throw new RemoteError(message, {
      ...{
        store: 'LDAP',
        action: `read ${key}`,
        disposition: 'forbidden',
        code: 'base_not_shown',
        cause: error,
      },
    });
  }
}

export function both(...filters: readonly Filter[]): Filter {
  return new AndFilter({ filters: [...filters] });
}

/** A filter for the entry with this id of the bridge; null where no entry can have it. */
export function idFilter({ kind, idAttribute: attribute }: Preset, id: string): Filter | null {
  const value = kind === 'ActiveDirectory' ? guidBytes(id) : id;
  return value === null ? null : new EqualityFilter({ attribute, value });
}

/** Parts of a forest to which Active Directory refers in each search of its root, and which hold no people. */
const NOBODY_THERE = /\/(DC=(ForestDnsZones|DomainDnsZones)|CN=Configuration),/i;

/** How many parts of the tree are on another server, and were not read. */
export function elsewhere({ references }: Found): number {
  return references.filter((url) => !NOBODY_THERE.test(decoded(url))).length;
}

function decoded(url: string): string {
  try {
    return decodeURIComponent(url);
  } catch {
    return url;
  }
}

function anotherServer(first: string, now: string): RemoteError {
  return new RemoteError(
    `Another server (${now}) answers than the one that the reading began on (${first}): enter the name of one server as URL`,
    { store: 'LDAP', action: 'go on reading', disposition: 'rejected', code: 'another_server' },
  );
}
