/** An Okta organisation as a pulled directory: people, their state, groups and members. */

import type { CallContext } from '../../connectors/connector.ts';
import { RemoteError } from '../../model/errors.ts';
import type { Kind } from '../../model/subject.ts';
import { readAhead } from '../ahead.ts';
import { createUnreadCount, isAboutCredential, isNoQuestion, lookedUp } from '../lookups.ts';
import { memberPagesOf } from '../memberPages.ts';
import { patiently } from '../patience.ts';
import type {
  ListedGroups,
  Lookup,
  ScanPage,
  ScanRequest,
  Source,
  SourceDeps,
  SourceMember,
  SourceUser,
} from '../source.ts';
import { type Call, type OktaCalls, type OktaRecord, oktaCalls } from './api/calls.ts';
import { createOktaClient, type OktaClient } from './api/client.ts';
import { checkOkta, tenantOf } from './check.ts';
import { createSight, demandEveryone, type Sight, WHOLE_ROLE } from './everyone.ts';
import { groupOf, isBuiltIn, userOf } from './mapping.ts';
import {
  createWatermark,
  type Position,
  positionOf,
  readPosition,
  sinceOf,
  type Watermark,
  writePosition,
} from './position.ts';
import { oktaSettings } from './settings.ts';

/** Okta allows 75 requests at once, of all its clients together. */
const MEMBER_READS_AT_ONCE = 3;

interface Okta {
  readonly deps: SourceDeps;
  readonly origin: string;
  readonly client: OktaClient;
  readonly calls: OktaCalls;
  readonly sight: Sight;
}

export function createOktaSource(deps: SourceDeps): Source {
  const settings = oktaSettings(deps.configuration);
  const { origin } = settings;
  const asked = { client: createOktaClient(settings, deps), calls: oktaCalls(origin) };
  const okta: Okta = { deps, origin, ...asked, sight: createSight(asked, deps) };
  return {
    check: (context) => checkOkta(okta, context),
    tenant: (context) => patiently(deps, context, () => tenantOf(okta, context)),
    scan: (request, context) => scan(okta, request, context),
    delta: (position, request, context) => delta(okta, position, request, context),
    lookup: (kind, id, context) => lookedUp(deps, context, () => lookUp(okta, kind, id, context)),
    listGroups: (from, context) => listGroups(okta, from, context),
    isMember: (groupId, userId, context) => isMember(okta, groupId, userId, context),
  };
}

/** "Nobody has this id" counts only if Okta shows the whole organisation. */
async function lookUp(
  { client, calls, sight }: Okta,
  kind: Kind,
  id: string,
  context: CallContext,
): Promise<Lookup> {
  const call = kind === 'user' ? calls.user(id) : calls.group(id);
  try {
    const { value } = await client.ask(call, `read the ${kind} ${id}`, context);
    // If the id is also somebody's login, Okta finds that person instead.
    if (value.id !== id) return { is: 'unknown', reason: `Okta answered with ${value.id} for ${id}` };
    if (kind === 'group') return { is: 'found', inScope: true };
    const user = userOf(value);
    return user ? { is: 'found', inScope: true, user } : { is: 'unknown', reason: inTransition(value) };
  } catch (error) {
    if (!isMissing(error) || (await sight.isWhole(context))) throw error;
    const reason = `Okta shows neither ${id} nor the group Everyone, as to an administrator of some groups alone: ${WHOLE_ROLE}`;
    return { is: 'unknown', reason };
  }
}

const USER_TIMES = ['lastUpdated'];
const GROUP_TIMES = ['lastUpdated', 'lastMembershipUpdated'];

async function* scan(okta: Okta, request: ScanRequest, context: CallContext): AsyncGenerator<ScanPage> {
  const { calls } = okta;
  const users = createWatermark(USER_TIMES);
  const groups = createWatermark(GROUP_TIMES);
  // A person who is deactivated between the two lists is seen twice; the later reading counts.
  yield* userPages(okta, calls.users({}), users, context);
  yield* userPages(okta, calls.users({ filter: 'status eq "DEPROVISIONED"' }), users, context);
  const found: string[] = [];
  yield* groupPages(okta, request, null, groups, found, context);
  yield* memberPages(okta, found, context);
  const before = request.position === null ? null : positionOf(request.position, okta.origin);
  yield await ending(okta, { users, groups, before }, context);
}

async function* delta(
  okta: Okta,
  from: string,
  request: ScanRequest,
  context: CallContext,
): AsyncGenerator<ScanPage> {
  const known = readPosition(from, okta.origin);
  const users = createWatermark(USER_TIMES, known.users);
  const groups = createWatermark(GROUP_TIMES, known.groups);
  const changed = `lastUpdated gt "${sinceOf(known.users)}"`;
  yield* userPages(okta, okta.calls.users({ filter: changed }), users, context);
  const found: string[] = [];
  const since = sinceOf(known.groups);
  const filter = `lastMembershipUpdated gt "${since}" or lastUpdated gt "${since}"`;
  yield* groupPages(okta, request, filter, groups, found, context);
  yield* memberPages(okta, found, context);
  yield await ending(okta, { users, groups, before: known }, context);
}

interface Ended {
  readonly users: Watermark;
  readonly groups: Watermark;
  readonly before: Position | null;
}

