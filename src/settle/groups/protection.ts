/**
 * Which remote groups are left alone, for many at once: those of PROTECTED_GROUPS, and those that the store lets no SCIM
 * group match. Reads the database only.
 */

import { observationsById } from '../../db/seen/observations.ts';
import { protectedGroupBy } from '../../plan/protection.ts';
import type { StoreContext } from '../../stores/desired.ts';
import type { Planning } from '../planning.ts';

/** A remote group: as it is linked, as it was found, or as it would be made. */
export interface NamedGroup {
  /** Null while it is not made. */
  readonly remoteId: string | null;
  readonly names: readonly string[];
  /** The bridge made it, and so it is no match. */
  readonly isOwn: boolean;
}

/** Why nobody may touch it, as goes on after its name; null where it may be touched. */
export type GroupGuard = (group: NamedGroup) => string | null;

/** `remoteIds`: of groups that are linked, and may be called otherwise by now. */
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

/** Of a group that nobody is linked to. */
export function whyProtected({ settings }: StoreContext, names: readonly string[]): string | null {
  const entry = protectedGroupBy(settings.protectedGroups, names);
  return entry === null ? null : `is left alone: PROTECTED_GROUPS has ${entry}`;
}

function refusedMatch({ connector }: StoreContext, [name]: readonly string[]): string | null {
  return name === undefined ? null : connector.matchRefusal(name);
}
