/** Who lost something at one store, and when: what the brake's table in docs/design.md allows next. */

import { SKEW_MAX_MS } from '../machine/scheduler.ts';
import type { Turn } from '../vendors/network.ts';
import type { Sight } from './sight.ts';

/** As long as the longest window. */
const DAY_MS = 86_400_000;

interface Asked {
  readonly tick: number;
  /** When the work on the loss began. */
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

  /** An approval, or an applied preview, left nothing held: earlier losses no longer count. */
  renew(now: number): void {
    this.#renewedAt = now;
  }

  /** A write did not come to the vendor: if it is a loss, the brake has reserved it. */
  stopped({ tick, at }: Turn): void {
    this.#stopped.push({ tick, from: at });
  }

  /** Enters the loss. Answers whether it is one too many by all settings that may have been in force. */
  exceeds(who: string, turn: Turn, now: number, base: number): boolean {
    // Losses that were reserved under other settings stay reserved.
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
    // Losses while the brake was switched off are not counted.
    if (limits.every(({ limit }) => limit < Number.POSITIVE_INFINITY))
      this.#losses.push({ who, tick: turn.tick, from: turn.at });
    // It was reserved in the window that the approval ended, and only arrives now.
    const isOfWindowBefore = turn.at <= this.#renewedAt;
    return exceeded && !isOfWindowBefore;
  }
}
