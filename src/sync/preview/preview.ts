/**
 * A preview: the plan of a whole store, stopped before anything is applied. It reads the store page by
 * page, plans like any sync, and keeps the changes in the database. It writes nothing to the store, no
 * link, no task and no status.
 */

import type { CallContext, VendorCall } from '../../connectors/connector.ts';
import { membersOfGroup, nearMatches, subjectsPage } from '../../db/identity/subjects.ts';
import type { Db } from '../../db/open.ts';
import {
  deleteExpiredPreviews,
  finishPreview,
  getPreview,
  insertPreview,
  insertPreviewItems,
  type PreviewItem,
  type PreviewList,
  type PreviewRecord,
  type PreviewSummary,
  SUMMARY_KEYS,
} from '../../db/runs/previews.ts';
import { ledgerEntries } from '../../db/seen/ledger.ts';
import { countEnabledPeople } from '../../db/seen/linkLists.ts';
import { unlinkedAccounts } from '../../db/seen/observations.ts';
import type { StoreRecord } from '../../db/stores/stores.ts';
import type { Cause } from '../../model/cause.ts';
import { type Change, changeKey, isLoss, type Skip } from '../../model/change.ts';
import type { DesiredGroup } from '../../model/desired.ts';
import type { RemoteUser } from '../../model/remote.ts';
import { brakeLimit } from '../../plan/brake.ts';
import {
  feedingGroups,
  grantLevel,
  observeGroup,
  planMemberships,
  type Work,
} from '../../settle/groups/members.ts';
import { surveyGroup, surveyUsers } from '../../settle/survey.ts';
import { storeContextOf } from '../../stores/context.ts';
import type { PropagationDeps } from '../../stores/deps.ts';
import type { StoreContext } from '../../stores/desired.ts';
import { storeEvent } from '../../stores/storeEvents.ts';
import { isoTime } from '../../support/clock.ts';
import { newId } from '../../support/ids.ts';
import { closeScan, scanPage } from '../scan.ts';
import { shownChange } from './shownChange.ts';

const LIFETIME_MS = 24 * 3_600_000;
/** How long a request waits for a small preview to be done. */
const ANSWER_WITHIN_MS = 3_000;
const TIMEOUT_MS = 60 * 60_000;
const PAGE = 200;
const PAGES_MAX = 100_000;

/** Answers when the preview is done, or after a few seconds while it goes on. */
export async function startPreview(
  deps: PropagationDeps,
  store: StoreRecord,
  cause: Cause,
): Promise<PreviewRecord> {
  const now = deps.clock.now();
  await deleteExpiredPreviews(deps.db, isoTime(now));
  const maker = await deps.presence.holder();
  const preview = await deps.db.transaction(async (tx) => {
    const made = await insertPreview(tx, {
      environmentId: store.environmentId,
      storeId: store.id,
      madeBy: maker,
      createdAt: isoTime(now),
      expiresAt: isoTime(now + LIFETIME_MS),
    });
    await storeEvent(tx, isoTime(now), store, cause, 'preview.requested', { after: { previewId: made.id } });
    return made;
  });
  const finished = makePreview(deps, store, preview);
  const patience = new AbortController();
  await Promise.race([finished, deps.clock.sleep(ANSWER_WITHIN_MS, patience.signal).catch(() => {})]);
  patience.abort();
  return (await getPreview(deps.db, store.id, preview.id, isoTime(now))) ?? preview;
}

/** Never rejects: what went wrong is in the preview. */
async function makePreview(deps: PropagationDeps, store: StoreRecord, preview: PreviewRecord): Promise<void> {
  const draft = new PreviewDraft(deps.db, preview);
  try {
    const context = await storeContextOf(deps.db, deps.connectors, store);
    const work = workOf(deps, context);
    await scanStore(work);
    await planPeople(work, draft);
    await planGroups(work, draft);
    await listOrphans(work, draft);
    const held = await heldByBrake(work, draft);
    await finishPreview(deps.db, preview.id, {
      state: 'DONE',
      summary: { ...draft.summary(), held },
      error: null,
    });
  } catch (error) {
    deps.log.warn({ err: error, storeId: store.id, previewId: preview.id }, 'a preview failed');
    const message =
      error instanceof Error && error.name === 'RemoteError'
        ? error.message
        : 'The bridge failed on this preview; its log says why.';
    await finishPreview(deps.db, preview.id, {
      state: 'FAILED',
      summary: draft.summary(),
      error: message,
    }).catch((failure: unknown) =>
      deps.log.error({ err: failure, previewId: preview.id }, 'could not record a failed preview'),
    );
  }
}

