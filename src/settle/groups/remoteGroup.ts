/**
 * Creates, adopts or renames the remote group of one SCIM group, as its plan says. `settleGroup.ts` settles its
 * memberships and its deletion.
 */

import type { Applied, NotAccepted, VendorCall } from '../../connectors/connector.ts';
import type { Db } from '../../db/open.ts';
import { holdersOf } from '../../db/seen/keys.ts';
import { insertLink, type LinkRecord, updateLink } from '../../db/seen/links.ts';
import type { Delete, GroupChange, Plan, Skip } from '../../model/change.ts';
import { titleOf } from '../../model/remote.ts';
import { GROUP_KEY } from '../../plan/keys.ts';
import { notAcceptedReason } from '../../plan/people/attributes.ts';
import type { Attempt } from '../attempt.ts';
import { endDrift } from '../driftStatus.ts';
import { openHarmlessGate, tickOffApplied } from '../gate/gate.ts';
import { orderGroup } from '../keys/groups.ts';
import { recordKeys, wake } from '../keys/holders.ts';
import { type OwnWait, taken } from '../keys/order.ts';
import { whyTaken } from '../keys/waits.ts';
import type { Outcome } from '../outcome.ts';
import { foundEvent, intendedCreation } from '../recovery/found.ts';
import { correctedThere, forgetRepaired } from '../recovery/readBack.ts';
import { refuseAnothers } from '../recovery/wrongAnswer.ts';
import { forbiddenAsSkip, type Refusal } from '../refusal.ts';
import type { GroupFacts } from './look.ts';
import { forgetFormer } from './notShown.ts';

/** The deletion, which comes after the memberships, and the other changes, which come before them. */
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
  /** Why the group waits for another one to give up a name. */
  readonly waiting: readonly string[];
  readonly keyWaits: NonNullable<Outcome['keyWaits']>;
}

/** Creates, adopts or renames the remote group. */
export async function shapeRemoteGroup(
  attempt: Attempt,
  facts: GroupFacts & { readonly former?: LinkRecord },
  changes: readonly GroupChange[],
): Promise<Leftovers & { readonly link: LinkRecord | null }> {
  let { link } = facts;
  const known = facts.keyWaits;
  const standing = facts.takenName === null ? [] : known;
  const nothing = { skipped: [], refusals: [], waiting: [], keyWaits: { known, now: standing } };
  if (changes.length === 0) return { ...nothing, link };
  const gate = await openHarmlessGate(attempt, changes);
  const order = await orderGroup(attempt, facts, gate.allowed, async (tx, { change, applied }) => {
    const made = { remoteId: change.remoteId, created: false, applied };
    link = await writeLink(tx, attempt, { ...facts, link }, change, made);
  });
  const { waiting } = order;
  const skipped = gate.skipped;
  let keyWaits = { known, now: order.keyWaits };
  const refusals = [...order.refusals];
  for (const change of order.changes) {
    const { calls, callContext } = attempt.calling(change.op);
    try {
      const applied =
        change.op === 'adopt' ? null : await attempt.context.connector.apply(change, callContext);
      refuseAnothers(attempt, change, applied);
      const anothers = applied?.notAccepted?.find((part) => part.taken);
      if (anothers) {
        const refused = await nameTaken(attempt, facts, change, calls, anothers.reason);
        refusals.push(refused.refusal);
        keyWaits = { known, now: [refused.wait] };
        continue;
      }
      const corrected = await correctedThere(attempt, 'group', link, [change]);
      const remoteId = applied?.remoteId ?? remoteIdOf(change);
      link = await attempt.record(async (tx) => {
        const intended =
          change.op === 'adopt' && (await intendedCreation(tx, attempt, facts.desired.name)) !== null;
        if (intended) await foundEvent(tx, attempt, 'create', change.subject.display, { remoteId });
        else await attempt.changeEvent(tx, change, { ...nameOutcome(applied), calls, after: { remoteId } });
        await tickOffApplied(tx, attempt, gate, change);
        if (facts.former) await forgetFormer(tx, attempt, facts.former);
        const created = intended || change.op === 'create';
        const written = await writeLink(tx, attempt, { ...facts, link }, change, {
          remoteId,
          created,
          applied,
        });
        await forgetRepaired(tx, written, corrected, attempt.now());
        return written;
      });
      refusals.push(...nameRefusals(attempt, facts, applied));
    } catch (error) {
      refusals.push(await forbiddenAsSkip(attempt, change, calls, error));
      return { link, skipped, refusals, waiting, keyWaits };
    }
  }
  return { link, skipped, refusals, waiting, keyWaits };
}

