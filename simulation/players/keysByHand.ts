/** People change keys and levels by hand at a vendor, when all is as the directory wants it. */

import { judgeRepaired, judgeReported, judgeShown } from '../judges/keysByHand.ts';
import { judgePreviewed } from '../judges/previewed.ts';
import type { SimulatedStore, World } from '../machine/world.ts';
import type { Admin, Link } from './admin.ts';
import { KeyEditor, ownedBy } from './keyEditor.ts';
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
  await admin.change(store, { SYNC_INTERVAL_MINUTES: 0 });
  await repairAndApprove(admin, store, quiet);
  const before = store.vendor.holds;
  const links = await linksOf(admin, store);
  const parked = await admin.tasks('parked');
  const edits = new KeyEditor(world, store, links).edit(random.int(1, EDITS_MAX), 'all');
  if (edits.length === 0) return [];
  const { drift } = await admin.syncedTo(store, false);
  const complaints = [...judgeReported(records, edits, drift)];
  const heldBefore = await admin.held(store);
  const preview = await admin.preview(store);
  if (preview === null) return ['the preview was not made'];
  complaints.push(...judgeShown(edits, preview.changes));
  if (complaints.length > 0) return complaints;
  const done = records.deeds.length;
  const how = random.pick(['sync', 'apply', 'applyAll', 'periodic'] as const);
  if (how === 'sync') await admin.sync(store, true);
  else if (how === 'periodic') await waitForSync(world, admin, store);
  else await admin.applyPreview(store, preview, how === 'applyAll');
  await quiet();
  const changes = preview.changes.filter(({ held }) => how !== 'apply' || !held);
  const [deeds, held] = [records.deeds.slice(done), await admin.held(store)];
  complaints.push(
    ...judgePreviewed(records, { accountsBefore: before.accounts, heldBefore, changes, deeds, held }),
  );
  if (how === 'applyAll' || how === 'periodic') await approve(admin, store, quiet);
  else await repairAndApprove(admin, store, quiet);
  complaints.push(...judgeRepaired(records, before, edits));
  const after = (await linksOf(admin, store)).map(sayLink);
  for (const link of links.map(sayLink))
    if (!after.includes(link)) complaints.push(`${link} is not so any more`);
  if (after.length > links.length) complaints.push(`${after.length} links, and there were ${links.length}`);
  for (const id of await admin.tasks('parked'))
    if (!parked.includes(id)) complaints.push(`task ${id} is parked`);
  return complaints.map((complaint) => `${complaint} (${how})`);
}

const PERIODIC = { DRIFT_MODE: 'Repair', SYNC_INTERVAL_MINUTES: 60 };
/** A periodic sync may come a tenth of its interval late, and where nothing happens the bridge's waits take longer. */
const SYNCED_WITHIN_MS = 180 * 60_000;

async function waitForSync(world: World, admin: Admin, store: SimulatedStore): Promise<void> {
  await admin.change(store, PERIODIC);
  await world.sleep(SYNCED_WITHIN_MS);
}

/** Somebody who is nobody's has the address that a person is to get, until people take it away there. */
export async function freeAddress(
  world: World,
  play: Play,
  store: SimulatedStore,
  quiet: () => Promise<void>,
): Promise<readonly string[]> {
  const { admin } = play;
  const { random } = world;
  const { vendor, guard } = store;
  if (!guard.records.sight.meaning.updateUsers) return [];
  await repairAndApprove(admin, store, quiet);
  const links = await linksOf(admin, store);
  const pushed = world.model.humans.slice(0, world.themes.people);
  const people = links.flatMap((link) => ownedBy(store, link)).filter(({ human }) => pushed.includes(human));
  if (people.length === 0) return [];
  const { human, account } = random.pick(people);
  const address = `wanted@${vendor.emulated.host}`;
  const other = vendor.edit((byHand) => byHand.createAccount(address, false));
  if (other === null) return [];
  await play.play({ kind: 'readdress', who: human.index, to: address });
  await quiet();
  await approve(admin, store, quiet);
  const email = () => vendor.holds.accounts.get(account.id)?.attributes.email;
  if (email() !== account.attributes.email) return [`${account.id} got ${address}, which another has`];
  const isDeleted = random.chance(0.5) && vendor.edit((byHand) => byHand.deleteAccount(other));
  if (!isDeleted) vendor.edit((byHand) => byHand.readdress(other, `former@${vendor.emulated.host}`));
  guard.diverged(`by hand: ${address} is free`);
  await repairAndApprove(admin, store, quiet);
  const after = (await linksOf(admin, store)).map(sayLink);
  const lost = links.map(sayLink).filter((link) => !after.includes(link));
  const complaints = lost.map((link) => `${link} is not so any more`);
  if (email() !== address) complaints.push(`h${human.index} has ${email()}, and ${address} is free`);
  return complaints;
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

async function linksOf(admin: Admin, store: SimulatedStore): Promise<readonly Link[]> {
  return (await admin.links(store)).filter(({ state }) => state !== 'removed');
}

function sayLink({ subject, remoteId, state }: Link): string {
  return `${subject.kind} ${subject.id} ${remoteId} ${state}`;
}
