/**
 * The pages of a preview, phase by phase. Each depends only on the store and a cursor, and saves what it found in the
 * transaction that moves the preview on, so any worker can go on after any page. It writes nothing to the store, and
 * no link, task or status.
 */

import { addPeopleToCause, countCounted, forgetCounted } from '../../db/brake/brakeLedger.ts';
import { lower } from '../../db/columns.ts';
import { nearMatches } from '../../db/identity/subjects.ts';
import type { Db } from '../../db/open.ts';
import {
  addToSummary,
  appendPreviewItems,
  getPreview,
  type PreviewItem,
  type PreviewPosition,
  type PreviewRecord,
  saveLosing,
} from '../../db/runs/previews.ts';
import { countEnabledPeople } from '../../db/seen/linkLists.ts';
import { adoptersOf, rememberAdopters, unlinkedAccounts } from '../../db/seen/observations.ts';
import { type Change, changeKey, isLoss, type MembershipChange, type Skip } from '../../model/change.ts';
import type { ListProgress, RemoteUser } from '../../model/remote.ts';
import type { Kind, NamedSubject } from '../../model/subject.ts';
import { brakeLimit } from '../../plan/brake.ts';
import { protectedBy } from '../../plan/protection.ts';
import {
  desiredOf,
  type GroupSizes,
  type PlannedChange,
  withDecisions,
} from '../../settle/gate/decisions.ts';
import { LOSS_OF_MEMBER } from '../../settle/gate/taken.ts';
import type { GroupFacts } from '../../settle/groups/look.ts';
import { whyUnread } from '../../settle/groups/members.ts';
import { planPeople, type Sight } from '../../settle/people/look.ts';
import { namesOfAccount } from '../../settle/people/protection.ts';
import { byScan, type Scan } from '../../settle/people/scanned.ts';
import type { Reading } from '../../settle/planning.ts';
import {
  type ListStanding,
  type PlannedGroup,
  planGroupsPage,
  planPeoplePage,
} from '../../settle/storePlan.ts';
import type { StoreContext } from '../../stores/desired.ts';
import { newId } from '../../support/ids.ts';
import { adopters, membersLosing } from '../phases.ts';
import { closeScan, scanPage } from '../scan.ts';
import { withScannedNames } from '../scannedNames.ts';
import { groupDrift, personDrift } from './driftOf.ts';
import { shownChange } from './shownChange.ts';
import { otherLosses, summaryOfPage } from './summary.ts';

export const PREVIEW_PHASES = ['scanUsers', 'scanGroups', 'planUsers', 'planGroups', 'listOrphans'] as const;
export type PreviewPhase = (typeof PREVIEW_PHASES)[number];

/** Where lists stand after a page. */
export type GoesOn = Pick<PreviewPosition, 'list' | 'unread'>;

export interface PreviewStep extends Reading {
  readonly preview: PreviewRecord;
  /** When the worker began, an ISO time: what no page of a scan has shown since then does not exist. */
  readonly began: string;
  /** The progress of a list that has more pages. */
  readonly list: ListProgress | undefined;
  readonly standing: ListStanding;
  /** Moves on to the page with this cursor; null: the phase is over. Part of the transaction that saves the page. */
  moveOn(tx: Db, next: string | null, more?: GoesOn): Promise<void>;
}

export const PREVIEW_PAGES: Readonly<
  Record<PreviewPhase, (step: PreviewStep, cursor: string | null) => Promise<void>>
> = {
  scanUsers: (step, cursor) => scan(step, 'user', cursor),
  scanGroups: (step, cursor) => scan(step, 'group', cursor),
  planUsers,
  planGroups,
  listOrphans,
};

async function scan(step: PreviewStep, kind: 'user' | 'group', cursor: string | null): Promise<void> {
  const { preview, callContext } = step;
  const position = { scanId: preview.id, cursor, list: step.list };
  const { nextCursor, list } = await scanPage(step, kind, position, callContext);
  if (kind === 'group' && nextCursor === null) await closeScan(step, preview.id, step.began);
  await step.record((tx) => step.moveOn(tx, nextCursor, { list }));
}

