/**
 * The remote group of one SCIM group: found, planned, and created, adopted or renamed. Its memberships and
 * its deletion are settled by `settleGroup.ts`.
 */

import type { Db } from '../../db/open.ts';
import { insertLink, type LinkRecord, updateLink } from '../../db/seen/links.ts';
import { observe } from '../../db/seen/observations.ts';
import type { Delete, GroupChange, Plan, Skip } from '../../model/change.ts';
import type { DesiredGroup } from '../../model/desired.ts';
import type { RemoteGroup } from '../../model/remote.ts';
import { planGroup } from '../../plan/group.ts';
import type { Attempt } from '../attempt.ts';
import { openHarmlessGate, tickOff } from '../gate.ts';
import { forbiddenAsSkip, type Refusal } from '../refusal.ts';

/** Without a link: the remote group of that name, asked for at the vendor. */
export async function findRemoteGroup(
  attempt: Attempt,
  desired: DesiredGroup,
  link: LinkRecord | null,
): Promise<RemoteGroup | null> {
  const { settings, connector, store } = attempt.context;
  if (link !== null || desired.lifecycle === 'gone' || settings.groupProvisioning === 'Off') return null;
  const found = await connector.find('group', desired.name, attempt.looking('find'));
  if (found) await attempt.record((tx) => observe(tx, store.id, [found], attempt.now()));
  return found;
}

export function planRemoteGroup(
  attempt: Attempt,
  desired: DesiredGroup,
  link: LinkRecord | null,
  siblings: readonly LinkRecord[],
  found: RemoteGroup | null,
): Plan<GroupChange> {
  const { settings, connector } = attempt.context;
  return planGroup({
    desired,
    link,
    remoteId: found?.remoteId ?? null,
    settings,
    deleteGroups: connector.capabilities.deleteGroups,
    renameGroups: connector.capabilities.renameGroups,
    fedByAnother: siblings.some((sibling) => sibling.subject.id !== desired.id),
  });
}

/** A deletion comes after the memberships; everything else before them. */
export function split({
  changes,
}: Plan<GroupChange>): [Delete<'group'> | null, readonly Exclude<GroupChange, Delete<'group'>>[]] {
  return [
    changes.find((change) => change.op === 'delete') ?? null,
    changes.filter((change) => change.op !== 'delete'),
  ];
}

export interface Leftovers {
  readonly skipped: readonly Skip[];
  readonly refusals: readonly Refusal[];
}

interface Found {
  readonly desired: DesiredGroup;
  readonly link: LinkRecord | null;
  /** Without a link: the remote group of that name. */
  readonly found: RemoteGroup | null;
}

/** Creates, adopts or renames the remote group. */
export async function shape(
  attempt: Attempt,
  known: Found,
  changes: readonly GroupChange[],
): Promise<Leftovers & { readonly link: LinkRecord | null }> {
  let { link } = known;
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
          change.op === 'adopt' && (await attempt.intendedCreation(tx, known.desired.name)) !== null;
        if (intended) await attempt.foundEvent(tx, 'create', change.subject.display, { remoteId });
        else await attempt.changeEvent(tx, change, { calls, after: { remoteId } });
        await tickOff(tx, attempt, { applied: gate.applied, approvals: new Map() }, change);
        return writeLink(tx, attempt, { ...known, link }, change, {
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
  { desired, link, found }: Found,
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
