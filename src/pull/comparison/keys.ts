/**
 * What must be known of the whole scan before people are compared: who is in it, which names occur twice and who
 * keeps them, and who leads whom.
 */

import type { UserRecord } from '../../db/identity/users.ts';
import type { Db } from '../../db/open.ts';
import type { KnownUsers } from '../../db/pull/directory.ts';
import { recordsAmong, recordsPage } from '../../db/pull/records.ts';
import type { PullRun } from '../../db/pull/runs.ts';
import { stagedPage } from '../../db/pull/staging.ts';
import type { MappedTarget, PullSettings } from '../../model/pull/pull.ts';
import { Addresses } from '../../plan/pull/addresses.ts';
import { Names } from '../../plan/pull/names.ts';
import type { SourceDefinition, SourceUser } from '../../sources/source.ts';
import { mappedText } from '../resource.ts';
import { ManagerIndex, type Managers } from './managers.ts';

const PAGE = 500;

export interface Keys {
  /** Everybody in the scan. */
  readonly ids: Set<string>;
  /** People whose record has no name to sign in by. */
  readonly nameless: ReadonlySet<string>;
  readonly names: Names<UserRecord>;
  readonly addresses: Addresses;
  readonly managers: Managers;
}

export interface KeysInput {
  readonly db: Db;
  readonly run: PullRun;
  readonly settings: PullSettings;
  readonly definition: SourceDefinition;
  readonly known: KnownUsers;
  /** ISO time; decides which dates have passed. */
  readonly now: string;
}

export function mappingOf(settings: PullSettings, definition: SourceDefinition): readonly MappedTarget[] {
  return settings.mapping ?? definition.defaultMapping;
}

/**
 * Reads everybody twice: those of the scan, and those who are missing from it as the source last showed them. In a
 * full scan the missing ones count only for their addresses.
 */
export async function readKeys(input: KeysInput): Promise<Keys> {
  const { run, settings, definition, now } = input;
  const mapping = mappingOf(settings, definition);
  const childKey = settings.manager.childKey ?? definition.manager?.childKey;
  const parentKey = settings.manager.parentKey ?? definition.manager?.parentKey;
  const compared = definition.comparedKey ?? ((value: string) => value.trim().toLowerCase());
  const isWanted = settings.manager.enabled && childKey !== undefined && parentKey !== undefined;
  const index = isWanted ? new ManagerIndex({ childKey, parentKey, compared }) : null;
  const names = new Names<UserRecord>();
  const addresses = new Addresses();
  const ids = new Set<string>();
  const nameless = new Set<string>();
  for await (const { user, isShown } of everybody(input, ids)) {
    if (isShown) ids.add(user.id);
    const name = mappedText(user, mapping, 'userName');
    const address = addressOf(user, name, mapping);
    if (address !== null) addresses.note(address);
    if (isShown && name !== null) names.note(name);
    if (!isShown && run.mode !== 'delta') continue;
    if (name === null) nameless.add(user.id);
    index?.noteChild(user);
  }
  if (index || names.anyContested || addresses.anyShared)
    for await (const { user, isShown } of everybody(input, ids)) {
      const name = mappedText(user, mapping, 'userName');
      const seen = asOf(user, now);
      const address = addressOf(user, name, mapping);
      if (address !== null)
        addresses.add(address, { id: user.id, isActive: seen.state === 'active', isShown });
      if (isShown && name !== null) names.add(name, seen);
      if (isShown || run.mode === 'delta') index?.noteParent(user);
    }
  const managers = index?.join() ?? { leads: new Map(), unled: new Map() };
  return { ids, nameless, names, addresses, managers };
}

/** The address that this user has in the directory, if the directory has or will have them. */
function addressOf(user: SourceUser, name: string | null, mapping: readonly MappedTarget[]): string | null {
  return name === null || user.state === 'gone' ? null : mappedText(user, mapping, 'primaryEmail');
}

/** `ids` collects the people of the scan; it is complete once they were read. */
async function* everybody(
  { db, run, known }: KeysInput,
  ids: ReadonlySet<string>,
): AsyncGenerator<{ readonly user: SourceUser; readonly isShown: boolean }> {
  const staged = (after: string) => stagedPage<SourceUser>(db, run.id, 'user', after, PAGE);
  for await (const users of pagesOf<SourceUser>(staged))
    for (const user of users) yield { user, isShown: true };
  if (run.mode === 'delta') {
    const kept = (after: string) => recordsPage<SourceUser>(db, run.connectionId, after, PAGE);
    for await (const users of pagesOf<SourceUser>(kept))
      for (const user of users) if (!ids.has(user.id)) yield { user, isShown: false };
    return;
  }
  const missing = [...known.ids.keys()].filter((id) => !ids.has(id));
  for (let from = 0; from < missing.length; from += PAGE) {
    const kept = await recordsAmong<SourceUser>(db, run.connectionId, missing.slice(from, from + PAGE));
    for (const user of kept.values()) yield { user, isShown: false };
  }
}

/**
 * People whom the directory has and this run has not read: from their id in the directory to their id at the source.
 * `stays` tells whether somebody who is missing from a full scan stays.
 */
export function unreadAmong(
  known: KnownUsers,
  { ids, nameless }: Keys,
  { mode, findings }: Pick<PullRun, 'mode' | 'findings'>,
  stays: Iterable<string>,
): ReadonlyMap<string, string> {
  const said = findings.unread.filter(({ what }) => what === 'user').map(({ id }) => id);
  const anybody = mode === 'delta' && said.includes(null) ? known.ids.keys() : [];
  const unread = new Map<string, string>();
  const add = (sourceId: string | null) => {
    const id = sourceId === null ? undefined : known.ids.get(sourceId);
    if (sourceId !== null && id !== undefined) unread.set(id, sourceId);
  };
  for (const some of [said, stays, anybody])
    for (const sourceId of some) if (sourceId === null || !ids.has(sourceId)) add(sourceId);
  for (const sourceId of nameless) add(sourceId);
  return unread;
}

/**
 * The user as of `now`: when an end date passes, the source writes nothing, so that the bridge compares the date
 * itself.
 */
export function asOf(user: SourceUser, now: string): SourceUser {
  const isOver = user.state === 'active' && user.activeUntil !== undefined && user.activeUntil <= now;
  return isOver ? { ...user, state: 'inactive', because: `active until ${user.activeUntil}` } : user;
}

/** Reads page after page, in the order of the source's ids. */
export async function* pagesOf<R>(
  read: (after: string) => Promise<readonly { readonly sourceId: string; readonly record: R }[]>,
): AsyncGenerator<readonly R[]> {
  let after = '';
  for (;;) {
    const page = await read(after);
    const last = page.at(-1);
    if (!last) return;
    yield page.map(({ record }) => record);
    after = last.sourceId;
  }
}
