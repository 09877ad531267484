/**
 * What the directory and the settings are, and were: kept by the simulation beside the bridge, from the
 * same requests, so that the oracle need not ask the bridge. Every change raises the tick.
 */

import type { Lifecycle } from '../../src/model/desired.ts';
import type { Attribute } from '../vendors/vendor.ts';

export interface Standing {
  readonly lifecycle: Lifecycle;
  readonly userName: string;
  readonly email: string;
  readonly displayName: string;
  readonly title: string;
}

export interface GroupStanding {
  readonly live: boolean;
  readonly name: string;
  /** Indexes of people. */
  readonly members: ReadonlySet<number>;
}

/** Whom, and which groups, a store is concerned with. */
export interface Rule {
  /** Empty until the bridge has answered with it. */
  readonly id: string;
  readonly active: boolean;
  /** The population expression asks for it; null: for nothing. */
  readonly title: string | null;
  /** SCIM ids. */
  readonly groups: readonly string[];
}

export type Settings = Readonly<Record<string, string | number | boolean | readonly string[]>>;

interface Version<T> {
  readonly tick: number;
  readonly value: T;
}

/** A value and all that it was. */
export class Timeline<T> {
  readonly #versions: Version<T>[] = [];

  set(tick: number, value: T): void {
    this.#versions.push({ tick, value });
  }

  /** What was asked for at that tick was refused. */
  withdraw(tick: number): void {
    if (this.#versions.at(-1)?.tick === tick) this.#versions.pop();
  }

  get now(): T | undefined {
    return this.#versions.at(-1)?.value;
  }

  at(tick: number): T | undefined {
    return this.#versions.findLast((version) => version.tick <= tick)?.value;
  }

  /** What was in force at any time from then on. */
  since(tick: number): readonly T[] {
    const first = this.#versions.findLastIndex((version) => version.tick <= tick);
    return this.#versions.slice(Math.max(0, first)).map((version) => version.value);
  }

  /** The tick of the first value. */
  get began(): number {
    return this.#versions[0]?.tick ?? 0;
  }

  /** The tick of the last one. */
  get ended(): number {
    return this.#versions.at(-1)?.tick ?? 0;
  }

  get all(): readonly T[] {
    return this.#versions.map((version) => version.value);
  }
}

export interface Human {
  readonly index: number;
  readonly standing: Timeline<Standing>;
  /** Null before the first arrival. */
  personId: string | null;
  /** The live SCIM user's; null while there is none. */
  userId: string | null;
}

export interface ScimGroup {
  /** Empty until the bridge has answered with it. */
  id: string;
  readonly standing: Timeline<GroupStanding>;
}

export class Model {
  /** Of the last change, which may not be answered yet. */
  tick = 0;
  /** Of the last change that was answered: whatever reads later sees it. */
  certain = 0;
  /** What a directory that is pulled said then, and since, the bridge may still go by; there is none. */
  pulled = Number.POSITIVE_INFINITY;
  /** Who, and which groups, came to the bridge by an old list, unknown before → `pulled` then. */
  readonly fromOldList = new Map<Human | ScimGroup, number>();
  readonly humans: readonly Human[];
  /** Deleted ones too. */
  readonly groups: ScimGroup[] = [];
  /** By store, like what follows. */
  readonly settings = new Map<string, Timeline<Settings>>();
  readonly rules = new Map<string, Timeline<readonly Rule[]>>();
  /** Attributes that are not mapped. */
  readonly unmapped = new Map<string, Timeline<ReadonlySet<Attribute>>>();
  /** True time at each tick. */
  readonly #times: number[] = [0];
  readonly #now: () => number;

  constructor(people: number, now: () => number) {
    this.#now = now;
    this.humans = Array.from({ length: people }, (_, index) => ({
      index,
      standing: new Timeline<Standing>(),
      personId: null,
      userId: null,
    }));
  }

  /**
   * A change is asked for, one at a time: it may be in force from now on, and is so once it is answered.
   * Where it was refused, `ask` says false and nothing changed.
   */
  async change<T>(timeline: Timeline<T>, value: T, ask: () => Promise<boolean>): Promise<boolean> {
    const tick = this.next();
    timeline.set(tick, value);
    const done = await ask();
    if (!done) timeline.withdraw(tick);
    this.certain = this.tick;
    return done;
  }

  /** Of work that began at that tick: of whom it heard by an old list alone it may go by all that they ever were. */
  heardSince(tick: number, subjects: readonly (Human | ScimGroup)[]): number {
    const heardLate = subjects.filter((subject) => this.fromOldList.get(subject) === this.pulled);
    return Math.min(tick, ...heardLate.map(({ standing }) => standing.began));
  }

  next(): number {
    this.tick += 1;
    this.#times.push(this.#now());
    return this.tick;
  }

  timeOf(tick: number): number {
    return this.#times[tick] ?? 0;
  }

  /** The last tick at that time, or before. */
  tickAt(time: number): number {
    return Math.max(
      0,
      this.#times.findLastIndex((at) => at <= time),
    );
  }

  groupOf(id: string): ScimGroup | undefined {
    return this.groups.find((group) => group.id === id);
  }

  byPerson(personId: string | null): Human | undefined {
    return personId === null ? undefined : this.humans.find((human) => human.personId === personId);
  }

  /** No two people ever have one address. */
  byEmail(email: string): Human | undefined {
    return this.humans.find((human) =>
      human.standing.all.some((standing) => standing.email.toLowerCase() === email),
    );
  }
}
