/**
 * What histories play of changes by hand to keys and levels. Drawn from a source of its own, so that the rest of a
 * history stays as it was.
 */

import type { Action, Planned, Themes } from './actions.ts';
import type { Random } from './random.ts';
import type { Ending } from './ruleActions.ts';

export interface HandThemes {
  readonly ending: Ending | null;
  /** People rename groups and change levels while the history goes on. */
  readonly groupsByHand: boolean;
}

/** `ending`: an ending that the history has already. */
export function drawHandThemes(random: Random, ending: Ending | null): HandThemes {
  const own = random.chance(0.15) ? random.pick(['keys', 'keys', 'keys', 'freed'] as const) : null;
  return { ending: ending ?? own, groupsByHand: random.chance(0.08) };
}

/** The first actions hire the people of the beginning. */
const OPENING = 6;

export function withHandActions(
  random: Random,
  themes: Themes & HandThemes,
  actions: readonly Planned[],
): readonly Planned[] {
  const mixed = [...actions];
  if (!themes.groupsByHand) return mixed;
  for (let times = random.int(1, 3); times > 0; times--) {
    const some = edited(random, random.int(0, themes.stores - 1));
    const at = random.int(Math.min(OPENING, mixed.length), mixed.length);
    mixed.splice(at, 0, ...some.map((action) => ({ action, afterMs: random.pick([0, 1_000, 20_000]) })));
  }
  return mixed;
}

/** Often an admin looks soon. */
function edited(random: Random, store: number): readonly Action[] {
  const edits: Action[] = Array.from({ length: random.int(1, 2) }, () => ({ kind: 'editGroups', store }));
  const look = random.pick(['repair', 'report', 'apply', 'nothing'] as const);
  if (look === 'nothing') return edits;
  if (look === 'apply') return [...edits, { kind: 'apply', store, includeHeld: random.chance(0.5) }];
  return [...edits, { kind: 'sync', store, repair: look === 'repair' }];
}
