/**
 * Turns: waiting requests stand in lines, and so many proceed at a time. Owners take turns, so that none fills a line
 * with its own requests. Long work in this thread also gives way here.
 */

import { AsyncLocalStorage } from 'node:async_hooks';

export interface Turns {
  /** Waits for the caller's turn and answers a function that ends it; ending it twice does nothing. */
  take(): Promise<() => void>;
}

interface Work {
  readonly owner: string;
  /** How many turns the work has had after waiting for them. */
  turns: number;
  /** See `committingApart`. */
  readonly commitsApart?: boolean;
}

/** The owner of work that belongs to nobody in particular. */
const OWN = '';
const current = new AsyncLocalStorage<Work | undefined>();

/** Counts everything that `begin` begins as one work of this owner. */
export function asWorkOf<T>(owner: string, begin: () => T): T {
  return current.run({ owner, turns: 0 }, begin);
}

/** Counts everything that `begin` begins as nobody's work, although somebody's request caused it. */
export function asNobodysWork<T>(begin: () => T): T {
  return current.run(undefined, begin);
}

/**
 * Lets no transaction of `begin` share a commit with those before it, so that whoever waits for these goes on before
 * it is done.
 */
export function committingApart<T>(begin: () => T): T {
  return current.run({ ...(current.getStore() ?? { owner: OWN, turns: 0 }), commitsApart: true }, begin);
}

/** False for a request that has had several turns already. */
export function sharesCommits(): boolean {
  const work = current.getStore();
  return work === undefined || !(isLong(work) || work.commitsApart);
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

/** Each owner's line keeps its order, and the owners take turns. */
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

/** After this time the next piece of work waits for others. */
const TURN_MAX_MS = 4;
/** Work that had this many turns is long: its owner's short work no longer waits behind it. */
const SHORT_TURNS = 4;

interface Waiting {
  readonly work: Work;
  resume(): void;
}

const pieces = createLines<Waiting>();
let turnBegan: number | null = null;
let now = (): number => performance.now();

/** For a simulation in whose time no work takes any, so that nobody has to wait. Milliseconds. */
export function measureTurnsBy(clock: () => number): void {
  now = clock;
}

/**
 * Call this before each short piece of work in this thread. Answers undefined while the turn is young: then there is
 * no wait. Of all that wait, one continues in each turn of the event loop, so that other requests meet only one piece
 * at a time.
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

/** The same for work that holds what others wait for: it waits one turn of the event loop, and stands in no line. */
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
 * Leaves the thread to others for a millisecond, and up to `maxMs` while they have something to do: another request's
 * read needs several turns of the event loop and would meet a piece of work in each.
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