/** Looks at people as the next sync with `repair` will. */
function scanOf({ began }: PreviewStep): Scan {
  return { began, repair: true, takesAgreement: true };
}

function sightOf(step: PreviewStep): Sight {
  return byScan(step, scanOf(step));
}

async function planUsers(step: PreviewStep, cursor: string | null): Promise<void> {
  const { people, next } = await planPeoplePage(step, sightOf(step), cursor);
  const planned = people.flatMap(({ facts, plan }) =>
    plan.changes.map((change) => ({
      change,
      desired: desiredOf(change, facts.desired),
      drift: personDrift(facts, change),
    })),
  );
  await keep(
    step,
    planned,
    people.flatMap(({ plan }) => plan.skipped),
    async (tx) => {
      await rememberAdopters(tx, step.context.store.id, adopters(people));
      await step.moveOn(tx, next);
    },
  );
}

async function planGroups(step: PreviewStep, cursor: string | null): Promise<void> {
  const members = { reading: step, unseen: 'overlook', standing: step.standing } as const;
  const named = (looked: readonly GroupFacts[]) => withScannedNames(step, scanOf(step), looked);
  const how = { people: sightOf(step), members, named, withComing: true };
  const { groups, next, unread } = await planGroupsPage(step, how, cursor);
  const planned = groups.flatMap((group) => {
    const memberships = group.members ? byMember([...group.members.changes, ...group.members.later]) : [];
    return [...group.plan.changes, ...memberships].map((change) => ({
      change,
      desired: LOSS_OF_MEMBER.desired(change),
      drift: groupDrift(group, change),
    }));
  });
  const skipped = groups.flatMap((group) => [
    ...group.plan.skipped,
    ...(group.members?.skipped ?? []),
    ...skippedUnread(step.context, group),
  ]);
  const sizes = new Map(groups.map(({ facts, size }) => [facts.desired.id, size]));
  await keep(step, planned, skipped, (tx) => step.moveOn(tx, next, { unread }), sizes);
}

function skippedUnread(context: StoreContext, { facts, unread }: PlannedGroup): readonly Skip[] {
  if (unread === null) return [];
  const { id, display } = facts.desired;
  const subject = { kind: 'group', id, display } as const;
  return [{ op: 'grant', subject, status: 'partiallySynced', reason: whyUnread(context, display, unread) }];
}

interface ShownChange extends PlannedChange {
  readonly drift: boolean;
}

async function keep(
  step: PreviewStep,
  planned: readonly ShownChange[],
  skipped: readonly Skip[],
  also: (tx: Db) => Promise<void>,
  sizes?: GroupSizes,
): Promise<void> {
  const { id, storeId } = step.preview;
  const orderOf = ({ kind, display }: NamedSubject) => `${KIND_ORDER[kind]} ${lower(display)}`;
  const drifted = new Set(planned.filter(({ drift }) => drift).map(({ change }) => changeKey(change)));
  const decided = await withDecisions(step.db, step.context, planned, sizes);
  const changes = decided.changes.map(({ change, held }) => ({
    changeKey: changeKey(change),
    sortKey: orderOf(change.subject),
    body: {
      id: newId(),
      ...shownChange(change),
      ...(isLoss(change) ? { isLoss: true } : {}),
      ...(held ? { held } : {}),
      ...(change.hold
        ? { cause: { correlationId: id, kind: change.hold.kind, description: change.hold.reason } }
        : {}),
      ...(drifted.has(changeKey(change)) ? { drift: true } : {}),
    },
  }));
  const left = [...skipped, ...decided.skipped];
  const kept = decided.changes.map(({ change }) => change);
  await step.record(async (tx) => {
    await appendPreviewItems(tx, id, 'change', changes);
    await appendPreviewItems(
      tx,
      id,
      'skipped',
      left.map(({ op, subject, reason }) => ({
        changeKey: null,
        sortKey: orderOf(subject),
        body: { op, subject, reason },
      })),
    );
    await addPeopleToCause(tx, id, storeId, losing(kept));
    await addToSummary(tx, id, summaryOfPage(decided.changes, left));
    await also(tx);
  });
}

