/**
 * The remote group of one SCIM group, as its plan says: created, adopted or renamed. Its memberships and its
 * deletion are settled by `settleGroup.ts`.
 */

import type { Db } from '../../db/open.ts';
import { insertLink, type LinkRecord, updateLink } from '../../db/seen/links.ts';
import type { Delete, GroupChange, Plan, Skip } from '../../model/change.ts';
import type { Attempt } from '../attempt.ts';
import { openHarmlessGate, tickOffApplied } from '../gate/gate.ts';
import { forbiddenAsSkip, type Refusal } from '../refusal.ts';
import type { GroupFacts } from './look.ts';

/** A deletion comes after the memberships; everything else before them. */
export function split({ changes }: Plan<GroupChange>): {
  readonly shaping: readonly Exclude<GroupChange, Delete<'group'>>[];
  readonly removal: Delete<'group'> | null;
} {
  return {
    shaping: changes.filter((change) => change.op !== 'delete'),
    removal: changes.find((change) => change.op === 'delete') ?? null,
  };
}

export interface Leftovers {
  readonly skipped: readonly Skip[];
  readonly refusals: readonly Refusal[];
}

/** Creates, adopts or renames the remote group. */
export async function shapeRemoteGroup(
  attempt: Attempt,
  facts: GroupFacts,
  changes: readonly GroupChange[],
): Promise<Leftovers & { readonly link: LinkRecord | null }> {
  let { link } = facts;
  if (changes.length === 0) return { link, skipped: [], refusals: [] };
  const gate = await openHarmlessGate(attempt, changes);
  for (const change of gate.allowed) {
    const { calls, callContext } = attempt.calling(change.op);
    try {
      const applied =
        change.op === 'adopt' ? null : await attempt.context.connector.apply(change, callContext);
      const remoteId = applied?.remoteId ?? remoteIdOf(change);
      link = await attempt.record(async (tx) => {
        const intended =
          change.op === 'adopt' && (await attempt.intendedCreation(tx, facts.desired.name)) !== null;
        if (intended) await attempt.foundEvent(tx, 'create', change.subject.display, { remoteId });
        else await attempt.changeEvent(tx, change, { calls, after: { remoteId } });
        await tickOffApplied(tx, attempt, gate, change);
        return writeLink(tx, attempt, { ...facts, link }, change, {
          remoteId,
          created: intended || change.op === 'create',
        });
      });
    } catch (error) {
      return {
        link,
        skipped: gate.skipped,
        refusals: [await forbiddenAsSkip(attempt, change, calls, error)],
      };
    }
  }
  return { link, skipped: gate.skipped, refusals: [] };
}

function remoteIdOf(change: GroupChange): string {
  return change.op === 'create' ? '' : change.remoteId;
}

async function writeLink(
  tx: Db,
  attempt: Attempt,
  { desired, link, found }: Pick<GroupFacts, 'desired' | 'link' | 'found'>,
  change: GroupChange,
  { remoteId, created }: { readonly remoteId: string; readonly created: boolean },
): Promise<LinkRecord> {
  const { store } = attempt.context;
  const name =
    change.op === 'create'
      ? change.identifier
      : change.op === 'update'
        ? (change.attributes[0]?.to ?? '')
        : null;
  if (link) {
    const patch = { remoteName: name ?? link.remoteName };
    await updateLink(tx, link.id, patch, attempt.now());
    return { ...link, ...patch };
  }
  const fresh = await insertLink(
    tx,
    {
      environmentId: store.environmentId,
      storeId: store.id,
      subject: attempt.task.subject,
      remoteId,
      remoteName: name ?? found?.name ?? change.subject.display,
      origin: created ? 'created' : 'adopted',
      state: 'enabled',
      // What a later change of the mapping is compared with.
      applied: desired.mappedBy === undefined ? {} : { mapping: desired.mappedBy, name: desired.name },
    },
    attempt.now(),
  );
  if (change.op !== 'create') return fresh;
  // A group that we just made has no members to read.
  await updateLink(tx, fresh.id, { membersReadAt: attempt.now() }, attempt.now());
  return { ...fresh, membersReadAt: attempt.now() };
}
