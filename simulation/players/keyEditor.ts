/** Changes keys and levels at a vendor by hand, where they are as the directory wants them. */

import type { KeyEdit } from '../judges/keysByHand.ts';
import type { Human } from '../judges/model.ts';
import type { SimulatedStore, World } from '../machine/world.ts';
import type { Account, Group } from '../vendors/vendor.ts';
import type { Link } from './admin.ts';

type Key = 'email' | 'userName';
type Edit = 'renameGroup' | 'readdress' | 'rename' | 'swapAddresses' | 'swapUserNames' | 'lower' | 'raise';

interface Owned {
  readonly human: Human;
  readonly account: Account;
}

interface Fed {
  readonly groupId: string;
  readonly group: Group;
}

export class KeyEditor {
  readonly #world: World;
  readonly #store: SimulatedStore;
  readonly #accounts: readonly Owned[];
  readonly #groups: readonly Fed[];
  readonly #edits: KeyEdit[] = [];

  constructor(world: World, store: SimulatedStore, links: readonly Link[]) {
    this.#world = world;
    this.#store = store;
    this.#accounts = links.flatMap((link) => ownedBy(store, link));
    this.#groups = links.flatMap((link) => fedBy(store, link, links));
    const { own } = store.guard.records;
    for (const { human, account } of this.#accounts) own.owners.set(account.id, human.index);
    for (const { group } of this.#groups) own.knewGroup(group.id);
  }

  /** Fewer edits where there is nothing left to edit. */
  edit(times: number, of: 'groups' | 'all'): readonly KeyEdit[] {
    const { traits } = this.#store.vendor;
    const names = traits.mapsUserName ? (['rename', 'swapUserNames'] as const) : [];
    const levels = traits.grantedLevel === null ? [] : (['lower', 'raise'] as const);
    const ofAccounts = of === 'all' ? (['readdress', 'swapAddresses', ...names] as const) : [];
    // Nobody knows before a first scan how a group is named that was found by its path after an unheard creation.
    const isNameKnown = of === 'all' || !traits.groupsHavePaths;
    const ofGroups = isNameKnown ? (['renameGroup'] as const) : [];
    const edits: readonly Edit[] = [...ofGroups, ...ofAccounts, ...levels];
    for (let time = 0; time < times; time++) this.#one(this.#world.random.pick(edits));
    if (this.#edits.length > 0) this.#store.guard.diverged(`by hand: ${JSON.stringify(this.#edits)}`);
    return this.#edits;
  }

  #one(what: Edit): void {
    switch (what) {
      case 'renameGroup':
        this.#renameGroup(`by hand ${this.#next()}`);
        return;
      case 'readdress':
        this.#give('email', this.#some('email', 1), [`hand${this.#next()}@acme.example`]);
        return;
      case 'rename':
        this.#give('userName', this.#some('userName', 1), [`hand${this.#next()}`]);
        return;
      case 'swapAddresses':
        this.#swap('email');
        return;
      case 'swapUserNames':
        this.#swap('userName');
        return;
      case 'lower':
      case 'raise':
        this.#level(what);
    }
  }

  /** Two people, or three in a circle. */
  #swap(what: Key): void {
    const people = this.#some(what, this.#world.random.int(2, 3));
    const [first, ...others] = people.map(({ account }) => account.attributes[what]);
    if (first === undefined || others.length === 0) return;
    const values = [...others, first];
    // A value that a vendor shows again right after its repair counts as the vendor's own.
    const { givenByHand } = this.#store.guard.records;
    if (people.every(({ account }, index) => !givenByHand.has(`${account.id} ${values[index]}`)))
      this.#give(what, people, values);
  }

  #next(): number {
    return this.#store.guard.records.givenByHand.size;
  }

