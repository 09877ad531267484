/** What somebody's own entry says of the groups that they are in, where the server keeps `memberOf`. */

import { RemoteError } from '../../model/errors.ts';
import { isAboutCredential } from '../lookups.ts';
import { normalDn } from './protocol/dn.ts';
import type { Entry } from './protocol/entry.ts';
import { CODE, isCode } from './protocol/errors.ts';
import type { Reading } from './reading.ts';
import { NO_ATTRIBUTES } from './server.ts';
import { idFilter } from './tree.ts';

const MEMBER_OF = 'memberOf';
/** Groups whose own groups are looked at for one person. */
const CLIMB_MAX = 50;

/** Null where the server did not answer; of a server without `memberOf` nobody's entry says anything. */
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
    const open = user ? groupsOf(user) : [];
    const visited = new Set<string>();
    for (let dn = open.shift(); dn !== undefined; dn = open.shift()) {
      if (normalDn(dn) === wanted) return true;
      if (visited.has(normalDn(dn)) || visited.size >= CLIMB_MAX) continue;
      visited.add(normalDn(dn));
      open.push(...(await outerGroups(reading, dn, action)));
    }
    return false;
  } catch (error) {
    if (!(error instanceof RemoteError) || isAboutCredential(error)) throw error;
    return error.disposition === 'rejected' ? false : null;
  }
}

function groupsOf(entry: Entry): string[] {
  return [...entry.texts(MEMBER_OF), ...(entry.range(MEMBER_OF)?.values ?? [])];
}

async function outerGroups({ tree }: Reading, dn: string, action: string): Promise<readonly string[]> {
  try {
    return groupsOf(await tree.entry(dn, [MEMBER_OF], action));
  } catch (error) {
    if (!isCode(error, CODE.noSuchObject, CODE.insufficientAccess)) throw error;
    return [];
  }
}
