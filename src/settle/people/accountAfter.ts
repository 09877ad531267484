/** Which accounts people will have once their plans are carried out, for plans that follow from it. */

import { endsAccess } from '../../model/change.ts';
import type { Planning } from '../planning.ts';
import { type PlannedPerson, planPeople, type Sight } from './look.ts';

/** Of these people, those whose linked account a scan no longer shows, and who get no other. */
export async function withoutAccountAfter(
  planning: Planning,
  sight: Sight,
  personIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const people = await planPeople(planning, sight, personIds);
  const without = people.filter((person) => person.facts.link === null && accountAfter(person) === null);
  return new Set(without.map(({ facts }) => facts.desired.id));
}

/** The account that the person can use once their plan is carried out; its id is '' while nobody has made it. */
export function accountAfter({
  facts,
  plan,
}: PlannedPerson): { readonly remoteId: string; readonly display: string } | null {
  const { desired, account, link, record } = facts;
  if (plan.changes.some(endsAccess)) return null;
  const free = new Set(plan.changes.filter(({ hold }) => !hold).map(({ op }) => op));
  if (free.has('create')) return { remoteId: '', display: desired.display };
  const enables = free.has('enable');
  if (free.has('adopt')) {
    const usable = enables || account?.state === 'enabled' || account?.state === 'invited';
    return account && usable ? { remoteId: account.remoteId, display: account.display } : null;
  }
  if (!link || !record || !(enables || link.state === 'enabled')) return null;
  return { remoteId: link.remoteId, display: record.remoteName };
}
