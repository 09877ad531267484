/** A Google Workspace as a directory that is pulled: people, their state, groups and who is in them, whole each time. */

import type { CallContext } from '../../connectors/connector.ts';
import { RemoteError } from '../../model/errors.ts';
import { readAhead } from '../ahead.ts';
import { createUnreadCount, lookedUp } from '../lookups.ts';
import { withHiddenGroups } from '../nesting.ts';
import type { ScanPage, ScanRequest, Source, SourceDeps, SourceMember, SourceUser } from '../source.ts';
import { type GoogleCalls, type GoogleRecord, googleCalls } from './api/calls.ts';
import { createGoogleClient, type GoogleClient } from './api/client.ts';
import { checkGoogle, tenantOf } from './check.ts';
import { groupOf, isGuest, userOf } from './mapping.ts';
import { type GoogleSettings, googleSettings } from './settings.ts';

const MEMBER_READS_AT_ONCE = 4;

interface Google {
  readonly settings: GoogleSettings;
  readonly client: GoogleClient;
  readonly calls: GoogleCalls;
}

export function createGoogleSource(deps: SourceDeps): Source {
  const settings = googleSettings(deps.configuration);
  const google: Google = {
    settings,
    client: createGoogleClient(settings, deps),
    calls: googleCalls(settings),
  };
  return {
    check: (context) => checkGoogle(google, context),
    tenant: async (context) => tenantOf(await demandSubject(google, context), settings),
    scan: (request, context) => scan(google, request, context),
    lookup: (kind, id, context) =>
      lookedUp(deps, context, async () => {
        const { client, calls } = google;
        const call = kind === 'user' ? calls.user(id) : calls.group(id);
        const found = await client.ask(call, `read the ${kind} ${id}`, context);
        // By an address Google finds whoever has it now.
        if (found.id !== id) return { is: 'unknown', reason: `Google answered with ${found.id} for ${id}` };
        if (kind === 'group') return { is: 'found', inScope: true };
        return { is: 'found', inScope: !isGuest(found), user: userOf(found) };
      }),
  };
}

async function* scan(
  google: Google,
  { groups: choice }: ScanRequest,
  context: CallContext,
): AsyncGenerator<ScanPage> {
  const { client, calls } = google;
  await demandSubject(google, context);
  const people = new Set<string>();
  let guests = 0;
  for await (const { records } of client.pages((token) => calls.users(token), 'list people', context)) {
    const users: SourceUser[] = [];
    for (const record of records) {
      if (isGuest(record)) guests += 1;
      else users.push(userOf(record));
    }
    for (const { id } of users) people.add(id);
    yield { kind: 'users', users };
  }
  if (guests > 0)
    yield { kind: 'skipped', what: 'user', count: guests, reason: 'guests, who are in another organisation' };
  if (choice.mode !== 'Off') {
    const chosen = choice.mode === 'Selected' ? new Set(choice.ids) : null;
    const known = new Set<string>();
    const shown = new Set<string>();
    for await (const { records } of client.pages((token) => calls.groups(token), 'list groups', context)) {
      for (const { id } of records) known.add(id);
      const wanted = records.filter(({ id }) => chosen?.has(id) ?? true);
      for (const { id } of wanted) shown.add(id);
      yield { kind: 'groups', groups: wanted.map(groupOf) };
    }
    yield* memberPages(google, { people, known, shown }, context);
  }
  await demandSubject(google, context);
  yield { kind: 'end', position: null };
}

interface Scanned {
  readonly people: ReadonlySet<string>;
  /** All groups of the account, whether chosen or not. */
  readonly known: ReadonlySet<string>;
  /** Those whose members are shown. */
  readonly shown: ReadonlySet<string>;
}

/** Groups that were not chosen are looked into where a chosen one contains them. */
async function* memberPages(
  { client, calls }: Google,
  { people, known, shown }: Scanned,
  context: CallContext,
): AsyncGenerator<ScanPage> {
  let outside = 0;
  const readDirect = async (groupId: string): Promise<readonly SourceMember[]> => {
    const members: SourceMember[] = [];
    const pages = client.pages(
      (token) => calls.members(groupId, token),
      `list the members of group ${groupId}`,
      context,
    );
    for await (const { records } of pages) {
      for (const { id, record } of records) {
        if (record.type === 'CUSTOMER') members.push({ kind: 'everyone' });
        else if (record.type === 'GROUP' && known.has(id)) members.push({ kind: 'group', id });
        else if (record.type === 'USER' && people.has(id)) members.push({ kind: 'user', id });
        else outside += 1;
      }
    }
    return members;
  };
  /** A hidden group may be in many. */
  const read = new Map<string, Promise<readonly SourceMember[]>>();
  const direct = (groupId: string) => {
    const begun = read.get(groupId) ?? readDirect(groupId);
    if (!shown.has(groupId)) read.set(groupId, begun);
    return begun;
  };
  const unread = createUnreadCount();
  const readOne = async (groupId: string) => {
    try {
      const members = await withHiddenGroups(groupId, direct, (id) => (shown.has(id) ? null : id));
      return { groupId, members };
    } catch (error) {
      return { groupId, error };
    }
  };
  for await (const one of readAhead([...shown], MEMBER_READS_AT_ONCE, readOne)) {
    const { groupId } = one;
    if (one.members) {
      unread.read();
      yield { kind: 'members', groupId, members: one.members, isLast: true };
    } else {
      yield { kind: 'unread', what: 'members', id: groupId, reason: unread.heard(one.error) };
    }
  }
  if (outside > 0) {
    yield {
      kind: 'skipped',
      what: 'member',
      count: outside,
      reason: 'members from outside this Google Workspace',
    };
  }
}

/** An administrator whose rights were narrowed sees fewer people and no error; whoever sees not even itself sees too few. */
async function demandSubject(
  { settings, client, calls }: Google,
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
