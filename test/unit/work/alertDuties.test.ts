/** How an alert is tried: gaps that double, a day's patience, and nothing given up while the receiver takes it. */

import { bootstrap } from '../../../src/boot/bootstrap.ts';
import { createRegistry } from '../../../src/connectors/registry.ts';
import { type AlertInput, changeAlert, createAlert } from '../../../src/control/alerts/alerts.ts';
import { resealAlertSecrets } from '../../../src/control/alerts/targets.ts';
import { getAlert } from '../../../src/db/alerts/alerts.ts';
import { listDeliveries } from '../../../src/db/alerts/deliveries.ts';
import { createHorizon } from '../../../src/db/alerts/horizon.ts';
import { appendEvent } from '../../../src/db/events.ts';
import { acquireLease, type Lease } from '../../../src/db/queue/leases.ts';
import { createLog } from '../../../src/support/log.ts';
import { createMetrics } from '../../../src/support/metrics.ts';
import { generateKey, parseKeyring } from '../../../src/support/secret.ts';
import { AlertDuties } from '../../../src/work/alerts/alertDuties.ts';
import { movableClock } from '../../bridge.ts';
import { onEachDatabase } from '../../database.ts';
import { openToLoopback } from '../../outbound.ts';
import { type Receiver, startReceiver } from '../../receiver.ts';

const CAUSE = { correlationId: 'c', actor: { type: 'system', id: null, name: 'scim-bridge' } } as const;
const HOUR_MS = 60 * 60_000;
const NEVER = new AbortController().signal;

let receiver: Receiver;
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(() => receiver.stop());

