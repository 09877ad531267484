/** What admins and operators do to a store beside its settings: rules, mappings, pauses, single tasks. */

import { saveMappings } from '../src/control/mappings.ts';
import { pauseByAdmin, resumeByAdmin } from '../src/control/pause.ts';
import { createRule, removeRule, replaceRule, type Saved } from '../src/control/rules.ts';
import { discardTask, retryNow } from '../src/control/tasks.ts';
import { DEFAULT_ENVIRONMENT_ID } from '../src/db/identity/environments.ts';
import { getStore } from '../src/db/stores/stores.ts';
import type { AdminAction } from './actions.ts';
import { type Rule, type ScimGroup, Timeline } from './model.ts';
import type { SimulatedStore, World } from './world.ts';

const MANNER = { preview: false, widen: true };

export class Admin {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  async do(action: AdminAction, store: SimulatedStore, slots: ReadonlyMap<number, ScimGroup>): Promise<void> {
    switch (action.kind) {
      case 'addRule': {
        const group = action.group === null ? undefined : slots.get(action.group);
        if (action.group !== null && !group) return;
        return this.#addRule(store, action.title, group ? [group.id] : []);
      }
      case 'dropRule':
        return this.#dropRule(store);
      case 'switchRule':
        return this.#switchRule(store);
      case 'mapping':
        return this.#switchMapping(store, action.attribute);
      case 'pause':
        await pauseByAdmin(this.#deps(), store.id, this.#world.cause('pause'));
        return;
      case 'resume':
        return this.resume(store);
      case 'retryTask':
      case 'discardTask':
        return this.#changeTask(store, action.kind);
    }
  }

  async resume(store: SimulatedStore): Promise<void> {
    const record = await getStore(this.#world.db, store.id);
    if (record?.paused) await resumeByAdmin(this.#deps(), record, this.#world.cause('resume'));
  }

  #deps() {
    return this.#world.anyReplica().deps;
  }

  async #addRule(store: SimulatedStore, title: string | null, groups: readonly string[]): Promise<void> {
    const terms = { active: true, title, groups };
    const input = ruleInput(store, terms);
    const cause = this.#world.cause('rule');
    const saved = (await createRule(this.#deps(), DEFAULT_ENVIRONMENT_ID, input, MANNER, cause)) as Saved;
    this.#keep(store, [...this.#rules(store), { id: saved.rule.id, ...terms }]);
  }

  async #dropRule(store: SimulatedStore): Promise<void> {
    const [rule, ...others] = this.#rules(store);
    if (!rule) return;
    await removeRule(this.#deps(), DEFAULT_ENVIRONMENT_ID, rule.id, MANNER, this.#world.cause('rule'));
    this.#keep(store, others);
  }

  async #switchRule(store: SimulatedStore): Promise<void> {
    const [rule, ...others] = this.#rules(store);
    if (!rule) return;
    const after = { ...rule, active: !rule.active };
    const cause = this.#world.cause('rule');
    await replaceRule(this.#deps(), DEFAULT_ENVIRONMENT_ID, rule.id, ruleInput(store, after), MANNER, cause);
    this.#keep(store, [...others, after]);
  }

  #rules(store: SimulatedStore): readonly Rule[] {
    return this.#world.model.rules.get(store.id)?.now ?? [];
  }

  #keep(store: SimulatedStore, rules: readonly Rule[]): void {
    const { model } = this.#world;
    const timeline = model.rules.get(store.id) ?? new Timeline();
    model.rules.set(store.id, timeline);
    timeline.set(model.changed(), rules);
  }

  /** Un-maps the attribute, or leaves it to the type's own mapping again. */
  async #switchMapping(store: SimulatedStore, attribute: string): Promise<void> {
    const { model, db } = this.#world;
    const record = await getStore(db, store.id);
    if (!record) return;
    const timeline = model.unmapped.get(store.id) ?? everythingMapped();
    const unmapped = new Set(timeline.now);
    if (!unmapped.delete(attribute)) unmapped.add(attribute);
    const mappings = [...unmapped].map((targetAttribute) => ({ targetAttribute, sourceAttribute: null }));
    await saveMappings(this.#deps(), record, { mappings, groupMappings: [] }, this.#world.cause('mapping'));
    model.unmapped.set(store.id, timeline);
    timeline.set(model.changed(), unmapped);
  }

  async #changeTask(store: SimulatedStore, what: 'retryTask' | 'discardTask'): Promise<void> {
    const { db } = this.#world;
    const tasks = await db('tasks').where({ store_id: store.id }).orderBy('id').select('id', 'intent');
    if (tasks.length === 0) return;
    const task = this.#world.random.pick(tasks);
    const cause = this.#world.cause(what);
    if (what === 'retryTask') {
      await retryNow(this.#deps(), DEFAULT_ENVIRONMENT_ID, task.id, cause);
      return;
    }
    // What a task that is given up may have done at the vendor, nobody looks for.
    if (task.intent !== null) return;
    await discardTask(this.#deps(), DEFAULT_ENVIRONMENT_ID, task.id, cause);
    store.guard.diverged('a task was discarded');
  }
}

function everythingMapped(): Timeline<ReadonlySet<string>> {
  const timeline = new Timeline<ReadonlySet<string>>();
  timeline.set(0, new Set());
  return timeline;
}

function ruleInput(store: SimulatedStore, { active, title, groups }: Omit<Rule, 'id'>) {
  return {
    storeId: store.id,
    name: 'rule',
    active,
    populationExpression: title === null ? null : `title eq "${title}"`,
    groups,
  };
}
