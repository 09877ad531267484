/** What was last seen of a store, where several look at the same time, on both databases. */

import { forgetUnseen, observationsById, observe } from '../../../src/db/seen/observations.ts';
import type { RemoteUser } from '../../../src/model/remote.ts';
import { onEachDatabase } from '../../database.ts';

const time = (second: number) => `2026-01-01T00:00:0${second}.000Z`;

function account(remoteId: string, title: string): RemoteUser {
  const attributes = { title };
  return { kind: 'user', remoteId, display: remoteId, state: 'enabled', identifier: remoteId, attributes };
}

onEachDatabase((open) => {
  async function openStore() {
    const db = await open();
    const times = { created_at: time(0), updated_at: time(0) };
    await db('environments').insert({ id: 'e', name: 'e', ...times });
    await db('stores').insert({
      id: 's',
      environment_id: 'e',
      type: 'Demo',
      name: 's',
      image: '{}',
      managed: false,
      status: 'ACTIVE',
      configuration: '{}',
      secrets: '{}',
      retry_attempts: 0,
      ...times,
    });
    return db;
  }

  it('forgets after a scan what nobody has seen since it began, and keeps what others saw meanwhile', async () => {
    const db = await openStore();
    await observe(db, 's', [account('vanished', ''), account('seenTwice', '')], time(1));
    // A sync began at 2 and saw one page; then a preview saw the same account.
    await observe(db, 's', [account('seenTwice', '')], time(2));
    await observe(db, 's', [account('seenTwice', ''), account('new', '')], time(3));
    await forgetUnseen(db, 's', 'user', 'scan', time(2));
    const left = await observationsById(db, 's', 'user', ['vanished', 'seenTwice', 'new']);
    expect([...left.keys()].sort()).toEqual(['new', 'seenTwice']);
  });

  it('keeps what a scan saw after a replica went on with it whose clock is behind', async () => {
    const db = await openStore();
    await observe(db, 's', [account('known', 'by a look-up')], time(4), null);
    await observe(db, 's', [account('a', '')], time(5), 'scan');
    await observe(db, 's', [account('b', ''), account('known', 'by the scan')], time(2), 'scan');
    await forgetUnseen(db, 's', 'user', 'scan', time(5));
    const left = await observationsById(db, 's', 'user', ['a', 'b', 'known']);
    expect([...left.keys()].sort()).toEqual(['a', 'b', 'known']);
    expect(left.get('known')).toMatchObject({
      seenAt: time(4),
      remote: { attributes: { title: 'by a look-up' } },
    });
  });

  it('keeps the newer of two sights, whichever was written first', async () => {
    const db = await openStore();
    await observe(db, 's', [account('a', 'newer')], time(5));
    await observe(db, 's', [account('a', 'older')], time(4));
    const seen = (await observationsById(db, 's', 'user', ['a'])).get('a');
    expect(seen).toMatchObject({ seenAt: time(5), remote: { attributes: { title: 'newer' } } });
  });
});
