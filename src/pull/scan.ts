/**
 * Writes a scan page by page into the staging tables, and closes the source at the end. It never touches the
 * directory.
 */

import { recordAttributesSeen } from '../db/identity/attributesSeen.ts';
import type { Db } from '../db/open.ts';
import type { Findings, PullRun } from '../db/pull/runs.ts';
import {
  dropSomeStaged,
  runsLeftStaged,
  type StagedMember,
  stage,
  stageMembers,
} from '../db/pull/staging.ts';
import { type Lease, recordPages } from '../db/queue/leases.ts';
import type { PullMode } from '../model/pull/pull.ts';
import type { ScanPage, SourceUser } from '../sources/source.ts';
import { pause } from '../support/clock.ts';
import type { PullDeps } from './deps.ts';

/** An open scan in the memory of the worker that has the lease. A worker that does not continue it must end it. */
export interface OpenScan {
  readonly runId: string;
  /**
   * What the source really does: a source that has no delta reads everything, and then those who are missing count.
   */
  readonly mode: PullMode;
  readonly pages: AsyncIterator<ScanPage>;
  readonly seen: Set<string>;
}

/** How long a source may take to close its connections. */
const END_WITHIN_MS = 3_000;

/** Lets the source close its connections. Never rejects. */
export async function endScan(
  { clock, log }: Pick<PullDeps, 'clock' | 'log'>,
  { runId, pages }: OpenScan,
): Promise<void> {
  const waiting = new AbortController();
  const tooLong = pause(clock, END_WITHIN_MS, waiting.signal).then(() => {
    if (!waiting.signal.aborted) log.warn({ runId }, 'a directory does not close the scan that was given up');
  });
  const close = async () => {
    await pages.return?.();
  };
  const closed = close().catch((error: unknown) =>
    log.warn({ err: error, runId }, 'a directory could not close the scan that was given up'),
  );
  await Promise.race([closed, tooLong]);
  waiting.abort();
}

/**
 * Removes the staged pages of finished runs and, when a run begins, its own (`own`), which a step left behind when it
 * died.
 */
export async function dropStaged(
  { db }: Pick<PullDeps, 'db'>,
  lease: Lease,
  { connectionId, own }: { readonly connectionId: string; readonly own?: string },
): Promise<void> {
  const left = await runsLeftStaged(db, connectionId);
  const runIds = own === undefined ? left : [...left, own];
  if (runIds.length > 0) await recordPages(db, lease, (tx) => dropSomeStaged(tx, runIds));
}

const MEMBERS_AT_ONCE = 1_000;

/** The next page of the scan. Members of groups come a few at a time, so that several pages are read together. */
export async function nextPages({ pages }: OpenScan): Promise<readonly ScanPage[]> {
  const taken: ScanPage[] = [];
  for (let members = 0; members < MEMBERS_AT_ONCE; ) {
    const next = await pages.next();
    if (next.done) break;
    taken.push(next.value);
    if (next.value.kind !== 'members') break;
    // A group without members takes a row too.
    members += next.value.members.length + 1;
  }
  return taken;
}

/** A run names this many unread objects one by one and counts the rest. */
const UNREAD_MAX = 1_000;
const NAME_MAX = 512;

/** Stages a page. Answers the run as it is afterwards. `seen`: names of attributes that are recorded already. */
export async function takePage(
  tx: Db,
  run: PullRun,
  page: ScanPage,
  seen: Set<string>,
  at: string,
): Promise<PullRun> {
  switch (page.kind) {
    case 'users': {
      await stage(tx, run.id, 'user', page.users);
      await noteAttributes(tx, run.connectionId, page.users, seen, at);
      const total = page.total ?? run.progress.total;
      const read = run.progress.read + page.users.length;
      return { ...run, progress: { read, ...(total === undefined ? {} : { total }) } };
    }
    case 'groups':
      await stage(tx, run.id, 'group', page.groups);
      return run;
    case 'members': {
      const members: StagedMember[] = page.members.map((one) => ({
        kind: one.kind,
        id: one.kind === 'everyone' ? '' : one.id,
      }));
      const end: StagedMember[] = page.isLast ? [{ kind: 'end', id: '' }] : [];
      await stageMembers(tx, run.id, page.groupId, [...members, ...end]);
      return run;
    }
    case 'unread': {
      const { what, id, reason } = page;
      const { unread } = run.findings;
      const known =
        unread.length < UNREAD_MAX
          ? [...unread, { what, id, reason }]
          : [...unread.slice(0, -1), { what, id: null, reason }];
      return withFindings(run, { unread: known });
    }
    case 'skipped': {
      const { what, count, reason } = page;
      return withFindings(run, { skipped: [...run.findings.skipped, { what, count, reason }] });
    }
    case 'end':
      return { ...withFindings(run, { ended: true }), position: page.position };
  }
}

function withFindings(run: PullRun, more: Partial<Findings>): PullRun {
  return { ...run, findings: { ...run.findings, ...more } };
}

async function noteAttributes(
  tx: Db,
  connectionId: string,
  users: readonly SourceUser[],
  seen: Set<string>,
  at: string,
): Promise<void> {
  const names = new Set(users.flatMap(({ attributes }) => Object.keys(attributes)));
  const fresh = [...names].filter((name) => !seen.has(name) && name.length <= NAME_MAX);
  if (fresh.length === 0) return;
  for (const name of fresh) seen.add(name);
  await recordAttributesSeen(tx, { connectionId, kind: 'user', names: fresh, at });
}