  /** So many different people whose key nobody has edited. */
  #some(what: Key, count: number): readonly Owned[] {
    // A repair gives an account that came with a name of its own the directory's name.
    const isTheirs = ({ human, account }: Owned) =>
      what === 'email' || account.attributes.userName === human.standing.now?.userName.split('@')[0];
    const isEdited = ({ account }: Owned) =>
      this.#edits.some((edit) => edit.what === what && edit.remoteId === account.id);
    const free = this.#accounts.filter((owned) => isTheirs(owned) && !isEdited(owned));
    const some: Owned[] = [];
    while (some.length < count && some.length < free.length) {
      const one = this.#world.random.pick(free);
      if (!some.includes(one)) some.push(one);
    }
    return some;
  }

  #give(what: Key, people: readonly Owned[], values: readonly string[]): void {
    const { vendor, guard } = this.#store;
    for (const [index, { human, account }] of people.entries()) {
      const to = values[index] ?? '';
      vendor.edit((byHand) =>
        what === 'email' ? byHand.readdress(account.id, to) : byHand.rename(account.id, to),
      );
      guard.records.givenByHand.add(`${account.id} ${to}`);
      this.#edits.push({
        ...{ what, remoteId: account.id, subjectId: human.personId ?? '' },
        ...{ from: account.attributes[what], to },
        ...{ isDrift: true, isRepaired: guard.records.sight.meaning.updateUsers },
      });
    }
  }

  #renameGroup(to: string): void {
    const free = this.#groups.filter(
      ({ group }) => !this.#edits.some((edit) => edit.what === 'name' && edit.remoteId === group.id),
    );
    if (free.length === 0) return;
    const { groupId, group } = this.#world.random.pick(free);
    this.#store.vendor.edit((byHand) => byHand.renameGroup(group.id, to));
    this.#store.guard.records.givenByHand.add(`${group.id} ${to}`);
    const isOurs = this.#store.guard.records.sight.meaning.groups === 'Create';
    this.#edits.push({
      ...{ what: 'name', remoteId: group.id, subjectId: groupId, from: group.name, to },
      ...{ isDrift: isOurs, isRepaired: isOurs },
    });
  }

  #level(what: 'lower' | 'raise'): void {
    const { random } = this.#world;
    const { vendor, guard } = this.#store;
    const granted = vendor.traits.grantedLevel;
    const members = this.#groups.flatMap(({ groupId, group }) =>
      this.#accounts
        .filter(
          ({ human, account }) =>
            group.members.get(account.id) === granted &&
            guard.records.own.wantedAt(guard.records.model.tick, group.id, account.id) &&
            !this.#edits.some((edit) => edit.member === account.id && edit.remoteId === group.id) &&
            human.personId !== null,
        )
        .map((owned) => ({ ...owned, groupId, group })),
    );
    if (members.length === 0 || granted === null) return;
    const { group, groupId, account, human } = random.pick(members);
    const level = what === 'lower' ? granted - 20 : granted + 10;
    vendor.edit((byHand) => byHand.join(group.id, account.id, level));
    const isOurs = what === 'lower' && guard.records.sight.meaning.groups !== 'Off';
    this.#edits.push({
      ...{ what: 'level', remoteId: group.id, member: account.id, subjectId: groupId },
      ...{ memberId: human.personId ?? '', from: String(granted), to: String(level) },
      ...{ isDrift: isOurs, isRepaired: isOurs },
    });
  }
}

/** An active person's account that is as the directory wants it, and that the bridge may change. */
export function ownedBy(
  { vendor, guard }: SimulatedStore,
  { subject, remoteId, state }: Link,
): readonly Owned[] {
  const { model, sight, decisions } = guard.records;
  const human = model.byPerson(subject.id);
  const account = vendor.holds.accounts.get(remoteId);
  const standing = human && sight.person(human);
  if (!human || !account || state !== 'enabled' || account.state !== 'enabled') return [];
  if (standing?.lifecycle !== 'active' || account.oddities.size > 0 || account.isUntouchable) return [];
  if (account.attributes.email !== standing.email.toLowerCase() || guard.records.isSpared(account.id))
    return [];
  const isDecided = [...decisions.discarded].some((key) => key.includes(subject.id));
  return isDecided ? [] : [{ human, account }];
}

/** A group there that one SCIM group feeds, under its name. */
function fedBy(
  { vendor, guard }: SimulatedStore,
  { subject, remoteId }: Link,
  links: readonly Link[],
): readonly Fed[] {
  const { model, sight, own } = guard.records;
  const scim = model.groupOf(subject.id);
  const group = vendor.holds.groups.get(remoteId);
  const standing = scim && sight.group(scim);
  if (!scim || !group || !standing?.live || group.name !== standing.name) return [];
  if (links.filter((link) => link.subject.kind === 'group' && link.remoteId === remoteId).length > 1)
    return [];
  if (guard.records.isProtectedGroup([group.key, group.name], [sight.meaning])) return [];
  // The name of a group that was found by its path is nobody's business, also if the bridge had made it once.
  const wasAlwaysFed =
    sight.meaningsSince(0).every(({ groups }) => groups === 'Create') &&
    own.feeding(remoteId).length === 1 &&
    ticksSince(scim.standing.began, model.tick).every((tick) => sight.group(scim, tick)?.live);
  const isNamed = !vendor.traits.groupsHavePaths || (own.createdGroups.has(remoteId) && wasAlwaysFed);
  return isNamed ? [{ groupId: subject.id, group }] : [];
}

function ticksSince(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
