/**
 * Asks the source, one by one, about people and groups that the directory has and the scan did not show. When the
 * source gives no clear answer about an id, the answer is "unknown": the bridge calls nobody gone only because a list
 * was short.
 */

import type { CallContext } from '../connectors/connector.ts';
import type { Db } from '../db/open.ts';
import type { PulledRecord } from '../db/pull/connections.ts';
import { lastPlace } from '../db/pull/records.ts';
import type { PullRun } from '../db/pull/runs.ts';
import type { Kind } from '../model/subject.ts';
import { type Meaning, meaningOf } from '../plan/pull/missing.ts';
import type { Lookup, Source } from '../sources/source.ts';

/**
 * The bridge asks about this many at most and leaves the rest unknown: a list that is so much shorter is not to be
 * believed.
 */
export const LOOKUPS_MAX = 2_000;

export interface Judged {
  readonly id: string;
  readonly meaning: Meaning;
  /** Why the source's answer is no clear one, in a sentence; absent where it is, and where nobody asked. */
  readonly reason?: string;
}

export async function judgeAbsent(
  run: PullRun,
  kind: Kind,
  ids: readonly string[],
  source: Pick<Source, 'lookup'>,
  context: CallContext,
): Promise<readonly Judged[]> {
  const { ended, unread } = run.findings;
  const ofKind = unread.filter(({ what }) => what === kind);
  const scan = ended && ofKind.every(({ id }) => id !== null) ? 'complete' : 'incomplete';
  const unreadIds = new Set(ofKind.map(({ id }) => id));
  const judged: Judged[] = [];
  for (const [at, id] of ids.entries()) {
    const isUnread = unreadIds.has(id);
    const asks = scan === 'complete' && !isUnread && at < LOOKUPS_MAX;
    const answer = asks ? await lookUp(source, kind, id, context) : null;
    const lookup = answer && seenAs(answer);
    const meaning = meaningOf({ scan, isUnread, lookup, takesFiltered: run.takesFiltered });
    judged.push({ id, meaning, ...(answer && meaning === 'unknown' ? { reason: doubt(id, answer) } : {}) });
  }
  return judged;
}

function doubt(id: string, answer: Lookup): string {
  const said = answer.is === 'unknown' ? answer.reason : 'the source shows it when asked for it';
  return `${id} is not in the list, and stays: ${said}.`;
}

/** Wraps the source's look-up: each question carries where and when the source last showed the person or group. */
export function withKnown(
  db: Db,
  { id: connectionId, lastFullAt }: Pick<PulledRecord, 'id' | 'lastFullAt'>,
  source: Pick<Source, 'lookup'>,
): Pick<Source, 'lookup'> {
  return {
    async lookup(kind, id, context) {
      const place = await lastPlace(db, connectionId, kind, id);
      const known = {
        ...(place === undefined ? {} : { place }),
        ...(lastFullAt === null ? {} : { seenAt: lastFullAt }),
      };
      return source.lookup(kind, id, context, known);
    },
  };
}

/**
 * Some people or groups were deleted and are in a list again. Answers those whom the source does not show when it is
 * asked about them: the list was an old one. `unknown` counts those about whom the source gave no answer, or was not
 * asked. `asked` is how many this run has asked about before; beyond the limit it asks about nobody.
 */
export async function ghostsAmong(
  kind: Kind,
  ids: Iterable<string>,
  source: Pick<Source, 'lookup'>,
  context: CallContext,
  asked = 0,
): Promise<{ readonly ghosts: ReadonlySet<string>; readonly unknown: ReadonlySet<string> }> {
  const all = [...ids];
  const asks = all.slice(0, Math.max(0, LOOKUPS_MAX - asked));
  const ghosts = new Set<string>();
  const unknown = new Set(all.slice(asks.length));
  for (const id of asks) {
    const is = seenAs(await lookUp(source, kind, id, context));
    if (is === 'gone') ghosts.add(id);
    else if (is === 'unknown') unknown.add(id);
  }
  return { ghosts, unknown };
}

/** A lost page hides many members. The bridge asks about this many, spread over all of them. */
const MEMBERS_ASKED_MAX = 25;

/**
 * Says why the bridge removes nobody from the group although the list of its members is shorter; null where it
 * believes the list.
 */
export async function doubtLeavers(
  source: Pick<Source, 'isMember'>,
  group: { readonly id: string; readonly name: string },
  leavers: readonly string[],
  context: CallContext,
): Promise<string | null> {
  if (!source.isMember) return null;
  const step = Math.ceil(leavers.length / MEMBERS_ASKED_MAX);
  for (const id of leavers.filter((_, at) => at % step === 0)) {
    const isIn = await source.isMember(group.id, id, context);
    if (isIn === false) continue;
    const said = isIn ? 'whom the source shows in it when asked' : 'about whom the source does not answer';
    return `The list of the members of ${group.name} came without ${id}, ${said}: nobody leaves the group.`;
  }
  return null;
}

export async function lookUp(
  source: Pick<Source, 'lookup'>,
  kind: Kind,
  id: string,
  context: CallContext,
): Promise<Lookup> {
  try {
    return await source.lookup(kind, id, context);
  } catch (error) {
    context.signal.throwIfAborted();
    return { is: 'unknown', reason: error instanceof Error ? error.message : 'no answer' };
  }
}

export function seenAs(lookup: Lookup) {
  if (lookup.is !== 'found') return lookup.is;
  // The source named this person as deleted by their id: that is proof enough.
  if (lookup.user?.state === 'gone') return 'gone';
  return lookup.inScope ? 'foundInScope' : 'foundOutOfScope';
}
