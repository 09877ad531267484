/**
 * Turns: lines of waiting requests, so many at a time; and how long work in this thread lets everybody else wait. Of
 * one owner after the other one has its turn, so that nobody fills a line with their own.
 */

import { AsyncLocalStorage } from 'node:async_hooks';

export interface Turns {
  /** Resolves when it is the caller's turn, with what ends it; ending it twice does nothing. */
  take(): Promise<() => void>;
}

interface Work {
  readonly owner: string;
  /** How many it has had after waiting for them. */
  turns: number;
}

/** What was begun for nobody in particular. */
const OWN = '';
const current = new AsyncLocalStorage<Work | undefined>();

/** Whatever `begin` begins is one work of this owner. */
export function asWorkOf<T>(owner: string, begin: () => T): T {
  return current.run({ owner, turns: 0 }, begin);
}

/** Whatever `begin` begins is nobody's, although somebody's request was the occasion. */
export function asNobodysWork<T>(begin: () => T): T {
  return current.run(undefined, begin);
}

/** Its request has taken several turns already. */
export function isLongWork(): boolean {
  const work = current.getStore();
  return work !== undefined && isLong(work);
}

export function createTurns(atOnce: number): Turns {
  const lines = createLines<() => void>();
  let free = atOnce;
  const end = () => {
    const next = lines.next();
    if (next) next();
    else free += 1;
  };
  return {
    async take() {
      const owner = current.getStore()?.owner ?? OWN;
      if (free > 0) free -= 1;
      else await new Promise<void>((resolve) => lines.join(owner, resolve));
      let ended = false;
      return () => {
        if (!ended) end();
        ended = true;
      };
    },
  };
}

/** Each line in the order in which they came, and one of each after the other. */
function createLines<T>() {
  const lines = new Map<string, T[]>();
  return {
    join(name: string, one: T): void {
      const line = lines.get(name);
      if (line) line.push(one);
      else lines.set(name, [one]);
    },
    next(): T | undefined {
      const [first] = lines;
      if (!first) return undefined;
      const [name, line] = first;
      const one = line.shift();
      lines.delete(name);
      if (line.length > 0) lines.set(name, line);
      return one;
    },
  };
}

/** After so long the next piece waits until others had their turn. */
const TURN_MAX_MS = 4;
/** Work that had as many is long: the short work of its owner does not stand in line behind it. */
const SHORT_TURNS = 4;

interface Waiting {
  readonly work: Work;
  resume(): void;
}

const pieces = createLines<Waiting>();
let turnBegan: number | null = null;
let now = (): number => performance.now();

/** For a simulation, in whose time no work takes any: there nobody has to wait for a turn. Milliseconds. */
export function measureTurnsBy(clock: () => number): void {
  now = clock;
}

/**
 * Before each short piece of work in this thread; undefined where the turn is young, and then nobody has to wait. Of
 * those that wait, one goes on in each turn of the event loop: however many bodies are worked on, everybody else meets
 * a piece of one of them at a time.
 */
export function giveWay(): Promise<void> | undefined {
  if (turnBegan === null) {
    turnBegan = now();
    setImmediate(endTurn);
    return undefined;
  }
  if (now() - turnBegan <= TURN_MAX_MS) return undefined;
  const work = current.getStore() ?? { owner: OWN, turns: 0 };
  return new Promise((resume) => {
    pieces.join(isLong(work) ? `${work.owner}, long` : work.owner, { work, resume });
  });
}

/** The same for whoever holds what others wait for: one turn of the event loop, and no place in a line. */
export function giveWayOnce(): Promise<void> | undefined {
  if (turnBegan === null || now() - turnBegan <= TURN_MAX_MS) return giveWay();
  return new Promise((resume) => setImmediate(resume));
}

function isLong({ turns }: Work): boolean {
  return turns >= SHORT_TURNS;
}

function endTurn(): void {
  const next = pieces.next();
  if (next && isLong(next.work)) leaveToOthers(now() - (turnBegan ?? 0), () => beginTurn(next));
  else if (next) beginTurn(next);
  else turnBegan = null;
}

function beginTurn({ work, resume }: Waiting): void {
  turnBegan = now();
  work.turns += 1;
  setImmediate(endTurn);
  resume();
}

/**
 * A millisecond, and as long as they have something to do up to `maxMs`: a read of somebody else needs several turns of
 * the event loop, and would meet a piece in each of them.
 */
function leaveToOthers(maxMs: number, goOn: () => void): void {
  const until = now() + maxMs;
  const look = () => {
    const before = performance.eventLoopUtilization();
    setTimeout(() => {
      const { active, idle } = performance.eventLoopUtilization(before);
      if (active > idle && now() < until) look();
      else goOn();
    }, 1);
  };
  look();
}
