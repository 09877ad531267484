/** An LDAP server as a pulled directory: people, their state, groups and members. */

import { EqualityFilter, type Filter, OrFilter } from 'ldapts';
import type { CallContext } from '../../connectors/connector.ts';
import { RemoteError } from '../../model/errors.ts';
import { memberPagesOf } from '../memberPages.ts';
import type {
  ListedGroup,
  ListedGroups,
  ScanPage,
  ScanRequest,
  Source,
  SourceDeps,
  SourceGroup,
  SourceUser,
} from '../source.ts';
import { createCanary } from './canary.ts';
import { checkLdap, tenantOf } from './check.ts';
import { hiddenMember, lookUp } from './lookup.ts';
import { groupOf, idOf, userOf } from './mapping.ts';
import { isMember } from './memberOf.ts';
import {
  createIndex,
  createMemberReader,
  type FoundMember,
  type Index,
  type IndexedGroup,
  indexGroup,
  indexUser,
} from './members.ts';
import { changedSince, positionAfter } from './position.ts';
import type { Preset } from './presets.ts';
import { normalDn } from './protocol/dn.ts';
import type { Entry } from './protocol/entry.ts';
import { CODE, isCode, STORE } from './protocol/errors.ts';
import type { Found } from './protocol/session.ts';
import { generalizedTime } from './protocol/values.ts';
import { openReading, type Reading, userAttributes } from './reading.ts';
import { type LdapSettings, ldapSettings } from './settings.ts';
import { both, demandBase, elsewhere, idFilter } from './tree.ts';

const MEMBER_READS_AT_ONCE = 4;

export function createLdapSource(deps: SourceDeps): Source {
  const settings = ldapSettings(deps.configuration);
  const opened = async <T>(context: CallContext, use: (reading: Reading) => Promise<T>): Promise<T> => {
    const reading = await openReading(settings, deps, context);
    try {
      return await use(reading);
    } finally {
      reading.tree.close();
    }
  };
  return {
    check: (context) => checkLdap(settings, deps, context),
    tenant: (context) => opened(context, async ({ tree }) => tenantOf(tree)),
    scan: (request, context) => read(settings, deps, request, null, context),
    delta: (position, request, context) => read(settings, deps, request, position, context),
    lookup: (kind, id, context, known) =>
      opened(context, (reading) => lookUp(reading, kind, id, known?.place)),
    listGroups: (_from, context) => opened(context, listGroups),
    isMember: (groupId, userId, context) => opened(context, (reading) => isMember(reading, groupId, userId)),
  };
}

const GROUP_ATTRIBUTES = ['cn', 'ou', 'description', 'mail', 'groupType', 'objectSid', 'objectClass'];

/** Reads everything, or what changed since the position. */
async function* read(
  settings: LdapSettings,
  deps: SourceDeps,
  request: ScanRequest,
  position: string | null,
  context: CallContext,
): AsyncGenerator<ScanPage> {
  const reading = await openReading(settings, deps, context);
  const { tree } = reading;
  try {
    const since = position === null ? null : changedSince(position, tree.server, tree.preset);
    const began = deps.now();
    await demandBase(tree, settings.userBase, 'USER_BASE');
    if (request.groups.mode !== 'Off') await demandBase(tree, settings.groupBase, 'GROUP_BASE');
    const canary = await createCanary(tree, settings);
    const seen: Seen = { index: createIndex(), shown: new Map(), highest: null, elsewhere: 0 };
    yield* userPages(reading, seen, since?.filter ?? null);
    yield* groupPages(reading, seen, request, since?.filter ?? null);
    if (since !== null && seen.shown.size > 0) await indexAll(reading, seen.index);
    else if (request.groups.mode === 'Selected') await indexGroups(reading, seen.index);
    yield* memberPages(reading, seen);
    if (seen.elsewhere > 0) {
      const reason = 'parts of the tree are on other servers, to which the bridge does not follow';
      yield { kind: 'skipped', what: 'user', count: seen.elsewhere, reason };
    }
    await canary.demand();
    const { highest } = seen;
    const known = since?.at ?? null;
    yield {
      kind: 'end',
      position: positionAfter(tree.server, tree.preset, { highest, tookMs: deps.now() - began, known }),
    };
  } finally {
    tree.close();
  }
}

