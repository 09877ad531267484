/**
 * Asks the source, one by one, for those who are in the directory and not in its scan. What a source does not say of an
 * id is unknown; nobody is called gone because a list was short.
 */

import type { CallContext } from '../connectors/connector.ts';
import type { PullRun } from '../db/pull/runs.ts';
import type { Kind } from '../model/subject.ts';
import { type Meaning, meaningOf } from '../plan/pull/missing.ts';
import type { Lookup, Source } from '../sources/source.ts';

/** Beyond so many the rest is unknown: a list that is so much shorter is no list to believe. */
const LOOKUPS_MAX = 2_000;

export interface Judged {
  readonly id: string;
  readonly meaning: Meaning;
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
    const lookup = asks ? seenAs(await lookUp(source, kind, id, context)) : null;
    judged.push({ id, meaning: meaningOf({ scan, isUnread, lookup, takesFiltered: run.takesFiltered }) });
  }
  return judged;
}

async function lookUp(
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

function seenAs(lookup: Lookup) {
  if (lookup.is !== 'found') return lookup.is;
  // A source that names somebody as deleted has said it by the id.
  if (lookup.user?.state === 'gone') return 'gone';
  return lookup.inScope ? 'foundInScope' : 'foundOutOfScope';
}
