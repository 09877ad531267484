/**
 * Links: which account or group on a store belongs to which subject, what the bridge last applied to it
 * and what it last observed there. The two are never mixed up: reading a store must not touch `applied`.
 */

import type { NotAcceptedAttributes } from '../../model/change.ts';
import type { Attributes } from '../../model/desired.ts';
import type { Kind, Subject } from '../../model/subject.ts';
import { newId } from '../../support/ids.ts';
import { chunks } from '../chunks.ts';
import { fromBoolean, fromJson, fromJsonOrNull, toJson } from '../columns.ts';
import { updatingRow } from '../knex/writing.ts';
import type { Db } from '../open.ts';
import { addLinkWords, renameAccount } from '../people/linkWords.ts';
import { forgetWords } from '../people/words.ts';
import { send } from '../transaction.ts';

export type LinkOrigin = 'created' | 'adopted';
export type LinkState = 'enabled' | 'disabled' | 'invited' | 'removed';
/**
 * Who disabled the account. The bridge: `inactive`, `gone`. Others: `hand`, `locked`, `unapproved` (an administrator
 * may approve it).
 */
export type DisabledBy = 'inactive' | 'gone' | 'hand' | 'locked' | 'unapproved';

export interface LinkRecord {
  readonly id: string;
  readonly environmentId: string;
  readonly storeId: string;
  readonly subject: Subject;
  readonly remoteId: string;
  /** The name that people read in lists: a name or address, as the vendor shows it. */
  readonly remoteName: string;
  readonly origin: LinkOrigin;
  readonly state: LinkState;
  readonly disabledBy: DisabledBy | null;
  readonly applied: Attributes;
  /** What the vendor has shown since; absent where its answer did not show what was sent. */
  readonly observed: Attributes;
  /** What the vendor did not accept; not sent again until another value is wanted. */
  readonly notAccepted: NotAcceptedAttributes;
  /** For a `removed` account: when the vendor took the bridge's deletion; null once it is known to be gone. */
  readonly deletedAt: string | null;
  /** When all members of a group were last read; null: they must be read before the next plan. */
  readonly membersReadAt: string | null;
  /** For a group: since when the vendor does not show it. What is owed there stays owed. */
  readonly missingSince: string | null;
  /** Since when the account is disabled and its person gone; `REMOVE_AFTER_DAYS` counts from then. */
  readonly removalSince: string | null;
  /** What the last complete scan found changed by hand and nobody has repaired; null where nothing is. */
  readonly drift: RememberedDrift | null;
  /** The account can do more there than people usually can, as the vendor last showed it. */
  readonly privileged: boolean;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** Only `settle` and `sync` know the shape of its items. */
export interface RememberedDrift {
  readonly items: readonly unknown[];
  /**
   * The values that a repair overwrote, by attribute. Where the next scan shows one again, it is the vendor's own
   * form.
   */
  readonly repaired: Attributes;
  /**
   * Values by which the account is found that somebody changed by hand, and that the answer to a write of something
   * else showed. They count as observed at once, so a scan alone would find nothing new.
   */
  readonly answered?: Attributes;
}

export type LinkPatch = Partial<
  Pick<
    LinkRecord,
    | 'remoteId'
    | 'remoteName'
    | 'origin'
    | 'state'
    | 'disabledBy'
    | 'applied'
    | 'observed'
    | 'notAccepted'
    | 'deletedAt'
    | 'membersReadAt'
    | 'missingSince'
    | 'removalSince'
    | 'privileged'
  >
>;

/** A link as a write made it, with what counts from then on. */
export type NewLink = LinkPatch &
  Pick<LinkRecord, 'environmentId' | 'storeId' | 'subject' | 'remoteId' | 'remoteName' | 'origin' | 'state'>;

/** The subject's link, even a `removed` one, which remembers whose account it was. */
export async function getLink(db: Db, storeId: string, subject: Subject): Promise<LinkRecord | null> {
  const row = await db('links')
    .where({ store_id: storeId, kind: subject.kind, subject_id: subject.id })
    .first();
  return row ? toLink(row) : null;
}

/** The link of an account, unless it is `removed`; null where the account has none. */
export async function getUserLinkByRemoteId(
  db: Db,
  storeId: string,
  remoteId: string,
): Promise<LinkRecord | null> {
  const row = await db('links')
    .where({ store_id: storeId, kind: 'user', remote_id: remoteId })
    .whereNot({ state: 'removed' })
    .first();
  return row ? toLink(row) : null;
}

/** The links of all SCIM groups that feed one remote group; the first one is its primary feeder. */
export async function groupLinksByRemoteId(
  db: Db,
  storeId: string,
  remoteId: string,
): Promise<readonly LinkRecord[]> {
  return (await groupLinksByRemoteIds(db, storeId, [remoteId])).get(remoteId) ?? [];
}

/** The same for many remote groups, by id, without those that nothing feeds. */
export async function groupLinksByRemoteIds(
  db: Db,
  storeId: string,
  remoteIds: readonly string[],
): Promise<ReadonlyMap<string, readonly LinkRecord[]>> {
  const found = new Map<string, LinkRecord[]>();
  for (const some of chunks(remoteIds)) {
    const rows = await db('links')
      .where({ store_id: storeId, kind: 'group' })
      .whereIn('remote_id', some)
      .whereNot({ state: 'removed' })
      .orderBy('created_at')
      .orderBy('id');
    for (const link of rows.map(toLink)) {
      found.set(link.remoteId, [...(found.get(link.remoteId) ?? []), link]);
    }
  }
  return found;
}

/** The links of many subjects, by subject id, without subjects that have none. */
export function linksBySubject(
  db: Db,
  storeId: string,
  kind: Kind,
  subjectIds: readonly string[],
): Promise<ReadonlyMap<string, LinkRecord>> {
  return linksBy(db, storeId, kind, 'subject_id', subjectIds, (link) => link.subject.id);
}

/** The accounts' links by remote id, unless they are `removed`; without accounts that have none. */
export function userLinksByRemoteId(
  db: Db,
  storeId: string,
  remoteIds: readonly string[],
): Promise<ReadonlyMap<string, LinkRecord>> {
  return linksBy(db, storeId, 'user', 'remote_id', remoteIds, (link) => link.remoteId, ['removed']);
}

async function linksBy(
  db: Db,
  storeId: string,
  kind: Kind,
  column: 'subject_id' | 'remote_id',
  values: readonly string[],
  keyOf: (link: LinkRecord) => string,
  without: readonly LinkState[] = [],
): Promise<ReadonlyMap<string, LinkRecord>> {
  const found = new Map<string, LinkRecord>();
  for (const some of chunks(values)) {
    const rows = await db('links')
      .where({ store_id: storeId, kind })
      .whereNotIn('state', without)
      .whereIn(column, some);
    for (const link of rows.map(toLink)) found.set(keyOf(link), link);
  }
  return found;
}

/** A link that is not in the database yet. */
export function draftLink(link: NewLink, at: string): LinkRecord {
  return {
    disabledBy: null,
    applied: {},
    observed: {},
    notAccepted: {},
    deletedAt: null,
    membersReadAt: null,
    missingSince: null,
    removalSince: null,
    privileged: false,
    ...link,
    // A link made by hand comes with a display name, which is not part of a link.
    subject: { kind: link.subject.kind, id: link.subject.id },
    id: newId(),
    drift: null,
    createdAt: at,
    updatedAt: at,
  };
}

/** A unique violation means that the subject is linked already, or the account is another person's. */
export async function saveLink(db: Db, link: LinkRecord): Promise<void> {
  await db('links').insert({
    id: link.id,
    environment_id: link.environmentId,
    store_id: link.storeId,
    kind: link.subject.kind,
    subject_id: link.subject.id,
    remote_id: link.remoteId,
    remote_name: link.remoteName,
    origin: link.origin,
    state: link.state,
    disabled_by: link.disabledBy,
    applied: toJson(link.applied),
    observed: toJson(link.observed),
    not_accepted: toJson(link.notAccepted),
    deleted_at: link.deletedAt,
    members_read_at: link.membersReadAt,
    missing_since: link.missingSince,
    removal_since: link.removalSince,
    drift: link.drift && toJson(link.drift),
    privileged: link.privileged,
    created_at: link.createdAt,
    updated_at: link.updatedAt,
  });
  await addLinkWords(db, link);
}

export async function insertLink(db: Db, link: NewLink, at: string): Promise<LinkRecord> {
  const made = draftLink(link, at);
  await saveLink(db, made);
  return made;
}

/** Writes only what the patch names. Members that were read again must all be looked at. */
export async function updateLink(db: Db, id: string, patch: LinkPatch, at: string): Promise<void> {
  if (patch.remoteName !== undefined || patch.remoteId !== undefined) await renameAccount(db, id, patch);
  const changed = {
    remote_id: patch.remoteId,
    remote_name: patch.remoteName,
    origin: patch.origin,
    state: patch.state,
    disabled_by: patch.disabledBy,
    applied: patch.applied && toJson(patch.applied),
    observed: patch.observed && toJson(patch.observed),
    not_accepted: patch.notAccepted && toJson(patch.notAccepted),
    deleted_at: patch.deletedAt,
    members_read_at: patch.membersReadAt,
    missing_since: patch.missingSince,
    removal_since: patch.removalSince,
    privileged: patch.privileged,
    removal_asked_days: patch.removalSince === undefined ? undefined : null,
    walked_version: patch.membersReadAt === undefined ? undefined : null,
    updated_at: at,
  };
  await send(db, [updatingRow('links', id, changed)]);
}

/** From now on, another SCIM group feeds the remote group. */
export async function passLink(tx: Db, id: string, groupId: string): Promise<void> {
  await tx('links').where({ id }).update({ subject_id: groupId, walked_version: null });
}

export async function deleteLink(db: Db, id: string): Promise<void> {
  await forgetWords(db, id);
  await db('links').where({ id }).delete();
}

export function toLink(row: Record<string, unknown>): LinkRecord {
  return {
    id: row.id as string,
    environmentId: row.environment_id as string,
    storeId: row.store_id as string,
    subject: { kind: row.kind as Kind, id: row.subject_id as string },
    remoteId: row.remote_id as string,
    remoteName: row.remote_name as string,
    origin: row.origin as LinkOrigin,
    state: row.state as LinkState,
    disabledBy: row.disabled_by as DisabledBy | null,
    applied: fromJson(row.applied),
    observed: fromJson(row.observed),
    notAccepted: fromJsonOrNull<NotAcceptedAttributes>(row.not_accepted) ?? {},
    deletedAt: row.deleted_at as string | null,
    membersReadAt: row.members_read_at as string | null,
    missingSince: row.missing_since as string | null,
    removalSince: row.removal_since as string | null,
    drift: fromJsonOrNull<RememberedDrift>(row.drift),
    privileged: fromBoolean(row.privileged),
    createdAt: row.created_at as string,
    updatedAt: row.updated_at as string,
  };
}
