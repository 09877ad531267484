/**
 * Puts the changes of one attempt in order with those of subjects that have a key it wants: which keys it waits for,
 * and whom. Calls no vendor.
 */

import { lower } from '../../db/columns.ts';
import { taskOf } from '../../db/queue/tasks.ts';
import {
  holdersOf,
  type Key,
  type KeyHolder,
  type KeyWait,
  keyWaitsOf,
  type Meanwhile,
  NOT_ASIDE,
  replaceKeyWaits,
  waitGraph,
} from '../../db/seen/keys.ts';
import { circleOf, type KeyStep, keyStep } from '../../plan/keys.ts';
import type { Attempt } from '../attempt.ts';

/** A remembered wait of the attempt's own subject. */
export type OwnWait = Omit<KeyWait, 'subjectId'>;

/** A key that the subject wants, and whom it waits for. */
export interface Awaited extends Key {
  readonly holder: KeyHolder;
  readonly step: Exclude<KeyStep, 'take'>;
  /** The subjects that wait in a circle, this one first; empty where there is no circle. */
  readonly circle: readonly string[];
  /** The temporary value, where the subject has stepped aside already. */
  readonly meanwhile: Meanwhile;
}

/**
 * The wanted keys that are not free yet. The wait is in the database before this looks for circles, so the subject
 * that closes one sees it. `plans`: whether the holder's own plan changes or frees the value.
 */
export async function awaitedKeys(
  attempt: Attempt,
  wanted: readonly Key[],
  known: readonly OwnWait[],
  plans: (holder: KeyHolder) => Promise<boolean>,
): Promise<readonly Awaited[]> {
  if (wanted.length === 0) return [];
  const { subject } = attempt.task;
  const { id: storeId } = attempt.context.store;
  const conflicts = new Map<string, { readonly key: Key; readonly holder: KeyHolder }>();
  for (const holder of await holdersOf(attempt.db, storeId, subject, wanted)) {
    const key = wanted.find(({ attribute }) => attribute === holder.attribute);
    if (key && (await givesUp(attempt, holder, plans))) conflicts.set(holder.attribute, { key, holder });
  }
  if (conflicts.size === 0) return [];
  const rows = [...conflicts.values()].map(({ key }) => waiting(key, meanwhileOf(known, key)));
  const others = known.filter(({ attribute }) => !conflicts.has(attribute));
  await attempt.record((tx) => replaceKeyWaits(tx, storeId, subject, [...rows, ...others]));
  const awaited: Awaited[] = [];
  for (const { key, holder } of conflicts.values()) {
    const waitsFor = await waitGraph(attempt.db, storeId, subject.kind, key.attribute);
    const { subjectId } = holder;
    const step = keyStep({ subjectId: subject.id, holder: { subjectId, givesUp: true }, waitsFor });
    const circle = circleOf(subject.id, subjectId, waitsFor);
    if (step !== 'take') awaited.push({ ...key, holder, step, circle, meanwhile: meanwhileOf(known, key) });
  }
  return awaited;
}

export function meanwhileOf(known: readonly OwnWait[], { attribute }: Pick<Key, 'attribute'>): Meanwhile {
  const { temporary, former } = known.find((row) => row.attribute === attribute) ?? NOT_ASIDE;
  return { temporary, former };
}

/** A key that the vendor refused because another has it. `known`: the waits before. */
export function taken(known: readonly OwnWait[], { attribute, value }: Key, words: string): OwnWait {
  const before = known.find((row) => row.attribute === attribute && lower(row.value) === lower(value));
  const { shownAt, hidden } = before ?? {};
  return {
    ...{ attribute, value, state: 'taken', reason: words, ...meanwhileOf(known, { attribute }) },
    ...(shownAt ? { shownAt } : {}),
    ...(hidden ? { hidden } : {}),
  };
}

export function waiting({ attribute, value }: Key, meanwhile: Meanwhile): OwnWait {
  return { attribute, value, state: 'waiting', reason: '', ...meanwhile };
}

/**
 * Whether the holder plans to give the key up, and will get that far on its own. Where the vendor refused a value to
 * the holder, it gets that only once the value's holder gives it up in turn. `asked`: the subjects before it in the
 * chain.
 */
async function givesUp(
  attempt: Attempt,
  holder: KeyHolder,
  plans: (holder: KeyHolder) => Promise<boolean>,
  asked: ReadonlySet<string> = new Set([attempt.task.subject.id]),
): Promise<boolean> {
  const { db, context } = attempt;
  if (!(await plans(holder))) return false;
  const subject = { kind: holder.kind, id: holder.subjectId };
  const waits = await keyWaitsOf(db, context.store.id, subject.kind, [subject.id]);
  const own = waits.filter(({ attribute }) => attribute === holder.attribute);
  if (own.length === 0) return (await taskOf(db, context.store.id, subject))?.state === 'pending';
  for (const { state, attribute, value, holder: next } of own) {
    if (next === null || state === 'stuck') continue;
    if (state === 'waiting' || asked.has(next.subjectId)) return true;
    const theirs = { ...holder, ...next, attribute, valueLower: lower(value) };
    if (await givesUp(attempt, theirs, plans, new Set([...asked, subject.id]))) return true;
  }
  return false;
}
