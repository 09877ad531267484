/** The events of a history, as data: its seed draws them before it begins, so that some can be left out. */

import type { Settings } from './judges/model.ts';
import type { PullAction } from './pullActions.ts';
import type { Random } from './random.ts';

export type Action =
  | { readonly kind: 'hire' | 'leave' | 'return' | 'delete'; readonly who: number }
  | { readonly kind: 'retitle'; readonly who: number; readonly title: string }
  | { readonly kind: 'readdress'; readonly who: number; readonly to?: string }
  | { readonly kind: 'makeGroup'; readonly group: number; readonly members: readonly number[] }
  | { readonly kind: 'renameGroup' | 'deleteGroup' | 'emptyGroup'; readonly group: number }
  | { readonly kind: 'join' | 'part'; readonly group: number; readonly who: number }
  | { readonly kind: 'pushGroup'; readonly group: number; readonly members: readonly number[] }
  | AdminAction
  | PullAction
  | { readonly kind: 'byHand'; readonly store: number; readonly what: HandEdit; readonly who: number }
  /** People rename a group there by hand, or change a level. */
  | { readonly kind: 'editGroups'; readonly store: number }
  | { readonly kind: 'trouble'; readonly store: number; readonly what: Trouble }
  /** The identity provider gives many people new values at once. */
  | { readonly kind: 'rewrite'; readonly what: 'email' | 'userName'; readonly people: readonly number[] }
  /** An admin decides the newest incident, for all stores. */
  | { readonly kind: 'incident'; readonly verb: 'approve' | 'discard' | 'undo'; readonly all: boolean }
  | { readonly kind: 'swapNames'; readonly who: number; readonly other: number }
  | { readonly kind: 'behave'; readonly store: number; readonly as: Behaviour }
  | { readonly kind: 'crash' | 'stall'; readonly process: number }
  | { readonly kind: 'pass'; readonly ms: number };

export type AdminAction =
  | { readonly kind: 'settings' | 'approvalMode'; readonly store: number }
  | { readonly kind: 'configure'; readonly store: number; readonly settings: Settings }
  | { readonly kind: 'approve' | 'discard'; readonly store: number; readonly all: boolean }
  | { readonly kind: 'sync'; readonly store: number; readonly repair: boolean }
  | { readonly kind: 'apply'; readonly store: number; readonly includeHeld: boolean }
  | {
      readonly kind: 'addRule';
      readonly store: number;
      readonly title: string | null;
      readonly group: number | null;
    }
  | { readonly kind: 'mapping'; readonly store: number; readonly attribute: 'title' | 'displayName' }
  | {
      readonly kind: 'dropRule' | 'switchRule' | 'pause' | 'resume' | 'retryTask' | 'discardTask';
      readonly store: number;
    };

export const HAND_EDITS = [
  'retitle',
  'disable',
  'enable',
  'delete',
  'join',
  'part',
  'foreignAccount',
  'foreignGroup',
  'stranger',
] as const;
/** Drawn from a source of its own. */
const FURTHER_HAND_EDITS = ['replace', 'ban'] as const;
export type HandEdit =
  | (typeof HAND_EDITS)[number]
  | (typeof FURTHER_HAND_EDITS)[number]
  | 'approve'
  | 'keepUserName'
  | 'makeGuest'
  | 'makeOnlyOwner';

/**
 * How a vendor or its token is set: the vendor keeps titles as they are; the token's owner loses all rights; the
 * vendor refuses display names; new people wait for an administrator's approval.
 */
export type Behaviour =
  | 'keepsTitles'
  | 'takesTitles'
  | 'demoted'
  | 'promoted'
  | 'refusesNames'
  | 'asksApproval'
  | 'letsIn';

export const TROUBLES = ['lost', 'limits', 'errors', 'unauthorized', 'proxy', 'calm'] as const;
/** `pretence` is drawn from a source of its own. */
export type Trouble = (typeof TROUBLES)[number] | 'pretence';

