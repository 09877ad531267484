/**
 * What histories play of a pulled directory, beside the pushed one. Drawn from a source of its own, so that histories
 * without one stay as they were.
 */

import type { Action, Planned, Themes } from './actions.ts';
import type { Random } from './random.ts';

export interface PullThemes {
  /** There is a pulled directory with some people. */
  readonly pulled: boolean;
}

/** How many people only the pulled directory has. */
export const PULLED_PEOPLE = 4;

/** `who` is an index among the people of that directory alone. */
export type PullAction =
  | { readonly kind: 'source'; readonly what: SourceChange; readonly who: number }
  | { readonly kind: 'sourceTitle'; readonly who: number; readonly title: string }
  | { readonly kind: 'sourceMembers'; readonly group: number; readonly members: readonly number[] }
  | { readonly kind: 'sourceRename' | 'sourceGroupGone'; readonly group: number }
  | { readonly kind: 'sourceTrouble'; readonly what: SourceTrouble }
  /** An admin asks for a run; `waits`: and continues when it has ended. */
  | { readonly kind: 'pull'; readonly full: boolean; readonly waits: boolean };

const SOURCE_CHANGES = ['join', 'leave', 'return', 'delete', 'readdress'] as const;
export type SourceChange = (typeof SOURCE_CHANGES)[number];

/** `wrong`: lists are short or old without saying so. `swapped`: another company answers. */
const SOURCE_TROUBLES = [
  'wrong',
  'wrong',
  'wrong',
  'errors',
  'limits',
  'proxy',
  'revoked',
  'narrowed',
  'lagging',
  'emptied',
  'swapped',
] as const;
export type SourceTrouble = (typeof SOURCE_TROUBLES)[number] | 'calm';

export function drawPullThemes(random: Random): PullThemes {
  return { pulled: random.chance(0.12) };
}

const GROUPS = 2;
const GAPS = [0, 1_000, 20_000] as const;
const TITLES = ['Cook', 'Boss', 'Waiter'] as const;

export function withPullActions(
  random: Random,
  themes: Themes & PullThemes,
  actions: readonly Planned[],
): readonly Planned[] {
  if (!themes.pulled) return actions;
  const mixed = [...actions];
  const add = (...some: readonly Action[]) => {
    const at = random.int(0, mixed.length);
    mixed.splice(at, 0, ...some.map((action) => ({ action, afterMs: random.pick(GAPS) })));
  };
  for (let times = random.int(6, 12); times > 0; times--) {
    const changes = Array.from({ length: random.int(1, 3) }, () => drawChange(random));
    const trouble: readonly Action[] = random.chance(0.6)
      ? [{ kind: 'sourceTrouble', what: random.pick(SOURCE_TROUBLES) }]
      : [];
    const crash: readonly Action[] =
      themes.crashes && random.chance(0.3) ? [{ kind: 'crash', process: random.int(0, 1) }] : [];
    const calm: readonly Action[] = random.chance(0.7) ? [{ kind: 'sourceTrouble', what: 'calm' }] : [];
    add(...changes, ...trouble, ...crash, drawPull(random), ...calm);
    if (random.chance(0.5)) add(drawPull(random));
  }
  return mixed;
}

function drawPull(random: Random): Action {
  return { kind: 'pull', full: random.chance(0.6), waits: random.chance(0.8) };
}

function drawChange(random: Random): Action {
  const who = random.int(0, PULLED_PEOPLE - 1);
  const group = random.int(0, GROUPS - 1);
  const draw = random.int(0, 99);
  if (draw < 55) return { kind: 'source', what: random.pick(SOURCE_CHANGES), who };
  if (draw < 65) return { kind: 'sourceTitle', who, title: random.pick(TITLES) };
  if (draw < 90) {
    const everybody = Array.from({ length: PULLED_PEOPLE }, (_, index) => index);
    return { kind: 'sourceMembers', group, members: everybody.filter(() => random.chance(0.6)) };
  }
  return { kind: random.chance(0.6) ? 'sourceRename' : 'sourceGroupGone', group };
}
