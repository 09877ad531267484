/** The brake's arithmetic and verdicts: the table "The brake" of docs/design.md. The counting is the caller's. */

import type { CommonSettings } from '../model/commonSettings.ts';

export interface BrakeWindow {
  /** Enabled linked people of the store when the window's oldest entry was reserved, or now. */
  readonly base: number;
  /** People who lost something in the window. */
  readonly used: number;
  readonly tripped: boolean;
}

export type Verdict =
  | { readonly verdict: 'pass'; readonly reserve: boolean }
  | { readonly verdict: 'hold'; readonly trips: boolean; readonly reason: string };

/** How many people may lose something in one window. */
export function brakeLimit(settings: CommonSettings, base: number): number {
  return Math.max(settings.brakeMin, Math.floor((settings.brakePercent * base) / 100));
}

export interface Loss {
  /** The most people that one cause of this loss could take something from. */
  readonly peopleOfCause: number;
  readonly alreadyInWindow: boolean;
  readonly approved: boolean;
}

export function judgeLoss(settings: CommonSettings, window: BrakeWindow, loss: Loss): Verdict {
  if (settings.brakePercent >= 100 || loss.approved) return { verdict: 'pass', reserve: false };
  const limit = brakeLimit(settings, window.base);
  if (loss.peopleOfCause > limit) {
    return hold(
      false,
      `one request would take something from ${loss.peopleOfCause} people; the limit is ${limit}`,
    );
  }
  if (window.tripped) return hold(false, 'the brake is tripped');
  if (loss.alreadyInWindow) return { verdict: 'pass', reserve: false };
  if (window.used < limit) return { verdict: 'pass', reserve: true };
  return hold(
    true,
    `${window.used} people have lost something within ${settings.brakeWindowMinutes} minutes; the limit is ${limit}`,
  );
}

function hold(trips: boolean, reason: string): Verdict {
  return { verdict: 'hold', trips, reason };
}