interface PreviewWork extends Work {
  readonly callContext: CallContext;
}

function workOf(deps: PropagationDeps, context: StoreContext): PreviewWork {
  const calls: VendorCall[] = [];
  return {
    db: deps.db,
    context,
    callContext: { signal: AbortSignal.timeout(TIMEOUT_MS), record: (call) => void calls.push(call) },
    now: () => isoTime(deps.clock.now()),
    record: (work) => deps.db.transaction(work),
    // The store's worker is another, and waits for nobody here.
    giveWay: () => Promise.resolve(false),
  };
}

async function scanStore(work: PreviewWork): Promise<void> {
  const began = work.now();
  for (const kind of ['user', 'group'] as const) {
    let cursor: string | null = null;
    for (let page = 0; page < PAGES_MAX; page++) {
      cursor = (await scanPage(work, kind, cursor, work.callContext)).nextCursor;
      if (cursor === null) break;
    }
    if (cursor !== null) throw new Error(`the store has more than ${PAGES_MAX} pages of ${kind}s`);
  }
  await closeScan(work, began);
}

async function planPeople(work: PreviewWork, draft: PreviewDraft): Promise<void> {
  for await (const ids of pages(work, 'user')) {
    const people = await surveyUsers(work, ids);
    for (const { plan, desired, account } of people) {
      draft.expect(desired.id, desired.display, plan.changes, account);
      await draft.add(plan.changes, plan.skipped);
    }
  }
}

async function planGroups(work: PreviewWork, draft: PreviewDraft): Promise<void> {
  for await (const ids of pages(work, 'group')) {
    for (const id of ids) {
      const { desired, link, found, plan, isPrimaryFeeder } = await surveyGroup(work, id);
      await draft.add(plan.changes, plan.skipped);
      if (work.context.settings.groupProvisioning === 'Off') continue;
      const made = plan.changes.some((change) => change.op === 'create');
      if (link)
        await planMembers(
          work,
          draft,
          desired,
          link.remoteId,
          isPrimaryFeeder ? await feedingGroups(work, link.remoteId) : null,
        );
      else if (found) {
        await observeGroup(work, { remoteId: found.remoteId, remoteName: found.display }, work.callContext);
        await planMembers(work, draft, desired, found.remoteId, [desired.id]);
      } else if (made) await planMembers(work, draft, desired, '', [desired.id]);
    }
  }
}

/**
 * The differences of today, and the grants that follow from accounts which this very plan brings.
 * `groupIds` null: another SCIM group isPrimaryFeeder for the remote group, and today's differences are shown there.
 */
async function planMembers(
  work: PreviewWork,
  draft: PreviewDraft,
  desired: DesiredGroup,
  remoteId: string,
  groupIds: readonly string[] | null,
): Promise<void> {
  if (groupIds !== null) {
    const today = await planMemberships(work, desired, remoteId, groupIds);
    await draft.add(today.changes, today.skipped);
  }
  if (desired.lifecycle === 'gone') return;
  const subject = { kind: 'group', id: desired.id, display: desired.display } as const;
  const level = await grantLevel(work, desired.id);
  for await (const personIds of membersOfGroup(work.db, desired.id, PAGE)) {
    const arriving = draft.arrivals(personIds);
    const known = await ledgerEntries(
      work.db,
      work.context.store.id,
      remoteId,
      arriving.map((person) => person.remoteId),
    );
    const grants = arriving
      .filter((person) => !known.has(person.remoteId))
      .map(
        (person): Change => ({
          op: 'grant',
          subject,
          remoteId,
          member: { ...person, level },
        }),
      );
    await draft.add(grants, []);
  }
}

