/**
 * The keys that subjects wait for because another account or group has them, as the last attempts left it, and what
 * that means for the next plan. Reads the database only.
 */

import { lower } from '../../db/columns.ts';
import { type Key, type KnownWait, keyWaitsOf, type Meanwhile } from '../../db/seen/keys.ts';
import type { Attributes, DesiredGroup, DesiredUser } from '../../model/desired.ts';
import type { Kind } from '../../model/subject.ts';
import type { StoreContext } from '../../stores/desired.ts';
import type { Planning } from '../planning.ts';

/**
 * The waits as the end of a complete scan, which began at the ISO time, would leave them: a refused key that no
 * account or group has any more may be free. Null: no scan says so.
 */
export function afterScan(began: string | null, waits: readonly KnownWait[]): readonly KnownWait[] {
  if (began === null) return waits;
  const isShown = ({ shownAt }: KnownWait) => shownAt !== undefined && shownAt >= began;
  const stays = (wait: KnownWait) =>
    wait.state !== 'taken' || wait.holder !== null || wait.hidden === true || isShown(wait);
  return waits.map((wait) => (stays(wait) ? wait : { ...wait, state: 'waiting', reason: '' }));
}

/** By subject, at most one for each attribute; without subjects that wait for nothing. */
export async function keyWaitsBySubject(
  { db, context }: Planning,
  kind: Kind,
  subjectIds: readonly string[],
): Promise<ReadonlyMap<string, readonly KnownWait[]>> {
  const bySubject = new Map<string, Map<string, KnownWait>>();
  for (const wait of await keyWaitsOf(db, context.store.id, kind, subjectIds)) {
    const own = bySubject.get(wait.subjectId) ?? new Map<string, KnownWait>();
    bySubject.set(wait.subjectId, own);
    if (wait.holder !== null || !own.has(wait.attribute)) own.set(wait.attribute, wait);
  }
  return new Map([...bySubject].map(([id, own]) => [id, [...own.values()]]));
}

/** For a planner: wanted values that the vendor refused because another account has them, with the reason. */
export function takenKeys(
  context: StoreContext,
  { attributes }: Pick<DesiredUser, 'attributes'>,
  waits: readonly KnownWait[],
): ReadonlyMap<string, string> {
  const refused = waits.filter((wait) => wait.state !== 'waiting' && isWanted(attributes, wait));
  return new Map(refused.map((wait) => [wait.attribute, whyTaken(context, wait)]));
}

/** The same for a group, which has one key. */
export function takenName(
  context: StoreContext,
  { name }: Pick<DesiredGroup, 'name'>,
  waits: readonly KnownWait[],
): string | null {
  const refused = waits.find((wait) => wait.state !== 'waiting' && lower(wait.value) === lower(name));
  return refused ? whyTaken(context, refused) : null;
}

export function isWanted(attributes: Attributes, { attribute, value }: Key): boolean {
  const wanted = attributes[attribute];
  return wanted !== undefined && lower(wanted) === lower(value);
}

/** Attributes that have a temporary value until the wanted one is free, each with its former value. */
export function temporaryAttributes(
  link: { readonly applied: Attributes; readonly observed: Attributes } | null,
  waits: readonly KnownWait[],
): ReadonlyMap<string, string | null> {
  if (link === null) return new Map();
  const aside = waits.filter(({ attribute, temporary }) => {
    const has = link.observed[attribute] ?? link.applied[attribute];
    return temporary !== null && has !== undefined && lower(has) === lower(temporary);
  });
  return new Map(aside.map(({ attribute, former }) => [attribute, former]));
}

/** For a group with a temporary name: its former name. */
export function formerName(remoteName: string | null, waits: readonly KnownWait[]): string | null {
  const isNamed = (name: string | null) => name !== null && lower(name) === lower(remoteName ?? '');
  return waits.find(({ temporary }) => isNamed(temporary))?.former ?? null;
}

/** In words that follow the subject's name. */
export function whyTaken(
  { store }: StoreContext,
  { attribute, value, state, reason, holder }: Omit<KnownWait, 'subjectId' | keyof Meanwhile>,
): string {
  if (state === 'stuck' && holder !== null) {
    const advice = 'give one of them another one there by hand';
    return `wants the ${attribute} ${value} of ${holder.remoteName}, who waits in turn, and ${store.name} takes no temporary one (${reason}); ${advice}`;
  }
  const whose = holder === null ? 'another one has it' : `it is that of ${holder.remoteName}`;
  return `cannot have the ${attribute} ${value} on ${store.name}: ${whose} (${reason})`;
}

/** In words that follow the subject's name. */
export function whyWaiting(attribute: string, value: string, holderName: string): string {
  return `waits for the ${attribute} ${value} until ${holderName} has given it up`;
}
