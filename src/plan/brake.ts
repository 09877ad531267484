/** The brake's arithmetic and verdicts: the table "The brake" of docs/design.md. The caller counts. */

import type { CommonSettings } from '../model/commonSettings.ts';
import type { CauseCount } from '../model/loss.ts';

export interface BrakeWindow {
  /**
   * How many enabled, linked people the store had when the window's oldest entry was reserved; with no entry, how
   * many it has now.
   */
  readonly base: number;
  /** How many people lost something in the window. */
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

/**
 * From how many people the largest of these causes could take something. A cause that touched a single subject
 * reaches at most the people in that subject's plan; one that touched many reaches those who were counted when it was
 * recorded.
 */
export function peopleOfLargestCause(causes: readonly CauseCount[], peopleInPlan: number): number {
  const reach = causes.map(({ people, subjects }) =>
    subjects === 1 ? Math.min(people, peopleInPlan) : people,
  );
  return Math.max(0, ...reach);
}

export interface Loss {
  /** The most people that one cause of this loss could take something from. */
  readonly peopleOfCause: number;
  readonly alreadyInWindow: boolean;
  readonly approved: boolean;
  /** Why the loss, together with others, would empty a group, in words; null where it would not. */
  readonly emptiesGroup: string | null;
}

export function judgeLoss(settings: CommonSettings, window: BrakeWindow, loss: Loss): Verdict {
  if (loss.approved) return { verdict: 'pass', reserve: false };
  const isOn = settings.brakePercent < 100;
  const limit = brakeLimit(settings, window.base);
  if (isOn && loss.peopleOfCause > limit) {
    return hold(
      false,
      `one request would take something from ${loss.peopleOfCause} people; the limit is ${limit}`,
    );
  }
  if (loss.emptiesGroup !== null) return hold(false, loss.emptiesGroup);
  if (!isOn) return { verdict: 'pass', reserve: false };
  if (window.tripped) return hold(false, 'the brake is tripped');
  if (loss.alreadyInWindow || window.used < limit) return { verdict: 'pass', reserve: true };
  return hold(
    true,
    `${window.used} people have lost something within ${settings.brakeWindowMinutes} minutes; the limit is ${limit}`,
  );
}

function hold(trips: boolean, reason: string): Verdict {
  return { verdict: 'hold', trips, reason };
}

/** A loss of fewer memberships than this does not count as emptying a group. */
const GROUP_LOSSES_MIN = 5;

/** What one cause would take from a remote group. */
export interface GroupLosses {
  readonly group: string;
  /** All known memberships of the group, whoever made them. */
  readonly memberships: number;
  readonly ended: number;
}

/** Why one cause may not end so many memberships of a group, in words; null where it may. */
export function emptiesGroup(
  { brakeGroupPercent }: Pick<CommonSettings, 'brakeGroupPercent'>,
  { group, memberships, ended }: GroupLosses,
): string | null {
  if (ended < GROUP_LOSSES_MIN || brakeGroupPercent >= 100) return null;
  if (ended * 100 <= memberships * brakeGroupPercent) return null;
  return `one cause would end ${ended} of the ${memberships} memberships of ${group}; the limit is ${brakeGroupPercent} %`;
}

/**
 * How many of the memberships that a plan ends are due to one cause. Those that no request accounts for count as one
 * cause too, such as a first link under `Overwrite`.
 */
export function endedByOneCause(causes: readonly CauseCount[], ended: number): number {
  const requests = causes.filter(({ subjects }) => subjects === 1);
  const accounted = requests.reduce((sum, { people }) => sum + people, 0);
  return Math.max(ended - accounted, ...causes.map(({ people }) => Math.min(people, ended)));
}
