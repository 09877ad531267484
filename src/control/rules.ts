/**
 * An admin changes the rules of a store. Each answer says how many people enter and leave scope. For the brake, a
 * change of an active store's rules is one cause. This file calls no vendor.
 */

import { type Db, dialectOf } from '../db/open.ts';
import { offeredIn } from '../db/pull/enrichment.ts';
import { NO_CHANGES } from '../db/runs/changeCounts.ts';
import {
  deleteRule as deleteRow,
  getRule,
  insertRule,
  type RuleRecord,
  rulesOfStore,
  updateRule,
} from '../db/stores/rules.ts';
import { getStoreOf, lockStore, type StoreRecord } from '../db/stores/stores.ts';
import { transact } from '../db/transaction.ts';
import type { Cause } from '../model/cause.ts';
import { RequestError } from '../model/errors.ts';
import type { PropagationDeps } from '../stores/deps.ts';
import { scopeOf } from '../stores/scope.ts';
import { storeEvent } from '../stores/storeEvents.ts';
import { isoTime } from '../support/clock.ts';
import { newId } from '../support/ids.ts';
import { refuseOtherVersion, timeAfter, type Versions } from './conflicts.ts';
import { countMoved, type Impact, planUnder } from './impact.ts';
import { expressionMistakes, groupMistakes, refuseTooMuch } from './ruleChecks.ts';
import { queueRun } from './stores.ts';

export interface RuleInput {
  readonly storeId: string;
  readonly name: string;
  readonly active: boolean;
  readonly populationExpression: string | null;
  readonly groups: readonly string[];
}

export interface Saved {
  readonly rule: RuleRecord;
  readonly impact: Impact;
}

/** What the request says besides the rule. */
export interface RuleOptions {
  /** Only answer what would follow. */
  readonly preview: boolean;
  /** The admin accepts that everyone in the environment enters scope. */
  readonly widen: boolean;
  /** The request expects one of these versions; absent or null: any. */
  readonly expected?: Versions;
}

/** A rule before and after the change; null where there is none. */
interface Step {
  readonly before: RuleRecord | null;
  readonly after: RuleRecord | null;
}

/** Throws a 400 with every mistake, or 409 where the store is being deleted or has too many rules. */
export async function createRule(
  deps: PropagationDeps,
  environmentId: string,
  input: RuleInput,
  options: RuleOptions,
  cause: Cause,
): Promise<Saved | Impact> {
  await refuseMistakes(deps.db, environmentId, input, null);
  const at = isoTime(deps.clock.now());
  const after = { id: newId(), environmentId, ...input, createdAt: at, updatedAt: at };
  return change(deps, { before: null, after }, options, cause);
}

/**
 * Throws 404, a 400 with every mistake, 412 where the rule has another version than expected, or 409 where no active
 * rule would be left and `widen` is not given.
 */
export async function replaceRule(
  deps: PropagationDeps,
  environmentId: string,
  id: string,
  input: RuleInput,
  options: RuleOptions,
  cause: Cause,
): Promise<Saved | Impact> {
  const before = await ruleOf(deps.db, environmentId, id);
  refuseOtherVersion(options.expected ?? null, before);
  await refuseMistakes(deps.db, environmentId, input, before);
  const after = { ...before, ...input, updatedAt: timeAfter(before.updatedAt, deps.clock) };
  return change(deps, { before, after }, options, cause);
}

/** Throws 404, or 409 as `replaceRule` does. */
export async function removeRule(
  deps: PropagationDeps,
  environmentId: string,
  id: string,
  options: RuleOptions,
  cause: Cause,
): Promise<Saved | Impact> {
  const before = await ruleOf(deps.db, environmentId, id);
  refuseOtherVersion(options.expected ?? null, before);
  return change(deps, { before, after: null }, options, cause);
}

async function ruleOf(db: Db, environmentId: string, id: string): Promise<RuleRecord> {
  const rule = await getRule(db, environmentId, id);
  if (rule) return rule;
  throw new RequestError(404, `There is no rule ${id} here.`);
}

async function refuseMistakes(
  db: Db,
  environmentId: string,
  input: RuleInput,
  before: RuleRecord | null,
): Promise<void> {
  const { populationExpression: expression, groups } = input;
  const mistakes = [
    ...(expression === null
      ? []
      : expressionMistakes(expression, dialectOf(db), await offeredIn(db, environmentId))),
    ...(await groupMistakes(db, environmentId, groups, before?.groups ?? [])),
    ...(await storeMistakes(db, environmentId, input, before)),
  ];
  if (mistakes.length === 0) return;
  throw new RequestError(400, 'The rule was not saved: see errors.', mistakes);
}

async function storeMistakes(
  db: Db,
  environmentId: string,
  { storeId }: RuleInput,
  before: RuleRecord | null,
) {
  const pointer = '/storeId';
  if (before !== null && before.storeId !== storeId) {
    return [{ pointer, detail: 'storeId cannot change; make another rule for another store' }];
  }
  if (await getStoreOf(db, environmentId, storeId)) return [];
  return [{ pointer, detail: `there is no store ${storeId} in this environment` }];
}

