/**
 * Reads a value back that was changed by hand, right after the bridge corrected it. A vendor that still shows the
 * other value keeps it so, or shows it in a form of its own: that is remembered, and no drift. Otherwise the vendor
 * took the correction, and whoever changes it back does so by hand.
 */

import type { Db } from '../../db/open.ts';
import { rememberDrift } from '../../db/seen/drift.ts';
import type { LinkRecord } from '../../db/seen/links.ts';
import type { Change } from '../../model/change.ts';
import type { Attributes } from '../../model/desired.ts';
import { RemoteError } from '../../model/errors.ts';
import { type Remote, titleOf } from '../../model/remote.ts';
import type { Kind } from '../../model/subject.ts';
import { GROUP_KEY } from '../../plan/keys.ts';
import type { Attempt } from '../attempt.ts';
import { withoutRepaired } from '../drift.ts';

/**
 * Answers the attributes that the vendor shows otherwise than before the correction. `before`: the link before the
 * changes. A read that fails says nothing.
 */
export async function correctedThere(
  attempt: Attempt,
  kind: Kind,
  before: LinkRecord | null,
  changes: readonly Change[],
): Promise<readonly string[]> {
  const repaired = before?.drift?.repaired ?? {};
  const written = changes.flatMap((change) =>
    change.op === 'update' ? change.attributes.map(({ name }) => name) : [],
  );
  const names = written.filter((name) => name in repaired);
  if (before === null || names.length === 0) return [];
  const shown = await read(attempt, kind, before.remoteId);
  return names.filter((name) => shown[name] !== undefined && shown[name] !== repaired[name]);
}

async function read(attempt: Attempt, kind: Kind, remoteId: string): Promise<Attributes> {
  const { connector } = attempt.context;
  try {
    const remote: Remote | null = await connector.read(kind, remoteId, attempt.looking('verify'));
    if (remote === null) return {};
    return remote.kind === 'user' ? remote.attributes : { [GROUP_KEY]: titleOf(remote) };
  } catch (error) {
    if (error instanceof RemoteError) return {};
    throw error;
  }
}

/** Part of the transaction that records the correction, after it. */
export async function forgetRepaired(
  tx: Db,
  link: LinkRecord,
  corrected: readonly string[],
  at: string,
): Promise<void> {
  if (link.drift === null || corrected.length === 0) return;
  await rememberDrift(tx, link.id, withoutRepaired(link.drift, corrected), at);
}
