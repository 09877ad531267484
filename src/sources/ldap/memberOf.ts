/** Reads from a person's own entry which groups they are in, if the server keeps `memberOf`. */

import { RemoteError } from '../../model/errors.ts';
import { isAboutCredential } from '../lookups.ts';
import { normalDn } from './protocol/dn.ts';
import type { Entry } from './protocol/entry.ts';
import { CODE, isCode } from './protocol/errors.ts';
import type { Reading } from './reading.ts';
import { NO_ATTRIBUTES } from './server.ts';
import { idFilter } from './tree.ts';

const MEMBER_OF = 'memberOf';
/** How many groups are searched for groups around them, for one person. */
const CLIMB_MAX = 500;

/**
 * Null where the server did not answer, or showed only a part: a hidden group in between may be inside the one that is
 * meant. False on a server without `memberOf`, where no entry says anything.
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
    const group = await one(settings.groupBase, byGroup, NO_ATTRIBUTES);
    const user = await one(settings.userBase, byUser, [MEMBER_OF]);
    if (!group) return null;
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
