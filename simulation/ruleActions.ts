/**
 * What histories play of "What a vendor's answer is worth", beyond ordinary faults of vendors. Drawn from a source of
 * its own, so that the rest of a history stays as it was.
 */

import { type Action, GROUP_SLOTS, type Planned, type Themes } from './actions.ts';
import type { Random } from './random.ts';

/**
 * Played when everything is quiet and judged: a preview is made and applied, creations have to wait, the vendor lists
 * nothing, or the same page for ever, people change keys and levels by hand, or they free an address.
 */
export const ENDINGS = ['preview', 'limit', 'lists', 'keys', 'freed'] as const;
export type Ending = (typeof ENDINGS)[number];

export interface RuleThemes {
  readonly ending: Ending | null;
  /** Groups that rules name are deleted. */
  readonly lostGroups: boolean;
  /** Accounts are banned, or wait for approval, while their people leave and return. */
  readonly locks: boolean;
  /** People who are to be deleted are the only owners of groups. */
  readonly onlyOwners: boolean;
  /** Vendors refuse a part of a change. */
  readonly refusals: boolean;
  /** Something that is not the vendor answers in its place. */
  readonly pretence: boolean;
}

/** In percent. The last two are drawn from a source of its own. */
const DRAWN: readonly (readonly [until: number, Ending])[] = [
  [8, 'preview'],
  [14, 'limit'],
  [20, 'lists'],
];

export function drawRuleThemes(random: Random): RuleThemes {
  const ending = random.int(0, 99);
  return {
    ending: DRAWN.find(([until]) => ending < until)?.[1] ?? null,
    lostGroups: random.chance(0.1),
    locks: random.chance(0.1),
    onlyOwners: random.chance(0.06),
    refusals: random.chance(0.1),
    pretence: random.chance(0.08),
  };
}

/** The first actions hire the people of the beginning. */
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
  const who = () => random.int(0, 3);
  if (themes.lostGroups) add(...loseGroup(random, store()));
  if (themes.locks) add(...lock(random, store(), who(), themes.people));
  if (themes.onlyOwners) add(...deleteOwner(store(), who()));
  if (themes.refusals) add(...refuse(random, store(), who(), themes.people));
  if (themes.pretence) add(...pretend(random, store(), who()));
  return mixed;
}

/** A rule includes people by one group, until the group is deleted. */
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

function lock(random: Random, store: number, who: number, people: number): readonly Action[] {
  const wait: Action = { kind: 'pass', ms: 30_000 };
  if (random.chance(0.5))
    return [
      { kind: 'byHand', store, what: 'ban', who },
      { kind: 'leave', who },
      wait,
      { kind: 'return', who },
      wait,
    ];
  const newcomer = random.int(4, people - 1);
  return [
    { kind: 'behave', store, as: 'asksApproval' },
    { kind: 'hire', who: newcomer },
    wait,
    { kind: random.pick(['leave', 'delete'] as const), who: newcomer },
    wait,
    ...(random.chance(0.3)
      ? [{ kind: 'byHand' as const, store, what: 'approve' as const, who: newcomer }]
      : []),
    ...(random.chance(0.5) ? [{ kind: 'return' as const, who: newcomer }, wait] : []),
  ];
}

function deleteOwner(store: number, who: number): readonly Action[] {
  return [
    { kind: 'configure', store, settings: { REMOVE_ACTION: 'Delete', REMOVE_AFTER_DAYS: 0 } },
    { kind: 'byHand', store, what: 'makeOnlyOwner', who },
    { kind: 'delete', who },
    { kind: 'pass', ms: 30_000 },
  ];
}

/** One of several attributes or members in a request is refused; not every vendor refuses each. */
function refuse(random: Random, store: number, who: number, people: number): readonly Action[] {
  if (random.chance(0.4))
    return [
      { kind: 'byHand', store, what: 'makeGuest', who },
      { kind: 'makeGroup', group: GROUP_SLOTS, members: Array.from({ length: people }, (_, index) => index) },
    ];
  const newcomer = people - 1;
  return [
    { kind: 'behave', store, as: 'refusesNames' },
    ...(random.chance(0.5)
      ? [{ kind: 'byHand' as const, store, what: 'foreignAccount' as const, who: newcomer }]
      : []),
    { kind: 'hire', who: newcomer },
    { kind: 'byHand', store, what: 'keepUserName', who },
    { kind: 'pause', store },
    { kind: 'rewrite', what: 'userName', people: [who] },
    { kind: 'retitle', who, title: 'Waiter' },
    { kind: 'resume', store },
    { kind: 'retitle', who: newcomer, title: 'Cook' },
  ];
}

function pretend(random: Random, store: number, who: number): readonly Action[] {
  return [
    { kind: 'trouble', store, what: 'pretence' },
    { kind: random.pick(['leave', 'delete'] as const), who },
    { kind: random.pick(['leave', 'delete'] as const), who: (who + 1) % 4 },
    { kind: 'part', group: 0, who: (who + 2) % 4 },
    { kind: 'pass', ms: random.pick([2_000, 30_000]) },
    { kind: 'trouble', store, what: 'calm' },
  ];
}
