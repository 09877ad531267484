/**
 * Compares the people of a scan with those whom the connection brought before, and says what would change. It only
 * reads the directory; plan/pull/missing.ts judges those who are missing.
 */

import { isDeepStrictEqual } from 'node:util';
import type { UserRecord } from '../../db/identity/users.ts';
import type { Db } from '../../db/open.ts';
import type { NewLine } from '../../db/pull/changes.ts';
import { type KnownUsers, usersBySourceId } from '../../db/pull/directory.ts';
import { recordsAmong } from '../../db/pull/records.ts';
import type { PullRun } from '../../db/pull/runs.ts';
import { stagedPage } from '../../db/pull/staging.ts';
import { acceptableUser, trimmedUser } from '../../directory/identifiers.ts';
import { refusalIn } from '../../directory/refusal.ts';
import type { MappedTarget, PullOp, PullSettings } from '../../model/pull/pull.ts';
import { isActive, primaryEmail, type Resource } from '../../model/resource.ts';
import { ENTERPRISE_URN } from '../../model/source.ts';
import type { Names } from '../../plan/pull/names.ts';
import type { SourceDefinition, SourceUser } from '../../sources/source.ts';
import { resourceOf } from '../resource.ts';
import type { Arrival, Arrivals } from './arrivals.ts';
import type { FoundLines } from './found.ts';
import { asOf, type Keys, mappingOf, pagesOf } from './keys.ts';
import { Problems } from './problems.ts';
import type { Shown } from './shown.ts';

const PAGE = 500;

export interface Compared {
  readonly db: Db;
  readonly run: PullRun;
  readonly settings: PullSettings;
  readonly definition: SourceDefinition;
  readonly known: KnownUsers;
  readonly keys: Keys;
  /**
   * People of the directory whom this run did not read, from their id there to their id at the source: they keep
   * leading whom they led.
   */
  readonly unread: ReadonlyMap<string, string>;
  /** ISO time; decides which dates have passed. */
  readonly now: string;
  readonly arrivals: Arrivals;
  readonly found: FoundLines;
}

export async function comparePeople(compared: Compared): Promise<Shown> {
  const { db, run, settings, definition, keys, arrivals, found } = compared;
  const mapping = mappingOf(settings, definition);
  const { names, ids } = keys;
  const shown: Shown = {
    ...{ ids, absent: new Set(), problems: new Problems() },
    takenOver: new Map(),
    ...{ unchanged: 0, filtered: 0, skipped: 0, unknown: 0, outside: [] },
  };
  // Newcomers whose name another record has too. Whose name it was is known only after all are read.
  const contested: Arrival[] = [];
  for await (const users of pagesOf<SourceUser>((after) => stagedPage(db, run.id, 'user', after, PAGE))) {
    const pageIds = users.map(({ id }) => id);
    const existing = await usersBySourceId(db, run.connectionId, pageIds);
    const kept = await recordsAmong<SourceUser>(db, run.connectionId, pageIds);
    const comparing: Comparing = { compared, shown, mapping, names, lines: [], arriving: [] };
    for (const user of users) {
      if (isOlder(user, kept.get(user.id))) shown.unchanged += 1;
      else compareOne(comparing, asOf(user, compared.now), existing.get(user.id));
    }
    const { lines, arriving } = comparing;
    const isContested = ({ line }: Arrival) => names.isContested(line.detail.userName ?? '');
    contested.push(...arriving.filter(isContested));
    const alone = arriving.filter((arrival) => !isContested(arrival));
    for (const line of [...lines, ...(await arrivals.settle(alone, shown))]) await found.add(line);
  }
  for (let from = 0; from < contested.length; from += PAGE) {
    const some = contested.slice(from, from + PAGE).map((arrival) => takingOver(arrival, names));
    for (const line of await arrivals.settle(some, shown)) {
      const former = names.formerly(line.detail.userName ?? '')?.externalId;
      if (line.op === 'reactivate' && former) {
        shown.takenOver.set(former, line.sourceId);
        shown.absent.add(former);
      }
      await found.add(line);
    }
  }
  return shown;
}

/** A newcomer who has the name of a record that lost it takes over that record, as with a SCIM push. */
function takingOver({ line, ...rest }: Arrival, names: Names<UserRecord>): Arrival {
  const former = names.formerly(line.detail.userName ?? '');
  if (!former) return { line, ...rest };
  return { line: { ...line, op: 'reactivate', subjectId: former.id, personId: former.personId }, ...rest };
}

/** Whether the source shows an older state than before: a replica that lags must never undo a change. */
export function isOlder(user: SourceUser, kept: SourceUser | undefined): boolean {
  return user.changedAt !== undefined && kept?.changedAt !== undefined && user.changedAt < kept.changedAt;
}

