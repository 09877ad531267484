/**
 * What histories play of "What a vendor's answer is worth" beyond what a vendor does of itself. Drawn from a source of
 * its own, so that all else of a history stays as it was.
 */

import { type Action, GROUP_SLOTS, type Planned, type Themes } from './actions.ts';
import type { Random } from './random.ts';

/** What is played when everything is quiet and judged: a preview is made and done, or creations have to wait. */
export type Ending = 'preview' | 'limit';

export interface RuleThemes {
  readonly ending: Ending | null;
  /** Groups are deleted that rules name. */
  readonly lostGroups: boolean;
}

export function drawRuleThemes(random: Random): RuleThemes {
  const ending = random.int(0, 99);
  return {
    ending: ending < 10 ? 'preview' : ending < 20 ? 'limit' : null,
    lostGroups: random.chance(0.12),
  };
}

/** Whoever is hired at the beginning comes in these first actions. */
const OPENING = 6;
const GAPS = [0, 1_000, 20_000] as const;

export function withRuleActions(
  random: Random,
  themes: Themes & RuleThemes,
  actions: readonly Planned[],
): readonly Planned[] {
  const mixed = [...actions];
  const add = (...some: readonly Action[]) => {
    const at = random.int(Math.min(OPENING, mixed.length), mixed.length);
    mixed.splice(at, 0, ...some.map((action) => ({ action, afterMs: random.pick(GAPS) })));
  };
  const store = () => random.int(0, themes.stores - 1);
  if (themes.lostGroups) add(...loseGroup(random, store()));
  return mixed;
}

/** Whom a rule includes by a group alone, until the group goes. */
function loseGroup(random: Random, store: number): readonly Action[] {
  const group = random.int(0, GROUP_SLOTS - 1);
  return [
    { kind: 'makeGroup', group, members: [0, 1, 2] },
    { kind: 'addRule', store, title: null, group },
    { kind: 'pass', ms: random.pick([2_000, 30_000]) },
    { kind: 'deleteGroup', group },
    { kind: 'pass', ms: random.pick([2_000, 120_000]) },
  ];
}