/** What a history is about. Most histories have only some of these, so that exact checks get their turn. */
export interface Themes {
  readonly stores: number;
  readonly people: number;
  readonly handEdits: boolean;
  readonly lag: boolean;
  readonly late: boolean;
  readonly crashes: boolean;
  /** The surviving process knows at once which one died; otherwise a lease has to run out. */
  readonly deathIsKnown: boolean;
  readonly faults: boolean;
  readonly settings: boolean;
  readonly approvalMode: boolean;
  readonly rules: boolean;
  readonly operators: boolean;
  /** Simulated days pass. */
  readonly timers: boolean;
  /** `PARALLEL_CHANGES` of the stores. */
  readonly parallel: number;
  /** People swap their user names. */
  readonly swaps: boolean;
  /** Vendors do not take what they confirm, and tokens lose their rights. */
  readonly manners: boolean;
  /** People at the vendors replace accounts with others, and ban them. */
  readonly replaced: boolean;
  /** Slack keeps deactivated accounts in their groups. */
  readonly keepsMemberships: boolean;
}

type Drawn = Omit<Themes, 'swaps' | 'manners' | 'replaced' | 'keepsMemberships'>;

export const PARALLEL = [1, 2, 8] as const;

export const GROUP_SLOTS = 3;

const TITLES = ['Cook', 'Boss', 'Waiter'] as const;

export function drawThemes(random: Random, parallel: number): Drawn {
  return {
    stores: random.chance(0.3) ? 2 : 1,
    people: random.int(5, 9),
    handEdits: random.chance(0.4),
    lag: random.chance(0.15),
    late: random.chance(0.15),
    crashes: random.chance(0.6),
    deathIsKnown: random.chance(0.5),
    faults: random.chance(0.7),
    settings: random.chance(0.6),
    approvalMode: random.chance(0.12),
    rules: random.chance(0.35),
    operators: random.chance(0.25),
    timers: random.chance(0.25),
    parallel,
  };
}

/** From a source of its own, so that the rest of a history stays as it was. */
export function drawFurtherThemes(random: Random, drawn: Drawn): Themes {
  return {
    ...drawn,
    // PROTECTED_ACCOUNTS must not name a user name that another person has by now.
    swaps: random.chance(0.2) && !drawn.settings,
    manners: random.chance(0.12),
    replaced: random.chance(0.12),
    keepsMemberships: random.chance(0.1),
  };
}

export interface Planned {
  readonly action: Action;
  /** Simulated milliseconds before the action. */
  readonly afterMs: number;
}

export function drawActions(random: Random, themes: Drawn, count: number): readonly Planned[] {
  const actions: Planned[] = [];
  const opening = Math.min(themes.people, 4);
  if (themes.faults && random.chance(0.3)) {
    for (let store = 0; store < themes.stores; store++)
      actions.push({ action: { kind: 'trouble', store, what: 'lost' }, afterMs: 0 });
  }
  for (let who = 0; who < opening; who++) {
    actions.push({ action: { kind: 'hire', who }, afterMs: 50 });
    if (random.chance(0.15)) actions.push(drawSequel(random, who));
  }
  actions.push({ action: { kind: 'makeGroup', group: 0, members: [0, 1, 2] }, afterMs: 50 });
  while (actions.length < count) {
    const action = drawAction(random, themes);
    actions.push({ action, afterMs: drawGap(random) });
    if ((action.kind === 'hire' || action.kind === 'return') && random.chance(0.3))
      actions.push(drawSequel(random, action.who));
  }
  return actions;
}

/** Adds the actions of these themes to the others. */
export function withFurtherActions(
  random: Random,
  themes: Themes,
  actions: readonly Planned[],
): readonly Planned[] {
  const mixed = [...actions];
  const add = (...some: readonly Action[]) => {
    const at = random.int(Math.min(6, mixed.length), mixed.length);
    mixed.splice(at, 0, ...some.map((action) => ({ action, afterMs: random.pick([0, 1_000, 20_000]) })));
  };
  for (let times = random.int(2, 4); times > 0; times--) {
    const who = random.int(0, themes.people - 1);
    const store = random.int(0, themes.stores - 1);
    if (themes.swaps) add({ kind: 'swapNames', who, other: random.int(0, themes.people - 1) });
    if (themes.replaced)
      add(
        { kind: 'byHand', store, what: random.pick(FURTHER_HAND_EDITS), who },
        { kind: random.pick(['leave', 'delete', 'return'] as const), who },
      );
    if (!themes.manners) continue;
    if (random.chance(0.5))
      add({ kind: 'behave', store, as: 'keepsTitles' }, { kind: 'retitle', who, title: random.pick(TITLES) });
    else
      add(
        { kind: 'behave', store, as: 'demoted' },
        { kind: 'leave', who },
        { kind: 'leave', who: random.int(0, themes.people - 1) },
        { kind: 'pass', ms: 120_000 },
        { kind: 'behave', store, as: random.pick(['promoted', 'takesTitles'] as const) },
      );
  }
  return mixed;
}

