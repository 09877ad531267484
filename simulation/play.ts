/** Plays the actions of a history: as an IdP and as admins through the real use cases, and by hand at the vendors. */

import { approveHeld, discardHeld } from '../src/control/held.ts';
import { createStore, replaceStore } from '../src/control/stores.ts';
import { startSync } from '../src/control/syncRequest.ts';
import { listOpenHeld } from '../src/db/brake/held.ts';
import { DEFAULT_ENVIRONMENT_ID } from '../src/db/identity/environments.ts';
import { listPreviewItems } from '../src/db/runs/previews.ts';
import { getStore } from '../src/db/stores/stores.ts';
import { DirectoryRefusal } from '../src/directory/refusal.ts';
import { RequestError } from '../src/model/errors.ts';
import { startApply } from '../src/sync/preview/applyPreview.ts';
import { startPreview } from '../src/sync/preview/preview.ts';
import type { Action, Trouble } from './actions.ts';
import { Admin } from './admin.ts';
import { editByHand, seedByHand } from './byHand.ts';
import { lossKey } from './guard.ts';
import { IdentityProvider } from './idp.ts';
import { type Settings, Timeline } from './model.ts';
import { NO_FAULTS } from './network.ts';
import { brakeSettings, changeSetting } from './settings.ts';
import type { SimulatedStore, World } from './world.ts';

const STALL_MAX_MS = 60_000;
const LAG_MS = 2_000;

export class Play {
  readonly #world: World;
  readonly #idp: IdentityProvider;
  readonly admin: Admin;

  constructor(world: World) {
    this.#world = world;
    this.#idp = new IdentityProvider(world);
    this.admin = new Admin(world);
  }

