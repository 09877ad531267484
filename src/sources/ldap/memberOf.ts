/**
 * Asks whether somebody is in a group in other words than the group's list: by a comparison with it, and by their own
 * entry, if the server keeps `memberOf`.
 */

import { RemoteError } from '../../model/errors.ts';
import { isAboutCredential } from '../lookups.ts';
import { normalDn } from './protocol/dn.ts';
import type { Entry } from './protocol/entry.ts';
import { CODE, isCode } from './protocol/errors.ts';
import type { Comparison } from './protocol/session.ts';
import type { Reading } from './reading.ts';
import { idFilter, type Tree } from './tree.ts';

const MEMBER_OF = 'memberOf';
/** How many groups are searched for groups around them, for one person. */
const CLIMB_MAX = 500;

/**
 * Null where the server did not answer, or showed only a part: a hidden group in between may be inside the one that is
 * meant. On a server without `memberOf`, where no entry says anything, the comparison alone counts.
 */
export async function isMember(reading: Reading, groupId: string, userId: string): Promise<boolean | null> {
  const { settings, tree } = reading;
  const byGroup = idFilter(tree.preset, groupId);
  const byUser = idFilter(tree.preset, userId);
  if (!byGroup || !byUser) return false;
  const action = `read the groups of ${userId}`;
  const one = async (base: string, filter: typeof byUser, attributes: readonly string[]) =>
    (await tree.search({ base, scope: 'sub', filter, attributes }, action)).entries[0];
  try {
    const group = await one(settings.groupBase, byGroup, ['objectClass']);
    const user = await one(settings.userBase, byUser, [MEMBER_OF, 'uid']);
    if (!group) return null;
    const listed = user ? await isListed(reading, group, user, action) : false;
    if (listed !== false) return listed;
    const wanted = normalDn(group.dn);
    // The loop below adds groups to this map while it walks through it.
    const found = new Map<string, string>();
    const add = (outer: Outer) => {
      for (const dn of outer.dns) found.set(normalDn(dn), dn);
      return outer.isWhole;
    };
    let isWhole = add(user ? groupsOf(user) : NO_GROUPS);
    let looked = 0;
    for (const dn of found.values()) {
      if (found.has(wanted)) return true;
      looked += 1;
      if (looked > CLIMB_MAX) return null;
      isWhole = add(await outerGroups(reading, dn, action)) && isWhole;
    }
    return found.has(wanted) || (isWhole ? false : null);
  } catch (error) {
    if (!(error instanceof RemoteError) || isAboutCredential(error)) throw error;
    return null;
  }
}

/** Which attributes list members, and the class of groups that has them; null: any class. */
const LISTS = [
  ['member', null],
  ['uniqueMember', 'groupofuniquenames'],
  ['memberUid', 'posixgroup'],
] as const;

/**
 * Null where the account may not read the list: servers refuse to compare what a search only leaves out. A list that it
 * may read outweighs one that it may not.
 */
async function isListed(
  { tree }: Reading,
  group: Entry,
  user: Entry,
  action: string,
): Promise<boolean | null> {
  const classes = new Set(group.texts('objectClass').map((name) => name.toLowerCase()));
  let isHidden = false;
  for (const [attribute, needs] of LISTS) {
    if (needs !== null && !classes.has(needs)) continue;
    const isByName = attribute === 'memberUid';
    const names = isByName ? user.texts('uid') : [user.dn];
    for (const value of names) {
      const isIn = await compared(tree, { dn: group.dn, attribute, value }, action);
      if (isIn === 'refused') isHidden = true;
      else if (isIn !== null) return isIn;
    }
    // Who shows no name may have one that the account may not read.
    if (isByName && names.length === 0)
      isHidden ||=
        (await compared(tree, { dn: user.dn, attribute: 'uid', value: '-' }, action)) === 'refused';
  }
  return isHidden ? null : false;
}

async function compared(tree: Tree, comparison: Comparison, action: string) {
  try {
    return await tree.compare(comparison, action);
  } catch (error) {
    if (isCode(error, CODE.insufficientAccess)) return 'refused';
    if (isCode(error, CODE.undefinedAttribute)) return null;
    throw error;
  }
}

interface Outer {
  readonly dns: readonly string[];
  /** False where there may be more. */
  readonly isWhole: boolean;
}

const NO_GROUPS: Outer = { dns: [], isWhole: true };

function groupsOf(entry: Entry): Outer {
  const range = entry.range(MEMBER_OF);
  const dns = [...entry.texts(MEMBER_OF), ...(range?.values ?? [])];
  return { dns, isWhole: (range?.next ?? null) === null };
}

async function outerGroups({ tree }: Reading, dn: string, action: string): Promise<Outer> {
  try {
    return groupsOf(await tree.entry(dn, [MEMBER_OF], action));
  } catch (error) {
    if (!isCode(error, CODE.noSuchObject, CODE.insufficientAccess)) throw error;
    return { dns: [], isWhole: false };
  }
}