interface Seen {
  readonly index: Index;
  /** By id. */
  readonly shown: Map<string, IndexedGroup>;
  /** The highest time seen, ISO. */
  highest: string | null;
  elsewhere: number;
}

function noteStamp(seen: Seen, changedAt: string | undefined): void {
  if (changedAt !== undefined && (seen.highest === null || changedAt > seen.highest))
    seen.highest = changedAt;
}

async function* userPages(
  { settings, deps, tree, userFilter, rule }: Reading,
  seen: Seen,
  changed: Filter | null,
): AsyncGenerator<ScanPage> {
  const { preset } = tree;
  const filter = changed ? both(userFilter, changed) : userFilter;
  const query = {
    base: settings.userBase,
    scope: 'sub',
    filter,
    attributes: userAttributes(preset, rule),
  } as const;
  for await (const found of tree.pages(query, 'list people')) {
    const users: SourceUser[] = [];
    for (const entry of found.entries) {
      const reading = userOf(entry, preset, rule, deps.wallClock());
      const id = 'user' in reading ? reading.user.id : reading.id;
      if (id !== null) indexUser(seen.index, entry, id);
      if ('user' in reading) {
        users.push(reading.user);
        noteStamp(seen, reading.user.changedAt);
      } else yield { kind: 'unread', what: 'user', id, reason: reading.unread };
    }
    seen.elsewhere += elsewhere(found);
    yield { kind: 'users', users };
  }
}

/** For a delta: groups that changed, and groups that contain them, because their members changed too. */
async function* groupPages(
  reading: Reading,
  seen: Seen,
  { groups: choice }: ScanRequest,
  changed: Filter | null,
): AsyncGenerator<ScanPage> {
  const { tree, groupFilter } = reading;
  const { preset } = tree;
  if (choice.mode === 'Off') return;
  const chosen = choice.mode === 'Selected' ? new Set(choice.ids) : null;
  const open: Filter[] = changed
    ? [both(groupFilter, changed)]
    : chosen
      ? chosenFilters(preset, groupFilter, chosen)
      : [groupFilter];
  const visited = new Set<string>();
  for (let filter = open.pop(); filter !== undefined; filter = open.pop()) {
    for await (const found of groupsBy(reading, filter)) {
      const groups: SourceGroup[] = [];
      for (const entry of found.entries) {
        const id = idOf(entry, preset);
        if (id === null) {
          yield { kind: 'unread', what: 'group', id, reason: `${entry.dn} shows no ${preset.idAttribute}` };
          continue;
        }
        noteStamp(seen, generalizedTime(entry.first(preset.changedAttribute) ?? ''));
        if (visited.has(id)) continue;
        visited.add(id);
        if (changed) open.push(both(groupFilter, containing(entry.dn)));
        if (chosen && !chosen.has(id)) continue;
        seen.shown.set(id, indexGroup(seen.index, entry, id));
        groups.push(groupOf(entry, preset, id));
      }
      seen.elsewhere += elsewhere(found);
      yield { kind: 'groups', groups };
    }
  }
}

function groupsBy({ settings, tree }: Reading, filter: Filter): AsyncGenerator<Found> {
  const { idAttribute, changedAttribute } = tree.preset;
  const attributes = [...GROUP_ATTRIBUTES, idAttribute, changedAttribute];
  return tree.pages({ base: settings.groupBase, scope: 'sub', filter, attributes }, 'list groups');
}

