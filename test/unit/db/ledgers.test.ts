/** Links, held losses and statuses: what their repositories keep apart, count and page, on both databases. */

import { listOpenHeld } from '../../../src/db/brake/heldLists.ts';
import {
  decideHeld,
  insertHeld,
  type NewHeld,
  retireLosses,
  standingOfSubject,
} from '../../../src/db/brake/losses.ts';
import { PURGED } from '../../../src/db/identity/users.ts';
import { isUniqueViolation } from '../../../src/db/open.ts';
import { enqueueTask, PRIORITY } from '../../../src/db/queue/enqueue.ts';
import { ledgerEntries, recordMembers } from '../../../src/db/seen/ledger.ts';
import { countEnabledPeople, listLinks } from '../../../src/db/seen/linkLists.ts';
import {
  getLink,
  getUserLinkByRemoteId,
  groupLinksByRemoteId,
  insertLink,
  type NewLink,
  updateLink,
  userLinksByRemoteId,
} from '../../../src/db/seen/links.ts';
import { countSyncStatuses, getSyncStatus, upsertSyncStatus } from '../../../src/db/seen/syncStatuses.ts';
import { onEachDatabase } from '../../database.ts';
import { AT, LATER, withStore } from './store.ts';

const user = (id: string) => ({ kind: 'user', id }) as const;

function link(subjectId: string, remoteId: string, more: Partial<NewLink> = {}): NewLink {
  return {
    environmentId: 'e',
    storeId: 's',
    subject: user(subjectId),
    remoteId,
    remoteName: remoteId,
    origin: 'created',
    state: 'enabled',
    ...more,
  };
}

function loss(personId: string, rank: number): NewHeld {
  const change = {
    op: 'disable',
    subject: { ...user(personId), display: personId },
    remoteId: `r-${personId}`,
  } as const;
  return {
    environmentId: 'e',
    storeId: 's',
    subject: user(personId),
    personKey: personId,
    changeKey: `disable ${personId}`,
    change,
    desired: 'inactive',
    cause: 'c1',
    reason: 'the brake tripped',
    rank,
    incidentId: null,
  };
}

onEachDatabase((open) => {
  it('keeps applied and observed apart, and writes only what a patch names', async () => {
    const db = await withStore(open);
    const made = await insertLink(db, link('p1', 'r1', { applied: { title: 'a' } }), AT);
    await updateLink(db, made.id, { observed: { title: 'b' }, disabledBy: null }, LATER);
    expect(await getLink(db, 's', user('p1'))).toEqual({
      ...made,
      applied: { title: 'a' },
      observed: { title: 'b' },
      updatedAt: LATER,
    });
  });

  it('writes no name again of somebody who was purged after a change of their memberships was planned', async () => {
    const db = await withStore(open);
    await insertLink(db, link('p1', 'r1', { remoteName: PURGED }), AT);
    await insertLink(db, link('p2', 'r2'), AT);
    const planned = ['r1', 'r2'].map((remoteUserId) => ({
      remoteUserId,
      display: `${remoteUserId}@acme.example`,
    }));
    const entries = planned.map((entry) => ({ ...entry, origin: 'added' as const, level: null }));
    await recordMembers(db, 's', 'g', entries, AT);
    const recorded = await ledgerEntries(db, 's', 'g', ['r1', 'r2']);
    expect([...recorded.values()].map(({ display }) => display).sort()).toEqual(
      [PURGED, 'r2@acme.example'].sort(),
    );
  });

  it('gives an account to one person only, until the link is removed', async () => {
    const db = await withStore(open);
    const first = await insertLink(db, link('p1', 'r1'), AT);
    const refused = await insertLink(db, link('p2', 'r1'), AT).catch((error: unknown) => error);
    expect(isUniqueViolation(refused)).toBe(true);
    await updateLink(db, first.id, { state: 'removed' }, AT);
    expect(await getUserLinkByRemoteId(db, 's', 'r1')).toBeNull();
    const second = await insertLink(db, link('p2', 'r1'), AT);
    expect((await userLinksByRemoteId(db, 's', ['r1', 'r2'])).get('r1')).toEqual(second);
    expect(await countEnabledPeople(db, 's')).toBe(1);
  });

  it('lets several groups feed one remote group, and pages through links', async () => {
    const db = await withStore(open);
    for (const id of ['g1', 'g2']) {
      await insertLink(db, link(id, 'R', { subject: { kind: 'group', id } }), AT);
    }
    expect((await groupLinksByRemoteId(db, 's', 'R')).map((l) => l.subject.id).sort()).toEqual(['g1', 'g2']);
    const [first] = await listLinks(db, 's', { after: null, limit: 1 });
    const rest = await listLinks(db, 's', { after: first?.id ?? null, limit: 10 });
    expect([first, ...rest].map((l) => l?.subject.id).sort()).toEqual(['g1', 'g2']);
  });

  it('lists held losses with people who left first, and decides each once', async () => {
    const db = await withStore(open);
    await insertHeld(db, [loss('membership', 1)], AT);
    await insertHeld(db, [loss('p2', 0), loss('p3', 0)], LATER);
    const all = await listOpenHeld(db, 's', { after: null, limit: 10 });
    expect(all.map((h) => h.rank)).toEqual([0, 0, 1]);
    const rest = await listOpenHeld(db, 's', { after: all[0] ?? null, limit: 10 });
    expect(rest).toEqual(all.slice(1));

    const ids = all.slice(0, 2).map((h) => h.id);
    const decision = { state: 'approved', by: 'Ada', at: LATER } as const;
    expect(await decideHeld(db, ids, decision)).toBe(2);
    expect(await decideHeld(db, ids, decision)).toBe(0);
    expect(await standingOfSubject(db, 's', user('p2'))).toMatchObject([
      { state: 'approved', decidedBy: 'Ada' },
    ]);
    await retireLosses(db, ids);
    expect(await standingOfSubject(db, 's', user('p2'))).toEqual([]);
  });

  it('counts each subject once, as pending while a task waits', async () => {
    const db = await withStore(open);
    for (const [id, status] of [
      ['p1', 'synced'],
      ['p2', 'unsynced'],
      ['p3', 'failed'],
    ] as const) {
      await upsertSyncStatus(db, {
        environmentId: 'e',
        storeId: 's',
        subject: user(id),
        status,
        reason: null,
        vendor: { status: 422, code: null, message: 'no' },
        correlationId: 'c',
        since: AT,
        lastSyncAt: AT,
      });
    }
    for (const id of ['p1', 'new']) {
      await enqueueTask(db, 's', {
        environmentId: 'e',
        subject: user(id),
        priority: PRIORITY.normal,
        correlationIds: ['c'],
        at: AT,
      });
    }
    expect(await countSyncStatuses(db, 's', 'user')).toEqual({
      synced: 0,
      pending: 2,
      unsynced: 1,
      partiallySynced: 0,
      held: 0,
      failed: 1,
    });
    expect((await getSyncStatus(db, 's', user('p3')))?.vendor).toEqual({
      status: 422,
      code: null,
      message: 'no',
    });
  });
});
