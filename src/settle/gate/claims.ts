/**
 * Which accounts, groups and wanted keys of one store are claimed by an attempt, so that two attempts never work on
 * the same. A process keeps one for each store whose lease it has, and starts with an empty one.
 */

import type { Kind } from '../../model/subject.ts';

/**
 * Another attempt has claimed the key, or had claimed it since this one looked. The worker takes this task up again
 * after that attempt.
 */
export class AlreadyClaimed extends Error {
  /**
   * All keys that this attempt is known to need. The next time it claims all of them at once: otherwise two attempts
   * could each want what the other has.
   */
  readonly needed: readonly string[];

  constructor(taken: readonly string[], needed: readonly string[]) {
    super(`another attempt has ${taken.join(', ')} in hand`);
    this.name = 'AlreadyClaimed';
    this.needed = needed;
  }
}

export class Claims {
  /** Key → the one attempt that has it, or how many attempts share it. */
  readonly #held = new Map<string, Claim | number>();
  /** Key → when it was last released. Only keys that an attempt under way may have looked at before. */
  readonly #released = new Map<string, number>();
  readonly #open = new Set<Claim>();
  #waiting: (() => void)[] = [];
  #moment = 0;

  /** The claim of an attempt that begins now. */
  begin(): Claim {
    const claim = new Claim(this, this.#moment);
    this.#open.add(claim);
    return claim;
  }

  get moment(): number {
    return this.#moment;
  }

  isHeld(key: string): boolean {
    return this.#held.has(key);
  }

  holderOf(key: string): Claim | number | undefined {
    return this.#held.get(key);
  }

  hold(key: string, by: Claim | number): void {
    this.#held.set(key, by);
  }

  wasReleasedAfter(key: string, moment: number): boolean {
    return (this.#released.get(key) ?? 0) > moment;
  }

  release(keys: Iterable<string>): void {
    this.#moment += 1;
    for (const key of keys) {
      const holder = this.#held.get(key);
      if (typeof holder === 'number' && holder > 1) {
        this.#held.set(key, holder - 1);
        continue;
      }
      this.#held.delete(key);
      // Attempts that shared a key changed nothing about it.
      if (typeof holder === 'number') continue;
      this.#released.delete(key);
      this.#released.set(key, this.#moment);
    }
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const go of waiting) go();
  }

  end(claim: Claim, keys: Iterable<string>): void {
    this.#open.delete(claim);
    this.release(keys);
    const earliest = Math.min(...[...this.#open].map(({ since }) => since));
    for (const [key, moment] of this.#released) {
      if (moment > earliest) return;
      this.#released.delete(key);
    }
  }

  /** Resolves when an attempt releases something. */
  nextRelease(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/** The keys that one attempt has claimed. */
export class Claim {
  readonly #claims: Claims;
  readonly #mine = new Set<string>();
  readonly #kept: (() => void)[] = [];
  /** When the attempt began; what it read from the database may be as old as that. */
  readonly since: number;

  constructor(claims: Claims, since: number) {
    this.#claims = claims;
    this.since = since;
  }

  /** Claims the keys until the attempt is over. @throws AlreadyClaimed, and then it claims nothing more. */
  take(keys: readonly string[]): void {
    const fresh = keys.filter((key) => !this.#mine.has(key));
    const taken = fresh.filter((key) => this.#claims.isHeld(key));
    const stale = fresh.filter((key) => this.#claims.wasReleasedAfter(key, this.since));
    const missed = [...taken, ...stale];
    if (missed.length > 0) throw new AlreadyClaimed(missed, [...this.#mine, ...fresh]);
    for (const key of fresh) {
      this.#mine.add(key);
      this.#claims.hold(key, this);
    }
  }

  /** The present moment, for `share`. */
  mark(): number {
    return this.#claims.moment;
  }

  /**
   * Shares the keys with other attempts, once no attempt has one alone. Answers how to release them; null where an
   * attempt had one alone after `since`, so that what was read then may be outdated.
   */
  async share(keys: readonly string[], since: number): Promise<(() => void) | null> {
    const claims = this.#claims;
    while (this.isTaken(keys)) await claims.nextRelease();
    if (keys.some((key) => claims.wasReleasedAfter(key, since))) return null;
    for (const key of keys) claims.hold(key, ((claims.holderOf(key) as number | undefined) ?? 0) + 1);
    return () => claims.release(keys);
  }

  /** Releases what was shared when the attempt is over. */
  keep(release: () => void): void {
    this.#kept.push(release);
  }

  /** Whether an attempt has one of the keys alone, so that `share` would wait. */
  isTaken(keys: readonly string[]): boolean {
    return keys.some((key) => this.#claims.holderOf(key) instanceof Claim);
  }

  end(): void {
    for (const release of this.#kept.splice(0)) release();
    this.#claims.end(this, this.#mine);
    this.#mine.clear();
  }
}

/** The key of the account or group itself. */
export function remoteKey(kind: Kind, remoteId: string): string {
  return `${kind} ${remoteId}`;
}

export function nameKey(name: string): string {
  return `group name ${name.toLowerCase()}`;
}

/** The key of the one creation that may ask whether the vendor has seats again. */
export const SEATS_KEY = 'seats';
