/**
 * Reads the members of an LDAP server's groups. Members are DNs or user names, which must be found among the entries
 * that were read. A group that was not chosen is read where a chosen one contains it.
 */

import { RemoteError } from '../../model/errors.ts';
import type { DirectMembers } from '../memberPages.ts';
import { withHiddenGroups } from '../nesting.ts';
import type { SourceMember } from '../source.ts';
import { isWithinDn, normalDn } from './protocol/dn.ts';
import type { Entry } from './protocol/entry.ts';
import { ridOf } from './protocol/values.ts';
import { createDemands, type Demands } from './schema.ts';
import type { Tree } from './tree.ts';

/** Everything that can be a member, by what groups call it. */
export interface Index {
  /** By normal DN. */
  readonly users: Map<string, string>;
  readonly groups: Map<string, IndexedGroup>;
  /** By `uid` in lower case. */
  readonly byUid: Map<string, string>;
  /** People by their primary group, which does not list them. */
  readonly byPrimaryGroup: Map<number, string[]>;
}

export interface IndexedGroup {
  readonly id: string;
  readonly dn: string;
  /** Active Directory's number of the group; its people have it as their `primaryGroupID`. */
  readonly rid: number | null;
}

export function createIndex(): Index {
  return { users: new Map(), groups: new Map(), byUid: new Map(), byPrimaryGroup: new Map() };
}

export function indexUser(index: Index, entry: Entry, id: string): void {
  const dn = normalDn(entry.dn);
  const isNew = !index.users.has(dn);
  index.users.set(dn, id);
  for (const uid of entry.texts('uid')) index.byUid.set(uid.toLowerCase(), id);
  const rid = Number(entry.first('primaryGroupID') ?? Number.NaN);
  if (isNew && Number.isInteger(rid)) {
    const people = index.byPrimaryGroup.get(rid) ?? [];
    people.push(id);
    index.byPrimaryGroup.set(rid, people);
  }
}

export function indexGroup(index: Index, entry: Entry, id: string): IndexedGroup {
  const [sid] = entry.bytes('objectSid');
  const group = { id, dn: entry.dn, rid: sid ? ridOf(sid) : null };
  index.groups.set(normalDn(entry.dn), group);
  return group;
}

export interface MemberReader {
  /** Direct members. Throws where they could not be read to the last one. */
  read(group: IndexedGroup): Promise<DirectMembers>;
  /** Members that the bridge does not read: of other bases or domains, or contacts. */
  readonly skipped: number;
}

export interface MemberReaderOptions {
  readonly tree: Tree;
  readonly index: Index;
  /** By id: groups whose own members are shown too. */
  readonly isShown: (id: string) => boolean;
  /** In normal form. */
  readonly bases: readonly string[];
  /** Finds who has this DN now, for an entry that was moved during the reading. */
  readonly find: (dn: string) => Promise<FoundMember>;
}

/** `hidden`: the account may not see who it is. Null: nobody who is read here. */
export type FoundMember = SourceMember | { readonly kind: 'hidden'; readonly reason: string } | null;

const MEMBER_ATTRIBUTES = ['member', 'uniqueMember'] as const;
/** How many DNs below the bases, for which nothing was read, one scan looks up. */
const FINDS_MAX = 1_000;