async function ending(okta: Okta, { users, groups, before }: Ended, context: CallContext): Promise<ScanPage> {
  const showsEveryone = await demandEveryone(okta, before, context);
  const reached = { users: users.time, groups: groups.time };
  return { kind: 'end', position: writePosition({ org: okta.origin, ...reached, showsEveryone }) };
}

/**
 * Null where Okta did not answer, and where the answer lacks the group of everybody, which contains every person that
 * is shown. A person who is gone is in no group; nor is one about whom Okta finds the question senseless.
 */
async function isMember(
  { client, calls, sight }: Okta,
  groupId: string,
  userId: string,
  context: CallContext,
): Promise<boolean | null> {
  let isWhole = false;
  try {
    for await (const { value } of client.pages(
      calls.groupsOf(userId),
      `list the groups of ${userId}`,
      context,
    )) {
      if (value.some(({ id }) => id === groupId)) return true;
      isWhole ||= value.some(isBuiltIn);
    }
    return isWhole ? false : null;
  } catch (error) {
    if (!(error instanceof RemoteError) || isAboutCredential(error)) throw error;
    if (error.disposition === 'missing') return (await isSightWhole(sight, context)) ? false : null;
    return isNoQuestion(error) ? false : null;
  }
}

async function isSightWhole(sight: Sight, context: CallContext): Promise<boolean> {
  try {
    return await sight.isWhole(context);
  } catch (error) {
    if (!(error instanceof RemoteError) || isAboutCredential(error)) throw error;
    return false;
  }
}

async function* userPages(
  { client }: Okta,
  call: Call<readonly OktaRecord[]>,
  watermark: Watermark,
  context: CallContext,
): AsyncGenerator<ScanPage> {
  for await (const { value, at } of client.pages(call, 'list people', context)) {
    watermark.answered(at);
    const users: SourceUser[] = [];
    for (const record of value) {
      watermark.saw(record);
      const user = userOf(record);
      if (user) users.push(user);
      else yield { kind: 'unread', what: 'user', id: record.id, reason: inTransition(record) };
    }
    yield { kind: 'users', users };
  }
}

function inTransition({ id, record }: OktaRecord): string {
  return `Okta shows ${id} with the status ${String(record.status)}, which does not say whether the person is active`;
}

/** Adds the ids of groups whose members are to be read to `found`. `filter` null: all groups. */
async function* groupPages(
  okta: Okta,
  { groups: choice }: ScanRequest,
  filter: string | null,
  watermark: Watermark,
  found: string[],
  context: CallContext,
): AsyncGenerator<ScanPage> {
  const { client, calls } = okta;
  if (choice.mode === 'Off') return;
  if (choice.mode === 'Selected' && filter === null)
    return yield* chosenGroups(okta, choice.ids, watermark, found, context);
  const chosen = choice.mode === 'Selected' ? new Set(choice.ids) : null;
  for await (const { value, at } of client.pages(
    calls.groups(filter === null ? {} : { filter }),
    'list groups',
    context,
  )) {
    watermark.answered(at);
    for (const record of value) watermark.saw(record);
    const wanted = value.filter((record) => (chosen ? chosen.has(record.id) : !isBuiltIn(record)));
    for (const { id } of wanted) found.push(id);
    yield { kind: 'groups', groups: wanted.map(groupOf) };
  }
}

async function* chosenGroups(
  { deps, client, calls }: Okta,
  ids: readonly string[],
  watermark: Watermark,
  found: string[],
  context: CallContext,
): AsyncGenerator<ScanPage> {
  const unread = createUnreadCount();
  const read = async (id: string) => {
    try {
      const ask = () => client.ask(calls.group(id), `read the group ${id}`, context);
      return { id, answered: await patiently(deps, context, ask) };
    } catch (error) {
      return { id, error };
    }
  };
  for await (const one of readAhead(ids, MEMBER_READS_AT_ONCE, read)) {
    if (one.answered) {
      unread.read();
      watermark.answered(one.answered.at);
      watermark.saw(one.answered.value);
      found.push(one.answered.value.id);
      yield { kind: 'groups', groups: [groupOf(one.answered.value)] };
    } else if (!isMissing(one.error)) {
      yield { kind: 'unread', what: 'group', id: one.id, reason: unread.heard(one.error) };
    }
  }
}

/** The group of everybody, too: it can be chosen. */
async function listGroups(
  { client, calls }: Okta,
  from: string | null,
  context: CallContext,
): Promise<ListedGroups> {
  const query = Object.fromEntries(new URLSearchParams(from ?? ''));
  const { value, next } = await client.ask(calls.groups(query), 'list groups', context);
  return { groups: value.map(groupOf), next: next === null ? null : new URL(next).search };
}

function isMissing(error: unknown): boolean {
  return (error as { readonly disposition?: unknown }).disposition === 'missing';
}

/** Okta's groups do not nest. Deactivated people stay in them, which means nothing. */
function memberPages(
  { client, calls }: Okta,
  groupIds: readonly string[],
  context: CallContext,
): AsyncGenerator<ScanPage> {
  return memberPagesOf(groupIds, MEMBER_READS_AT_ONCE, async (id) => {
    const members: SourceMember[] = [];
    for await (const { value } of client.pages(calls.members(id), `list the members of group ${id}`, context))
      for (const member of value) members.push({ kind: 'user', id: member.id });
    return { members, unsaid: null };
  });
}
