/**
 * Which remote groups the bridge leaves alone, for many at once: those that PROTECTED_GROUPS names, and those that
 * the store lets no SCIM group be matched with. Reads the database only.
 */

import { observationsById } from '../../db/seen/observations.ts';
import { protectedGroupBy } from '../../plan/protection.ts';
import type { StoreContext } from '../../stores/desired.ts';
import type { Planning } from '../planning.ts';

/** A remote group that is linked, was found, or would be made. */
export interface NamedGroup {
  /** Null while nobody has made it. */
  readonly remoteId: string | null;
  readonly names: readonly string[];
  /** The bridge made it, or would make it: it was not matched. */
  readonly isOwn: boolean;
}

/** Why the bridge may not touch the group, in words that follow its name; null where it may. */
export type GroupGuard = (group: NamedGroup) => string | null;

/** `remoteIds`: of linked groups, which may have another name by now. */
export async function groupGuard(
  { db, context }: Pick<Planning, 'db' | 'context'>,
  remoteIds: readonly string[],
): Promise<GroupGuard> {
  const { settings, store } = context;
  const mayMatter = settings.protectedGroups.length > 0;
  const seen = mayMatter ? await observationsById(db, store.id, 'group', remoteIds) : NOTHING_SEEN;
  return ({ remoteId, names, isOwn }) => {
    const shown = remoteId === null ? undefined : seen.get(remoteId)?.remote;
    const known = shown ? [...names, shown.name, shown.display] : names;
    return whyProtected(context, known) ?? (isOwn ? null : refusedMatch(context, names));
  };
}

const NOTHING_SEEN: Awaited<ReturnType<typeof observationsById<'group'>>> = new Map();

/** For a group without a link. */
export function whyProtected({ settings }: StoreContext, names: readonly string[]): string | null {
  const entry = protectedGroupBy(settings.protectedGroups, names);
  return entry === null ? null : `is left alone: PROTECTED_GROUPS has ${entry}`;
}

function refusedMatch({ connector }: StoreContext, [name]: readonly string[]): string | null {
  return name === undefined ? null : connector.matchRefusal(name);
}
