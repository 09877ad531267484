/**
 * What a worker does for an alert while it has the lease. It sends one message after the other, in the order of the
 * events. A message that the receiver does not take is tried again, with growing gaps. No other alert, and no store,
 * waits for it.
 */

import type { AlertRecord, ReceiverState } from '../../db/alerts/alerts.ts';
import {
  getAlertWithReceiver,
  holdAlert,
  noteFailure,
  noteReceived,
  takeGivenUp,
} from '../../db/alerts/alerts.ts';
import {
  type DeliveryRecord,
  giveUpOlder,
  nextDeliveries,
  writeAttempt,
  writePayload,
} from '../../db/alerts/deliveries.ts';
import type { Horizon } from '../../db/alerts/horizon.ts';
import { appendEvent } from '../../db/events.ts';
import type { Db } from '../../db/open.ts';
import { recordUnder } from '../../db/queue/leases.ts';
import { gapMs, TRIED_FOR_MS } from '../../model/alerts/alerts.ts';
import { SYSTEM } from '../../model/cause.ts';
import { isoTime } from '../../support/clock.ts';
import { newId } from '../../support/ids.ts';
import type { Log } from '../../support/log.ts';
import type { Metrics } from '../../support/metrics.ts';
import type { Duties, Next, Shift } from '../peerRunner.ts';
import { type MessageDeps, messageOf } from './message.ts';
import { type SendDeps, type Sent, send } from './send.ts';

export interface AlertDutiesDeps extends MessageDeps, SendDeps {
  readonly horizon: Horizon;
  readonly metrics: Metrics;
  readonly log: Log;
}

/** How many messages one turn sends. */
const PER_TURN = 50;
/** An incident grows for a moment after it is opened. The message waits for that, and then says how far it is. */
const INCIDENT_SETTLES_MS = 2_000;
/** A runner waits out shorter gaps; for longer ones it lets the lease go. */
const WAITED_OUT_MS = 4_000;
/** How long the worker waits for open transactions that write events. */
const UNSETTLED_WAIT_MS = 50;
/**
 * A message is given up only after this many failures in a row, so that a leap of the clock alone gives nothing up.
 */
const FAILURES_BEFORE_GIVING_UP = 12;
const GIVEN_UP_SAID_EVERY_MS = 60 * 60_000;
const ATTEMPTS_KEPT = 50;

type Alert = AlertRecord & ReceiverState;

export class AlertDuties implements Duties {
  readonly alertId: string;
  readonly #deps: AlertDutiesDeps;

  constructor(alertId: string, deps: AlertDutiesDeps) {
    this.alertId = alertId;
    this.#deps = deps;
  }

  /** What a vanished holder of the lease had sent is sent again, under the same id. */
  async takeOver(): Promise<void> {}

  /** A turn ends with its last message. */
  async over(): Promise<void> {}

