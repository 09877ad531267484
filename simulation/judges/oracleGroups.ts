/**
 * What must be so of groups and memberships once everything is quiet: the tables "Groups" and
 * "Memberships" of docs/design.md.
 */

import type { Group } from '../vendors/vendor.ts';
import { changeKey } from './changeKeys.ts';
import type { Human, ScimGroup } from './model.ts';
import type { Claims } from './oracle.ts';
import type { Records } from './records.ts';

export function judgeGroups(records: Records, claims: Claims): readonly string[] {
  return new Verdict(records, claims).groups();
}

class Verdict {
  readonly #records: Records;
  readonly #claims: Claims;
  readonly #complaints: string[] = [];

  constructor(records: Records, claims: Claims) {
    this.#records = records;
    this.#claims = claims;
  }

  get #meaning() {
    return this.#records.sight.meaning;
  }

  get #vendor() {
    return this.#records.vendor;
  }

  groups(): readonly string[] {
    if (this.#meaning.groups === 'Off' || this.#meaning.approval) return [];
    for (const group of this.#records.model.groups) this.#group(group);
    for (const remote of this.#vendor.holds.groups.values()) this.#memberships(remote);
    return this.#complaints;
  }

  #group(group: ScimGroup): void {
    const standing = this.#records.sight.group(group);
    const claim = this.#claims.groups.get(group.id);
    if (!standing) return;
    const say = (what: string) => this.#complaints.push(`${standing.name} ${what}`);
    const remote = claim && this.#vendor.holds.groups.get(claim.remoteId);
    if (!standing.live) {
      if (claim && !this.#waitsForMembers(claim.remoteId)) say('is gone, and still linked');
      return;
    }
    if (claim && !remote) {
      say(`is linked to ${claim.remoteId}, which is not there`);
      return;
    }
    if (this.#isLeftAlone(standing.name, remote)) return;
    if (!remote) {
      if (this.#meaning.groups === 'Create') say('has no group there');
      else if (this.#vendor.groupFor(standing.name) && this.#isKnown())
        say('matches a group there, and is not linked');
      return;
    }
    const holder = [...this.#vendor.holds.groups.values()].find(({ name }) => name === standing.name);
    const isFree = !holder || holder.id === remote.id;
    const isAlone = this.#feeding(remote.id).length === 1;
    if (this.#meaning.groups !== 'Create' || remote.name === standing.name) return;
    if (isFree && isAlone && this.#isKnown()) say(`is named ${remote.name} there`);
  }

  /** A protected group is left alone, and so is a SCIM group that wants the name of one. */
  #isLeftAlone(name: string, remote: Group | undefined): boolean {
    const wanted = this.#vendor.groupFor(name);
    const names = [name, wanted?.key, remote?.key, remote?.name].filter((one) => one !== undefined);
    return this.#records.isProtectedGroup(names, [this.#meaning]);
  }

  #isKnown(): boolean {
    return this.#records.needsSync === null || this.#records.isRepaired;
  }

  /** The SCIM groups that the bridge says feed the remote group. */
  #feeding(groupId: string): readonly ScimGroup[] {
    return [...this.#claims.groups].flatMap(([id, claim]) => {
      const group = claim.remoteId === groupId ? this.#records.model.groupOf(id) : undefined;
      return group ? [group] : [];
    });
  }

  #waitsForMembers(groupId: string): boolean {
    const { holds, traits } = this.#vendor;
    const members = [...(holds.groups.get(groupId)?.members.keys() ?? [])];
    // The bridge learns of memberships that the vendor dropped with a disabling only when it next reads the group.
    const dropped = traits.disableDropsMemberships ? holds.accounts.keys() : [];
    return [...members, ...dropped].some((accountId) => this.#isRevokeExcused(groupId, accountId));
  }

  #memberships(remote: Group): void {
    const feeding = this.#feeding(remote.id);
    if (feeding.length === 0 || this.#isLeftAlone(remote.name, remote)) return;
    const live = feeding.flatMap((group) => {
      const standing = this.#records.sight.group(group);
      return standing?.live ? [standing] : [];
    });
    const wanted = new Set(live.flatMap(({ members }) => [...members]));
    for (const who of wanted) this.#wantedMember(remote, this.#records.model.humans[who] as Human);
    for (const accountId of remote.members.keys())
      this.#presentMember(remote, accountId, wanted, live.length > 0);
  }

  #wantedMember(remote: Group, human: Human): void {
    const claim = this.#claims.users.get(human.personId ?? '');
    const account = claim && this.#vendor.holds.accounts.get(claim.remoteId);
    if (this.#lifecycleOf(human) !== 'active' || account?.state !== 'enabled') return;
    if (this.#records.isSpared(account.id)) return;
    // Somebody enabled the account by hand there, and the bridge has not looked since.
    if (claim?.state !== 'enabled') return;
    if (account.oddities.has('guest')) {
      this.#guest(remote, human, account.id);
      return;
    }
    const level = remote.members.get(account.id);
    const { grantedLevel } = this.#vendor.traits;
    const say = (what: string) => this.#complaints.push(`h${human.index} ${what}`);
    if (level === undefined) say(`is not a member of ${remote.name}, and should be`);
    else if (grantedLevel !== null && level < grantedLevel && this.#isKnown())
      say(`has level ${level} in ${remote.name}`);
  }

  /** No group takes a guest; their old memberships stay. */
  #guest(remote: Group, human: Human, accountId: string): void {
    if (remote.members.has(accountId) || !this.#isKnown()) return;
    if (this.#claims.statuses.get(human.personId ?? '') === 'synced')
      this.#complaints.push(`h${human.index} is refused in ${remote.name}, and is said to be in sync`);
  }

  #lifecycleOf(human: Human | undefined) {
    return human && this.#records.sight.person(human)?.lifecycle;
  }

  #personOf(accountId: string): string | undefined {
    return [...this.#claims.users].find(([, { remoteId }]) => remoteId === accountId)?.[0];
  }

  #presentMember(remote: Group, accountId: string, wanted: ReadonlySet<number>, isLive: boolean): void {
    const { model, own, needsSync } = this.#records;
    const human = model.byPerson(this.#personOf(accountId) ?? null);
    if (human && wanted.has(human.index)) return;
    if (isLive && this.#lifecycleOf(human) === 'gone') return;
    if (this.#isRevokeExcused(remote.id, accountId)) return;
    const whose = own.membershipIs(remote.id, accountId, needsSync === null);
    const mustGo = whose === 'foreign' && isLive && this.#meaning.overwrite && this.#isKnown();
    if (whose === 'mine' || mustGo)
      this.#complaints.push(`${accountId} is a member of ${remote.name}, and should not be (${whose})`);
  }

  #isRevokeExcused(groupId: string, accountId: string): boolean {
    if (this.#vendor.holds.accounts.get(accountId)?.isMachine) return true;
    if (this.#records.mayBeProtected(accountId, this.#meaning)) return true;
    const memberIds = [this.#personOf(accountId), accountId];
    return this.#feeding(groupId).some((group) =>
      memberIds.some((id) => id && this.#claims.undecided.has(changeKey('revoke', group.id, id))),
    );
  }
}
