/**
 * Inquiries: questions to a vendor that must be answered before a request can be. A worker answers them. A row lives
 * as long as the request waits, and its secrets only until the answer.
 */

import type { Configuration } from '../../model/settings.ts';
import type { Kind } from '../../model/subject.ts';
import { isoTime } from '../../support/clock.ts';
import { newId } from '../../support/ids.ts';
import type { SealedSecret } from '../../support/secret.ts';
import { fromJson, fromJsonOrNull, toJson } from '../columns.ts';
import type { Db } from '../open.ts';

export type Question =
  /** Is the credential good? `trial`: with these settings instead of the saved ones. */
  | { readonly kind: 'check'; readonly trial: { type: string; configuration: Configuration } | null }
  /** Which account, or group, has this id? */
  | { readonly kind: 'read'; readonly subject: Kind; readonly remoteId: string }
  /** Which groups does a pulled directory have? */
  | { readonly kind: 'groups'; readonly wanted: WantedGroups };

export interface WantedGroups {
  /** Only those that have this text in their name, address or DN, in any case; null: all. */
  readonly search: string | null;
  readonly limit: number;
  readonly from: GroupsPlace;
}

/** A place in the groups of a directory: a portion, in the words of the source, and how many of it are passed. */
export interface GroupsPlace {
  /** Null: the first. */
  readonly portion: string | null;
  readonly passed: number;
}

export type SealedSecrets = Readonly<Record<string, SealedSecret>>;

export interface Inquiry {
  readonly id: string;
  readonly peerId: string;
  readonly question: Question;
  readonly secrets: SealedSecrets;
  /** ISO times */
  readonly askedAt: string;
  readonly takenAt: string | null;
  /** Null while nobody has answered. */
  readonly answer: unknown;
}

export interface NewInquiry {
  readonly peerId: string;
  readonly question: Question;
  readonly secrets: SealedSecrets;
  /** ISO times */
  readonly askedAt: string;
  readonly expiresAt: string;
}

/** Answers its id. */
export async function insertInquiry(db: Db, inquiry: NewInquiry): Promise<string> {
  const id = newId();
  await db('inquiries').insert({
    id,
    peer_id: inquiry.peerId,
    question: toJson(inquiry.question),
    secrets: toJson(inquiry.secrets),
    asked_at: inquiry.askedAt,
    expires_at: inquiry.expiresAt,
    taken_at: null,
    answer: null,
  });
  return id;
}

export async function getInquiry(db: Db, id: string): Promise<Inquiry | null> {
  const row = await db('inquiries').where({ id }).first();
  return row ? toInquiry(row) : null;
}

/** The request has its answer, or no longer waits. */
export async function deleteInquiry(db: Db, id: string): Promise<void> {
  await db('inquiries').where({ id }).delete();
}

/** The inquiries about a peer that nobody has answered, oldest first. */
export async function openInquiries(db: Db, peerId: string, now: string): Promise<readonly Inquiry[]> {
  const rows = await db('inquiries')
    .where({ peer_id: peerId })
    .whereNull('answer')
    .where('expires_at', '>', now)
    .orderBy(['asked_at', 'id']);
  return rows.map(toInquiry);
}

/** A worker begins; the request now waits as long as a vendor may take. */
export async function markTaken(db: Db, id: string, at: string): Promise<void> {
  await db('inquiries').where({ id }).update({ taken_at: at });
}

/** Saves the answer; too late where the request no longer waits. */
export async function saveAnswer(db: Db, id: string, answer: object): Promise<void> {
  await db('inquiries')
    .where({ id })
    .update({ answer: toJson(answer), secrets: null });
}

/** Deletes inquiries of processes that ended before they took the answer. */
export async function deleteExpiredInquiries(db: Db, now: string): Promise<void> {
  await db('inquiries').where('expires_at', '<=', now).delete();
}

function toInquiry(row: Record<string, unknown>): Inquiry {
  return {
    id: row.id as string,
    peerId: row.peer_id as string,
    question: fromJson(row.question),
    secrets: fromJsonOrNull(row.secrets) ?? {},
    askedAt: row.asked_at as string,
    takenAt: row.taken_at as string | null,
    answer: fromJsonOrNull(row.answer),
  };
}

const FORGOTTEN_AFTER_MS = 24 * 60 * 60_000;

/** Workers are remembered so that a request that needs one does not wait in vain. */
export async function saveWorkerSeen(db: Db, id: string, nowMs: number): Promise<void> {
  const row = { id, seen_at: isoTime(nowMs) };
  await db('workers').insert(row).onConflict('id').merge();
}

/** Deletes workers that have long been gone. */
export async function deleteOldWorkers(db: Db, nowMs: number): Promise<void> {
  await db('workers')
    .where('seen_at', '<', isoTime(nowMs - FORGOTTEN_AFTER_MS))
    .delete();
}

/** When any worker was last seen, an ISO time; null where none ever was. */
export async function lastWorkerSeen(db: Db): Promise<string | null> {
  const row = await db('workers').max({ at: 'seen_at' }).first();
  return (row?.at as string | null | undefined) ?? null;
}
