/**
 * Judges what each store holds once everything is quiet. It follows the tables of docs/design.md and product.md, and
 * computes from the directory, the settings and admins' decisions. It reads three claims of the bridge and checks
 * them: whose each account is, which losses are held, and what the audit log says.
 */

import type { SimulatedStore, World } from '../machine/world.ts';
import { keysOfHeld, type ListedLoss, lossOfListed, readKey } from './changeKeys.ts';
import { judgeGivenBack } from './givenBack.ts';
import { judgeGroups } from './oracleGroups.ts';
import { judgePeople } from './oraclePeople.ts';
import type { Records } from './records.ts';

export interface Claim {
  readonly remoteId: string;
  readonly state: string;
}

/** What the bridge claims. */
export interface Claims {
  /** By person. */
  readonly users: ReadonlyMap<string, Claim>;
  /** By SCIM group. */
  readonly groups: ReadonlyMap<string, Claim>;
  /** Losses that wait for an admin, or that one declined. */
  readonly undecided: ReadonlySet<string>;
  /** By person, the sentence where the vendor did not take everything. */
  readonly statuses: ReadonlyMap<string, string | undefined>;
  /** People who still have access that they should lose, as the bridge says. */
  readonly openLeavers: ReadonlySet<string>;
  /** By loss, what became of it, where an admin wanted a loss back. */
  readonly losses: ReadonlyMap<string, string>;
}

/** Answers every difference between what is and what must be, in words. */
export async function judge(world: World): Promise<readonly string[]> {
  const complaints: string[] = [];
  for (const store of world.stores) {
    const { records } = store.guard;
    const claims = await claimsOf(world, store);
    const found = [
      ...judgePeople(records, claims),
      ...judgeGroups(records, claims),
      ...judgeGivenBack(records, claims),
      ...(await judgeAudit(world, records)),
    ];
    complaints.push(...found.map((what) => `${store.vendor.traits.type}: ${what}`));
  }
  return complaints;
}

async function claimsOf(world: World, store: SimulatedStore): Promise<Claims> {
  const path = `/propagation/stores/${store.id}`;
  const users = new Map<string, Claim>();
  const groups = new Map<string, Claim>();
  for (const { subject, remoteId, state } of await everyItem(world, `${path}/links`, 'links')) {
    if (state !== 'removed') (subject.kind === 'user' ? users : groups).set(subject.id, { remoteId, state });
  }
  const held = await everyItem(world, `${path}/held`, 'held');
  const declined = await declinedLosses(world, store);
  const statuses = new Map<string, string | undefined>();
  const { keepsTitles, refusesNames } = store.guard.records;
  const isOdd = [...store.vendor.holds.accounts.values()].some(({ oddities }) => oddities.size > 0);
  if (keepsTitles || refusesNames || isOdd)
    for (const id of users.keys()) statuses.set(id, await statusOf(world, id, store.id));
  const status = await world.admin('GET', `${path}/syncStatus`);
  const leavers: { subject: { id: string } }[] = status.body.openLeavers;
  const openLeavers = new Set(leavers.map(({ subject }) => subject.id));
  return {
    users,
    groups,
    statuses,
    openLeavers,
    losses: await becomeOf(world, store),
    undecided: new Set([...declined, ...held.flatMap(keysOfHeld)]),
  };
}

async function becomeOf(world: World, { guard }: SimulatedStore): Promise<ReadonlyMap<string, string>> {
  const losses = new Map<string, string>();
  if (guard.records.decisions.wishes.length === 0) return losses;
  for (const { id } of await everyItem(world, '/propagation/incidents', 'incidents')) {
    for (const { items } of await everyItem(world, `/propagation/incidents/${id}/people`, 'people'))
      for (const item of items) losses.set(item.id, item.state);
  }
  return losses;
}

/** Losses that an admin discarded once, unless the bridge says that all is as it should be now. */
async function declinedLosses(world: World, store: SimulatedStore): Promise<readonly string[]> {
  const { id, guard } = store;
  const declined: string[] = [];
  for (const key of new Set([...guard.records.decisions.discarded, ...(await calledOff(world, store))])) {
    const { op, subjectId } = readKey(key);
    const isSynced = op !== 'revoke' && (await statusOf(world, subjectId, id)) === 'synced';
    if (!isSynced) declined.push(key);
  }
  return declined;
}

/**
 * Losses of a request that a store had not taken when an admin undid it, and that the bridge lists as discarded or
 * given back with the incident. A decision ends when the person comes or leaves, but not when only their identity
 * changes.
 */
async function calledOff(world: World, { id, guard }: SimulatedStore): Promise<readonly string[]> {
  const { decisions, model } = guard.records;
  const keys: string[] = [];
  for (const { incidentId, tick } of decisions.undone) {
    const path = `/propagation/incidents/${incidentId}/people`;
    for (const { id: personId, items } of await everyItem(world, path, 'people')) {
      const [then, ...later] = model.byPerson(personId)?.standing.since(tick) ?? [];
      const isAnew = later.some(({ lifecycle }) => lifecycle !== then?.lifecycle);
      const mine = (items as readonly ListedLoss[]).filter(
        ({ store, state, op }) =>
          store.id === id && ['discarded', 'undone'].includes(state) && (op === 'update' || !isAnew),
      );
      keys.push(...mine.flatMap((item) => lossOfListed(personId, item).keys));
    }
  }
  return keys;
}

async function statusOf(world: World, personId: string, storeId: string): Promise<string | undefined> {
  const { body } = await world.admin('GET', `/users/${personId}/syncStatus`);
  const stores: { store: { id: string }; status: string }[] = body._embedded.stores;
  return stores.find(({ store }) => store.id === storeId)?.status;
}

/** Every write at the vendor is in the audit log, under the correlation id of a request. */
async function judgeAudit(world: World, { storeId, deeds, vendor }: Records): Promise<readonly string[]> {
  const complaints: string[] = [];
  const said = new Set<string>();
  for (const event of await everyItem(world, `/events?storeId=${storeId}`, 'events')) {
    if (!event.correlationId) complaints.push(`${event.kind} has no correlation id`);
    said.add(`${String(event.kind).split('.')[1]} ${event.subject?.id}`);
  }
  for (const { write, subjects, caller } of deeds) {
    // No later look can find a request that arrives after it.
    if (caller === 'gaveUp') continue;
    const ops = [write.op, ...(write.op === 'create' ? ['adopt'] : [])];
    // The audit log tells what was tried, and the result.
    if (write.kind === 'user' && vendor.holds.accounts.get(write.accountId)?.oddities.has('onlyOwner'))
      ops.push('delete');
    const ids = subjects.map((subject) => ('personId' in subject ? subject.personId : subject.id));
    if (!ops.some((op) => ids.some((id) => said.has(`${op} ${id}`))))
      complaints.push(`${write.op} of ${ids.join(' or ')} is not in the audit log`);
  }
  return complaints;
}

/** All pages of a list. */
// biome-ignore lint/suspicious/noExplicitAny: each list has items of its own
async function everyItem(world: World, path: string, name: string): Promise<any[]> {
  const items: unknown[] = [];
  const first = `${path}${path.includes('?') ? '&' : '?'}limit=1000`;
  for (let next: string | null = first; next !== null; ) {
    const { body } = await world.admin('GET', next);
    items.push(...body._embedded[name]);
    const link: string | undefined = body._links.next?.href;
    next = link === undefined ? null : link.slice(link.indexOf(world.basePath) + world.basePath.length);
  }
  return items;
}
