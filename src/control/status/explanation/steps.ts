/**
 * The seven steps from what the directory says to what the vendor confirmed, each in one sentence, and a sentence
 * that sums them up. Pure. All other texts about why a person has access take their words from here.
 */

import { mayGiveAccess } from '../../../plan/drafting.ts';
import type { Explanation, Situation, StepName, StepResult } from './situation.ts';
import { STEPS } from './situation.ts';
import { brake, plan, vendor } from './what.ts';
import { directory, match, scope, speaker } from './who.ts';

const OF: Readonly<Record<StepName, (situation: Situation) => StepResult>> = {
  directory,
  speaker,
  scope,
  match,
  plan,
  brake,
  vendor,
};

export function explained(situation: Situation): Explanation {
  const results = new Map<StepName, StepResult>();
  let stoppedAt: StepName | null = null;
  for (const step of STEPS) {
    // A held loss is always told, even if an earlier step ended the explanation of everything else.
    const isHeld = step === 'brake' && situation.status.held.length > 0;
    const of: StepResult = stoppedAt === null || isHeld ? OF[step](situation) : notReached(stoppedAt);
    if (of.outcome === 'stopped') stoppedAt ??= step;
    results.set(step, of);
  }
  return {
    store: situation.status.store,
    sentence: sentence(sumUp(situation, results), situation),
    steps: [...results].map(([step, { outcome, clause, evidence, at }]) => ({
      step,
      outcome,
      detail: sentence(clause, situation),
      ...(evidence && evidence.length > 0 ? { evidence } : {}),
      ...(at ? { at } : {}),
    })),
  };
}

function notReached(stoppedAt: StepName): StepResult {
  return { outcome: 'notReached', clause: `this comes after ${AFTER[stoppedAt]}` };
}

const AFTER: Readonly<Record<StepName, string>> = {
  directory: 'the directory',
  speaker: 'the question who speaks for them',
  scope: 'the rules',
  match: 'the question which account is theirs',
  plan: 'the plan',
  brake: 'the decision',
  vendor: 'the vendor',
};

/** Says whether the person has access, because of which part of directory or rules, and what prevents the rest. */
function sumUp(situation: Situation, results: ReadonlyMap<StepName, StepResult>): string {
  const clauseOf = (step: StepName) => results.get(step)?.clause ?? '';
  const { word, scope: rules, display } = situation;
  const isActive = word?.said === 'active';
  const because = !isActive
    ? clauseOf('directory')
    : rules.included
      ? `${clauseOf('directory')}, and ${clauseOf('scope')}`
      : clauseOf('scope');
  const obstacle =
    [...results.values()].find(({ outcome }) => outcome === 'stopped') ?? refusalAmong(results);
  const isUnderway = results.get('vendor')?.outcome === 'notReached' && situation.task?.state === 'pending';
  const rest = obstacle
    ? `, but ${obstacle.clause}`
    : isUnderway
      ? `, and ${results.get('vendor')?.clause}`
      : '';
  return `${display} ${accessOf(situation, isActive && rules.included)}: ${because}${rest}`;
}

/** The step that an admin forbade the store, or that the vendor refused. */
function refusalAmong(results: ReadonlyMap<StepName, StepResult>): StepResult | undefined {
  return (['plan', 'vendor'] as const)
    .map((step) => results.get(step))
    .find((found) => found?.outcome === 'no');
}

/** `isWanted`: the directory has the person as active, and the rules include them. */
function accessOf({ status, store, facts }: Situation, isWanted: boolean): string {
  const { account, isTaken, doubts } = facts;
  switch (status.accountState) {
    case 'enabled':
      return `${isWanted ? 'has' : 'still has'} access to ${store.name}`;
    case 'invited':
      return `is ${isWanted ? '' : 'still '}invited to ${store.name}`;
    case 'disabled':
      return `has no access to ${store.name}`;
    case 'locked':
      return `cannot use their account on ${store.name}`;
    case 'removed':
      return `has no account on ${store.name} any more`;
    case 'none': {
      const isUnowned = account !== null && !isTaken && doubts.question === null && mayGiveAccess(account);
      return isUnowned
        ? `has an account on ${store.name} that the bridge does not manage`
        : `has no account on ${store.name}`;
    }
  }
}

/**
 * Adds a full stop and a capital letter; a clause that begins with somebody's or something's name keeps its spelling.
 */
function sentence(clause: string, { display, store, speaking, word, link }: Situation): string {
  const names = [display, speaking?.userName, store.name, word?.connectionName, link?.remoteName];
  const isName = names.some((name) => name !== undefined && name !== '' && clause.startsWith(name));
  const begun = isName ? clause : clause.charAt(0).toUpperCase() + clause.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
