/**
 * Looks up a person or group that a scan did not show: outside the base, left out by the filter, gone, or unknown.
 */

import { randomUUID } from 'node:crypto';
import { EqualityFilter, type Filter } from 'ldapts';
import { RemoteError } from '../../model/errors.ts';
import type { Kind } from '../../model/subject.ts';
import { isAboutCredential } from '../lookups.ts';
import type { Lookup, SourceUser } from '../source.ts';
import { userOf } from './mapping.ts';
import { isWithinDn, normalDn } from './protocol/dn.ts';
import { CODE, isCode, NoSuchEntry } from './protocol/errors.ts';
import { type Reading, userAttributes } from './reading.ts';
import { ANY_ENTRY, NO_ATTRIBUTES } from './server.ts';
import { both, demandBase, elsewhere, idFilter, type Tree } from './tree.ts';

/** Answers `unknown` if the base is gone or the account sees nothing: that proves nothing. */
export async function lookUp(reading: Reading, kind: Kind, id: string, known?: SourceUser): Promise<Lookup> {
  try {
    const lookup = await found(reading, kind, id);
    const dn = known?.attributes.dn;
    if (lookup.is !== 'gone' || typeof dn !== 'string') return lookup;
    const group = await groupWith(reading, dn);
    const proof = group === null ? await hidingPlace(reading, dn) : `${group} still has it as a member`;
    if (proof === null) return lookup;
    const reason = `${dn} is not shown any more, and ${proof}: it is hidden from the account of BIND_DN`;
    return { is: 'unknown', reason };
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

/**
 * A group that has this member. Null where there is none, or where the server keeps deleted people in groups, as
 * OpenLDAP does without its overlay refint.
 */
async function groupWith({ settings, tree }: Reading, dn: string): Promise<string | null> {
  if (tree.preset.kind === 'OpenLDAP') return null;
  const filter = new EqualityFilter({ attribute: 'member', value: dn });
  const query = { base: settings.groupBase, scope: 'sub', filter, attributes: NO_ATTRIBUTES } as const;
  const { entries } = await tree.search(query, `look for groups of ${dn}`);
  return entries[0]?.dn ?? null;
}

/**
 * For a DN that nobody has, servers name the lowest entry above it. OpenLDAP names none where the account may not see
 * the entry, or one above it: then nobody knows whether somebody has this DN. Null where the server names none at all.
 */
async function hidingPlace({ settings, tree }: Reading, dn: string): Promise<string | null> {
  const { userBase } = settings;
  if (!isWithinDn(normalDn(dn), normalDn(userBase)) || !(await isSilent(tree, dn))) return null;
  const isAlwaysSilent = await isSilent(tree, `cn=${randomUUID()},${userBase}`);
  return isAlwaysSilent ? null : 'the server does not say that nobody has this DN';
}

async function isSilent(tree: Tree, base: string): Promise<boolean> {
  const query = { base, scope: 'base', filter: ANY_ENTRY, attributes: NO_ATTRIBUTES } as const;
  try {
    const { entries } = await tree.search(query, `look for ${base}`);
    return entries.length === 0;
  } catch (error) {
    if (error instanceof NoSuchEntry) return error.matched === '';
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