interface Comparing {
  readonly compared: Compared;
  readonly shown: Shown;
  readonly mapping: readonly MappedTarget[];
  readonly names: Names<UserRecord>;
  /** Changes of people on this page whom the directory has. */
  readonly lines: NewLine[];
  /** People on this page whom the run would make. */
  readonly arriving: Arrival[];
}

function compareOne(
  { compared, shown, mapping, names, lines, arriving }: Comparing,
  user: SourceUser,
  existing: UserRecord | undefined,
): void {
  const { known, keys, settings, run } = compared;
  const managerId = managerOf(compared, shown.problems, user.id, existing);
  const manager = managerId === null ? undefined : known.ids.get(managerId);
  const resource = resourceOf(user, mapping, manager ?? null);
  const lineOf = (op: PullOp, attributes?: ReturnType<typeof differing>): NewLine => ({
    ...{ op, kind: 'user', sourceId: user.id },
    ...{ subjectId: existing?.id ?? null, personId: existing?.personId ?? null },
    display: existing?.userName ?? String(resource?.displayName ?? resource?.userName ?? user.id),
    detail: {
      manager: managerId,
      ...(attributes ? { attributes } : {}),
      ...(op === 'create' && resource ? { userName: String(resource.userName) } : {}),
    },
  });
  const line = (op: PullOp, attributes?: ReturnType<typeof differing>) => lines.push(lineOf(op, attributes));
  const isKnown = known.ids.has(user.id);
  if (user.state === 'gone') {
    shown.absent.add(user.id);
    if (existing) line('remove');
    return;
  }
  // Someone who leaves is deactivated, whatever else is wrong with their record; without attributes at the source
  // they keep those of the directory.
  const leaves = existing?.active === true && !(resource ? isActive(resource) : user.state === 'active');
  if (resource === null) {
    shown.skipped += 1;
    if (leaves) line('deactivate');
    if (!isKnown) shown.absent.add(user.id);
    shown.problems.add(`${user.id} has none of the attributes that make a userName.`);
    return;
  }
  if (!isInside(resource, settings.domains)) {
    shown.filtered += 1;
    if (leaves && !run.takesFiltered) line('deactivate');
    else if (isKnown) shown.outside.push(user.id);
    else shown.absent.add(user.id);
    return;
  }
  if (names.loses(String(resource.userName), user)) {
    shown.skipped += 1;
    if (!isKnown) shown.absent.add(user.id);
    shown.problems.add(`${user.id} has the userName ${String(resource.userName)}, which another has too.`);
    if (!existing || isActive(resource)) return;
    names.lose(String(resource.userName), existing);
    if (leaves) line('deactivate');
    return;
  }
  const email = primaryEmail(resource);
  if (isActive(resource) && email !== null && keys.addresses.isContested(email)) {
    shown.skipped += 1;
    if (!isKnown) shown.absent.add(user.id);
    shown.problems.add(
      `${user.id} has the address ${email}, which somebody else who is active has too: nothing changes for them.`,
    );
    return;
  }
  const before = existing?.resource ?? null;
  const refusal = refusalIn(() => acceptableUser(before, trimmedUser(resource)));
  if (refusal !== null) {
    shown.skipped += 1;
    if (!isKnown) shown.absent.add(user.id);
    shown.problems.add(`${user.id}: ${refusal}`);
    return;
  }
  if (!existing) {
    const isSecond = email !== null && !isActive(resource) && keys.addresses.isShared(email);
    arriving.push({ line: lineOf('create'), email, isSecond });
    return;
  }
  const left = existing.active && !isActive(resource);
  const returned = !existing.active && isActive(resource);
  const attributes = differing(existing.resource, resource);
  if (left) line('deactivate', attributes);
  else if (returned) line('reactivate', attributes);
  // A manager whom this same run makes has no id yet that could be compared.
  else if (attributes.length > 0 || (managerId !== null && manager === undefined)) line('update', attributes);
  else shown.unchanged += 1;
}

/** The source id of this person's manager. A manager whom this run did not read stays their manager. */
function managerOf(
  { keys, unread }: Compared,
  problems: Problems,
  id: string,
  existing: UserRecord | undefined,
): string | null {
  const { leads, unled } = keys.managers;
  const why = unled.get(id);
  if (why === undefined) return leads.get(id) ?? null;
  const enterprise = existing?.resource[ENTERPRISE_URN] as Enterprise | undefined;
  const stays = unread.get(enterprise?.manager?.value ?? '') ?? null;
  problems.add(stays === null ? why : `The manager of ${id} could not be read, and stays.`);
  return stays;
}

interface Enterprise {
  readonly manager?: { readonly value?: string };
}

function isInside(resource: Resource, domains: readonly string[]): boolean {
  if (domains.length === 0) return true;
  const address = primaryEmail(resource) ?? String(resource.userName);
  const domain = address.slice(address.lastIndexOf('@') + 1).toLowerCase();
  return domains.some((allowed) => allowed.toLowerCase() === domain);
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
