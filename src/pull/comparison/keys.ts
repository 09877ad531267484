/**
 * What is known of everybody before anybody is compared: who is in the scan, which names are there more than once and whose they
 * are, and who leads whom.
 */

import type { UserRecord } from '../../db/identity/users.ts';
import type { Db } from '../../db/open.ts';
import type { KnownUsers } from '../../db/pull/directory.ts';
import { recordsPage } from '../../db/pull/records.ts';
import type { PullRun } from '../../db/pull/runs.ts';
import { stagedPage } from '../../db/pull/staging.ts';
import type { MappedTarget, PullSettings } from '../../model/pull/pull.ts';
import { Names } from '../../plan/pull/names.ts';
import type { SourceDefinition, SourceUser } from '../../sources/source.ts';
import { nameOf } from '../resource.ts';
import { ManagerIndex, type Managers } from './managers.ts';

const PAGE = 500;

export interface Keys {
  /** Everybody in the scan. */
  readonly ids: Set<string>;
  /** Whose record came without a name to sign in by. */
  readonly nameless: ReadonlySet<string>;
  readonly names: Names<UserRecord>;
  readonly managers: Managers;
}

export interface KeysInput {
  readonly db: Db;
  readonly run: PullRun;
  readonly settings: PullSettings;
  readonly definition: SourceDefinition;
  /** ISO time, for dates that pass. */
  readonly now: string;
}

export function mappingOf(settings: PullSettings, definition: SourceDefinition): readonly MappedTarget[] {
  return settings.mapping ?? definition.defaultMapping;
}

/** Reads everybody twice, those of the scan, and for managers in a delta also those who were not in it. */
export async function readKeys({ db, run, settings, definition, now }: KeysInput): Promise<Keys> {
  const mapping = mappingOf(settings, definition);
  const childKey = settings.manager.childKey ?? definition.manager?.childKey;
  const parentKey = settings.manager.parentKey ?? definition.manager?.parentKey;
  const compared = definition.comparedKey ?? ((value: string) => value.trim().toLowerCase());
  const isWanted = settings.manager.enabled && childKey !== undefined && parentKey !== undefined;
  const index = isWanted ? new ManagerIndex({ childKey, parentKey, compared }) : null;
  const names = new Names<UserRecord>();
  const ids = new Set<string>();
  const nameless = new Set<string>();
  const staged = (after: string) => stagedPage<SourceUser>(db, run.id, 'user', after, PAGE);
  const kept = (after: string) => recordsPage<SourceUser>(db, run.connectionId, after, PAGE);
  const readAll = async (each: (user: SourceUser, name: string | null, isShown: boolean) => void) => {
    for await (const users of pagesOf<SourceUser>(staged))
      for (const user of users) each(user, nameOf(user, mapping), true);
    if (!index || run.mode !== 'delta') return;
    for await (const users of pagesOf<SourceUser>(kept))
      for (const user of users) if (!ids.has(user.id)) each(user, nameOf(user, mapping), false);
  };
  await readAll((user, name, isShown) => {
    if (isShown) ids.add(user.id);
    if (name === null) nameless.add(user.id);
    else if (isShown) names.note(name);
    index?.noteChild(user);
  });
  if (index || names.anyContested)
    await readAll((user, name, isShown) => {
      if (isShown && name !== null) names.add(name, asOf(user, now));
      index?.noteParent(user);
    });
  return { ids, nameless, names, managers: index?.join() ?? { leads: new Map(), unled: new Map() } };
}

/**
 * Whom the directory has and the run has not read, by the id there the id at the source. `stays`: who is not in a full scan
 * and is not called gone.
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

/** Of a date that has passed nobody writes anything at the source. */
export function asOf(user: SourceUser, now: string): SourceUser {
  const isOver = user.state === 'active' && user.activeUntil !== undefined && user.activeUntil <= now;
  return isOver ? { ...user, state: 'inactive', because: `active until ${user.activeUntil}` } : user;
}

/** Page after page, by the ids at the source. */
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
