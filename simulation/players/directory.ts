/** The people who keep the pulled directory of a history, and the admins who start its runs; both tell the model. */

import { type GroupStanding, type Human, type Standing, Timeline } from '../judges/model.ts';
import type { PulledRecords } from '../judges/pulled.ts';
import type { World } from '../machine/world.ts';
import type { PullAction, SourceChange, SourceTrouble } from '../pullActions.ts';
import { NO_DIRECTORY_FAULTS } from '../vendors/directory.ts';

const ASKED_EVERY_MS = 2_000;
/** Longer than a run that waits for its source and for the lease of a dead process. */
const ENDED_WITHIN = 900;
/** Another run may be under way, or the connection may be paused. */
const BEGUN_WITHIN = 20;
const SCHEDULE = { enabled: true, intervalMinutes: 360, fullIntervalMinutes: 1440 };

const TROUBLES: Readonly<Record<SourceTrouble, object>> = {
  wrong: { lost: 0.15, truncated: 0.2, empty: 0.1, stale: 0.3 },
  errors: { unavailable: 0.4 },
  limits: { rateLimited: 0.3 },
  proxy: { foreign: 0.4 },
  revoked: {},
  narrowed: {},
  lagging: { lagging: 1 },
  emptied: { emptied: 1 },
  swapped: {},
  calm: {},
};

interface PullRun {
  readonly id: string;
  readonly state: string;
  readonly error?: string;
}

export class DirectoryStaff {
  readonly #world: World;
  readonly #records: PulledRecords;
  /** For each slot, the source id of its live group. */
  readonly #slots = new Map<number, string>();
  #names = 0;
  /** When the source last changed, in milliseconds. */
  #movedAt = 0;
  /** Somebody, or a group, was deleted since the last full run: a delta does not show that. */
  #deleted = false;
  /** How many lists had been wrong when the last good full run ended. */
  #altered = 0;

  constructor(world: World, records: PulledRecords) {
    this.#world = world;
    this.#records = records;
  }