/** All at once, because a server knows its place in a list only as long as the connection is open. */
async function listGroups(reading: Reading): Promise<ListedGroups> {
  const { settings, tree, groupFilter } = reading;
  const { preset } = tree;
  await demandBase(tree, settings.groupBase, 'GROUP_BASE');
  const groups = new Map<string, ListedGroup>();
  for await (const { entries } of groupsBy(reading, groupFilter)) {
    for (const entry of entries) {
      const id = idOf(entry, preset);
      if (id === null) throw withoutId(entry, preset);
      groups.set(id, groupOf(entry, preset, id));
    }
  }
  const byDn = [...groups.values()].sort((one, other) => ((one.dn ?? '') < (other.dn ?? '') ? -1 : 1));
  return { groups: byDn, next: null };
}

function withoutId({ dn }: Entry, { idAttribute }: Preset): RemoteError {
  const message = `${dn} shows no ${idAttribute}, by which it is chosen: the account of BIND_DN must be able to read it`;
  return new RemoteError(message, {
    ...{ store: STORE, action: 'list groups', disposition: 'forbidden', code: 'attribute_not_shown' },
  });
}

function containing(dn: string): Filter {
  return new OrFilter({
    filters: ['member', 'uniqueMember'].map((attribute) => new EqualityFilter({ attribute, value: dn })),
  });
}

/** Text that cannot be a group's id is simply not shown. */
function chosenFilters(preset: Preset, groupFilter: Filter, ids: ReadonlySet<string>): Filter[] {
  return [...ids].flatMap((id) => {
    const filter = idFilter(preset, id);
    return filter ? [both(groupFilter, filter)] : [];
  });
}

/** Learns everybody's DN: a delta shows few people, but groups name all of their members. */
async function indexAll(reading: Reading, index: Index): Promise<void> {
  const { settings, tree, userFilter } = reading;
  const attributes = [tree.preset.idAttribute, 'uid', 'primaryGroupID'];
  const query = { base: settings.userBase, scope: 'sub', filter: userFilter, attributes } as const;
  for await (const { entries } of tree.pages(query, 'list who has which name')) {
    for (const entry of entries) noted(entry, tree.preset, (id) => indexUser(index, entry, id));
  }
  await indexGroups(reading, index);
}

async function indexGroups({ settings, tree, groupFilter }: Reading, index: Index): Promise<void> {
  const attributes = [tree.preset.idAttribute, 'objectSid'];
  const query = { base: settings.groupBase, scope: 'sub', filter: groupFilter, attributes } as const;
  for await (const { entries } of tree.pages(query, 'list which group has which name')) {
    for (const entry of entries) noted(entry, tree.preset, (id) => indexGroup(index, entry, id));
  }
}

function noted(entry: Entry, preset: Preset, note: (id: string) => void): void {
  const id = idOf(entry, preset);
  if (id !== null) note(id);
}

async function* memberPages(reading: Reading, { index, shown }: Seen): AsyncGenerator<ScanPage> {
  const { settings, tree } = reading;
  const members = createMemberReader({
    ...{ tree, index, isShown: (id) => shown.has(id) },
    bases: [normalDn(settings.userBase), normalDn(settings.groupBase)],
    find: (dn) => memberNow(reading, dn),
  });
  const read = (id: string) => members.read(shown.get(id) as IndexedGroup);
  yield* memberPagesOf(shown.keys(), MEMBER_READS_AT_ONCE, read);
  if (members.skipped > 0) {
    const reason = 'members who are outside USER_BASE and GROUP_BASE, or whom the filters leave out';
    yield { kind: 'skipped', what: 'member', count: members.skipped, reason };
  }
}

async function memberNow(reading: Reading, dn: string): Promise<FoundMember> {
  const { tree, userFilter } = reading;
  const { preset } = tree;
  try {
    const entry = await tree.entry(dn, [preset.idAttribute], 'read who is a member', userFilter);
    const id = idOf(entry, preset);
    return id === null ? null : { kind: 'user', id };
  } catch (error) {
    if (!isCode(error, CODE.noSuchObject, CODE.insufficientAccess)) throw error;
    const reason = await hiddenMember(reading, dn);
    return reason === null ? null : { kind: 'hidden', reason };
  }
}
