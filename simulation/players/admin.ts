/** The admins of a history: stores and settings, decisions and operations, all through the admin API. */

import type { AdminAction } from '../actions.ts';
import { type HeldItem, keysOf, keysOfHeld, lossesOfHeld, type ShownChange } from '../judges/changeKeys.ts';
import { type Rule, type ScimGroup, type Settings, Timeline } from '../judges/model.ts';
import { brakeSettings, changeSetting } from '../judges/settings.ts';
import { isDone, type Reply } from '../machine/ask.ts';
import type { SimulatedStore, World } from '../machine/world.ts';
import type { Attribute } from '../vendors/vendor.ts';
import { RuleAdmin } from './ruleAdmin.ts';

/** The API shows this for a secret, and accepts it back. */
const MASK = '********';
const SECRETS = ['OAUTH_ACCESS_TOKEN', 'ACCESS_TOKEN'];
const NOTHING_IN_THE_WAY: Settings = {
  BRAKE_PERCENT: 100,
  CREATE_USERS: true,
  DISABLE_USERS: true,
  DEPROVISION_USERS: true,
  GROUP_PROVISIONING: 'Create',
  PROTECTED_ACCOUNTS: [],
  PROTECTED_GROUPS: [],
};
const PAGE = 'limit=1000';
const ASKED_EVERY_MS = 2_000;
const ASKED_MAX = 200;

export class Admin {
  readonly #world: World;
  readonly #rules: RuleAdmin;

  constructor(world: World) {
    this.#world = world;
    this.#rules = new RuleAdmin(world);
  }

  /** Opens the environment of the history, its connection, and the identity provider's token. */
  async open(): Promise<void> {
    const world = this.#world;
    world.basePath = '/v1/environments';
    const environment = made(await world.admin('POST', '', { name: 'Acme' }));
    world.basePath += `/${environment.id}`;
    const connection = made(await world.admin('POST', '/connections', { name: 'IdP', strategy: 'scim' }));
    const tokens = `/connections/${connection.id}/scim-configuration/tokens`;
    world.scimToken = made(await world.admin('POST', tokens, {})).token;
  }