  get #state() {
    return this.#records.directory.okta.state;
  }

  /** Opens the connection, active, with some people and a group. */
  async open(): Promise<void> {
    const { model } = this.#world;
    model.pulled = 0;
    for (const who of [0, 1, 2]) await this.#change('join', who);
    await this.#setMembers(0, [0, 1, 2]);
    const made = await this.#world.admin('POST', '/connections', {
      ...{ name: 'Okta', strategy: 'oktaApi', sync: SCHEDULE },
      configuration: this.#records.directory.configuration,
    });
    this.#records.connectionId = made.body.id;
    const { tick } = model;
    const begun = await this.#world.admin('POST', `${this.#path}/activate?apply=true`, {});
    const { state } = await this.#ended(begun.body.id);
    if (state !== 'DONE') throw new Error(`the first pull is ${state}`);
    model.pulled = tick;
  }

  get #path(): string {
    return `/connections/${this.#records.connectionId}`;
  }

  async play(action: PullAction): Promise<void> {
    switch (action.kind) {
      case 'source':
        return this.#change(action.what, action.who);
      case 'sourceTitle':
        return this.#edit(action.who, { title: action.title });
      case 'sourceMembers':
        return this.#setMembers(action.group, action.members);
      case 'sourceRename':
        return this.#rename(action.group);
      case 'sourceGroupGone':
        return this.#dropGroup(action.group);
      case 'sourceTrouble':
        return this.trouble(action.what);
      case 'pull':
        await this.#pull(action.full, action.waits);
    }
  }

  trouble(what: SourceTrouble): void {
    const { directory } = this.#records;
    Object.assign(directory.faults, NO_DIRECTORY_FAULTS, TROUBLES[what]);
    directory.swap(what === 'swapped');
    directory.setRole(what === 'revoked' || what === 'narrowed' ? what : 'whole');
  }

  /** The source works again: a full run brings all that it says. */
  async settle(): Promise<void> {
    this.trouble('calm');
    for (let asked = 0; ; asked++) {
      const { body } = await this.#world.admin('GET', this.#path);
      if (body.status === 'ACTIVE') break;
      if (asked === BEGUN_WITHIN) throw new Error(`the pulled connection is ${body.status}`);
      await this.#world.admin('POST', `${this.#path}/resume`, {});
      await this.#world.sleep(ASKED_EVERY_MS);
    }
    const run = await this.#pull(true, true);
    if (run?.state !== 'DONE')
      throw new Error(`a full pull of a source that is well is ${run?.state}: ${run?.error}`);
  }

  async #pull(full: boolean, waits: boolean): Promise<PullRun | null> {
    const { model } = this.#world;
    const { directory } = this.#records;
    for (let asked = 0; asked < BEGUN_WITHIN; asked++) {
      const { tick } = model;
      const { altered } = directory;
      const begun = await this.#world.admin('POST', `${this.#path}/syncs`, { full });
      if (begun.status === 202) {
        if (!waits) return null;
        const run = await this.#ended(begun.body.id);
        const isRight = run.state === 'DONE' && directory.altered === altered;
        if (isRight && (full || (altered === this.#altered && !this.#deleted))) model.pulled = tick;
        if (isRight && full) this.#altered = altered;
        if (isRight && full) this.#deleted = false;
        return run;
      }
      if (!waits) return null;
      await this.#world.sleep(ASKED_EVERY_MS);
    }
    return null;
  }

  async #ended(id: string): Promise<PullRun> {
    for (let asked = 0; asked < ENDED_WITHIN; asked++) {
      const { body } = await this.#world.admin('GET', `${this.#path}/syncs/${id}`);
      if (body.state !== 'QUEUED' && body.state !== 'RUNNING') {
        this.#world.note(`  the pull is ${body.state} ${body.error ?? ''}`);
        return body;
      }
      await this.#world.sleep(ASKED_EVERY_MS);
    }
    throw new Error('a pull does not end');
  }

  #human(who: number): Human {
    return this.#world.model.humans[this.#world.themes.people + who] as Human;
  }

  #sourceId(human: Human): string | undefined {
    return [...this.#records.people].find(([, one]) => one === human)?.[0];
  }

  #change(what: SourceChange, who: number): Promise<void> {
    const human = this.#human(who);
    switch (what) {
      case 'join':
        return this.#join(human);
      case 'leave':
        return this.#edit(who, { lifecycle: 'inactive' });
      case 'return':
        return this.#edit(who, { lifecycle: 'active' });
      case 'delete':
        return this.#delete(human);
      case 'readdress':
        this.#names += 1;
        return this.#edit(who, { email: `h${human.index}.s${this.#names}@acme.example` });
    }
  }

  async #join(human: Human): Promise<void> {
    if (human.standing.now) return;
    const name = `h${human.index}`;
    const email = `${name}@acme.example`;
    const names = { userName: email, email, displayName: name.toUpperCase() };
    const standing: Standing = { lifecycle: 'active', ...names, title: '' };
    await this.#moves(human.standing, standing, () => {
      const profile = { email, displayName: standing.displayName };
      this.#records.people.set(this.#state.addUser({ login: email, profile }).id, human);
    });
  }

  async #edit(who: number, change: Partial<Standing>): Promise<void> {
    const human = this.#human(who);
    const before = human.standing.now;
    const id = this.#sourceId(human);
    if (!before || before.lifecycle === 'gone' || id === undefined) return;
    const standing = { ...before, ...change };
    await this.#moves(human.standing, standing, () => {
      const { email, title, lifecycle } = standing;
      if (lifecycle === before.lifecycle) this.#state.setProfile(id, { email, title });
      else this.#state.setStatus(id, lifecycle === 'active' ? 'ACTIVE' : this.#left());
    });
  }

  #left(): string {
    return this.#world.random.chance(0.5) ? 'SUSPENDED' : 'DEPROVISIONED';
  }

  /** A deleted person never comes back there. The last person stays: the bridge does not believe an empty source. */
  async #delete(human: Human): Promise<void> {
    const before = human.standing.now;
    const id = this.#sourceId(human);
    if (!before || before.lifecycle === 'gone' || id === undefined) return;
    if (this.#state.users.size === 1) return;
    for (const [slot, groupId] of this.#slots) {
      const now = this.#records.groups.get(groupId)?.standing.now;
      if (!now?.members.has(human.index)) continue;
      const others = [...now.members].filter((index) => index !== human.index);
      await this.#setIndexes(slot, others);
    }
    this.#deleted = true;
    await this.#moves(human.standing, { ...before, lifecycle: 'gone' }, () => this.#state.removeUser(id));
  }

  #setMembers(slot: number, members: readonly number[]): Promise<void> {
    const there = members.map((who) => this.#human(who)).filter(({ standing }) => isThere(standing.now));
    return this.#setIndexes(
      slot,
      there.map(({ index }) => index),
    );
  }

  async #setIndexes(slot: number, indexes: readonly number[]): Promise<void> {
    const { model } = this.#world;
    const members = new Set(indexes);
    const ids = [...this.#records.people].filter(([, { index }]) => members.has(index)).map(([id]) => id);
    const groupId = this.#slots.get(slot);
    const group = groupId === undefined ? undefined : this.#records.groups.get(groupId);
    if (group?.standing.now && groupId !== undefined) {
      const standing = { ...group.standing.now, members };
      return this.#moves(group.standing, standing, () => this.#state.setMembers(groupId, ids));
    }
    this.#names += 1;
    const made = { id: '', standing: new Timeline<GroupStanding>() };
    const name = `dir${slot}.${this.#names}`;
    model.groups.push(made);
    await this.#moves(made.standing, { live: true, name, members }, () => {
      const { id } = this.#state.addGroup(name, ids);
      this.#records.groups.set(id, made);
      this.#slots.set(slot, id);
    });
  }

  async #rename(slot: number): Promise<void> {
    const id = this.#slots.get(slot) ?? '';
    const group = this.#records.groups.get(id);
    if (!group?.standing.now) return;
    this.#names += 1;
    const name = `dir${slot}.${this.#names}`;
    await this.#moves(group.standing, { ...group.standing.now, name }, () =>
      this.#state.renameGroup(id, name),
    );
  }

  async #dropGroup(slot: number): Promise<void> {
    const id = this.#slots.get(slot) ?? '';
    const group = this.#records.groups.get(id);
    if (!group?.standing.now || this.#slots.size === 1) return;
    this.#deleted = true;
    this.#slots.delete(slot);
    const gone = { ...group.standing.now, live: false, members: new Set<number>() };
    await this.#moves(group.standing, gone, () => this.#state.removeGroup(id));
  }

  async #moves<T>(timeline: Timeline<T>, value: T, change: () => void): Promise<void> {
    const { scheduler } = this.#world;
    // By a time in milliseconds the source tells a change from the one before.
    if (scheduler.now === this.#movedAt) await this.#world.sleep(1);
    this.#movedAt = scheduler.now;
    this.#records.directory.remember();
    await this.#world.model.change(timeline, value, async () => {
      change();
      return true;
    });
  }
}

function isThere(standing: Standing | undefined): boolean {
  return standing !== undefined && standing.lifecycle !== 'gone';
}
