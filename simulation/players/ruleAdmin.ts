/** Admins decide who and what is sent to a store: rules and mappings, through the admin API. */

import type { Rule, Timeline } from '../judges/model.ts';
import { isDone } from '../machine/ask.ts';
import type { SimulatedStore, World } from '../machine/world.ts';
import type { Attribute } from '../vendors/vendor.ts';

const PATH = '/propagation/rules';

export class RuleAdmin {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  async add(store: SimulatedStore, title: string | null, groups: readonly string[]): Promise<void> {
    const rule = { id: '', active: true, title, groups };
    await this.#change(store, [...this.#now(store), rule], async () => {
      const reply = await this.#world.admin('POST', PATH, ruleBody(store, rule));
      if (isDone(reply)) rule.id = reply.body.id;
      return isDone(reply);
    });
  }

  /** Without its last rule everybody is in scope, and the admin accepts that. */
  async drop(store: SimulatedStore): Promise<void> {
    const [rule, ...others] = this.#now(store);
    if (!rule) return;
    await this.#change(store, others, async () =>
      isDone(await this.#world.admin('DELETE', `${PATH}/${rule.id}?widen=true`)),
    );
  }

  async switch(store: SimulatedStore): Promise<void> {
    const [rule, ...others] = this.#now(store);
    if (!rule) return;
    const after = { ...rule, active: !rule.active };
    await this.#change(store, [...others, after], async () =>
      isDone(await this.#world.admin('PUT', `${PATH}/${rule.id}?widen=true`, ruleBody(store, after))),
    );
  }

  #now(store: SimulatedStore): readonly Rule[] {
    return this.#world.model.rules.get(store.id)?.now ?? [];
  }

  async #change(store: SimulatedStore, rules: readonly Rule[], ask: () => Promise<boolean>): Promise<void> {
    const { model } = this.#world;
    await model.change(model.rules.get(store.id) as Timeline<readonly Rule[]>, rules, ask);
  }

  /** Removes the attribute from the mapping, or restores the type's own mapping. */
  async switchMapping(store: SimulatedStore, attribute: Attribute): Promise<void> {
    const { model } = this.#world;
    const { unmappable } = store.vendor.traits;
    const timeline = model.unmapped.get(store.id);
    if (!timeline || unmappable[attribute] === undefined) return;
    const unmapped = new Set(timeline.now);
    if (!unmapped.delete(attribute)) unmapped.add(attribute);
    await model.change(timeline, unmapped, () => this.map(store, unmapped));
  }

  /** Maps everything that the type or the admin maps, except these. */
  async map(store: SimulatedStore, unmapped: ReadonlySet<Attribute>): Promise<boolean> {
    const { unmappable, mappings: own } = store.vendor.traits;
    const names = [...unmapped].map((name) => unmappable[name]);
    const mappings = [
      ...own.filter(({ targetAttribute }) => !names.includes(targetAttribute)),
      ...names.map((targetAttribute) => ({ targetAttribute, sourceAttribute: null })),
    ];
    const path = `/propagation/stores/${store.id}/mappings`;
    return isDone(await this.#world.admin('PUT', path, { mappings, groupMappings: [] }));
  }
}

function ruleBody(store: SimulatedStore, { active, title, groups }: Rule) {
  return {
    storeId: store.id,
    name: 'rule',
    active,
    populationExpression: title === null ? null : `title eq "${title}"`,
    groups: groups.map((id) => ({ id })),
  };
}
