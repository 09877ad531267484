/** Who lost something at one store, and when: what the table of the brake in docs/design.md allows next. */

import { SKEW_MAX_MS } from '../machine/scheduler.ts';
import type { Turn } from '../vendors/network.ts';
import type { Sight } from './sight.ts';

/** Longer than any window. */
const DAY_MS = 86_400_000;

interface Asked {
  readonly tick: number;
  /** When the work began. */
  readonly from: number;
}

interface Loss extends Asked {
  readonly who: string;
}

export class BrakeBook {
  readonly #sight: Sight;
  readonly #losses: Loss[] = [];
  readonly #stopped: Asked[] = [];
  #renewedAt = 0;

  constructor(sight: Sight) {
    this.#sight = sight;
  }

  /** An approval left nothing held: what was begun before counts no more. */
  renew(now: number): void {
    this.#renewedAt = now;
  }

  /** Something was asked for that did not come to the vendor: if it is a loss, it is reserved. */
  stopped({ tick, at }: Turn): void {
    this.#stopped.push({ tick, from: at });
  }

  /** Enters the loss, and says whether it is one too many by all settings that may have been in force. */
  exceeds(who: string, turn: Turn, now: number, base: number): boolean {
    // What was reserved under other settings stays reserved.
    const isRecent = ({ from }: Asked) => from > Math.max(now - DAY_MS, this.#renewedAt);
    const recent = this.#losses.filter(isRecent);
    const reserved = [...recent, ...this.#stopped.filter(isRecent)];
    const earliest = Math.min(turn.tick, ...reserved.map(({ tick }) => tick));
    const limits = this.#sight.meaningsSince(earliest).map((m) => ({
      limit:
        m.brakePercent >= 100
          ? Number.POSITIVE_INFINITY
          : Math.max(m.brakeMin, Math.floor((m.brakePercent * base) / 100)),
      windowMs: m.brakeWindowMs,
    }));
    const exceeded = limits.every(({ limit, windowMs }) => {
      const since = now - windowMs + 2 * SKEW_MAX_MS;
      const people = new Set(recent.filter((loss) => loss.from > since).map((loss) => loss.who));
      return !people.has(who) && people.size + 1 > limit;
    });
    // What was lost while the brake was switched off is in no book of it.
    if (limits.every(({ limit }) => limit < Number.POSITIVE_INFINITY))
      this.#losses.push({ who, tick: turn.tick, from: turn.at });
    // It was reserved in the window that the approval ended, and only arrives now.
    const isOfWindowBefore = turn.at <= this.#renewedAt;
    return exceeded && !isOfWindowBefore;
  }
}