export function createMemberReader({ tree, index, isShown, bases, find }: MemberReaderOptions): MemberReader {
  const found = new Map<string, Promise<FoundMember>>();
  const demands = createDemands(tree);
  let skipped = 0;

  const memberOf = async (text: string): Promise<FoundMember> => {
    const dn = normalDn(text);
    const user = index.users.get(dn);
    if (user !== undefined) return { kind: 'user', id: user };
    const group = index.groups.get(dn);
    if (group) return { kind: 'group', id: group.id };
    if (!bases.some((base) => isWithinDn(dn, base))) return null;
    const known = found.get(dn);
    if (known || found.size >= FINDS_MAX) return known ?? null;
    const finding = find(text);
    found.set(dn, finding);
    return finding;
  };

  const direct = async ({ dn, rid }: IndexedGroup, hidden: string[]): Promise<readonly SourceMember[]> => {
    const { names, uids } = await readNames(tree, demands, dn);
    const members: SourceMember[] = (rid === null ? [] : (index.byPrimaryGroup.get(rid) ?? [])).map((id) => ({
      kind: 'user',
      id,
    }));
    for (const name of names) {
      const member = await memberOf(name);
      if (member?.kind === 'hidden') hidden.push(member.reason);
      else if (member) members.push(member);
      else skipped += 1;
    }
    for (const uid of uids) {
      const id = index.byUid.get(uid.toLowerCase());
      if (id === undefined) skipped += 1;
      else members.push({ kind: 'user', id });
    }
    return members;
  };

  const byId = new Map([...index.groups.values()].map((group) => [group.id, group]));
  return {
    async read(group) {
      const hidden: string[] = [];
      const members = await withHiddenGroups(
        group,
        (one) => direct(one, hidden),
        (id) => (isShown(id) ? null : (byId.get(id) ?? null)),
      );
      return { members, unsaid: hidden[0] ?? null };
    },
    get skipped() {
      return skipped;
    },
  };
}

const RANGES_MAX = 100_000;
/** Classes of groups that need at least one member (RFC 4519 §3.5, §3.6), with the attribute that names it. */
const NEVER_EMPTY = new Map([
  ['groupofnames', 'member'],
  ['groupofuniquenames', 'uniqueMember'],
]);

/**
 * All values, in as many ranges as the server demands (MS-ADTS 3.1.1.3.1.3.3). Throws where there must be a value and
 * none is shown.
 */
async function readNames(
  tree: Tree,
  demands: Demands,
  dn: string,
): Promise<{ readonly names: readonly string[]; readonly uids: readonly string[] }> {
  const action = `read the members of ${dn}`;
  const entry = await tree.entry(dn, [...MEMBER_ATTRIBUTES, 'memberUid', 'objectClass'], action);
  const names: string[] = [];
  for (const attribute of MEMBER_ATTRIBUTES) {
    const first = entry.range(attribute);
    if (!first) {
      // A bit string may follow the name of a unique member (RFC 4517 §3.3.21).
      names.push(...entry.texts(attribute).map((name) => name.replace(/#'[01]*'B$/, '')));
      continue;
    }
    names.push(...first.values);
    let from = first.next;
    for (let count = 1; from !== null; count += 1) {
      const next: Entry = await tree.entry(dn, [`${attribute};range=${from}-*`], action);
      const range = next.range(attribute);
      // Members may have gone since the first range; a short list has no ranges any more.
      if (!range) break;
      if (count >= RANGES_MAX || (range.next !== null && range.next <= from)) throw endless(action);
      names.push(...range.values);
      from = range.next;
    }
  }
  const uids = entry.texts('memberUid');
  for (const objectClass of names.length + uids.length === 0 ? entry.texts('objectClass') : []) {
    const attribute = NEVER_EMPTY.get(objectClass.toLowerCase());
    if (attribute && (await demands(objectClass, attribute)))
      throw notShown(
        `${dn} shows no ${attribute}, without which no ${objectClass} can be`,
        attribute,
        action,
      );
  }
  return { names, uids };
}

function notShown(what: string, attribute: string, action: string): RemoteError {
  const message = `${what}: let the account of BIND_DN read the attribute ${attribute}`;
  return new RemoteError(message, {
    ...{ store: 'LDAP', action, disposition: 'forbidden', code: 'members_not_shown' },
  });
}

function endless(action: string): RemoteError {
  return new RemoteError(`The LDAP server was asked to ${action}, and its ranges do not end`, {
    ...{ store: 'LDAP', action, disposition: 'rejected', code: 'endless_ranges' },
  });
}
