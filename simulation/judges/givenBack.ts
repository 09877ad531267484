/**
 * Judges, once everything is quiet, what an admin wanted back: "Incidents" in docs/design.md, and its table "Giving
 * back". Nothing is promised about values that the directory, or somebody at the vendor, has changed since.
 */

import { isEnd, type Wish } from './decisions.ts';
import type { Claims } from './oracle.ts';
import type { Records } from './records.ts';

export function judgeGivenBack(records: Records, claims: Claims): readonly string[] {
  return records.decisions.wishes.flatMap((wish) => {
    const complaint = open(wish, claims) ?? judgeWish(records, claims, wish);
    return complaint === null ? [] : [`h${wish.human.index} ${complaint}`];
  });
}

/** The bridge says what became of it, in every case. */
function open({ lossId, item }: Wish, { losses }: Claims): string | null {
  const state = losses.get(lossId);
  return state === 'taken' || state === 'approved' ? `is still to be given back what ${item.op} took` : null;
}

function judgeWish(records: Records, claims: Claims, wish: Wish): string | null {
  const { vendor, lostRights, decisions } = records;
  const account = vendor.holds.accounts.get(wish.accountId);
  if (!account || lostRights || records.isSpared(account.id)) return null;
  // An admin who approved the same loss later had the last word.
  if (wish.item.keys.some((key) => decisions.approved.has(key))) return null;
  if (wish.item.op === 'disable') return judgeDisabled(records, claims, wish);
  if (isEnd(wish.item.op) || account.state !== 'enabled' || records.needsSync !== null) return null;
  return wish.item.op === 'revoke'
    ? judgeMembership(records, claims, wish)
    : judgeIdentity(records, claims, wish);
}

function judgeDisabled(records: Records, claims: Claims, wish: Wish): string | null {
  const { vendor, model, sight, disabledFor } = records;
  const { human, accountId, lifecycle, tick } = wish;
  const { personId } = human;
  if (lifecycle === null || claims.users.get(personId ?? '')?.remoteId !== accountId) return null;
  for (let at = tick; at <= model.tick; at++)
    if (sight.person(human, at)?.lifecycle !== lifecycle) return null;
  // Out of scope counts as gone. But if somebody comes back outside of scope, the old decision is over.
  if (human.standing.since(tick).some((standing, _, [first]) => standing.lifecycle !== first?.lifecycle))
    return null;
  const state = vendor.holds.accounts.get(accountId)?.state;
  // Whoever disabled the account by hand had a reason.
  if (state === 'disabled' && disabledFor.has(accountId))
    return `was to be given back, and ${accountId} is disabled`;
  return state === 'enabled' && wish.isGiven && claims.openLeavers.has(personId ?? '')
    ? 'was given back, and is still told to be an open leaver'
    : null;
}

function judgeMembership(records: Records, claims: Claims, wish: Wish): string | null {
  const { vendor, model, own, sight } = records;
  const { human, accountId, item } = wish;
  const taken = model.tickAt(item.at);
  const feeding = [...vendor.holds.groups.values()].filter(({ id }) =>
    own.feeding(id).some((group) => group.id === item.groupId),
  );
  const [group, ...others] = feeding;
  if (!group || others.length > 0 || own.feeding(group.id).length !== 1) return null;
  if (isEverProtected(records, [group.key, group.name])) return null;
  for (let at = Math.max(0, taken - 1); at <= model.tick; at++)
    if (sight.person(human, at)?.lifecycle !== 'active') return null;
  for (let at = wish.tick; at <= model.tick; at++) if (own.wantedAt(at, group.id, accountId)) return null;
  if (group.members.has(accountId)) return null;
  return claims.losses.get(wish.lossId) === 'undone'
    ? `was given ${group.name} back, and is no member`
    : null;
}

function isEverProtected(records: Records, names: readonly string[]): boolean {
  return records.sight.meaningsSince(0).some((meaning) => records.isProtectedGroup(names, [meaning]));
}

function judgeIdentity(records: Records, claims: Claims, wish: Wish): string | null {
  const { vendor, model } = records;
  const { human, accountId, item, lossId } = wish;
  const state = claims.losses.get(lossId);
  const account = vendor.holds.accounts.get(accountId);
  const email = item.attributes.find(
    ({ to }) => to.toLowerCase() === human.standing.now?.email.toLowerCase(),
  );
  if (!account || !email) return null;
  const taken = model.tickAt(item.at);
  const isAsThen = human.standing
    .since(taken)
    .every((standing) => standing.email.toLowerCase() === email.to.toLowerCase());
  if (!isAsThen) return null;
  const has = account.attributes.email;
  if (has === email.from?.toLowerCase()) return null;
  return `was to get ${email.from} back on ${accountId}, and has ${has} (${state})`;
}
