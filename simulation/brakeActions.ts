/**
 * What histories play of the brake's promises: incidents that admins decide, identity providers that rewrite many
 * people at once, and groups that nobody may touch. Drawn from a source of its own, so that the rest of a history
 * stays as it was.
 */

import type { Action, Planned, Themes } from './actions.ts';
import type { Random } from './random.ts';

export interface BrakeThemes {
  readonly incidents: boolean;
  readonly rewrites: boolean;
  readonly protectedGroups: boolean;
}

export function drawBrakeThemes(random: Random): BrakeThemes {
  return {
    incidents: random.chance(0.2),
    rewrites: random.chance(0.15),
    protectedGroups: random.chance(0.12),
  };
}

/** The first actions hire the people of the beginning. */
const OPENING = 6;
const GAPS = [0, 100, 1_000, 20_000] as const;

export function withBrakeActions(
  random: Random,
  themes: Themes & BrakeThemes,
  actions: readonly Planned[],
): readonly Planned[] {
  const mixed = [...actions];
  const add = (earliest: number, some: readonly Action[]) => {
    const at = random.int(Math.min(earliest, mixed.length), mixed.length);
    mixed.splice(at, 0, ...some.map((action) => ({ action, afterMs: random.pick(GAPS) })));
  };
  if (themes.protectedGroups) {
    for (let times = random.int(1, 2); times > 0; times--) add(0, [protectGroups(random, themes)]);
  }
  if (themes.rewrites) {
    for (let times = random.int(1, 2); times > 0; times--)
      add(OPENING, [...tighten(random, themes), rewrite(random, themes)]);
  }
  if (themes.incidents) {
    for (let times = random.int(1, 2); times > 0; times--) add(OPENING, incident(random, themes));
  }
  return mixed;
}

function protectGroups(random: Random, themes: Themes): Action {
  const patterns = random.pick([['group0'], ['GROUP1*', 'others'], ['*'], ['group2', 'group0.*'], []]);
  return { kind: 'configure', store: storeOf(random, themes), settings: { PROTECTED_GROUPS: patterns } };
}

function rewrite(random: Random, themes: Themes): Action {
  const what = random.pick(['email', 'email', 'userName'] as const);
  return { kind: 'rewrite', what, people: some(random, themes) };
}

/** Sets limits so low that few people may lose something, mostly on every store. */
function tighten(random: Random, themes: Themes): readonly Action[] {
  if (random.chance(0.25)) return [];
  const settings = { BRAKE_PERCENT: 0, BRAKE_MIN: random.int(1, 2) };
  return Array.from({ length: themes.stores }, (_, store) => ({ kind: 'configure', store, settings }));
}

/** So many people lose something that the brake stops a part, and an admin looks at the result. */
function incident(random: Random, themes: Themes & BrakeThemes): readonly Action[] {
  const decide = (): Action => ({
    kind: 'incident',
    verb: random.pick(['undo', 'undo', 'approve', 'discard'] as const),
    all: random.chance(0.6),
  });
  const pause = (): Action => ({ kind: 'pass', ms: random.pick([2_000, 30_000, 120_000]) });
  const after = (): readonly Action[] => {
    const who = random.int(0, 3);
    return [
      ...(random.chance(0.3) ? [{ kind: random.pick(['return', 'delete', 'leave'] as const), who }] : []),
      ...(random.chance(0.3)
        ? [{ kind: 'sync' as const, store: storeOf(random, themes), repair: true }]
        : []),
      ...(random.chance(0.3) ? [decide()] : []),
    ];
  };
  return [
    ...tighten(random, themes),
    ...loss(random, themes),
    pause(),
    ...after(),
    decide(),
    ...(random.chance(0.7) ? [pause()] : []),
    ...after(),
  ];
}

function loss(random: Random, themes: Themes & BrakeThemes): readonly Action[] {
  const people = some(random, themes);
  const how = random.pick(['leave', 'leave', 'delete', 'part', 'rewrite'] as const);
  if (how === 'rewrite') return [rewrite(random, themes)];
  return people.map((who) => (how === 'part' ? { kind: how, group: 0, who } : { kind: how, who }));
}

/** Mostly several people; those of the opening certainly exist. */
function some(random: Random, themes: Themes): readonly number[] {
  const everybody = Array.from({ length: Math.min(themes.people, 6) }, (_, who) => who);
  return everybody.filter(() => random.chance(0.75));
}

function storeOf(random: Random, themes: Themes): number {
  return random.int(0, themes.stores - 1);
}
