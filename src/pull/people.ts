/**
 * Compares what a scan showed of people with those whom the connection has brought, and says what would change. Reads
 * only; a person who is missing is judged by plan/pull/missing.ts.
 */

import { isDeepStrictEqual } from 'node:util';
import type { UserRecord } from '../db/identity/users.ts';
import type { Db } from '../db/open.ts';
import type { NewLine } from '../db/pull/changes.ts';
import { type Known, usersBySourceId } from '../db/pull/directory.ts';
import { type Arriving, type Matches, matchesOf } from '../db/pull/matches.ts';
import { recordsAmong, recordsPage } from '../db/pull/records.ts';
import type { PullRun } from '../db/pull/runs.ts';
import { stagedPage } from '../db/pull/staging.ts';
import type { MappedTarget, PullOp, PullSettings } from '../model/pull/pull.ts';
import { isActive, primaryEmail, type Resource } from '../model/resource.ts';
import { ENTERPRISE_URN } from '../model/source.ts';
import { Names } from '../plan/pull/names.ts';
import type { SourceDefinition, SourceUser } from '../sources/source.ts';
import { ManagerIndex, type Managers } from './managers.ts';
import { resourceOf } from './resource.ts';

const PAGE = 500;

export interface Shown {
  /** Everybody in the scan. */
  readonly ids: ReadonlySet<string>;
  /** Who is, or will be, in the directory: by the id at the source. */
  readonly present: Set<string>;
  readonly lines: NewLine[];
  /** By the id of whoever is led, that of the manager. */
  readonly leads: Managers['of'];
  readonly problems: string[];
  unchanged: number;
  filtered: number;
  skipped: number;
  /** In the directory, and left out by domains alone. */
  readonly outside: Known[];
}

export interface Compared {
  readonly db: Db;
  readonly run: PullRun;
  readonly settings: PullSettings;
  readonly definition: SourceDefinition;
  readonly known: ReadonlyMap<string, Known>;
  /** ISO time, for dates that pass. */
  readonly now: string;
}

export function mappingOf(settings: PullSettings, definition: SourceDefinition): readonly MappedTarget[] {
  return settings.mapping ?? definition.defaultMapping;
}

export async function comparePeople(compared: Compared): Promise<Shown> {
  const { db, run, settings, definition, known } = compared;
  const mapping = mappingOf(settings, definition);
  const names = new Names<UserRecord>();
  const ids = new Set<string>();
  const managers = await managersOf(compared, (user) => {
    ids.add(user.id);
    const resource = resourceOf(asOf(user, compared.now), mapping, null);
    if (resource) names.add(String(resource.userName), user);
  });
  const arriving: Arriving[] = [];
  const shown: Shown = {
    ...{ ids, present: new Set(known.keys()), lines: [], leads: managers.of },
    problems: [...managers.problems],
    ...{ unchanged: 0, filtered: 0, skipped: 0, outside: [] },
  };
  for await (const users of pagesOf<SourceUser>((after) => stagedPage(db, run.id, 'user', after, PAGE))) {
    const pageIds = users.map(({ id }) => id);
    const existing = await usersBySourceId(db, run.connectionId, pageIds);
    const kept = await recordsAmong<SourceUser>(db, run.connectionId, pageIds);
    for (const user of users) {
      if (isOlder(user, kept.get(user.id))) shown.unchanged += 1;
      else
        compareOne(
          { compared, shown, mapping, managers, names, arriving },
          asOf(user, compared.now),
          existing.get(user.id),
        );
    }
  }
  const elsewhere = await matchesOf(db, run.connectionId, arriving);
  const lines = shown.lines.flatMap((line) => matching(takingOver(line, names), elsewhere, shown));
  return { ...shown, lines };
}

/** Whom another connection has brought is the same person; of whom it could be several nobody is made. */
function matching(line: NewLine, elsewhere: Matches, shown: Shown): readonly NewLine[] {
  const persons = line.op === 'create' ? (elsewhere.get(line.sourceId) ?? []) : [];
  const [personId] = persons;
  if (personId === undefined) return [line];
  if (persons.length === 1) return [{ ...line, op: 'match', personId }];
  shown.skipped += 1;
  shown.present.delete(line.sourceId);
  shown.problems.push(
    `${line.display} could be one of ${persons.length} people of other connections: it waits.`,
  );
  return [];
}

/** Whoever is made and has the name of a record that lost it writes over that one, as a push does. */
function takingOver(line: NewLine, names: Names<UserRecord>): NewLine {
  const { userName } = line.detail;
  const former = line.op === 'create' && userName !== undefined ? names.formerly(userName) : undefined;
  if (!former) return line;
  return { ...line, op: 'reactivate', subjectId: former.id, personId: former.personId };
}

/** A replica that lags never takes anything back. */
export function isOlder(user: SourceUser, kept: SourceUser | undefined): boolean {
  return user.changedAt !== undefined && kept?.changedAt !== undefined && user.changedAt < kept.changedAt;
}

/** Of a date that has passed nobody writes anything at the source. */
function asOf(user: SourceUser, now: string): SourceUser {
  const isOver = user.state === 'active' && user.activeUntil !== undefined && user.activeUntil <= now;
  return isOver ? { ...user, state: 'inactive', because: `active until ${user.activeUntil}` } : user;
}

