/**
 * What the directory and the settings are, and were: kept by the simulation beside the bridge, from the
 * same requests, so that the oracle need not ask the bridge. Every committed change raises the tick.
 */

import type { Lifecycle } from '../src/model/desired.ts';

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
  readonly id: string;
  readonly standing: Timeline<GroupStanding>;
}

export class Model {
  tick = 0;
  readonly humans: readonly Human[];
  /** Deleted ones too, by SCIM id. */
  readonly groups = new Map<string, ScimGroup>();
  /** By store, like what follows. */
  readonly settings = new Map<string, Timeline<Settings>>();
  readonly rules = new Map<string, Timeline<readonly Rule[]>>();
  /** Attributes that are not mapped. */
  readonly unmapped = new Map<string, Timeline<ReadonlySet<string>>>();
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

  /** To be called once for each committed change, after it. */
  changed(): number {
    this.tick += 1;
    this.#times.push(this.#now());
    return this.tick;
  }

  timeOf(tick: number): number {
    return this.#times[tick] ?? 0;
  }

  byPerson(personId: string | null): Human | undefined {
    return personId === null ? undefined : this.humans.find((human) => human.personId === personId);
  }
}