function nameOutcome(applied: Applied<'group'> | null): { readonly outcome?: 'failure' } {
  return nameNotAccepted(applied) === undefined ? {} : { outcome: 'failure' };
}

/** The vendor took the call and shows another name. */
function nameNotAccepted(applied: Applied<'group'> | null): NotAccepted | undefined {
  return applied?.notAccepted?.find(({ attribute }) => attribute === GROUP_KEY);
}

function nameRefusals(
  { context }: Attempt,
  { desired }: GroupFacts,
  applied: Applied<'group'> | null,
): readonly Refusal[] {
  const code = nameNotAccepted(applied)?.reason;
  if (code === undefined) return [];
  const reason = `${desired.display} ${notAcceptedReason(GROUP_KEY, context.store.name, code)}`;
  return [{ reason, vendor: { status: null, code, message: reason } }];
}

/** Another group has the wanted name. The group keeps its own, and its memberships go on. */
async function nameTaken(
  attempt: Attempt,
  { desired, keyWaits, formerName }: GroupFacts,
  change: GroupChange,
  calls: readonly VendorCall[],
  words: string,
): Promise<{ readonly refusal: Refusal; readonly wait: OwnWait }> {
  const key = { attribute: GROUP_KEY, value: desired.name };
  const { context, db, task } = attempt;
  const [holder = null] = await holdersOf(db, context.store.id, task.subject, [key]);
  const isWanted = change.op === 'update' && change.attributes.some(({ to }) => to === desired.name);
  // Where another group has the former name by now, there is nothing to go back to.
  const wait = { ...taken(keyWaits, key, words), ...(isWanted ? {} : { former: null }) };
  const reason = `${desired.display} ${whyTaken(context, { ...wait, holder })}`;
  await attempt.record(async (tx) => {
    await attempt.changeEvent(tx, change, { outcome: 'failure', calls, reason });
    // A group with a temporary name goes back to its former one.
    if (isWanted && formerName !== null) await wake(tx, attempt, 'group', task.subject.id);
  });
  return { refusal: { reason, vendor: { status: null, code: words, message: reason } }, wait };
}

function remoteIdOf(change: GroupChange): string {
  return change.op === 'create' ? '' : change.remoteId;
}

interface MadeGroup {
  readonly remoteId: string;
  readonly created: boolean;
  /** Null where no call was needed. */
  readonly applied: Applied<'group'> | null;
}

async function writeLink(
  tx: Db,
  attempt: Attempt,
  { desired, link, found }: Pick<GroupFacts, 'desired' | 'link' | 'found'>,
  change: GroupChange,
  { remoteId, created, applied }: MadeGroup,
): Promise<LinkRecord> {
  const { store } = attempt.context;
  const name =
    change.op === 'create'
      ? change.identifier
      : change.op === 'update'
        ? (change.attributes[0]?.to ?? '')
        : null;
  const observed = applied?.observed ? { [GROUP_KEY]: titleOf(applied.observed) } : {};
  const refused = nameNotAccepted(applied);
  const notAccepted = refused ? { [GROUP_KEY]: { wanted: name ?? '', reason: refused.reason } } : {};
  if (link) {
    const patch = { remoteName: name ?? link.remoteName, observed, notAccepted };
    await updateLink(tx, link.id, patch, attempt.now());
    await recordKeys(tx, attempt, { ...link, ...patch });
    return { ...link, ...patch, drift: await endDrift(tx, link, [GROUP_KEY], attempt.now()) };
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
      observed,
      notAccepted,
      // A later change of the mapping is compared with this.
      applied: desired.mappedBy === undefined ? {} : { mapping: desired.mappedBy, name: desired.name },
    },
    attempt.now(),
  );
  await recordKeys(tx, attempt, fresh);
  if (change.op !== 'create') return fresh;
  // A group that the bridge has just made has no members to read.
  await updateLink(tx, fresh.id, { membersReadAt: attempt.now() }, attempt.now());
  return { ...fresh, membersReadAt: attempt.now() };
}
