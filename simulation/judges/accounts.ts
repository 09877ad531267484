/** Judges a write to an account by the table "People" of docs/design.md. */

import { SKEW_MAX_MS } from '../machine/scheduler.ts';
import type { Caller, Turn } from '../vendors/network.ts';
import type { Attribute } from '../vendors/vendor.ts';
import type { AccountWrite } from '../vendors/writes.ts';
import { changeKey, identityKey } from './changeKeys.ts';
import type { Human, Standing } from './model.ts';
import type { Records } from './records.ts';
import type { Meaning } from './settings.ts';

const DAY_MS = 86_400_000;

export function accountSubjects(records: Records, write: AccountWrite): readonly Human[] {
  const human = humanOf(records, write);
  return human ? [human] : [];
}

/** The person whose account it is, or whose it would be by its address. */
function humanOf({ own, model, vendor }: Records, { accountId, attributes, op }: AccountWrite) {
  const email = op === 'create' ? attributes.email : vendor.holds.accounts.get(accountId)?.attributes.email;
  return own.ownerOf(accountId) ?? model.byEmail(email ?? '');
}

/** Why the write is wrong; null where it may be. */
export function judgeAccountWrite(
  records: Records,
  turn: Turn,
  write: AccountWrite,
  caller: Caller,
): string | null {
  const human = humanOf(records, write);
  if (!human) return 'nothing says that the account is anybody’s';
  const { sight } = records;
  const standings = sight.personSince(human, turn.tick);
  const meanings = sight.meaningsSince(turn.sentTick);
  const was = (lifecycle: Standing['lifecycle']) => standings.some((s) => s.lifecycle === lifecycle);
  const some = (test: (meaning: Meaning) => boolean) => meanings.some(test);
  const keys = records.plannedOps(write).map((op) => changeKey(op, human.personId ?? ''));
  if (records.decisions.givesBack(human, write, [])) {
    const isSpared = records.isProtected(write.accountId, meanings);
    return isSpared ? 'the account is protected, and was given back' : null;
  }
  if (!records.permits(turn, keys)) return 'APPLY_MODE is Approval, and no applied preview says this';
  if (write.op !== 'create') {
    if (records.isProtected(write.accountId, meanings)) return 'the account is protected';
    records.own.owners.set(write.accountId, human.index);
  }
  switch (write.op) {
    case 'create':
      if (!was('active')) return 'the person is not active';
      if (!some((m) => m.createUsers)) return 'CREATE_USERS is off';
      return secondAccount(records, human, caller) ?? wrongAttribute(records, turn, write, standings);
    case 'update':
      if (!was('active')) return endsTemporary(records, write) ? null : 'the person is not active';
      if (!some((m) => m.updateUsers)) return 'UPDATE_USERS is off';
      return wrongAttribute(records, turn, write, standings) ?? replacedIdentity(records, turn, write, human);
    case 'enable':
      if (!was('active')) return 'the person is not active';
      return some((m) => m.disableUsers || m.deprovisionUsers) ? null : 'both switches are off';
    case 'disable':
    case 'delete':
      return (
        records.decisions.refusal(keys, turn, write.accountId, () => true) ??
        records.refuseLoss(turn, write.accountId, keys, `h${human.index}`) ??
        unwantedRemoval(records, write, was, some) ??
        lostWithGroup(records, turn, human, endsOf(human)) ??
        tooSoon(records, human, write, meanings)
      );
    case 'other':
      return 'an account cannot be changed so';
  }
}

/** An identity attribute that had a value and gets another one is a loss. A temporary name begins such a loss. */
function replacedIdentity(
  records: Records,
  turn: Turn,
  { accountId, attributes }: AccountWrite,
  human: Human,
): string | null {
  const { decisions, vendor } = records;
  const has = vendor.holds.accounts.get(accountId)?.attributes;
  const personId = human.personId ?? '';
  const replaced = (['email', 'userName'] as const).filter((name) => {
    const [from, to] = [has?.[name] ?? '', attributes[name]];
    return to !== undefined && from !== '' && !isTemporary(from) && from.toLowerCase() !== to.toLowerCase();
  });
  for (const name of replaced) {
    const value = attributes[name] ?? '';
    const keys = isTemporary(value) ? [changeKey('update', personId)] : [identityKey(personId, value)];
    const declined = decisions.refusal(keys, turn, accountId, (tick) => {
      const standing = human.standing.at(tick);
      return standing !== undefined && wantedIs(standing, name, value);
    });
    const refused = declined ?? records.refuseLoss(turn, accountId, keys, `h${human.index}`);
    if (refused) return `${refused}, and replaces the ${name}`;
  }
  return null;
}

function isTemporary(key: string): boolean {
  return key.includes('moving-');
}

