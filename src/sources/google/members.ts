/**
 * Reads the members of Google's groups. A group that was not chosen is read where a chosen one contains it. A list
 * that is shorter than Google's own count is read once more, and Google is asked by id about people who are missing
 * from it.
 */

import type { CallContext } from '../../connectors/connector.ts';
import { RemoteError } from '../../model/errors.ts';
import { isAboutCredential, isNoQuestion } from '../lookups.ts';
import { memberPagesOf } from '../memberPages.ts';
import { withHiddenGroups } from '../nesting.ts';
import { patiently } from '../patience.ts';
import type { ScanPage, SourceDeps, SourceMember } from '../source.ts';
import type { Call, GoogleCalls, GoogleRecord } from './api/calls.ts';
import type { GoogleClient } from './api/client.ts';
import { leftOut } from './mapping.ts';

const MEMBER_READS_AT_ONCE = 4;

export interface Asked {
  readonly client: GoogleClient;
  readonly calls: GoogleCalls;
}

export interface Scanned {
  readonly people: ReadonlySet<string>;
  /** All groups of the account, chosen or not, each with the number of members that Google counts. */
  readonly known: ReadonlyMap<string, number>;
  /** Groups whose members are shown. */
  readonly shown: ReadonlySet<string>;
}

export async function* memberPages(
  asked: Asked,
  { people, known, shown }: Scanned,
  context: CallContext,
): AsyncGenerator<ScanPage> {
  const outside: GoogleRecord[] = [];
  const readDirect = async (groupId: string): Promise<readonly SourceMember[]> => {
    const members: SourceMember[] = [];
    for (const row of await readWhole(asked, groupId, known.get(groupId) ?? 0, context)) {
      const { id, record } = row;
      if (record.type === 'CUSTOMER') members.push({ kind: 'everyone' });
      else if (record.type === 'GROUP' && known.has(id)) members.push({ kind: 'group', id });
      else if (record.type === 'USER' && people.has(id)) members.push({ kind: 'user', id });
      else outside.push(row);
    }
    return members;
  };
  /** A hidden group may be inside many others, and is read once. */
  const read = new Map<string, Promise<readonly SourceMember[]>>();
  const direct = (groupId: string) => {
    const begun = read.get(groupId) ?? readDirect(groupId);
    if (!shown.has(groupId)) read.set(groupId, begun);
    return begun;
  };
  const hidden = (id: string) => (shown.has(id) ? null : id);
  yield* memberPagesOf(shown, MEMBER_READS_AT_ONCE, async (groupId) => ({
    ...{ members: await withHiddenGroups(groupId, direct, hidden), unsaid: null },
  }));
  if (outside.length > 0) yield leftOut('member', outside, 'members from outside this Google Workspace');
}

/** The count may lag behind: a list that stays short is shown as it is. */
async function readWhole(
  asked: Asked,
  groupId: string,
  count: number,
  context: CallContext,
): Promise<readonly GoogleRecord[]> {
  const first = await readRows(asked, groupId, context);
  if (first.length >= count) return first;
  const again = await readRows(asked, groupId, context);
  return again.length > first.length ? again : first;
}

async function readRows(
  { client, calls }: Asked,
  groupId: string,
  context: CallContext,
): Promise<readonly GoogleRecord[]> {
  const rows: GoogleRecord[] = [];
  const action = `list the members of group ${groupId}`;
  for await (const { records } of client.pages((token) => calls.members(groupId, token), action, context))
    rows.push(...records);
  return rows;
}

/**
 * Null where Google did not say. One call knows direct members; the other also knows members of groups inside, but only
 * of one domain. Google's own 404 means "no member", and so does its answer that the question makes no sense.
 */
export async function isMember(
  { client, calls, deps }: Asked & { readonly deps: SourceDeps },
  groupId: string,
  userId: string,
  context: CallContext,
): Promise<boolean | null> {
  const action = `say whether group ${groupId} has ${userId}`;
  const says = (call: Call<boolean>) =>
    patiently(deps, context, async () => {
      try {
        return await client.ask(call, action, context);
      } catch (error) {
        if (!(error instanceof RemoteError) || error.disposition === 'rateLimited') throw error;
        if (isAboutCredential(error)) throw error;
        return error.disposition === 'missing' || isNoQuestion(error) ? false : null;
      }
    });
  const isDirect = await says(calls.member(groupId, userId));
  if (isDirect) return true;
  const isAnyhow = await says(calls.hasMember(groupId, userId));
  return isAnyhow || isDirect === false ? isAnyhow : null;
}
