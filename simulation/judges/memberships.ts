/** Judges a write to a group or a membership by the tables "Groups" and "Memberships" of docs/design.md. */

import type { Turn } from '../vendors/network.ts';
import type { GroupWrite, MemberWrite } from '../vendors/writes.ts';
import { changeKey } from './changeKeys.ts';
import { emptiesGroup } from './emptiedGroups.ts';
import type { Human, ScimGroup } from './model.ts';
import type { Records } from './records.ts';
import type { Meaning } from './settings.ts';

/** The SCIM groups that feed, or may feed, the remote group. */
export function groupSubjects(
  { own, model }: Records,
  write: GroupWrite | MemberWrite,
): readonly ScimGroup[] {
  if (write.kind === 'member' || write.op !== 'create') return own.feeding(write.groupId);
  return model.groups.filter((group) =>
    group.standing.all.some(({ name }) => name.toLowerCase() === write.key),
  );
}

/** Why the write is wrong; null where it may be. */
export function judgeGroupWrite(records: Records, turn: Turn, write: GroupWrite): string | null {
  const groups = groupSubjects(records, write);
  if (groups.length === 0) return 'nothing says that the group is the directory’s';
  const { sight, own } = records;
  const meanings = sight.meaningsSince(turn.sentTick);
  const keys = groups.map(({ id }) => changeKey(write.op, id));
  const protects = protectedFrom(records, write, meanings);
  if (protects) return protects;
  const refused = refuseAnyChange(records, turn, keys, meanings);
  if (refused) return refused;
  switch (write.op) {
    case 'create':
      if (!groups.some((group) => wasLive(records, group, turn.tick))) return 'the group is gone';
      return meanings.some((m) => m.groups === 'Create') ? null : 'GROUP_PROVISIONING is Match';
    case 'update':
      if (!meanings.some((m) => m.groups === 'Create')) return 'GROUP_PROVISIONING is Match';
      return groups.some((group) => wasNamed(records, group, turn.tick, write.name))
        ? null
        : `no group was ever named ${write.name}`;
    case 'delete':
      if (!own.createdGroups.has(write.groupId)) return 'the bridge did not make this group';
      return meanings.some((m) => m.deleteGroups) ? null : 'DELETE_GROUPS is off';
  }
}

export function judgeMemberWrite(records: Records, turn: Turn, write: MemberWrite): string | null {
  const groups = groupSubjects(records, write);
  if (groups.length === 0) return 'nothing says that the group is the directory’s';
  const { own, model, vendor, sight } = records;
  const account = vendor.holds.accounts.get(write.accountId);
  if (account?.isMachine) return 'the account is a machine';
  const email = account?.attributes.email ?? '';
  const human = own.ownerOf(write.accountId) ?? model.byEmail(email);
  const meanings = sight.meaningsSince(turn.sentTick);
  const memberIds = [human?.personId, write.accountId];
  const keys = groups.flatMap(({ id }) =>
    memberIds.flatMap((member) => (member ? [changeKey(write.op, id, member)] : [])),
  );
  const protects = protectedFrom(records, write, meanings);
  if (protects) return protects;
  if (
    write.op === 'grant' &&
    records.decisions.givesBack(
      human,
      write,
      groups.map(({ id }) => id),
    )
  )
    return null;
  const refused = refuseAnyChange(records, turn, keys, meanings);
  if (refused) return refused;
  if (write.op === 'revoke') {
    const who = human ? `h${human.index}` : write.accountId;
    const complaint =
      judgeRevoke(records, turn, write, meanings) ??
      refuseDeclined(records, turn, write, keys) ??
      records.refuseLoss(turn, write.accountId, keys, who);
    const { decisions } = records;
    if (decisions.asked === 'approve' || keys.some((key) => decisions.isApproved(key, turn)))
      return complaint;
    if (complaint !== null) return complaint;
    if (human && wentWithGroup(records, turn, write, human))
      return 'the group, which a rule names, was deleted, and nobody has decided';
    return emptiesGroup(records, turn, write, meanings) ? 'one change takes most of the group' : null;
  }
  if (!human) return 'nobody in the directory is this member';
  own.owners.set(write.accountId, human.index);
  // A pull reads people before groups, so that its result need not match any one moment.
  const wasActive =
    model.pulled < Number.POSITIVE_INFINITY &&
    sight.personSince(human, turn.tick).some(({ lifecycle }) => lifecycle === 'active');
  for (let tick = turn.tick; tick <= model.tick; tick++) {
    const isWanted = (said: number) => own.wantedAt(tick, write.groupId, write.accountId, said);
    if (!sight.saidBy(tick, turn.tick).some(isWanted)) continue;
    if (wasActive || sight.person(human, tick)?.lifecycle === 'active') return null;
  }
  return 'the directory does not want it';
}

