/** What admins say about incidents, which is decided once for all stores: over the admin API. */

import { type ListedLoss, type LossItem, lossOfListed } from '../judges/changeKeys.ts';
import type { SimulatedStore, World } from '../machine/world.ts';

const PATH = '/propagation/incidents';
/** More than anybody loses in one history. */
const PAGE = 'limit=1000';

export type IncidentVerb = 'approve' | 'discard' | 'undo';

interface Listed {
  readonly storeId: string;
  readonly state: string;
  readonly loss: LossItem;
}

export class IncidentAdmin {
  readonly #world: World;
  readonly #held: (store: SimulatedStore) => Promise<readonly { readonly id: string }[]>;

  constructor(world: World, held: (store: SimulatedStore) => Promise<readonly { readonly id: string }[]>) {
    this.#world = world;
    this.#held = held;
  }

  /** The newest one, for all whom it concerns or for some. */
  async decide(verb: IncidentVerb, all: boolean): Promise<void> {
    const { stores, random } = this.#world;
    const { body } = await this.#world.admin('GET', `${PATH}?limit=1`);
    const incidentId: string | undefined = body._embedded.incidents[0]?.id;
    if (incidentId === undefined) return;
    const people = new Set((await this.losses(incidentId)).map(({ loss }) => loss.personId));
    const personIds = [...people].filter(() => all || random.chance(0.5));
    if (personIds.length === 0) return;
    const held = new Map<SimulatedStore, readonly { readonly id: string }[]>();
    for (const store of stores) held.set(store, await this.#held(store));
    for (const { guard } of stores) guard.records.decisions.asked = verb;
    const selection = all ? { all: true } : { personIds };
    const reply = await this.#world.admin('POST', `${PATH}/${incidentId}/${verb}`, selection);
    const ids = new Set<string>(reply.body.ids);
    const decided = (await this.losses(incidentId)).filter(({ loss }) => ids.has(loss.id));
    for (const store of stores) {
      const mine = decided.filter(({ storeId }) => storeId === store.id);
      this.#note(store, verb, incidentId, mine);
      store.guard.records.decisions.asked = null;
    }
    if (verb !== 'approve') return;
    for (const store of stores) {
      const before = held.get(store) ?? [];
      const some = decided.some(({ storeId }) => storeId === store.id);
      const isLast = before.every(({ id }) => ids.has(id)) || (await this.#held(store)).length === 0;
      if (some && isLast) store.guard.records.brake.renew(store.guard.records.now());
    }
  }

  #note(store: SimulatedStore, verb: IncidentVerb, incidentId: string, losses: readonly Listed[]): void {
    const { decisions } = store.guard.records;
    for (const { loss, state } of losses) {
      if (verb === 'approve') decisions.approve(loss.keys);
      // What was held, or approved and not done yet, is not to happen.
      else if (verb === 'discard' || state === 'discarded') decisions.discard(loss);
      else decisions.wantBack(incidentId, loss, state === 'undone');
    }
  }

  async losses(incidentId: string): Promise<readonly Listed[]> {
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