/** In the order of the members' names. */
function byMember(changes: readonly MembershipChange[]): readonly MembershipChange[] {
  const nameOf = ({ member }: MembershipChange) => lower(member.display);
  return [...changes].sort((one, other) => (nameOf(one) < nameOf(other) ? -1 : 1));
}

/** Sorts people before groups. */
const KIND_ORDER: Readonly<Record<Kind, string>> = { user: '1', group: '2' };

function losing(changes: readonly Change[]): readonly string[] {
  const people = changes.filter((change) => isLoss(change) && change.op !== 'revoke');
  return [...people.map(({ subject }) => subject.id), ...membersLosing(changes)];
}

const ACCOUNTS_PER_PAGE = 200;

/** Lists accounts that nobody in the directory matches. The cursor is an account's id. */
async function listOrphans(step: PreviewStep, cursor: string | null): Promise<void> {
  const { db, context, preview } = step;
  const accounts = await unlinkedAccounts(db, context.store.id, cursor, ACCOUNTS_PER_PAGE);
  const adopted = await adoptedAmong(
    step,
    accounts.map(({ remoteId }) => remoteId),
  );
  const orphans = accounts.filter(
    (account) => !adopted.has(account.remoteId) && !isCredentialsOwn(context, account),
  );
  const items: PreviewItem[] = [];
  for (const { remoteId, display, state, machine, ...account } of orphans) {
    // A machine is nobody's account, unless somebody's address leads to it.
    const identifier = machine ? addressOf(context, account) : account.identifier;
    const near = await nearMatches(db, context.store.environmentId, { display, identifier });
    if (machine && near.length === 0) continue;
    const body = { remoteId, display, identifier, state, nearMatches: near };
    items.push({ changeKey: null, sortKey: lower(display), body });
  }
  const next = accounts.length < ACCOUNTS_PER_PAGE ? null : (accounts.at(-1)?.remoteId ?? null);
  await step.record(async (tx) => {
    await appendPreviewItems(tx, preview.id, 'orphan', items);
    await step.moveOn(tx, next);
  });
}

function addressOf(
  { definition }: StoreContext,
  { attributes }: Pick<RemoteUser, 'attributes'>,
): string | null {
  return attributes[definition.identifierAttributes.primaryEmail] || null;
}

function isCredentialsOwn(context: StoreContext, account: RemoteUser): boolean {
  const { self } = context.store;
  return protectedBy({ patterns: [], self }, account.remoteId, namesOfAccount(context, account)) !== null;
}

async function adoptedAmong(step: PreviewStep, remoteIds: readonly string[]): Promise<ReadonlySet<string>> {
  const known = await adoptersOf(step.db, step.context.store.id, remoteIds);
  const people = await planPeople(step, sightOf(step), [...new Set(known.values())]);
  return new Set(adopters(people).keys());
}

/**
 * A preview is applied as one cause: where it exceeds the limit, or the brake is tripped, all its losses are held.
 * Part of the transaction that finishes the preview.
 */
export async function holdBeyondLimit(tx: Db, step: PreviewStep): Promise<void> {
  const { settings, store } = step.context;
  const { id, expiresAt } = step.preview;
  const people = await countCounted(tx, id, store.id);
  await forgetCounted(tx, id, store.id);
  await saveLosing(tx, id, people);
  if (settings.brakePercent >= 100) return;
  const limit = brakeLimit(settings, await countEnabledPeople(tx, store.id));
  if (store.brakeTrippedAt === null && people <= limit) return;
  const summary = (await getPreview(tx, store.id, id, step.now()))?.summary;
  if (!summary || expiresAt <= step.now()) return;
  await addToSummary(tx, id, otherLosses(summary));
}
