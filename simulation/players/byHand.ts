/** What people do at a vendor behind the bridge's back, before it came and afterwards. */

import type { HandEdit } from '../actions.ts';
import type { Human } from '../judges/model.ts';
import type { SimulatedStore, World } from '../machine/world.ts';

/** Accounts and groups that existed before the bridge. */
export function seedByHand(world: World, store: SimulatedStore): void {
  const { random } = world;
  for (const what of ['foreignAccount', 'stranger', 'foreignGroup', 'join'] as const) {
    if (random.chance(0.6)) edit(world, store, what, random.int(0, world.themes.people - 1));
  }
}

/** A change that the bridge does not see; only a sync finds it. */
export function editByHand(world: World, store: SimulatedStore, what: HandEdit, who: number): void {
  edit(world, store, what, who);
  store.guard.diverged(`by hand: ${what}`);
}

function edit(world: World, { vendor, guard }: SimulatedStore, what: HandEdit, who: number): void {
  const { random, model } = world;
  const { records } = guard;
  const accounts = [...vendor.holds.accounts.values()];
  const groups = [...vendor.holds.groups.values()];
  const account = accounts[who % Math.max(1, accounts.length)];
  const group = groups[random.int(0, 5) % Math.max(1, groups.length)];
  const isOwn = account?.id === vendor.emulated.ownAccountId;
  switch (what) {
    case 'foreignAccount': {
      const email = model.humans[who]?.standing.now?.email ?? `h${who}@acme.example`;
      const made = vendor.edit((byHand) => byHand.createAccount(email, random.chance(0.2)));
      if (made === null) return;
      if (random.chance(0.3)) vendor.edit((byHand) => byHand.setState(made, 'disabled'));
      records.touchedByHand.add(made);
      return;
    }
    case 'stranger':
      vendor.edit((byHand) => byHand.createAccount(`stranger${random.int(1, 99)}@other.example`, false));
      return;
    case 'foreignGroup':
      vendor.edit((byHand) => byHand.createGroup(random.pick(['group0', 'group1', 'Others'])));
      return;
    case 'retitle':
      if (account) vendor.edit((byHand) => byHand.retitle(account.id, 'by hand'));
      return;
    case 'disable':
      if (account?.state !== 'enabled' || isOwn) return;
      vendor.edit((byHand) => byHand.setState(account.id, 'disabled'));
      records.touchedByHand.add(account.id);
      records.disabledFor.delete(account.id);
      return;
    case 'enable':
      if (account?.state !== 'disabled') return;
      vendor.edit((byHand) => byHand.setState(account.id, 'enabled'));
      records.touchedByHand.add(account.id);
      return;
    case 'delete':
      if (account && !account.isUntouchable && !isOwn)
        vendor.edit((byHand) => byHand.deleteAccount(account.id));
      return;
    case 'replace':
    case 'ban':
    case 'approve':
    case 'keepUserName':
    case 'makeGuest':
    case 'makeOnlyOwner':
      editAccountOf(vendor, records, model.humans[who], what);
      return;
    case 'join':
      if (account?.state !== 'enabled' || !group || group.members.has(account.id)) return;
      vendor.edit((byHand) => byHand.join(group.id, account.id, random.pick([10, 30, 40])));
      records.own.joinedByHand(group.id, account.id);
      return;
    case 'part':
      if (account && group && !isOwn) vendor.edit((byHand) => byHand.part(group.id, account.id));
  }
}

const ODDITIES = { keepUserName: 'keepsUserName', makeGuest: 'guest', makeOnlyOwner: 'onlyOwner' } as const;

function editAccountOf(
  vendor: SimulatedStore['vendor'],
  records: SimulatedStore['guard']['records'],
  human: Human | undefined,
  what: 'replace' | 'ban' | 'approve' | keyof typeof ODDITIES,
): void {
  const ids = human ? records.own.accountsOf(human) : [];
  const account = ids.flatMap((id) => vendor.holds.accounts.get(id) ?? []).at(-1);
  if (account && what === 'approve') vendor.edit((byHand) => byHand.approve(account.id));
  if (!human || account?.state !== 'enabled' || account.id === vendor.emulated.ownAccountId) return;
  if (what === 'approve') return;
  if (what === 'ban') {
    vendor.edit((byHand) => byHand.ban(account.id));
    return;
  }
  if (what !== 'replace') {
    vendor.edit((byHand) => byHand.makeOdd(account.id, ODDITIES[what]));
    return;
  }
  const made = vendor.edit((byHand) => byHand.replaceAccount(account.id));
  if (made === null) return;
  records.touchedByHand.add(made);
  if (records.sight.person(human)?.lifecycle === 'active') records.replaced.set(human.index, made);
}