interface Comparing {
  readonly compared: Compared;
  readonly shown: Shown;
  readonly mapping: readonly MappedTarget[];
  readonly managers: Managers;
  readonly names: Names<UserRecord>;
  /** Whoever would be made. */
  readonly arriving: Arriving[];
}

function compareOne(
  { compared, shown, mapping, managers, names, arriving }: Comparing,
  user: SourceUser,
  existing: UserRecord | undefined,
): void {
  const { known, settings } = compared;
  const managerId = managers.of.get(user.id) ?? null;
  const manager = managerId === null ? null : known.get(managerId);
  const resource = resourceOf(user, mapping, manager ? { id: manager.id } : null);
  const line = (op: PullOp, attributes?: ReturnType<typeof differing>): void => {
    shown.lines.push({
      ...{ op, kind: 'user', sourceId: user.id },
      ...{ subjectId: existing?.id ?? null, personId: existing?.personId ?? null },
      display: existing?.userName ?? String(resource?.displayName ?? resource?.userName ?? user.id),
      detail: {
        manager: managerId,
        ...(attributes ? { attributes } : {}),
        ...(op === 'create' && resource ? { userName: String(resource.userName) } : {}),
      },
    });
  };
  if (user.state === 'gone') {
    shown.present.delete(user.id);
    if (existing) line('remove');
    return;
  }
  if (resource === null) {
    shown.skipped += 1;
    shown.problems.push(`${user.id} has none of the attributes that make a userName.`);
    return;
  }
  if (!isInside(resource, settings.domains)) {
    shown.filtered += 1;
    const there = known.get(user.id);
    if (there) shown.outside.push(there);
    else shown.present.delete(user.id);
    return;
  }
  if (names.loses(String(resource.userName), user)) {
    shown.skipped += 1;
    shown.problems.push(`${user.id} has the userName ${String(resource.userName)}, which another has too.`);
    if (!existing || isActive(resource)) return;
    names.lose(String(resource.userName), existing);
    if (existing.active) line('deactivate');
    return;
  }
  shown.present.add(user.id);
  if (!existing) {
    arriving.push({ sourceId: user.id, email: primaryEmail(resource) });
    line('create');
    return;
  }
  const before = withoutManagerName(existing.resource);
  const after = withoutManagerName(resource);
  const left = existing.active && !isActive(resource);
  const returned = !existing.active && isActive(resource);
  const attributes = differing(before, after);
  if (left) line('deactivate', attributes);
  else if (returned) line('reactivate', attributes);
  else if (attributes.length > 0 || pointsElsewhere(managerId, manager)) line('update', attributes);
  else shown.unchanged += 1;
}

/** The manager is made by this very run: there is no id yet to compare. */
function pointsElsewhere(managerId: string | null, manager: Known | null | undefined): boolean {
  return managerId !== null && !manager;
}

function isInside(resource: Resource, domains: readonly string[]): boolean {
  if (domains.length === 0) return true;
  const address = primaryEmail(resource) ?? String(resource.userName);
  const domain = address.slice(address.lastIndexOf('@') + 1).toLowerCase();
  return domains.some((allowed) => allowed.toLowerCase() === domain);
}

/** The name beside the manager's id is for people, and moves with the manager. */
function withoutManagerName(resource: Resource): Resource {
  const enterprise = resource[ENTERPRISE_URN] as Record<string, unknown> | undefined;
  const manager = enterprise?.manager as { readonly value?: string } | undefined;
  if (!enterprise || !manager) return resource;
  return { ...resource, [ENTERPRISE_URN]: { ...enterprise, manager: { value: manager.value } } };
}

function differing(before: Resource, after: Resource) {
  const flat = (resource: Resource): Map<string, unknown> =>
    new Map(
      Object.entries(resource).flatMap(([name, value]): [string, unknown][] =>
        name === ENTERPRISE_URN
          ? Object.entries(value as object).map(([part, inner]) => [`enterprise.${part}`, inner])
          : [[name, value]],
      ),
    );
  const was = flat(before);
  const is = flat(after);
  return [...new Set([...was.keys(), ...is.keys()])]
    .filter((name) => !isDeepStrictEqual(was.get(name), is.get(name)))
    .map((name) => ({ name, from: was.get(name) ?? null, to: is.get(name) ?? null }));
}

/** Reads everybody once: those of the scan, and for a delta also everybody who was not in it. */
async function managersOf(
  { db, run, settings, definition }: Compared,
  each: (user: SourceUser) => void,
): Promise<Managers> {
  const keys = definition.manager;
  const child = settings.manager.childKey ?? keys?.childKey;
  const parent = settings.manager.parentKey ?? keys?.parentKey;
  const wanted = settings.manager.enabled && child !== undefined && parent !== undefined;
  const compare = definition.comparedKey ?? ((value: string) => value.trim().toLowerCase());
  const index = wanted ? new ManagerIndex({ childKey: child, parentKey: parent, compared: compare }) : null;
  const shown = new Set<string>();
  for await (const users of pagesOf<SourceUser>((after) => stagedPage(db, run.id, 'user', after, PAGE))) {
    for (const user of users) {
      shown.add(user.id);
      each(user);
      index?.add(user);
    }
  }
  if (index && run.mode === 'delta') {
    const kept = (after: string) => recordsPage<SourceUser>(db, run.connectionId, after, PAGE);
    for await (const users of pagesOf<SourceUser>(kept))
      for (const user of users) if (!shown.has(user.id)) index.add(user);
  }
  return index?.join() ?? { of: new Map(), problems: [] };
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
