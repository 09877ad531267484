/**
 * The directory and the settings over time. The simulation keeps them beside the bridge, from the same requests, so
 * that the oracle need not ask the bridge. Every change raises the tick.
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

/** The people and groups that a store is concerned with. */
export interface Rule {
  /** Empty until the bridge has answered. */
  readonly id: string;
  readonly active: boolean;
  /** The title that the population expression demands; null: the rule has no expression. */
  readonly title: string | null;
  /** SCIM ids. */
  readonly groups: readonly string[];
}

export type Settings = Readonly<Record<string, string | number | boolean | readonly string[]>>;

interface Version<T> {
  readonly tick: number;
  readonly value: T;
}

/** A value and its history. */
export class Timeline<T> {
  readonly #versions: Version<T>[] = [];

  set(tick: number, value: T): void {
    this.#versions.push({ tick, value });
  }

  /** The bridge refused the change that was asked for at this tick. */
  withdraw(tick: number): void {
    if (this.#versions.at(-1)?.tick === tick) this.#versions.pop();
  }

  get now(): T | undefined {
    return this.#versions.at(-1)?.value;
  }

  at(tick: number): T | undefined {
    return this.#versions.findLast((version) => version.tick <= tick)?.value;
  }

  /** Every value that was in force at any time since. */
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
  /** The id of the live SCIM user; null while there is none. */
  userId: string | null;
}

export interface ScimGroup {
  /** Empty until the bridge has answered. */
  id: string;
  readonly standing: Timeline<GroupStanding>;
}

export class Model {
  /** The tick of the last change, whose answer may be missing. */
  tick = 0;
  /** The tick of the last answered change: everybody who reads later sees it. */
  certain = 0;
  /**
   * The bridge may still go by what a pulled directory said at this tick or later. Infinity: no directory is pulled.
   */
  pulled = Number.POSITIVE_INFINITY;
  /** People and groups that the bridge first heard of through an old list, each with the `pulled` of then. */
  readonly fromOldList = new Map<Human | ScimGroup, number>();
  readonly humans: readonly Human[];
  /** Deleted groups too. */
  readonly groups: ScimGroup[] = [];
  /** By store, as are the ones below. */
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
   * Asks for one change at a time: it may be in force from now on, and certainly is once it is answered. If the
   * bridge refuses it, `ask` answers false and nothing has changed.
   */
  async change<T>(timeline: Timeline<T>, value: T, ask: () => Promise<boolean>): Promise<boolean> {
    const tick = this.next();
    timeline.set(tick, value);
    const done = await ask();
    if (!done) timeline.withdraw(tick);
    this.certain = this.tick;
    return done;
  }

  /**
   * The tick from which work that began at `tick` may believe the directory. For subjects known only through an old
   * list, that is their whole history.
   */
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

  /** The last tick at this time or before. */
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

  /** No two people ever have the same address. */
  byEmail(email: string): Human | undefined {
    return this.humans.find((human) =>
      human.standing.all.some((standing) => standing.email.toLowerCase() === email),
    );
  }
}
