/** A request that waits for a worker's answer: what it leaves, and how the wait ends. */

import { openInquiries, saveAnswer } from '../../../src/db/queue/inquiries.ts';
import { createWakes } from '../../../src/db/queue/wake.ts';
import { createInquiries, NO_WORKER_AFTER_MS } from '../../../src/stores/inquiries.ts';
import { createLog } from '../../../src/support/log.ts';
import { generateKey, parseKeyring } from '../../../src/support/secret.ts';
import { eventually, movableClock } from '../../bridge.ts';
import { onEachDatabase } from '../../database.ts';

onEachDatabase((open) => {
  const started = async () => {
    const db = await open();
    const clock = movableClock();
    const { asked, answered } = createWakes({ dialect: 'sqlite', target: 'unused' }, createLog('silent'));
    const inquiries = createInquiries({ db, clock, keyring: parseKeyring(generateKey()), asked, answered });
    const openInquiry = () =>
      eventually(async () => (await openInquiries(db, 'a-store', '2000'))[0] ?? undefined, 5_000);
    return { db, clock, answered, inquiries, openInquiry };
  };

  it('ends with the answer, at once', async () => {
    const { db, answered, inquiries, openInquiry } = await started();
    const reading = inquiries.read({ id: 'a-store' }, 'user', 'U1');
    const { id, question } = await openInquiry();
    expect(question).toEqual({ kind: 'read', subject: 'user', remoteId: 'U1' });
    await saveAnswer(db, id, { outcome: 'none', calls: [] });
    answered.signal();
    expect(await reading).toEqual({ outcome: 'none', calls: [] });
    expect(await db('inquiries')).toEqual([]);
  });

  it('ends without one where the process stops, and where no worker was seen for so long', async () => {
    const { db, clock, inquiries, openInquiry } = await started();
    const first = inquiries.check({ id: 'a-store' });
    await openInquiry();
    clock.advance(NO_WORKER_AFTER_MS);
    const refusal = { status: 503, code: 'no_worker', retryAfterSeconds: 5 };
    await expect(first).rejects.toMatchObject(refusal);
    const second = inquiries.check({ id: 'a-store' });
    await openInquiry();
    inquiries.end();
    await expect(second).rejects.toMatchObject(refusal);
    expect(await db('inquiries')).toEqual([]);
  });

  it.each([
    ['gone', { status: 404 }],
    ['failed', { message: expect.stringContaining('log says why') }],
  ])('throws where the answer is that it %s', async (outcome, error) => {
    const { db, answered, inquiries, openInquiry } = await started();
    const checked = inquiries.check({ id: 'a-store' });
    await saveAnswer(db, (await openInquiry()).id, { outcome });
    answered.signal();
    await expect(checked).rejects.toMatchObject(error);
  });
});
