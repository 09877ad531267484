/** What people do at a vendor past the bridge: before it came, and ever after. */

import type { HandEdit } from './actions.ts';
import type { SimulatedStore, World } from './world.ts';

/** Accounts and groups that were there before the bridge. */
export function seedByHand(world: World, store: SimulatedStore): void {
  const { random } = world;
  for (const what of ['foreignAccount', 'stranger', 'foreignGroup', 'join'] as const) {
    if (random.chance(0.6)) edit(world, store, what, random.int(0, world.themes.people - 1));
  }
}

/** What somebody does there while the bridge looks elsewhere; only a sync finds it. */
export function editByHand(world: World, store: SimulatedStore, what: HandEdit, who: number): void {
  store.vendor.changing(world.scheduler.now);
  edit(world, store, what, who);
  store.guard.diverged(`by hand: ${what}`);
}

function edit(world: World, { vendor, guard }: SimulatedStore, what: HandEdit, who: number): void {
  const { random, model } = world;
  const accounts = [...vendor.state.accounts.values()];
  const groups = [...vendor.state.groups.values()];
  const account = accounts[who % Math.max(1, accounts.length)];
  const group = groups[random.int(0, 5) % Math.max(1, groups.length)];
  switch (what) {
    case 'foreignAccount': {
      const email = model.humans[who]?.standing.now?.email ?? `h${who}@acme.example`;
      const made = vendor.createAccount(seededAttributes(vendor, email), random.chance(0.2));
      if (made && random.chance(0.3)) made.state = 'disabled';
      if (made) guard.touchedByHand.add(made.id);
      return;
    }
    case 'stranger':
      vendor.createAccount(seededAttributes(vendor, `stranger${random.int(1, 99)}@other.example`));
      return;
    case 'foreignGroup':
      vendor.createGroup(random.pick(['group0', 'group1', 'Others']));
      return;
    case 'retitle':
      if (account) account.attributes = { ...account.attributes, title: 'by hand' };
      return;
    case 'disable':
      if (!account || account.state === 'disabled') return;
      vendor.disable(account);
      guard.touchedByHand.add(account.id);
      guard.disabledFor.delete(account.id);
      return;
    case 'enable':
      if (account?.state !== 'disabled') return;
      account.state = 'enabled';
      guard.touchedByHand.add(account.id);
      return;
    case 'delete':
      if (account && !account.owner) vendor.deleteAccount(account.id);
      return;
    case 'join':
      if (account?.state !== 'enabled' || !group || group.members.has(account.id)) return;
      group.members.set(account.id, random.pick([10, 30, 50]));
      guard.own.joinedByHand(group.id, account.id);
      return;
    case 'part':
      if (account && group) group.members.delete(account.id);
  }
}

function seededAttributes({ manners }: SimulatedStore['vendor'], email: string) {
  const base = { primaryEmail: email, displayName: 'As it was', title: '' };
  return manners.handles ? { ...base, handle: `old-${email.split('@')[0]}` } : base;
}
