/** A Google Workspace as a pulled directory: people, their state, groups and members, always in full. */

import type { CallContext } from '../../connectors/connector.ts';
import { RemoteError } from '../../model/errors.ts';
import type { Kind } from '../../model/subject.ts';
import { lookedUp } from '../lookups.ts';
import type {
  Known,
  ListedGroups,
  Lookup,
  ScanPage,
  ScanRequest,
  Source,
  SourceDeps,
  SourceUser,
} from '../source.ts';
import { type GoogleCalls, type GoogleRecord, googleCalls } from './api/calls.ts';
import { createGoogleClient, type GoogleClient } from './api/client.ts';
import { checkGoogle, tenantOf } from './check.ts';
import { groupOf, isGuest, leftOut, userOf } from './mapping.ts';
import { isMember, memberPages } from './members.ts';
import { type GoogleSettings, googleSettings } from './settings.ts';
import { createSight, type Sight } from './sight.ts';

interface Google {
  readonly settings: GoogleSettings;
  readonly client: GoogleClient;
  readonly calls: GoogleCalls;
  readonly sight: Sight;
}

export function createGoogleSource(deps: SourceDeps): Source {
  const settings = googleSettings(deps.configuration);
  const asked = { settings, client: createGoogleClient(settings, deps), calls: googleCalls(settings) };
  const google: Google = { ...asked, sight: createSight({ ...asked, deps }) };
  return {
    check: (context) => checkGoogle(google, context),
    tenant: async (context) => tenantOf(await demandSubject(google, context), settings),
    scan: (request, context) => scan(google, request, context),
    lookup: (kind, id, context, known) =>
      lookedUp(deps, context, () => lookUp(google, kind, id, known, context)),
    listGroups: (from, context) => listGroups(google, from, context),
    isMember: (groupId, userId, context) => isMember({ ...google, deps }, groupId, userId, context),
  };
}

async function lookUp(
  { client, calls, sight }: Google,
  kind: Kind,
  id: string,
  known: Known | undefined,
  context: CallContext,
): Promise<Lookup> {
  const call = kind === 'user' ? calls.user(id) : calls.group(id);
  try {
    const found = await client.ask(call, `read the ${kind} ${id}`, context);
    // When asked by an address, Google finds whoever has that address now.
    if (found.id !== id) return { is: 'unknown', reason: `Google answered with ${found.id} for ${id}` };
    if (kind === 'group') return { is: 'found', inScope: true };
    return { is: 'found', inScope: !isGuest(found), user: userOf(found) };
  } catch (error) {
    if (!(error instanceof RemoteError) || error.disposition !== 'missing') throw error;
    // A role for some organisational units shows all groups.
    const reason = kind === 'user' && known ? await sight.doubt(id, known, context) : null;
    return reason === null ? { is: 'gone' } : { is: 'unknown', reason };
  }
}

async function* scan(
  google: Google,
  { groups: choice }: ScanRequest,
  context: CallContext,
): AsyncGenerator<ScanPage> {
  const { client, calls, sight } = google;
  await demandSubject(google, context);
  sight.begin();
  const people = new Set<string>();
  const guests: GoogleRecord[] = [];
  for await (const { records } of client.pages((token) => calls.users(token), 'list people', context)) {
    sight.saw(records);
    const users: SourceUser[] = [];
    for (const record of records) {
      if (isGuest(record)) guests.push(record);
      else users.push(userOf(record));
    }
    for (const { id } of users) people.add(id);
    yield { kind: 'users', users };
  }
  if (guests.length > 0) yield leftOut('user', guests, 'guests, who are in another organisation');
  if (choice.mode !== 'Off') {
    const chosen = choice.mode === 'Selected' ? new Set(choice.ids) : null;
    const known = new Map<string, number>();
    const shown = new Set<string>();
    for await (const { records } of client.pages((token) => calls.groups(token), 'list groups', context)) {
      for (const { id, record } of records) known.set(id, Number(record.directMembersCount) || 0);
      const wanted = records.filter(({ id }) => chosen?.has(id) ?? true);
      for (const { id } of wanted) shown.add(id);
      yield { kind: 'groups', groups: wanted.map(groupOf) };
    }
    yield* memberPages(google, { people, known, shown }, context);
  }
  await demandSubject(google, context);
  yield { kind: 'end', position: null };
}

async function listGroups(
  { client, calls }: Google,
  from: string | null,
  context: CallContext,
): Promise<ListedGroups> {
  const { records, next } = await client.ask(calls.groups(from), 'list groups', context);
  const groups = records.map((one) => {
    const count = Number(one.record.directMembersCount ?? Number.NaN);
    return { ...groupOf(one), ...(Number.isInteger(count) ? { directMembersCount: count } : {}) };
  });
  return { groups, next };
}

/**
 * An administrator whose rights were narrowed sees fewer people and gets no error. If SUBJECT does not even see
 * itself, it sees too few.
 */
async function demandSubject(
  { settings, client, calls }: Pick<Google, 'settings' | 'client' | 'calls'>,
  context: CallContext,
): Promise<GoogleRecord> {
  const { subject } = settings;
  const action = `read SUBJECT ${subject}`;
  try {
    return await client.patient(calls.user(subject), action, context);
  } catch (error) {
    if (!(error instanceof RemoteError) || error.disposition !== 'missing') throw error;
    const message = `Google does not show ${subject} its own account any more: its rights were narrowed, and nothing is taken from what it still sees`;
    throw new RemoteError(message, {
      ...{ store: 'Google', action, disposition: 'forbidden', code: 'subject_not_shown', cause: error },
    });
  }
}