  async turn(shift: Shift): Promise<Next> {
    const { db, clock, horizon } = this.#deps;
    const alert = await getAlertWithReceiver(db, this.alertId);
    if (!alert?.active) return { kind: 'end' };
    const gap = waitBefore(alert, clock.now());
    if (gap > WAITED_OUT_MS) return { kind: 'end' };
    if (gap > 0) return { kind: 'wait', ms: gap };
    const due = await nextDeliveries(db, alert.id, await horizon.settledUpTo(), PER_TURN);
    if (due.length === 0) return this.#whenSettled();
    for (const delivery of due) {
      const early = settlesUntil(delivery) - clock.now();
      // A longer wait can only come from a clock that was set back.
      if (early > 0 && early <= INCIDENT_SETTLES_MS) return { kind: 'wait', ms: early };
      if (!(await this.#deliver(alert, delivery, shift)) || shift.stopping.aborted) break;
    }
    return { kind: 'again' };
  }

  /** Nothing is due, or what is due waits for open transactions. */
  async #whenSettled(): Promise<Next> {
    const { db } = this.#deps;
    const [waiting] = await nextDeliveries(db, this.alertId, LAST_EVENT, 1);
    return waiting ? { kind: 'wait', ms: UNSETTLED_WAIT_MS } : { kind: 'idle', stay: false };
  }

  /** False where the receiver did not take the message. */
  async #deliver(alert: Alert, delivery: DeliveryRecord, shift: Shift): Promise<boolean> {
    const { db, clock, metrics } = this.#deps;
    const payload = delivery.payload ?? (await this.#write(alert, delivery, shift));
    if (payload === null) return true;
    const { ok, ...attempt } = await send(this.#deps, alert, delivery.id, payload, shift.calls);
    const attempts = [...delivery.attempts, attempt].slice(-ATTEMPTS_KEPT);
    const at = isoTime(clock.now());
    await recordUnder(db, shift.lease, async (tx) => {
      if (!(await holdAlert(tx, alert.id))) return;
      await writeAttempt(tx, delivery.id, attempts, ok ? 'delivered' : 'pending', at);
      if (ok) await noteReceived(tx, alert.id);
      else await this.#noteFailure(tx, delivery, attempt);
    });
    metrics.alertAttempts.inc({ kind: alert.kind, outcome: ok ? 'delivered' : 'failed' });
    return ok;
  }

  /** Writes the message, which never changes from then on. Null where the audit log no longer has its event. */
  async #write(alert: Alert, delivery: DeliveryRecord, { lease }: Shift): Promise<string | null> {
    const { db, clock } = this.#deps;
    const message = await messageOf(this.#deps, alert, delivery);
    const payload = message && JSON.stringify(message);
    await recordUnder(db, lease, (tx) =>
      payload === null
        ? writeAttempt(tx, delivery.id, delivery.attempts, 'given_up', isoTime(clock.now()))
        : writePayload(tx, delivery.id, payload),
    );
    return payload;
  }

  async #noteFailure(tx: Db, delivery: DeliveryRecord, { error }: Omit<Sent, 'ok'>): Promise<void> {
    const { clock, log } = this.#deps;
    const alert = await getAlertWithReceiver(tx, this.alertId);
    if (!alert) return;
    const now = clock.now();
    const failures = alert.failures + 1;
    await noteFailure(tx, alert.id, { failures, retryAt: isoTime(now + gapMs(failures)) });
    const about = { alertId: alert.id, alert: alert.name, deliveryId: delivery.id, error };
    if (failures === 1) {
      log.warn(about, 'an alert could not be delivered; trying again');
      await this.#event(tx, alert, 'alert.failing', `${alert.name}: ${error}`);
    }
    if (failures >= FAILURES_BEFORE_GIVING_UP) await this.#giveUp(tx, alert, now);
  }

  /**
   * Gives up messages that waited for a day and were not taken just now. Writes an event once an hour at most,
   * because a receiver of all events is sent that event too.
   */
  async #giveUp(tx: Db, alert: Alert, now: number): Promise<void> {
    const { log, metrics } = this.#deps;
    const at = isoTime(now);
    const count = await giveUpOlder(tx, alert.id, isoTime(now - TRIED_FOR_MS), at);
    if (count === 0) return;
    metrics.alertAttempts.inc({ kind: alert.kind, outcome: 'given_up' }, count);
    log.error(
      { alertId: alert.id, alert: alert.name, count },
      'messages of an alert are given up after a day',
    );
    if (!(await takeGivenUp(tx, alert.id, isoTime(now - GIVEN_UP_SAID_EVERY_MS), at))) return;
    const reason = `${alert.name}: ${count === 1 ? '1 message was' : `${count} messages were`} not delivered within a day`;
    await this.#event(tx, alert, 'alert.givenUp', reason);
  }

  async #event(tx: Db, alert: Alert, kind: 'alert.failing' | 'alert.givenUp', reason: string): Promise<void> {
    const { environmentId, id, name } = alert;
    const cause = { correlationId: newId(), actor: SYSTEM };
    const event = { environmentId, cause, kind, outcome: 'failure', reason, after: { id, name } } as const;
    await appendEvent(tx, isoTime(this.#deps.clock.now()), event);
  }
}

const LAST_EVENT = String(Number.MAX_SAFE_INTEGER);

/** 0 where the clock was set back, because no gap is that long. */
function waitBefore({ failures, retryAt }: ReceiverState, now: number): number {
  const wait = retryAt === null ? 0 : Date.parse(retryAt) - now;
  return wait > gapMs(Math.max(1, failures)) ? 0 : wait;
}

function settlesUntil({ type, at, payload }: DeliveryRecord): number {
  return type.endsWith('incident.opened') && payload === null ? Date.parse(at) + INCIDENT_SETTLES_MS : 0;
}
