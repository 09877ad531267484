/** The plan for one SCIM group on one store, without its memberships: the table "Groups" of docs/design.md. */

import type { GroupChange, Plan, Skip } from '../../model/change.ts';
import type { CommonSettings } from '../../model/commonSettings.ts';
import type { DesiredGroup } from '../../model/desired.ts';
import { GROUP_KEY } from '../keys.ts';

export interface GroupLink {
  readonly remoteId: string;
  readonly origin: 'created' | 'adopted';
  /** The name that the bridge last applied or saw. */
  readonly remoteName: string;
}

type GroupPlan = Plan<GroupChange>;

export interface GroupSituation {
  readonly desired: DesiredGroup;
  readonly link: GroupLink | null;
  /** Without a link: the remote group of that name; null where there is none. */
  readonly found: { readonly remoteId: string; readonly name: string } | null;
  readonly settings: CommonSettings;
  /** The store lets the bridge delete groups that it made. */
  readonly deleteGroups: boolean;
  readonly renameGroups: boolean;
  /** Why the bridge cannot have the wanted name: another group has it. */
  readonly takenName: string | null;
  /** What to say of the wanted name where the vendor did not take it; null where it did. */
  readonly nameNotAccepted: string | null;
  /** The former name, where the remote group has a temporary one. */
  readonly formerName: string | null;
  /** Another SCIM group feeds the same remote group. */
  readonly fedByAnother: boolean;
  /** As far as the bridge knows, the group has members whom it neither added nor adopted. */
  readonly hasOthers: boolean;
  /** Why the bridge leaves the remote group alone, or one of that name; null where it does not. */
  readonly leftAlone: string | null;
  /** PROTECTED_GROUPS has the wanted name. */
  readonly namesProtected: boolean;
}

const NAME_PROTECTED = 'keeps its name there: the new one is that of a protected group';

const NOTHING: GroupPlan = { changes: [], skipped: [] };

export function planGroup(situation: GroupSituation): GroupPlan {
  const { desired, link, settings } = situation;
  const subject = { kind: 'group', id: desired.id, display: desired.display } as const;
  if (desired.lifecycle === 'gone') return goneGroup(situation, subject);
  const skip = (op: Skip['op'], reason: string): GroupPlan => ({
    changes: [],
    skipped: [{ op, subject, status: 'unsynced', reason: `${desired.display} ${reason}` }],
  });
  if (settings.groupProvisioning === 'Off') {
    return skip(link ? 'update' : 'adopt', 'is left alone: GROUP_PROVISIONING is Off');
  }
  if (situation.leftAlone !== null)
    return skip(link ? 'update' : situation.found === null ? 'create' : 'adopt', situation.leftAlone);
  if (link) return renamed(situation, link, subject);
  if (situation.found) {
    const { remoteId, name } = situation.found;
    return one({ op: 'adopt', subject, remoteId, remoteName: name });
  }
  if (settings.groupProvisioning === 'Match') {
    return skip('create', `matches no group there named "${desired.name}", and GROUP_PROVISIONING is Match`);
  }
  return one({ op: 'create', subject, attributes: { name: desired.name }, identifier: desired.name });
}

function renamed(situation: GroupSituation, link: GroupLink, subject: GroupChange['subject']): GroupPlan {
  const { desired, settings, renameGroups, fedByAnother } = situation;
  const skipped = (words: string, changes: GroupPlan['changes'] = []): GroupPlan => {
    const reason = `${desired.display} ${words}`;
    return { changes, skipped: [{ op: 'update', subject, status: 'partiallySynced', reason }] };
  };
  if (settings.groupProvisioning !== 'Create' || !renameGroups || fedByAnother) return NOTHING;
  if (desired.name === link.remoteName)
    return situation.nameNotAccepted === null ? NOTHING : skipped(situation.nameNotAccepted);
  const refusal = situation.namesProtected ? NAME_PROTECTED : situation.takenName;
  if (refusal !== null) {
    const back = situation.formerName === null ? [] : [naming(link, subject, situation.formerName)];
    return skipped(refusal, back);
  }
  return one(naming(link, subject, desired.name));
}

function naming(
  { remoteId, remoteName }: GroupLink,
  subject: GroupChange['subject'],
  to: string,
): GroupChange {
  return { op: 'update', subject, remoteId, attributes: [{ name: GROUP_KEY, from: remoteName, to }] };
}

function goneGroup(situation: GroupSituation, subject: GroupChange['subject']): GroupPlan {
  const { link, deleteGroups, fedByAnother, hasOthers, leftAlone } = situation;
  if (!link || leftAlone !== null || !deleteGroups || link.origin !== 'created') return NOTHING;
  if (fedByAnother || hasOthers) return NOTHING;
  return one({ op: 'delete', subject, remoteId: link.remoteId });
}

function one(change: GroupChange): GroupPlan {
  return { changes: [change], skipped: [] };
}