/** Protection forbids every change, whoever wants it. */
function protectedFrom(
  records: Records,
  write: GroupWrite | MemberWrite,
  meanings: readonly Meaning[],
): string | null {
  const known = records.namesOfGroup(write.groupId);
  if (known.every((names) => records.isProtectedGroup(names, meanings))) return 'the group is protected';
  if (write.kind === 'member' || write.op === 'delete') return null;
  return records.isProtectedGroup([write.key, write.name], meanings)
    ? 'the name is that of a protected group'
    : null;
}

/**
 * Judged only where a single SCIM group feeds the remote group, and the bridge knows everything that happened there.
 */
function refuseDeclined(
  { decisions, own, needsSync }: Records,
  turn: Turn,
  { groupId, accountId }: MemberWrite,
  keys: readonly string[],
): string | null {
  if (needsSync !== null || own.feeding(groupId).length !== 1) return null;
  return decisions.refusal(keys, turn, accountId, (tick) => !own.wantedAt(tick, groupId, accountId));
}

function refuseAnyChange(
  records: Records,
  turn: Turn,
  keys: readonly string[],
  meanings: readonly Meaning[],
): string | null {
  if (meanings.every((m) => m.groups === 'Off')) return 'GROUP_PROVISIONING is Off';
  return records.permits(turn, keys) ? null : 'APPLY_MODE is Approval, and no applied preview says this';
}

function wasLive({ sight, model }: Records, group: ScimGroup, since: number): boolean {
  for (let tick = since; tick <= model.tick; tick++) if (sight.group(group, tick)?.live) return true;
  return false;
}

function wasNamed({ sight, model }: Records, group: ScimGroup, since: number, name: string): boolean {
  for (let tick = since; tick <= model.tick; tick++) {
    const standing = sight.group(group, tick);
    if (standing?.live && standing.name === name) return true;
  }
  return false;
}

/** True if at each moment at which the directory does not want the membership, this is the reason. */
function wentWithGroup(
  { own, model, sight }: Records,
  turn: Turn,
  { groupId, accountId }: MemberWrite,
  human: Human,
): boolean {
  const feeding = own.feeding(groupId);
  // Another group of the name has come, and says who is in it.
  if (feeding.some((group) => sight.group(group)?.live)) return false;
  let isUnwanted = false;
  for (let tick = turn.tick; tick <= model.tick; tick++) {
    if (own.wantedAt(tick, groupId, accountId)) continue;
    if (!feeding.some((group) => sight.membershipWent(human, group, tick))) return false;
    isUnwanted = true;
  }
  return isUnwanted;
}

function judgeRevoke(
  { own, model, needsSync }: Records,
  turn: Turn,
  write: MemberWrite,
  meanings: readonly Meaning[],
): string | null {
  const { groupId, accountId } = write;
  const whose = own.membershipIs(groupId, accountId, needsSync === null);
  if (whose === 'foreign' && meanings.every((m) => !m.overwrite)) {
    return 'the membership is not the bridge’s, and the store is set to Merge';
  }
  for (let tick = turn.tick; tick <= model.tick; tick++) {
    if (!own.wantedAt(tick, groupId, accountId)) return null;
  }
  return own.isSucceeded(groupId) ? null : 'the directory wants the membership';
}