/** A temporary address is the wanted one with a tag. */
function withoutTag(email: string): string {
  return email.replace(/\+moving-[a-z0-9]+@/, '@');
}

/** A vendor may have changed the form of a user name. */
function wantedIs(standing: Standing, name: 'email' | 'userName', value: string): boolean {
  const [wanted = ''] = name === 'email' ? [standing.email] : standing.userName.split('@');
  return wanted.toLowerCase() === value.toLowerCase();
}

/** No look-up could find in time an account whose request arrived after its caller had given up. */
function secondAccount({ own, vendor }: Records, human: Human, caller: Caller): string | null {
  if (caller !== 'waits') return null;
  const other = own
    .accountsOf(human)
    .find((id) => vendor.holds.accounts.has(id) && !own.lateAccounts.has(id));
  return other ? `a second account: ${other} is theirs already` : null;
}

function unwantedRemoval(
  { vendor, own, touchedByHand }: Records,
  { op, accountId }: AccountWrite,
  was: (lifecycle: Standing['lifecycle']) => boolean,
  some: (test: (meaning: Meaning) => boolean) => boolean,
): string | null {
  if (op === 'disable' && was('inactive') && some((m) => m.disableUsers)) return null;
  const isUndeletable = vendor.holds.accounts.get(accountId)?.oddities.has('onlyOwner') ?? false;
  // An account that somebody made in place of a lost one is disabled, whatever the other settings say.
  const isSuccessor = touchedByHand.has(accountId) && !own.createdAccounts.has(accountId);
  const isKept = isUndeletable || isSuccessor;
  const may = (m: Meaning) =>
    op === 'delete'
      ? m.removeAction === 'Delete'
      : m.removeAction === 'Disable' || m.removeAfterDays > 0 || isKept;
  if (was('gone') && some((m) => m.deprovisionUsers && may(m))) return null;
  return 'neither the directory nor the settings want it';
}

/** The vendor does not delete an only owner; the account is blocked instead. */
function endsOf({ personId }: Human): readonly string[] {
  return ['disable', 'delete'].map((op) => changeKey(op, personId ?? ''));
}

/** A loss because a group in a rule was deleted waits for an admin. */
function lostWithGroup(
  { sight, decisions, model }: Records,
  turn: Turn,
  human: Human,
  keys: readonly string[],
): string | null {
  if (decisions.asked === 'approve' || keys.some((key) => decisions.isApproved(key, turn))) return null;
  const wanting: number[] = [];
  for (let tick = turn.tick; tick <= model.tick; tick++)
    if (sight.person(human, tick)?.lifecycle !== 'active') wanting.push(tick);
  return wanting.length > 0 && wanting.every((tick) => sight.lostWithGroup(human, tick))
    ? 'a group that a rule names was deleted, and nobody has decided'
    : null;
}

/** With `REMOVE_AFTER_DAYS` an account is disabled first, and deleted only after that many days. */
function tooSoon(
  { sight, vendor, touchedByHand, now }: Records,
  human: Human,
  { op, accountId }: AccountWrite,
  meanings: readonly Meaning[],
): string | null {
  if (op !== 'delete') return null;
  const days = Math.min(...meanings.map((m) => m.removeAfterDays));
  if (days === 0) return null;
  const account = vendor.holds.accounts.get(accountId);
  if (account?.state === 'enabled' && !touchedByHand.has(accountId)) return 'it is not disabled yet';
  const isDue = now() + SKEW_MAX_MS >= sight.goneSince(human) + days * DAY_MS;
  return isDue ? null : `REMOVE_AFTER_DAYS of ${days} is not over`;
}

/** A temporary name or address must be replaced once the wanted one is free. */
function endsTemporary({ vendor }: Records, { accountId, attributes }: AccountWrite): boolean {
  const has = vendor.holds.accounts.get(accountId)?.attributes;
  const [name, ...others] = Object.keys(attributes) as Attribute[];
  return name !== undefined && others.length === 0 && isTemporary(has?.[name] ?? '');
}

function wrongAttribute(
  { sight }: Records,
  turn: Turn,
  { attributes }: AccountWrite,
  standings: readonly Standing[],
): string | null {
  for (const [name, value] of Object.entries(attributes) as [Attribute, string][]) {
    // The user name may be in the vendor's own form, or another free one. A new attribute may be empty.
    if (name === 'userName' || value === '') continue;
    if (sight.isUnmappedSince(turn.sentTick, name)) return `${name} is not mapped`;
    const meant = name === 'email' ? withoutTag(value) : value;
    const isTheirs = standings.some((standing) => said(standing, name) === meant);
    if (!isTheirs) return `${name} was never ${value}`;
  }
  return null;
}

function said(standing: Standing, name: Exclude<Attribute, 'userName'>): string {
  return name === 'email' ? standing.email.toLowerCase() : standing[name];
}