  /** Active from the start. */
  async createStore(store: SimulatedStore): Promise<void> {
    const { model, random, themes } = this.#world;
    const settings: Settings = {
      GROUP_PROVISIONING: 'Create',
      PARALLEL_CHANGES: themes.parallel,
      ...(random.chance(0.7) ? brakeSettings(random) : {}),
    };
    const timeline = new Timeline<Settings>();
    await model.change(timeline, settings, async () => {
      const body = storeBody(store, settings, store.vendor.emulated.configuration);
      const created = made(await this.#world.admin('POST', '/propagation/stores', body));
      this.#world.named(store, created.id);
      model.settings.set(created.id, timeline);
      model.rules.set(created.id, emptyTimeline<readonly Rule[]>([]));
      model.unmapped.set(created.id, emptyTimeline<ReadonlySet<Attribute>>(new Set()));
      if (store.vendor.traits.mappings.length > 0) await this.#rules.map(store, new Set());
      return true;
    });
  }

  async do(action: AdminAction, store: SimulatedStore, slots: ReadonlyMap<number, ScimGroup>): Promise<void> {
    switch (action.kind) {
      case 'settings':
        return this.#changeSettings(store, (now) =>
          changeSetting(this.#world.random, store.vendor.traits, now),
        );
      case 'configure':
        return this.change(store, action.settings);
      case 'approvalMode':
        return this.#changeSettings(store, (now) => ({
          ...now,
          APPLY_MODE: now.APPLY_MODE === 'Approval' ? 'Automatic' : 'Approval',
        }));
      case 'addRule': {
        const group = action.group === null ? undefined : slots.get(action.group);
        if (action.group !== null && !group) return;
        return this.#rules.add(store, action.title, group ? [group.id] : []);
      }
      case 'dropRule':
        return this.#rules.drop(store);
      case 'switchRule':
        return this.#rules.switch(store);
      case 'mapping':
        return this.#rules.switchMapping(store, action.attribute);
      case 'pause':
        await this.#ask(store, 'POST', '/pause', {});
        return;
      case 'resume':
        await this.resume(store);
        return;
      case 'retryTask':
      case 'discardTask':
        return this.#changeTask(store, action.kind);
      case 'approve':
      case 'discard':
        return this.decide(store, action.kind, action.all);
      case 'sync':
        return this.sync(store, action.repair);
      case 'apply':
        return this.#apply(store, action.includeHeld);
    }
  }

  #ask(store: SimulatedStore, method: 'GET' | 'POST' | 'PUT', path: string, body?: object): Promise<Reply> {
    return this.#world.admin(method, `/propagation/stores/${store.id}${path}`, body);
  }

  async #changeSettings(store: SimulatedStore, change: (now: Settings) => Settings): Promise<void> {
    const timeline = this.#world.model.settings.get(store.id) as Timeline<Settings>;
    const settings = change(timeline.now ?? {});
    await this.#world.model.change(timeline, settings, async () => {
      const masked = Object.entries(store.vendor.emulated.configuration).map(([key, value]) => [
        key,
        SECRETS.includes(key) ? MASK : value,
      ]);
      return isDone(
        await this.#ask(store, 'PUT', '', storeBody(store, settings, Object.fromEntries(masked))),
      );
    });
  }

  change(store: SimulatedStore, settings: Settings): Promise<void> {
    return this.#changeSettings(store, (now) => ({ ...now, ...settings }));
  }

  /** Changes settings so that nothing prevents anybody from leaving or arriving. */
  free(store: SimulatedStore): Promise<void> {
    return this.change(store, NOTHING_IN_THE_WAY);
  }

  async resume(store: SimulatedStore): Promise<boolean> {
    return isDone(await this.#ask(store, 'POST', '/resume', {}));
  }

  async sync(store: SimulatedStore, repair: boolean): Promise<void> {
    await this.#ask(store, 'POST', '/sync', { repair });
  }

  /** Asks for a sync; answers how it ended, and what it found changed by hand. */
  async syncedTo(store: SimulatedStore, repair: boolean): Promise<SyncEnd> {
    const started = await this.#ask(store, 'POST', '/sync', { repair });
    let run: SyncEnd = started.body;
    for (let asked = 0; run.state === 'QUEUED' || run.state === 'RUNNING'; asked++) {
      if (asked === ASKED_MAX) throw new Error('a sync does not end');
      await this.#world.sleep(ASKED_EVERY_MS);
      run = (await this.#ask(store, 'GET', `/syncs/${started.body.id}`)).body;
    }
    return run;
  }

  /** Whose each account and group is, and in which state, as the bridge says. */
  async links(store: SimulatedStore): Promise<readonly Link[]> {
    return (await this.#ask(store, 'GET', `/links?${PAGE}`)).body._embedded.links;
  }

  async held(store: SimulatedStore): Promise<readonly HeldItem[]> {
    return (await this.#ask(store, 'GET', `/held?${PAGE}`)).body._embedded.held;
  }

  async decide(store: SimulatedStore, what: 'approve' | 'discard', all: boolean): Promise<void> {
    const { decisions, brake } = store.guard.records;
    const open = await this.held(store);
    const chosen = open.filter(() => all || this.#world.random.chance(0.5));
    if (chosen.length === 0) return;
    const ids = chosen.map(({ id }) => id);
    decisions.asked = what;
    const isDecided = isDone(await this.#ask(store, 'POST', `/held/${what}`, { ids }));
    decisions.asked = null;
    if (!isDecided) return;
    if (what === 'discard') {
      for (const loss of chosen.flatMap(lossesOfHeld)) decisions.discard(loss);
      return;
    }
    decisions.approve(chosen.flatMap(keysOfHeld));
    const left = await this.held(store);
    if (chosen.length === open.length || left.length === 0) brake.renew(store.guard.records.now());
  }

  async #apply(store: SimulatedStore, includeHeld: boolean): Promise<void> {
    const preview = await this.preview(store);
    if (preview !== null) await this.applyPreview(store, preview, includeHeld);
  }

  async applyPreview(store: SimulatedStore, preview: Preview, includeHeld: boolean): Promise<void> {
    const { permitted, decisions } = store.guard.records;
    const keys = preview.changes.flatMap(keysOf);
    for (const key of keys) permitted.add(key);
    if (includeHeld) {
      decisions.approve(keys);
      for (const key of keys) decisions.applied.add(key);
      for (const change of preview.changes.filter(({ held }) => held))
        for (const key of keysOf(change)) decisions.appliedHeld.add(key);
    }
    await this.#ask(store, 'POST', `/preview/${preview.id}/apply`, { includeHeld });
  }

  /** Null where the bridge refused it, or it failed. */
  async preview(store: SimulatedStore): Promise<Preview | null> {
    const started = await this.#ask(store, 'POST', '/preview', {});
    if (!isDone(started)) return null;
    const { id } = started.body;
    let { state } = started.body;
    for (let asked = 0; state === 'RUNNING'; asked++) {
      if (asked === ASKED_MAX) throw new Error('a preview does not end');
      await this.#world.sleep(ASKED_EVERY_MS);
      ({ state } = (await this.#ask(store, 'GET', `/preview/${id}`)).body);
    }
    if (state !== 'DONE') return null;
    await this.#world.sleep(this.#world.random.int(0, 3_000));
    const listed = await this.#ask(store, 'GET', `/preview/${id}/changes?${PAGE}`);
    return { id, changes: listed.body._embedded.changes };
  }

  async #changeTask(store: SimulatedStore, what: 'retryTask' | 'discardTask'): Promise<void> {
    const listed = await this.#world.admin('GET', `/propagation/tasks?storeId=${store.id}&${PAGE}`);
    const tasks: Task[] = listed.body._embedded.tasks;
    if (tasks.length === 0) return;
    const task = this.#world.random.pick(tasks);
    if (what === 'retryTask') return this.retry(task.id);
    // When a task is given up, nobody looks for what it may have done at the vendor.
    if (this.#world.isTried(store, task.subject.id, Date.parse(task.createdAt))) return;
    await this.#world.admin('POST', `/propagation/tasks/${task.id}/discard`, {});
    store.guard.diverged('a task was discarded');
  }

  async retry(taskId: string): Promise<void> {
    await this.#world.admin('POST', `/propagation/tasks/${taskId}/retry`, {});
  }

  /** The ids of tasks in this state, for all stores. */
  async tasks(state: 'pending' | 'parked'): Promise<readonly string[]> {
    const listed = await this.#world.admin('GET', `/propagation/tasks?state=${state}&${PAGE}`);
    return listed.body._embedded.tasks.map(({ id }: Task) => id);
  }

  /** Each pending task in full, for a person who wants to know why a history does not come to rest. */
  async unsettled(): Promise<readonly Task[]> {
    const listed = await this.#world.admin('GET', `/propagation/tasks?state=pending&${PAGE}`);
    return listed.body._embedded.tasks;
  }

  /** Whether nothing of the store waits or is under way, as the bridge says. */
  async isSettled(store: SimulatedStore): Promise<boolean> {
    const status: SyncStatus = (await this.#ask(store, 'GET', '/syncStatus')).body;
    const { syncState, pendingCount, openLeavers } = status;
    const waiting = openLeavers.filter(
      ({ subject, task }) => task === 'pending' && isUnapproved(store, subject.id),
    ).length;
    const isTriedAgain = openLeavers.some(
      ({ subject, task }) => task === 'pending' && !isUnapproved(store, subject.id),
    );
    // A failed leaver is tried again within the hour; a pull does not queue it at once.
    if (this.#world.pulled && isTriedAgain) return false;
    if (pendingCount > 0 && pendingCount === waiting) return syncState !== 'PAUSED';
    return pendingCount === 0 && syncState !== 'SYNCING' && syncState !== 'PAUSED';
  }
}

export interface Preview {
  readonly id: string;
  readonly changes: readonly ShownChange[];
}

export interface Link {
  readonly subject: { readonly kind: 'user' | 'group'; readonly id: string };
  readonly remoteId: string;
  readonly state: string;
}

/** What a sync found changed by hand, as the admin API shows it. */
export interface ShownDrift {
  readonly kind: string;
  readonly remoteId: string;
  readonly expected?: string;
  readonly found?: string;
  /** The id of an account. */
  readonly member?: { readonly id: string };
}

interface SyncEnd {
  readonly state: string;
  readonly drift: readonly ShownDrift[];
}

interface Task {
  readonly id: string;
  readonly subject: { readonly id: string };
  readonly createdAt: string;
}

interface SyncStatus {
  readonly syncState: string;
  readonly pendingCount: number;
  readonly openLeavers: readonly {
    readonly subject: { readonly id: string };
    readonly task: string | null;
  }[];
}

/** Only the vendor's administrator can end this; the bridge waits until then. */
function isUnapproved({ vendor, guard }: SimulatedStore, personId: string): boolean {
  const { own, model } = guard.records;
  const human = model.byPerson(personId);
  const ids = human ? own.accountsOf(human) : [];
  return ids.some((id) => vendor.holds.accounts.get(id)?.oddities.has('unapproved'));
}

/** For requests that the bridge has no reason to refuse. */
function made(reply: Reply): Reply['body'] {
  if (reply.status !== 201) throw new Error(`refused: ${JSON.stringify(reply.body)}`);
  return reply.body;
}

function emptyTimeline<T>(value: T): Timeline<T> {
  const timeline = new Timeline<T>();
  timeline.set(0, value);
  return timeline;
}

function storeBody(store: SimulatedStore, settings: Settings, configuration: object) {
  const { type } = store.vendor.traits;
  return {
    type,
    name: type,
    managed: true,
    status: 'ACTIVE',
    configuration: { ...configuration, ...settings },
  };
}