/** Soon after somebody came, while stores may not know of it yet. */
function drawSequel(random: Random, who: number): Planned {
  const kind = random.pick(['leave', 'delete', 'readdress', 'readdress'] as const);
  return { action: { kind, who }, afterMs: random.pick([100, 1_000, 5_000, 12_500]) };
}

function drawGap(random: Random): number {
  return random.pick([0, 100, 1_000, 1_000, 5_000, 20_000]);
}

function drawAction(random: Random, themes: Drawn): Action {
  const who = random.int(0, themes.people - 1);
  const group = random.int(0, GROUP_SLOTS - 1);
  const store = random.int(0, themes.stores - 1);
  const everybody = Array.from({ length: themes.people }, (_, i) => i);
  const some = () => {
    const share = random.pick([0.1, 0.5, 0.9]);
    return everybody.filter(() => random.chance(share));
  };
  if (themes.rules && random.chance(0.2)) return drawRuleAction(random, store);
  if (themes.operators && random.chance(0.12)) {
    return { kind: random.pick(['pause', 'resume', 'resume', 'retryTask', 'discardTask']), store };
  }
  const draw = random.int(0, 99);
  if (draw < 8) return { kind: 'hire', who };
  if (draw < 18) return { kind: 'leave', who };
  if (draw < 27) return { kind: 'return', who };
  if (draw < 33) return { kind: 'delete', who };
  if (draw < 38) return { kind: 'retitle', who, title: random.pick(TITLES) };
  if (draw < 40) return { kind: 'readdress', who };
  if (draw < 44) return { kind: 'makeGroup', group, members: some() };
  if (draw < 46) return { kind: 'renameGroup', group };
  if (draw < 48) return { kind: 'deleteGroup', group };
  if (draw < 50) return { kind: 'emptyGroup', group };
  if (draw < 55) return { kind: 'join', group, who };
  if (draw < 59) return { kind: 'part', group, who };
  if (draw < 62) return { kind: 'pushGroup', group, members: some() };
  if (draw < 69) return themes.settings ? { kind: 'settings', store } : { kind: 'leave', who };
  if (draw < 72) return { kind: 'approve', store, all: random.chance(0.5) };
  if (draw < 75) return { kind: 'discard', store, all: random.chance(0.3) };
  if (draw < 78) return { kind: 'sync', store, repair: random.chance(0.6) };
  if (draw < 80) return { kind: 'apply', store, includeHeld: random.chance(0.4) };
  if (draw < 86 && themes.handEdits) return { kind: 'byHand', store, what: random.pick(HAND_EDITS), who };
  if (draw < 92 && themes.faults) return { kind: 'trouble', store, what: random.pick(TROUBLES) };
  if (draw < 95 && themes.crashes) {
    return { kind: random.chance(0.8) ? 'crash' : 'stall', process: random.int(0, 1) };
  }
  if (draw < 97 && themes.approvalMode) return { kind: 'approvalMode', store };
  const days = themes.timers ? [86_400_000, 190_000_000] : [];
  return { kind: 'pass', ms: random.pick([30_000, 120_000, 900_000, 3_700_000, ...days]) };
}

function drawRuleAction(random: Random, store: number): Action {
  const draw = random.int(0, 9);
  if (draw < 5) {
    const title = random.chance(0.6) ? random.pick(TITLES) : null;
    const group = title === null || random.chance(0.3) ? random.int(0, GROUP_SLOTS - 1) : null;
    return { kind: 'addRule', store, title, group: random.chance(0.9) ? group : null };
  }
  if (draw < 8) return { kind: random.pick(['dropRule', 'switchRule']), store };
  return { kind: 'mapping', store, attribute: random.pick(['title', 'displayName'] as const) };
}
