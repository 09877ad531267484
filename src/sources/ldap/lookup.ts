/**
 * Looks up a person or group that a scan did not show: outside the base, left out by the filter, gone, or unknown.
 */

import { randomUUID } from 'node:crypto';
import { EqualityFilter, type Filter } from 'ldapts';
import { RemoteError } from '../../model/errors.ts';
import type { Kind } from '../../model/subject.ts';
import { isAboutCredential } from '../lookups.ts';
import type { Lookup } from '../source.ts';
import { userOf } from './mapping.ts';
import { isWithinDn, normalDn } from './protocol/dn.ts';
import { CODE, isCode, NoSuchEntry } from './protocol/errors.ts';
import { type Reading, userAttributes } from './reading.ts';
import { ANY_ENTRY, NO_ATTRIBUTES } from './server.ts';
import { both, demandBase, elsewhere, idFilter, type Tree } from './tree.ts';

/** Answers `unknown` if the base is gone or the account sees nothing: that proves nothing. */
export async function lookUp(reading: Reading, kind: Kind, id: string, dn?: string): Promise<Lookup> {
  try {
    const lookup = await found(reading, kind, id);
    if (lookup.is !== 'gone' || dn === undefined) return lookup;
    const proof = (await tieOf(reading, dn)) ?? (await hidingPlace(reading, dn));
    return proof === null ? lookup : { is: 'unknown', reason: hidden(dn, proof) };
  } catch (error) {
    if (!(error instanceof RemoteError) || isAboutCredential(error)) throw error;
    return { is: 'unknown', reason: error.message };
  }
}

async function found(reading: Reading, kind: Kind, id: string): Promise<Lookup> {
  const { settings, deps, tree, userFilter, groupFilter, rule } = reading;
  const { preset } = tree;
  const byId = idFilter(preset, id);
  if (!byId) return { is: 'unknown', reason: `${id} is no id of this kind of server` };
  const [base, filter, key] =
    kind === 'user'
      ? ([settings.userBase, userFilter, 'USER_BASE'] as const)
      : ([settings.groupBase, groupFilter, 'GROUP_BASE'] as const);
  await demandBase(tree, base, key);
  const attributes = kind === 'user' ? userAttributes(preset, rule) : [preset.idAttribute];
  const action = `read the ${kind} ${id}`;
  const inside = await tree.search({ base, scope: 'sub', filter: both(filter, byId), attributes }, action);
  const outside =
    inside.entries.length > 0 ? inside : await anywhere(reading, { filter: byId, attributes, action, base });
  const [entry, second] = outside.entries;
  if (second) return { is: 'unknown', reason: `two entries have the id ${id}` };
  if (!entry) {
    const hidden = elsewhere(inside) + elsewhere(outside) > 0;
    return hidden ? { is: 'unknown', reason: 'part of the tree is on another server' } : { is: 'gone' };
  }
  const inScope = inside.entries.length > 0;
  if (kind === 'group') return { is: 'found', inScope };
  const user = userOf(entry, preset, rule, deps.wallClock());
  return 'user' in user ? { is: 'found', inScope, user: user.user } : { is: 'unknown', reason: user.unread };
}

function hidden(dn: string, proof: string): string {
  return `${dn} is not shown any more, and ${proof}: it is hidden from the account of BIND_DN`;
}

/**
 * What still names this DN: a group that has it as a member, or a member of it. Null where nothing does, or where the
 * server goes on to name whoever is deleted, as OpenLDAP does without its overlays.
 */
async function tieOf({ settings, tree }: Reading, dn: string): Promise<string | null> {
  if (!takesDeletedOut(tree)) return null;
  const naming = async (base: string, attribute: string) => {
    const filter = new EqualityFilter({ attribute, value: dn });
    const query = { base, scope: 'sub', filter, attributes: NO_ATTRIBUTES } as const;
    return (await tree.search(query, `look for what names ${dn}`)).entries[0]?.dn ?? null;
  };
  const group = await naming(settings.groupBase, 'member');
  if (group !== null) return `${group} still has it as a member`;
  for (const base of new Set([settings.userBase, settings.groupBase])) {
    const member = await naming(base, 'memberOf');
    if (member !== null) return `${member} is still a member of it`;
  }
  return null;
}

const takesDeletedOut = ({ preset }: Tree) => preset.kind !== 'OpenLDAP';

/**
 * Why nobody can say who the member with this DN is, for one below a base whom the scan did not show; null where the
 * server says that nobody has the DN, or shows the entry, which a filter then leaves out.
 */
export async function hiddenMember(reading: Reading, dn: string): Promise<string | null> {
  const { tree } = reading;
  const isHidden = takesDeletedOut(tree)
    ? await isSilent(tree, dn, true)
    : (await hidingPlace(reading, dn)) !== null;
  return isHidden
    ? `${dn} is a member and hidden from the account of BIND_DN: nobody leaves the group`
    : null;
}

/**
 * For a DN that nobody has, servers name the lowest entry above it. OpenLDAP names none where the account may not see
 * the entry, or one above it: then nobody knows whether somebody has this DN. Null where the server names none at all.
 */
async function hidingPlace({ settings, tree }: Reading, dn: string): Promise<string | null> {
  const base = [settings.userBase, settings.groupBase].find((one) => isWithinDn(normalDn(dn), normalDn(one)));
  if (base === undefined || !(await isSilent(tree, dn))) return null;
  const isAlwaysSilent = await isSilent(tree, `cn=${randomUUID()},${base}`);
  return isAlwaysSilent ? null : 'the server does not say that nobody has this DN';
}

/** The server shows no such entry. `evenIfNamed`: though it names the lowest entry above it. */
async function isSilent(tree: Tree, base: string, evenIfNamed = false): Promise<boolean> {
  const query = { base, scope: 'base', filter: ANY_ENTRY, attributes: NO_ATTRIBUTES } as const;
  try {
    const { entries } = await tree.search(query, `look for ${base}`);
    return entries.length === 0;
  } catch (error) {
    if (error instanceof NoSuchEntry) return evenIfNamed || error.matched === '';
    if (isCode(error, CODE.insufficientAccess)) return true;
    throw error;
  }
}

/** Searches the whole naming context; an account that may not search there has only its base. */
async function anywhere(
  { tree }: Reading,
  { base, action, ...query }: { filter: Filter; attributes: readonly string[]; action: string; base: string },
) {
  try {
    return await tree.search({ ...query, base: tree.server.namingContext, scope: 'sub' }, action);
  } catch (error) {
    if (!isCode(error, CODE.noSuchObject, CODE.insufficientAccess)) throw error;
    return tree.search({ ...query, base, scope: 'sub' }, action);
  }
}
