/**
 * What some histories play at the end, when everything is quiet and judged, because it can be judged exactly only
 * then. Each ending answers its complaints.
 */

import { HAND_EDITS } from '../actions.ts';
import type { Human } from '../judges/model.ts';
import { judgePreviewed, type Previewed } from '../judges/previewed.ts';
import type { SimulatedStore, World } from '../machine/world.ts';
import type { Ending } from '../ruleActions.ts';
import type { Link } from './admin.ts';
import { editByHand } from './byHand.ts';
import { freeAddress, repairKeys } from './keysByHand.ts';
import type { Play } from './play.ts';

/** `quiet` resolves when nothing is left to do. */
export async function playEnding(
  world: World,
  play: Play,
  ending: Ending,
  quiet: () => Promise<void>,
): Promise<readonly string[]> {
  const complaints: string[] = [];
  for (const store of world.stores) {
    if (store.guard.records.sight.meaning.approval) continue;
    const found = await ENDINGS[ending](world, play, store, quiet);
    complaints.push(...found.map((what) => `${store.vendor.traits.type}: ${what}`));
  }
  return complaints;
}

export type Played = (
  world: World,
  play: Play,
  store: SimulatedStore,
  quiet: () => Promise<void>,
) => Promise<readonly string[]>;

const ENDINGS: Readonly<Record<Ending, Played>> = {
  preview: previewAndSync,
  limit: leaveBehindCreations,
  lists: doubtLists,
  keys: repairKeys,
  freed: freeAddress,
};

const EDITS_BEFORE_PREVIEW_MAX = 3;
/** Changes by hand that a preview can undo. */
const UNDOABLE = HAND_EDITS.filter((what) => !['foreignAccount', 'foreignGroup', 'stranger'].includes(what));

/** People change something by hand, an admin asks for a preview, and then for a repairing sync. */
async function previewAndSync(
  world: World,
  { admin }: Play,
  store: SimulatedStore,
  quiet: () => Promise<void>,
): Promise<readonly string[]> {
  const { random, themes } = world;
  const { records } = store.guard;
  await admin.sync(store, true);
  await quiet();
  const accountsBefore = new Map(store.vendor.holds.accounts);
  const heldBefore = await admin.held(store);
  for (let edits = random.int(1, EDITS_BEFORE_PREVIEW_MAX); edits > 0; edits--)
    editByHand(world, store, random.pick(UNDOABLE), random.int(0, themes.people + 1));
  const preview = await admin.preview(store);
  if (preview === null) return ['the preview was not made'];
  const before = records.deeds.length;
  await admin.sync(store, true);
  await quiet();
  const previewed: Previewed = {
    accountsBefore,
    heldBefore,
    changes: preview.changes,
    deeds: records.deeds.slice(before),
    held: await admin.held(store),
  };
  return judgePreviewed(records, previewed);
}

const CREATIONS_WAIT_SECONDS = 1_200;
/** The vendor has refused a creation within this time. */
const REFUSED_WITHIN_MS = 20_000;
/** Enough for an ordinary leaver whom nothing else delays. */
const LEFT_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 1_000;
/** A slot that no other action uses. */
const LAST_SLOT = 9;

/** The vendor allows no creations for many minutes, and somebody leaves. */
async function leaveBehindCreations(
  world: World,
  play: Play,
  store: SimulatedStore,
  quiet: () => Promise<void>,
): Promise<readonly string[]> {
  await play.admin.free(store);
  await quiet();
  await play.admin.decide(store, 'approve', true);
  await quiet();
  const leaver = leaverOf(world, store);
  if (leaver === null) return [];
  store.faults.creationsWaitSeconds = CREATIONS_WAIT_SECONDS;
  await play.play({ kind: 'makeGroup', group: LAST_SLOT, members: [leaver.human.index] });
  const newcomer = world.model.humans.slice(0, world.themes.people).find(({ userId }) => userId === null);
  if (newcomer) await play.play({ kind: 'hire', who: newcomer.index });
  await world.sleep(REFUSED_WITHIN_MS);
  await play.play({ kind: 'leave', who: leaver.human.index });
  const isUsable = () => store.vendor.holds.accounts.get(leaver.accountId)?.state === 'enabled';
  for (let waited = 0; isUsable() && waited < LEFT_WITHIN_MS; waited += LOOK_EVERY_MS)
    await world.sleep(LOOK_EVERY_MS);
  const complaints = isUsable()
    ? [`h${leaver.human.index} left, and ${leaver.accountId} is still enabled behind creations that wait`]
    : [];
  store.faults.creationsWaitSeconds = 0;
  await quiet();
  return complaints;
}

/**
 * The vendor lists nothing, or the same page for ever, while an admin asks for a sync: the sync must fail and change
 * nothing.
 */
async function doubtLists(
  { random }: World,
  { admin }: Play,
  store: SimulatedStore,
  quiet: () => Promise<void>,
): Promise<readonly string[]> {
  const before = (await admin.links(store)).map(sayLink);
  // If nobody has an enabled account, an empty list may be true.
  if (!before.some((link) => link.startsWith('user ') && link.endsWith(' enabled'))) return [];
  const deeds = store.guard.records.deeds.length;
  const lists = random.pick(['empty', 'endless'] as const);
  store.faults.lists = lists;
  const { state } = await admin.syncedTo(store, true);
  await quiet();
  store.faults.lists = null;
  const after = (await admin.links(store)).map(sayLink);
  const complaints = state === 'DONE' ? [`a sync is done although the lists are ${lists}`] : [];
  if (store.guard.records.deeds.length > deeds) complaints.push(`lists that are ${lists} changed something`);
  for (const link of before)
    if (!after.includes(link)) complaints.push(`${link} is not so any more, by lists that are ${lists}`);
  return complaints;
}

function sayLink({ subject, remoteId, state }: Link): string {
  return `${subject.kind} ${subject.id} ${remoteId} ${state}`;
}

/** A person whom the bridge may disable, and can. */
function leaverOf(
  { random, model }: World,
  { vendor, guard }: SimulatedStore,
): { readonly human: Human; readonly accountId: string } | null {
  const { records } = guard;
  const found = model.humans.flatMap((human) => {
    if (records.sight.person(human)?.lifecycle !== 'active' || human.userId === null) return [];
    const [accountId, ...others] = records.own
      .accountsOf(human)
      .filter((id) => vendor.holds.accounts.has(id));
    const account = accountId === undefined ? undefined : vendor.holds.accounts.get(accountId);
    if (!account || others.length > 0 || account.state !== 'enabled') return [];
    return account.isUntouchable || records.isSpared(account.id) ? [] : [{ human, accountId: account.id }];
  });
  return found.length === 0 ? null : random.pick(found);
}