  /** The stores, active from the start, with what their vendors held before. */
  async open(): Promise<void> {
    const { random, themes, scheduler } = this.#world;
    for (const store of this.#world.stores) {
      if (random.chance(0.4)) seedByHand(this.#world, store);
      const settings: Settings = random.chance(0.7) ? brakeSettings(random) : {};
      await this.#createStore(store, settings);
      Object.assign(store.faults, { lagMs: themes.lag ? LAG_MS : 0 });
      if (themes.late) store.faults.late = 0.02;
    }
    await scheduler.sleep(1_000);
  }

  async play(action: Action): Promise<void> {
    try {
      await this.#do(action);
    } catch (error) {
      // What the bridge may refuse: a name that is taken, a store that is paused.
      if (!(error instanceof DirectoryRefusal) && !(error instanceof RequestError)) throw error;
    }
  }

  async #do(action: Action): Promise<void> {
    const { model, scheduler, random } = this.#world;
    const idp = this.#idp;
    switch (action.kind) {
      case 'hire':
        return idp.hire(model.humans[action.who]);
      case 'leave':
        return idp.changePerson(model.humans[action.who], { lifecycle: 'inactive' });
      case 'return':
        return idp.comeBack(model.humans[action.who]);
      case 'delete':
        return idp.remove(model.humans[action.who]);
      case 'retitle':
        return idp.changePerson(model.humans[action.who], { title: action.title });
      case 'readdress':
        return idp.readdress(model.humans[action.who]);
      case 'makeGroup':
        return idp.makeGroup(action.group, action.members);
      case 'renameGroup':
        return idp.renameGroup(action.group);
      case 'deleteGroup':
        return idp.deleteGroup(action.group);
      case 'emptyGroup':
        return idp.changeGroup(action.group, { members: () => new Set() });
      case 'pushGroup':
        return idp.changeGroup(action.group, { members: () => new Set(action.members) });
      case 'join':
        return idp.changeGroup(action.group, { members: (now) => new Set([...now, action.who]) });
      case 'part':
        return idp.changeGroup(action.group, {
          members: (now) => new Set([...now].filter((who) => who !== action.who)),
        });
      case 'settings':
        return this.#changeSettings(this.#store(action), (settings, store) =>
          changeSetting(random, store.vendor.manners, settings),
        );
      case 'approvalMode':
        return this.#changeSettings(this.#store(action), (settings) => ({
          ...settings,
          APPLY_MODE: settings.APPLY_MODE === 'Approval' ? 'Automatic' : 'Approval',
        }));
      case 'addRule':
      case 'dropRule':
      case 'switchRule':
      case 'mapping':
      case 'pause':
      case 'resume':
      case 'retryTask':
      case 'discardTask':
        return this.admin.do(action, this.#store(action), idp.slots);
      case 'approve':
      case 'discard':
        return this.decide(this.#store(action), action.kind, action.all);
      case 'sync':
        return this.sync(this.#store(action), action.repair);
      case 'apply':
        return this.#apply(this.#store(action), action.includeHeld);
      case 'byHand':
        return editByHand(this.#world, this.#store(action), action.what, action.who);
      case 'trouble':
        return this.#trouble(this.#store(action), action.what);
      case 'crash':
        return this.#crash(action.process);
      case 'stall':
        return this.#stall(action.process);
      case 'pass':
        return scheduler.sleep(action.ms);
    }
  }

  #store(action: { readonly store: number }): SimulatedStore {
    return this.#world.stores[action.store % this.#world.stores.length] as SimulatedStore;
  }

  async #createStore(store: SimulatedStore, settings: Settings): Promise<void> {
    const { deps } = this.#world.anyReplica();
    const input = inputOf(store, settings);
    const created = await createStore(deps, DEFAULT_ENVIRONMENT_ID, input, this.#world.cause('store'));
    this.#world.named(store, created.id);
    const timeline = new Timeline<Settings>();
    timeline.set(this.#world.model.changed(), settings);
    this.#world.model.settings.set(created.id, timeline);
  }

  async #changeSettings(
    store: SimulatedStore,
    change: (settings: Settings, store: SimulatedStore) => Settings,
  ): Promise<void> {
    const timeline = this.#world.model.settings.get(store.id);
    const settings = change(timeline?.now ?? {}, store);
    const { deps } = this.#world.anyReplica();
    const input = inputOf(store, settings);
    await replaceStore(deps, DEFAULT_ENVIRONMENT_ID, store.id, input, this.#world.cause('settings'));
    timeline?.set(this.#world.model.changed(), settings);
  }

  async decide(store: SimulatedStore, what: 'approve' | 'discard', all: boolean): Promise<void> {
    const { db, random } = this.#world;
    const { deps } = this.#world.anyReplica();
    const open = await listOpenHeld(db, store.id, { after: null, limit: 100 });
    if (open.length === 0) return;
    const ids = open.filter(() => all || random.chance(0.5)).map((row) => row.id);
    const decide = what === 'approve' ? approveHeld : discardHeld;
    const rows = await decide(deps, store.id, { ids }, this.#world.cause(what));
    for (const { change } of rows) {
      const key = lossKey(change as Parameters<typeof lossKey>[0]);
      if (what === 'approve') store.guard.approved.add(key);
      else store.guard.approved.delete(key);
    }
  }

  async sync(store: SimulatedStore, repair: boolean): Promise<void> {
    const { deps } = this.#world.anyReplica();
    const record = await getStore(this.#world.db, store.id);
    if (record) await startSync(deps, record, { repair }, this.#world.cause('sync'));
  }

  async #apply(store: SimulatedStore, includeHeld: boolean): Promise<void> {
    const { db, scheduler } = this.#world;
    const { deps } = this.#world.anyReplica();
    const record = await getStore(db, store.id);
    if (!record) return;
    const preview = await startPreview(deps, record, this.#world.cause('preview'));
    if (preview.state !== 'DONE') return;
    await scheduler.sleep(this.#world.random.int(0, 3_000));
    const items = await listPreviewItems(db, preview.id, 'change', -1, 1_000);
    for (const { changeKey } of items) {
      const [op, who, object] = JSON.parse(changeKey as string) as [string, string, string];
      const [kind, id] = who.split(':') as ['user' | 'group', string];
      const member = op === 'grant' || op === 'revoke' ? { personId: object, remoteId: object } : undefined;
      const key = lossKey({ op: op as 'grant', subject: { kind, id }, ...(member ? { member } : {}) });
      store.guard.permitted.add(key);
      if (includeHeld) store.guard.approved.add(key);
    }
    await startApply(deps, record, preview, { includeHeld }, this.#world.cause('apply'));
  }

  #trouble({ faults }: SimulatedStore, what: Trouble): void {
    const calm = { ...NO_FAULTS, lagMs: faults.lagMs, late: faults.late };
    const troubles: Readonly<Record<Trouble, object>> = {
      lost: { lost: 0.1, unanswered: 0.15, doubled: 0.1 },
      limits: { rateLimited: 0.3 },
      errors: { transient: 0.4, unanswered: 0.05 },
      unauthorized: { unauthorized: true },
      calm: {},
    };
    Object.assign(faults, calm, troubles[what]);
  }

  /** Somewhere within the next steps of the process. */
  #crash(index: number): void {
    const replica = this.#world.replicas[index];
    if (replica) replica.process.crashChance = 0.05;
  }

  /** Long enough to lose a lease, sometimes. */
  #stall(index: number): void {
    const { random, scheduler, replicas, stores } = this.#world;
    const replica = replicas[index];
    if (!replica) return;
    replica.process.stalledUntil = scheduler.now + random.int(1_000, STALL_MAX_MS);
    // The one write that a worker may still make after it has lost the lease is repaired by a sync.
    for (const { guard } of stores) {
      guard.diverged('a worker stood still');
      guard.staleAllowed += 1;
    }
  }
}

function inputOf(store: SimulatedStore, settings: Settings) {
  const { type } = store.vendor.manners;
  return {
    type,
    name: type,
    description: null,
    image: {},
    managed: true,
    status: 'ACTIVE' as const,
    configuration: settings,
  };
}
