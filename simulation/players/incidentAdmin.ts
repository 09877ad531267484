/** Admins decide about incidents, once for all stores, through the admin API. */

import { type ListedLoss, type LossItem, lossOfListed } from '../judges/changeKeys.ts';
import type { SimulatedStore, World } from '../machine/world.ts';
import type { Admin } from './admin.ts';

const PATH = '/propagation/incidents';
/** More losses than anybody has in one history. */
const PAGE = 'limit=1000';

export type IncidentVerb = 'approve' | 'discard' | 'undo';

interface Listed {
  readonly storeId: string;
  readonly state: string;
  readonly loss: LossItem;
}

export class IncidentAdmin {
  readonly #world: World;
  readonly #admin: Admin;

  constructor(world: World, admin: Admin) {
    this.#world = world;
    this.#admin = admin;
  }

  /** Decides the newest incident, for all of its people or for some. */
  async decide(verb: IncidentVerb, all: boolean): Promise<void> {
    const { stores, random } = this.#world;
    const { body } = await this.#world.admin('GET', `${PATH}?limit=1`);
    const incidentId: string | undefined = body._embedded.incidents[0]?.id;
    if (incidentId === undefined) return;
    const people = new Set((await this.#losses(incidentId)).map(({ loss }) => loss.personId));
    const personIds = [...people].filter(() => all || random.chance(0.5));
    if (personIds.length === 0) return;
    const held = await this.#heldIds();
    // The decision may be carried out before its answer tells which losses it covers.
    for (const { guard } of stores) guard.records.decisions.asked = verb;
    const selection = all ? { all: true } : { personIds };
    const reply = await this.#world.admin('POST', `${PATH}/${incidentId}/${verb}`, selection);
    const ids = new Set<string>(reply.body.ids);
    const decided = (await this.#losses(incidentId)).filter(({ loss }) => ids.has(loss.id));
    for (const store of stores) {
      const mine = decided.filter(({ storeId }) => storeId === store.id);
      if (verb === 'undo') store.guard.records.decisions.undo(incidentId);
      this.#note(store, verb, mine);
      store.guard.records.decisions.asked = null;
    }
    if (verb === 'approve') await this.#renew(held, decided);
  }

  /** An approval that leaves nothing held starts a new window of the brake. */
  async #renew(held: ReadonlyMap<string, readonly string[]>, approved: readonly Listed[]): Promise<void> {
    const left = await this.#heldIds();
    const ids = new Set(approved.map(({ loss }) => loss.id));
    for (const { id, guard } of this.#world.stores) {
      if (!approved.some(({ storeId }) => storeId === id)) continue;
      const isLast = left.get(id)?.length === 0 || held.get(id)?.every((lossId) => ids.has(lossId));
      if (isLast) guard.records.brake.renew(guard.records.now());
    }
  }

  /** By store. */
  async #heldIds(): Promise<ReadonlyMap<string, readonly string[]>> {
    const held = new Map<string, readonly string[]>();
    for (const store of this.#world.stores)
      held.set(
        store.id,
        (await this.#admin.held(store)).map(({ id }) => id),
      );
    return held;
  }

  #note(store: SimulatedStore, verb: IncidentVerb, losses: readonly Listed[]): void {
    const { decisions } = store.guard.records;
    for (const { loss, state } of losses) {
      if (verb === 'approve') decisions.approve(loss.keys);
      // A held loss, or an approved one that is not taken yet, must not happen.
      else if (verb === 'discard' || state === 'discarded') decisions.discard(loss);
      else decisions.wantBack(loss, state === 'undone');
    }
  }

  async #losses(incidentId: string): Promise<readonly Listed[]> {
    const { body } = await this.#world.admin('GET', `${PATH}/${incidentId}/people?${PAGE}`);
    const people: { id: string; items: ListedLoss[] }[] = body._embedded.people;
    return people.flatMap(({ id, items }) =>
      items.map((item) => ({
        storeId: item.store.id,
        state: item.state,
        loss: lossOfListed(id, item),
      })),
    );
  }
}
