/** People change keys and levels by hand at a vendor, when all is as the directory wants it. */

import { judgeRepaired, judgeReported, judgeShown } from '../judges/keysByHand.ts';
import { judgePreviewed } from '../judges/previewed.ts';
import type { SimulatedStore, World } from '../machine/world.ts';
import type { Admin, Link } from './admin.ts';
import { KeyEditor } from './keyEditor.ts';
import type { Play } from './play.ts';

const EDITS_MAX = 3;

/** Somebody edits, a sync reports, and then a sync or an applied preview repairs. */
export async function repairKeys(
  world: World,
  { admin }: Play,
  store: SimulatedStore,
  quiet: () => Promise<void>,
): Promise<readonly string[]> {
  const { random } = world;
  const { records } = store.guard;
  await repairAndApprove(admin, store, quiet);
  const before = store.vendor.holds;
  const links = (await admin.links(store)).filter(({ state }) => state !== 'removed');
  const parked = await admin.tasks('parked');
  const edits = new KeyEditor(world, store, links).edit(random.int(1, EDITS_MAX));
  if (edits.length === 0) return [];
  const { drift } = await admin.syncedTo(store, false);
  const complaints = [...judgeReported(records, edits, drift)];
  const heldBefore = await admin.held(store);
  const preview = await admin.preview(store);
  if (preview === null) return ['the preview was not made'];
  complaints.push(...judgeShown(edits, preview.changes));
  if (complaints.length > 0) return complaints;
  const done = records.deeds.length;
  const how = random.pick(['sync', 'apply', 'applyAll'] as const);
  if (how === 'sync') await admin.sync(store, true);
  else await admin.applyPreview(store, preview, how === 'applyAll');
  await quiet();
  const changes = preview.changes.filter(({ held }) => how !== 'apply' || !held);
  const [deeds, held] = [records.deeds.slice(done), await admin.held(store)];
  complaints.push(
    ...judgePreviewed(records, { accountsBefore: before.accounts, heldBefore, changes, deeds, held }),
  );
  if (how === 'applyAll') await approve(admin, store, quiet);
  else await repairAndApprove(admin, store, quiet);
  complaints.push(...judgeRepaired(records, before, edits));
  const after = (await admin.links(store)).filter(({ state }) => state !== 'removed').map(sayLink);
  for (const link of links.map(sayLink))
    if (!after.includes(link)) complaints.push(`${link} is not so any more`);
  if (after.length > links.length) complaints.push(`${after.length} links, and there were ${links.length}`);
  for (const id of await admin.tasks('parked'))
    if (!parked.includes(id)) complaints.push(`task ${id} is parked`);
  return complaints.map((complaint) => `${complaint} (${how})`);
}

async function repairAndApprove(
  admin: Admin,
  store: SimulatedStore,
  quiet: () => Promise<void>,
): Promise<void> {
  await admin.sync(store, true);
  await quiet();
  await approve(admin, store, quiet);
}

async function approve(admin: Admin, store: SimulatedStore, quiet: () => Promise<void>): Promise<void> {
  await admin.decide(store, 'approve', true);
  await quiet();
}

function sayLink({ subject, remoteId, state }: Link): string {
  return `${subject.kind} ${subject.id} ${remoteId} ${state}`;
}
