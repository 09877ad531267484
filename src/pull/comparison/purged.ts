/**
 * Leaves out of a scan whoever is inactive and was purged: the source goes on to show them, and what the bridge has
 * forgotten must not come back with the next run.
 */

import type { Db } from '../../db/open.ts';
import { anyPurged, type Hash, purgedAmong } from '../../db/people/formers.ts';
import type { KnownUsers } from '../../db/pull/directory.ts';
import type { PullRun } from '../../db/pull/runs.ts';
import { stagedPage, unstage } from '../../db/pull/staging.ts';
import type { SourceUser } from '../../sources/source.ts';
import { asOf, pagesOf } from './keys.ts';

const PAGE = 500;

export interface PurgedInput {
  readonly db: Db;
  readonly run: PullRun;
  readonly known: KnownUsers;
  /** ISO time. */
  readonly now: string;
  readonly hash: Hash;
  /** Writes under the lease of the run. */
  write(work: (tx: Db) => Promise<void>): Promise<void>;
}

/** Answers how many they are. */
export async function leaveOutPurged({ db, run, known, now, hash, write }: PurgedInput): Promise<number> {
  if (!(await anyPurged(db, run))) return 0;
  let count = 0;
  const staged = (after: string) => stagedPage<SourceUser>(db, run.id, 'user', after, PAGE);
  for await (const users of pagesOf<SourceUser>(staged)) {
    const strangers = users.filter((user) => !known.ids.has(user.id) && asOf(user, now).state === 'inactive');
    const { environmentId, connectionId } = run;
    const ids = strangers.map(({ id }) => id);
    const purged = await purgedAmong(db, { environmentId, connectionId, hash }, ids);
    if (purged.length > 0) await write((tx) => unstage(tx, run.id, 'user', purged));
    count += purged.length;
  }
  return count;
}