onEachDatabase((open, dialect) => {
  async function alertOn(keyText = generateKey()) {
    const db = await open();
    const clock = movableClock();
    await bootstrap(db, clock, { adminTokenGiven: true });
    const keyring = parseKeyring(keyText);
    const log = createLog('silent');
    const control = {
      ...{ db, clock, keyring, wake: { signal() {}, onSignal: () => () => {} } },
      alertWays: { refusalOfUrl: () => null, canMail: false },
    };
    const input: AlertInput = {
      ...{
        name: 'On call',
        kind: 'webhook',
        target: { url: receiver.url },
        events: ['task.parked'],
        active: true,
      },
    };
    const { alert } = await createAlert(control, 'default', input, CAUSE);
    const duties = new AlertDuties(alert.id, {
      ...{ db, clock, keyring, log, publicUrl: 'http://bridge.example', post: null },
      ...{
        metrics: createMetrics(),
        registry: createRegistry([]),
        horizon: createHorizon(db, () => clock.monotonic?.() ?? 0),
      },
      fetch: openToLoopback('public', {}),
    });
    const far = '9999-01-01T00:00:00.000Z';
    const applicant = { holder: 'test', isGone: async () => false, takeOver: async () => {} };
    const lease = (await acquireLease(db, alert.id, applicant, { expiresAt: far, deadBefore: far })) as Lease;
    const turn = () => duties.turn({ lease, calls: NEVER, stopping: NEVER, isAsked: () => false });
    const tell = (kind: 'task.parked' | 'alert.failing' = 'task.parked') =>
      appendEvent(db, new Date(clock.now()).toISOString(), {
        ...{ environmentId: 'default', cause: CAUSE, kind, outcome: 'failure' },
      });
    const deliveries = async () => [...(await listDeliveries(db, alert.id, 100, null))].reverse();
    return { db, clock, control, alert, input, turn, tell, deliveries };
  }

  it('tries again after 1, 2, 4, … seconds, then each hour, under one id, and the next one waits', async () => {
    const { clock, turn, tell, deliveries } = await alertOn();
    receiver.answer((response) => void response.writeHead(500).end());
    await tell();
    await tell();
    const gaps: number[] = [];
    for (let n = 0; n < 14; n++) {
      await turn();
      const sent = receiver.received.length;
      let gap = 0;
      while (receiver.received.length === sent) {
        const step = gap < 4096 * 1000 && n < 13 ? Math.max(500, 2 ** n * 500) : HOUR_MS;
        gap += step;
        clock.advance(step);
        await turn();
      }
      gaps.push(gap);
    }
    expect(gaps.slice(0, 5)).toEqual([1000, 2000, 4000, 8000, 16_000]);
    const [first, second] = await deliveries();
    expect(first?.attempts.length).toBeGreaterThan(14);
    expect(second?.attempts).toEqual([]);
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id']))).toEqual(
      new Set([first?.id]),
    );
    const bodies = new Set(receiver.received.map(({ text }) => text));
    expect(bodies.size).toBe(1);
    receiver.answer((response) => void response.end());
    clock.advance(HOUR_MS);
    await turn();
    expect((await deliveries()).map(({ state }) => state)).toEqual(['delivered', 'delivered']);
  });

  it('gives up after a day what the receiver refuses still, says so once, and goes on with the rest', async () => {
    const { db, clock, turn, tell, deliveries } = await alertOn();
    receiver.answer((response) => void response.writeHead(500).end());
    await tell();
    await tell();
    // 12 gaps take a bit more than an hour.
    for (let n = 0; n < 35; n++) {
      await turn();
      clock.advance(HOUR_MS * 0.7);
      if (n === 20) await tell();
    }
    clock.advance(HOUR_MS);
    await turn();
    expect((await deliveries()).map(({ state }) => state)).toEqual(['given_up', 'given_up', 'pending']);
    expect(await db('events').where({ kind: 'alert.failing' })).toHaveLength(1);
    expect(await db('events').where({ kind: 'alert.givenUp' })).toHaveLength(1);
    receiver.answer((response) => void response.end());
    clock.advance(HOUR_MS);
    await turn();
    expect((await deliveries()).at(-1)).toMatchObject({ state: 'delivered', payload: null });
  });

  it('gives nothing up because a clock leaps', async () => {
    const { clock, turn, tell, deliveries } = await alertOn();
    receiver.answer((response) => void response.writeHead(500).end());
    await tell();
    await turn();
    clock.leap(72 * HOUR_MS);
    await turn();
    receiver.answer((response) => void response.end());
    clock.leap(-72 * HOUR_MS);
    clock.advance(5_000);
    await turn();
    clock.advance(5_000);
    await turn();
    expect(await deliveries()).toMatchObject([{ state: 'delivered' }]);
  });

  it('is sealed anew with the first key, and opens with no other', async () => {
    const old = generateKey();
    const { db, alert, turn, tell } = await alertOn(old);
    const next = generateKey();
    expect(await resealAlertSecrets(db, parseKeyring(`${next},${old}`))).toBe(1);
    expect(await resealAlertSecrets(db, parseKeyring(next))).toBe(0);
    const { url, signingSecret } = (await getAlert(db, 'default', alert.id)) ?? {};
    const { sealingKeyId } = parseKeyring(next);
    expect([url?.keyId, signingSecret?.keyId]).toEqual([sealingKeyId, sealingKeyId]);
    // This worker still has the old key alone: it says so, and sends nothing.
    await tell();
    await turn();
    expect(receiver.received).toEqual([]);
  });

  it('tells nothing while it is switched off, and of nothing that happened then', async () => {
    const { control, alert, input, turn, tell, deliveries } = await alertOn();
    await changeAlert(control, alert, { ...input, active: false }, null, CAUSE);
    await tell();
    expect(await turn()).toEqual({ kind: 'end' });
    await changeAlert(control, alert, input, null, CAUSE);
    await tell();
    await turn();
    expect(await deliveries()).toMatchObject([{ state: 'delivered' }]);
  });

  // SQLite has one transaction at a time.
  const onPostgres = dialect === 'postgres' ? it : it.skip;
  onPostgres('lets no later event go before an earlier one that is not committed yet', async () => {
    const { db, turn, tell } = await alertOn();
    const slow = await db.transaction();
    const at = new Date().toISOString();
    const event = {
      environmentId: 'default',
      cause: CAUSE,
      kind: 'task.parked',
      outcome: 'failure',
    } as const;
    const first = await appendEvent(slow, at, event);
    const second = await tell();
    await turn();
    expect(receiver.received).toEqual([]);
    await slow.commit();
    for (let n = 0; n < 3; n++) await turn();
    expect(Number(first)).toBeLessThan(Number(second));
    expect(receiver.received).toHaveLength(2);
    const rows = await db('alert_deliveries').orderBy('event_id').pluck('id');
    expect(receiver.received.map(({ headers }) => headers['webhook-id'])).toEqual(rows);
  });
});