async function listOrphans({ db, context }: PreviewWork, draft: PreviewDraft): Promise<void> {
  let after: string | null = null;
  for (let page = 0; page < PAGES_MAX; page++) {
    const accounts = (await unlinkedAccounts(db, context.store.id, after, PAGE)) as readonly RemoteUser[];
    for (const account of accounts) {
      if (draft.isAdopted(account.remoteId)) continue;
      const near = await nearMatches(db, context.store.environmentId, account);
      const { remoteId, display, identifier, state } = account;
      await draft.addOrphan({ remoteId, display, identifier, state, nearMatches: near });
    }
    if (accounts.length < PAGE) return;
    after = accounts.at(-1)?.remoteId ?? null;
  }
}

async function* pages(
  { db, context }: PreviewWork,
  kind: 'user' | 'group',
): AsyncGenerator<readonly string[]> {
  let after: string | null = null;
  for (let page = 0; page < PAGES_MAX; page++) {
    const ids = await subjectsPage(db, context.store, kind, after, PAGE);
    yield ids;
    if (ids.length < PAGE) return;
    after = ids.at(-1) ?? null;
  }
}

/** Applied as one cause, losses beyond the limit all wait; so does every loss while the brake is tripped. */
async function heldByBrake({ db, context }: PreviewWork, draft: PreviewDraft): Promise<number> {
  const { settings, store } = context;
  if (settings.brakePercent >= 100) return 0;
  const limit = brakeLimit(settings, await countEnabledPeople(db, store.id));
  return store.brakeTrippedAt !== null || draft.losers.size > limit ? draft.losses : 0;
}

/** Collects a plan into the database, change by change. */
class PreviewDraft {
  readonly losers = new Set<string>();
  readonly #db: Db;
  readonly #preview: PreviewRecord;
  readonly #counts: Record<string, number> = {};
  readonly #next: Record<PreviewList, number> = { change: 0, skipped: 0, orphan: 0 };
  /** People who get an account by this plan: `remoteId` is '' while it is not made. */
  readonly #arriving = new Map<string, { readonly remoteId: string; readonly display: string }>();
  readonly #adopted = new Set<string>();
  losses = 0;

  constructor(db: Db, preview: PreviewRecord) {
    this.#db = db;
    this.#preview = preview;
  }

  expect(personId: string, display: string, changes: readonly Change[], account: RemoteUser | null): void {
    const leaves = changes.some(isLoss);
    for (const change of changes) {
      if (change.op === 'adopt') this.#adopted.add(change.remoteId);
      if (leaves) continue;
      if (change.op === 'create') this.#arriving.set(personId, { remoteId: '', display });
      if (change.op === 'enable' || (change.op === 'adopt' && account?.state === 'enabled'))
        this.#arriving.set(personId, { remoteId: change.remoteId, display: account?.display ?? display });
    }
  }

  isAdopted(remoteId: string): boolean {
    return this.#adopted.has(remoteId);
  }

  /** Those of the people who get an account, or get it back. */
  arrivals(personIds: readonly string[]) {
    return personIds.flatMap((personId) => {
      const account = this.#arriving.get(personId);
      return account ? [{ personId, ...account }] : [];
    });
  }

  async add(changes: readonly Change[], skipped: readonly Skip[]): Promise<void> {
    for (const change of changes) {
      this.#counts[change.op] = (this.#counts[change.op] ?? 0) + 1;
      if (!isLoss(change)) continue;
      this.losses += 1;
      this.losers.add(
        change.op === 'revoke' ? (change.member.personId ?? change.member.remoteId) : change.subject.id,
      );
    }
    this.#counts.skipped = (this.#counts.skipped ?? 0) + skipped.length;
    await this.#insert(
      'change',
      changes.map((change) => ({
        changeKey: changeKey(change),
        body: { id: newId(), ...shownChange(change) },
      })),
    );
    await this.#insert(
      'skipped',
      skipped.map((skip) => ({
        changeKey: null,
        body: { op: skip.op, subject: skip.subject, reason: skip.reason },
      })),
    );
  }

  addOrphan(body: Record<string, unknown>): Promise<void> {
    return this.#insert('orphan', [{ changeKey: null, body }]);
  }

  summary(): PreviewSummary {
    return Object.fromEntries(SUMMARY_KEYS.map((key) => [key, this.#counts[key] ?? 0])) as PreviewSummary;
  }

  async #insert(list: PreviewList, items: readonly PreviewItem[]): Promise<void> {
    if (items.length === 0) return;
    await insertPreviewItems(this.#db, this.#preview.id, list, this.#next[list], items);
    this.#next[list] += items.length;
  }
}