async function change(
  deps: PropagationDeps,
  step: Step,
  options: RuleOptions,
  cause: Cause,
): Promise<Saved | Impact> {
  const impact = await impactOf(deps, step);
  if (options.preview) return impact;
  const { summary } = impact;
  const saved = await transact(deps.db, (tx) => save(tx, deps, step, options, summary, cause));
  deps.wake.signal();
  return saved;
}

/** Plans from what the bridge last saw of the store. A change that cannot move anybody is not planned. */
async function impactOf(deps: PropagationDeps, step: Step): Promise<Impact> {
  const { environmentId, storeId } = subject(step);
  const store = await getStoreOf(deps.db, environmentId, storeId);
  if (!store) throw new RequestError(404, `There is no store ${storeId} here.`);
  const rules = await rulesOfStore(deps.db, storeId);
  const proposed = changed(rules, step);
  refuseTooMuch(proposed, dialectOf(deps.db));
  const moved = await countMoved(deps.db, environmentId, rules, proposed);
  if (!matters(step.before, step.after)) return { ...moved, summary: NO_CHANGES };
  const scope = scopeOf(proposed, dialectOf(deps.db));
  return { ...moved, summary: await planUnder(deps, store, { scope }) };
}

async function save(
  tx: Db,
  deps: PropagationDeps,
  step: Step,
  options: RuleOptions,
  summary: Impact['summary'],
  cause: Cause,
): Promise<Saved> {
  const rule = subject(step);
  const store = await lockStore(tx, rule.storeId);
  if (!store || store.status === 'DELETING') {
    throw new RequestError(409, 'The store of this rule is being deleted; its rules do not change any more.');
  }
  const rules = await rulesOfStore(tx, store.id);
  refuseRace(rules, step, options.expected ?? null);
  const proposed = changed(rules, step);
  refuseTooMuch(proposed, dialectOf(tx));
  const impact = { ...(await countMoved(tx, store.environmentId, rules, proposed)), summary };
  if (!options.widen) refuseWidening(store, rules, proposed, impact);
  await write(tx, step);
  await record(tx, deps, store, step, impact, cause);
  return { rule, impact };
}

function subject({ before, after }: Step): RuleRecord {
  const rule = after ?? before;
  if (!rule) throw new Error('a step without a rule');
  return rule;
}

function changed(rules: readonly RuleRecord[], { before, after }: Step): readonly RuleRecord[] {
  const others = rules.filter((rule) => rule.id !== before?.id);
  return after ? [...others, after] : others;
}

function refuseRace(rules: readonly RuleRecord[], { before }: Step, expected: Versions): void {
  if (before === null) return;
  const now = rules.find((rule) => rule.id === before.id);
  if (!now) throw new RequestError(404, `There is no rule ${before.id} here.`);
  if (JSON.stringify(now) === JSON.stringify(before)) return;
  refuseOtherVersion(expected, now);
  throw new RequestError(409, `The rule ${now.name} was changed meanwhile; read it and try again.`);
}

/** Without an active rule everyone is in scope: the admin must accept that beforehand. */
function refuseWidening(
  store: StoreRecord,
  before: readonly RuleRecord[],
  after: readonly RuleRecord[],
  { entering }: Impact,
): void {
  const isActive = (rule: RuleRecord) => rule.active;
  if (!before.some(isActive) || after.some(isActive)) return;
  const who = entering === 1 ? '1 person would enter' : `${entering} people would enter`;
  throw new RequestError(
    409,
    `This is the last active rule of ${store.name}: without one everyone in the environment is in its scope, and ${who}. Add ?widen=true to go on.`,
  );
}

async function write(tx: Db, { before, after }: Step): Promise<void> {
  if (after === null) return deleteRow(tx, subject({ before, after }));
  return before === null ? insertRule(tx, after) : updateRule(tx, after);
}

async function record(
  tx: Db,
  deps: PropagationDeps,
  store: StoreRecord,
  { before, after }: Step,
  impact: Impact,
  cause: Cause,
): Promise<void> {
  const at = isoTime(deps.clock.now());
  const kind = before === null ? 'rule.created' : after === null ? 'rule.deleted' : 'rule.updated';
  await storeEvent(tx, at, store, cause, kind, {
    ...(before ? { before: audited(before) } : {}),
    after: { ...(after ? audited(after) : {}), impact },
  });
  if (store.status === 'ACTIVE' && matters(before, after)) await queueRun(tx, at, store, cause, 'settings');
}

function audited({ id, name, active, populationExpression, groups }: RuleRecord) {
  return { id, name, active, populationExpression, groups };
}

/** A new name moves nobody into or out of scope, nor does a change of an inactive rule. */
function matters(before: RuleRecord | null, after: RuleRecord | null): boolean {
  const terms = (rule: RuleRecord | null) =>
    rule?.active ? JSON.stringify([rule.populationExpression, rule.groups]) : null;
  return terms(before) !== terms(after);
}
