/**
 * Plays the actions of a history: as an identity provider and admins over HTTP, by hand at the vendors, and as bad
 * luck.
 */

import type { Action, Behaviour, Trouble } from '../actions.ts';
import type { SimulatedStore, World } from '../machine/world.ts';
import { NO_FAULTS } from '../vendors/network.ts';
import { Admin } from './admin.ts';
import { editByHand, seedByHand } from './byHand.ts';
import { DirectoryStaff } from './directory.ts';
import { IdentityProvider } from './idp.ts';
import { IncidentAdmin } from './incidentAdmin.ts';
import { KeyEditor } from './keyEditor.ts';

const STALL_MAX_MS = 60_000;
const LAG_MS = 2_000;
const CRASH_CHANCE = 0.05;

export class Play {
  readonly #world: World;
  readonly #idp: IdentityProvider;
  readonly admin: Admin;
  /** Null where no directory is pulled. */
  readonly directory: DirectoryStaff | null;
  readonly #incidents: IncidentAdmin;

  constructor(world: World) {
    this.#world = world;
    this.#idp = new IdentityProvider(world);
    this.admin = new Admin(world);
    this.directory = world.pulled && new DirectoryStaff(world, world.pulled);
    this.#incidents = new IncidentAdmin(world, this.admin);
  }

  /** The stores, active from the start, and what their vendors held before. */
  async open(): Promise<void> {
    const { random, themes, stores } = this.#world;
    await this.admin.open();
    for (const store of stores) {
      if (random.chance(0.4)) seedByHand(this.#world, store);
      await this.admin.createStore(store);
      store.vendor.remembers = themes.lag;
      Object.assign(store.faults, { lagMs: themes.lag ? LAG_MS : 0, late: themes.late ? 0.02 : 0 });
    }
    await this.directory?.open();
    await this.#world.sleep(1_000);
  }

  async play(action: Action): Promise<void> {
    const { model } = this.#world;
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
        return idp.readdress(model.humans[action.who], action.to);
      case 'rewrite':
        return idp.rewrite(action.what, action.people);
      case 'incident':
        return this.#incidents.decide(action.verb, action.all);
      case 'swapNames':
        return idp.swapNames(model.humans[action.who], model.humans[action.other]);
      case 'behave':
        return this.#behave(this.#store(action), action.as);
      case 'makeGroup':
        return idp.makeGroup(action.group, action.members);
      case 'renameGroup':
        return idp.renameGroup(action.group);
      case 'deleteGroup':
        return idp.deleteGroup(action.group);
      case 'emptyGroup':
        return idp.pushGroup(action.group, []);
      case 'pushGroup':
        return idp.pushGroup(action.group, action.members);
      case 'join':
      case 'part':
        return idp.changeMember(action.group, action.who, action.kind === 'join');
      case 'byHand':
        return editByHand(this.#world, this.#store(action), action.what, action.who);
      case 'editGroups':
        return this.#editGroups(this.#store(action));
      case 'trouble':
        return this.#trouble(this.#store(action), action.what);
      case 'crash':
        return this.#crash(action.process);
      case 'stall':
        return this.#stall(action.process);
      case 'pass':
        return this.#world.sleep(action.ms);
      case 'source':
      case 'sourceTitle':
      case 'sourceMembers':
      case 'sourceRename':
      case 'sourceGroupGone':
      case 'sourceTrouble':
      case 'pull':
        return this.directory?.play(action);
      default:
        return this.admin.do(action, this.#store(action), idp.slots);
    }
  }

  #store(action: { readonly store: number }): SimulatedStore {
    return this.#world.stores[action.store % this.#world.stores.length] as SimulatedStore;
  }

  async #editGroups(store: SimulatedStore): Promise<void> {
    const links = await this.admin.links(store);
    new KeyEditor(this.#world, store, links).edit(1, 'groups');
  }

  #trouble({ faults, vendor }: SimulatedStore, what: Trouble): void {
    const calm = { ...NO_FAULTS, lagMs: faults.lagMs, late: faults.late };
    const troubles: Readonly<Record<Trouble, object>> = {
      lost: { lost: 0.1, unanswered: 0.15, doubled: 0.1 },
      limits: { rateLimited: 0.3 },
      errors: { unavailable: 0.4, unanswered: 0.05 },
      unauthorized: {},
      proxy: { foreign: 0.3 },
      pretence: { pretended: 0.9 },
      calm: {},
    };
    Object.assign(faults, calm, troubles[what]);
    vendor.emulated.refuseCredential(what === 'unauthorized');
  }

  #behave({ vendor, guard }: SimulatedStore, behaviour: Behaviour): void {
    vendor.emulated.behave(behaviour);
    if (behaviour === 'keepsTitles') guard.records.keepsTitles = true;
    if (behaviour === 'refusesNames') guard.records.refusesNames = true;
    if (behaviour === 'demoted') guard.records.lostRights = true;
  }

  /** At a random one of the process's next steps. */
  #crash(index: number): void {
    const replica = this.#world.replicas[index];
    if (replica) replica.process.crashChance = CRASH_CHANCE;
  }

  /** Sometimes long enough to lose a lease. */
  #stall(index: number): void {
    const { random, scheduler, replicas, stores } = this.#world;
    const replica = replicas[index];
    if (!replica) return;
    replica.process.stalledUntil = scheduler.now + random.int(1_000, STALL_MAX_MS);
    // A worker that lost its lease may make one more write; a sync repairs that.
    for (const { guard } of stores) {
      guard.diverged('a worker stood still');
      guard.staleAllowed += 1;
    }
  }
}
