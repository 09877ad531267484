/** Admins make, change, test and delete alerts. This file delivers nothing. */

import {
  type AlertRecord,
  deleteAlert as deleteAlertRows,
  insertAlert,
  lockAlert,
  updateAlert,
} from '../../db/alerts/alerts.ts';
import { insertTest } from '../../db/alerts/deliveries.ts';
import { appendEvent } from '../../db/events.ts';
import { lockEnvironment } from '../../db/identity/environments.ts';
import { transact } from '../../db/transaction.ts';
import type { AlertKind, AlertType } from '../../model/alerts/alerts.ts';
import type { Cause } from '../../model/cause.ts';
import { type Mistake, RequestError } from '../../model/errors.ts';
import { MASK } from '../../model/settings.ts';
import type { PropagationDeps } from '../../stores/deps.ts';
import { isoTime } from '../../support/clock.ts';
import { newId } from '../../support/ids.ts';
import { refuseOtherVersion, timeAfter, type Versions } from '../conflicts.ts';
import { refuseDeleting } from '../identity/connections.ts';
import { newSigningSecret, sealSigningSecret, sealUrl } from './targets.ts';

/** Ways to send that this process has. */
export interface AlertWays {
  /** Why the bridge may not connect to a URL, in a sentence; null where nothing in the URL forbids it. */
  refusalOfUrl(url: string): string | null;
  /** Whether `SMTP_URL` is set. */
  readonly canMail: boolean;
}

export interface AlertDeps extends Pick<PropagationDeps, 'db' | 'clock' | 'keyring' | 'wake'> {
  readonly alertWays: AlertWays;
}

/** The settings of an alert that an admin chooses. */
export interface AlertInput {
  readonly name: string;
  readonly kind: AlertKind;
  /** `MASK` as url keeps the stored one. */
  readonly target: { readonly url?: string | undefined; readonly to?: readonly string[] | undefined };
  readonly events: readonly AlertType[];
  readonly active: boolean;
}

/** Throws 400 for an unusable target, 404, and 409 where the environment is being deleted. */
export async function createAlert(
  deps: AlertDeps,
  environmentId: string,
  input: AlertInput,
  cause: Cause,
): Promise<{ readonly alert: AlertRecord; readonly secret: string | null }> {
  refuseTarget(deps.alertWays, input, null);
  const at = isoTime(deps.clock.now());
  const id = newId();
  const secret = input.kind === 'webhook' ? newSigningSecret() : null;
  const alert: AlertRecord = {
    id,
    environmentId,
    ...described(deps, id, input, null),
    signingSecret: secret === null ? null : sealSigningSecret(deps.keyring, id, secret),
    createdAt: at,
    updatedAt: at,
  };
  await transact(deps.db, async (tx) => {
    const environment = await lockEnvironment(tx, environmentId);
    if (!environment) throw new RequestError(404, `There is no environment ${environmentId} here.`);
    refuseDeleting('environment', environment);
    await insertAlert(tx, alert);
    const after = auditedAlert(alert);
    await appendEvent(tx, at, { environmentId, cause, kind: 'alert.created', outcome: 'success', after });
  });
  return { alert, secret };
}

/** Throws 400 as `createAlert` does, 404, or 412 where the alert has another version than expected. */
export async function changeAlert(
  deps: AlertDeps,
  { environmentId, id }: Pick<AlertRecord, 'environmentId' | 'id'>,
  input: AlertInput,
  expected: Versions,
  cause: Cause,
): Promise<AlertRecord> {
  const alert = await transact(deps.db, async (tx) => {
    const before = await lockAlert(tx, environmentId, id);
    if (!before) throw gone(id);
    refuseOtherVersion(expected, before);
    refuseTarget(deps.alertWays, input, before);
    const updatedAt = timeAfter(before.updatedAt, deps.clock);
    const after = { ...before, ...described(deps, id, input, before), updatedAt };
    await updateAlert(tx, after);
    await appendEvent(tx, updatedAt, {
      ...{ environmentId, cause, kind: 'alert.updated', outcome: 'success' },
      ...{
        before: auditedAlert(before),
        after: { ...auditedAlert(after), urlChanged: after.url !== before.url },
      },
    });
    return after;
  });
  deps.wake.signal();
  return alert;
}

/** Deletes the alert and its undelivered messages. Throws 404, or 412. */
export async function deleteAlert(
  deps: Pick<AlertDeps, 'db' | 'clock'>,
  { environmentId, id }: Pick<AlertRecord, 'environmentId' | 'id'>,
  expected: Versions,
  cause: Cause,
): Promise<void> {
  await transact(deps.db, async (tx) => {
    const before = await lockAlert(tx, environmentId, id);
    if (!before) throw gone(id);
    refuseOtherVersion(expected, before);
    await deleteAlertRows(tx, id);
    await appendEvent(tx, isoTime(deps.clock.now()), {
      ...{ environmentId, cause, kind: 'alert.deleted', outcome: 'success', before: auditedAlert(before) },
    });
  });
}

/**
 * Queues a message of type `test` like any other. Answers its id. Throws 404, or 409 where the alert is switched off.
 */
export async function testAlert(
  deps: Pick<AlertDeps, 'db' | 'clock' | 'wake'>,
  { environmentId, id }: Pick<AlertRecord, 'environmentId' | 'id'>,
  cause: Cause,
): Promise<string> {
  const deliveryId = await transact(deps.db, async (tx) => {
    const alert = await lockAlert(tx, environmentId, id);
    if (!alert) throw gone(id);
    if (!alert.active)
      throw new RequestError(409, `The alert ${alert.name} is switched off: set active to true.`);
    const at = isoTime(deps.clock.now());
    const event = { environmentId, cause, kind: 'alert.tested', outcome: 'success' } as const;
    const eventId = await appendEvent(tx, at, { ...event, after: { id, name: alert.name } });
    // An admin who tests an alert does not want to wait until a pause after failures is over.
    await updateAlert(tx, alert);
    return insertTest(tx, id, eventId, at);
  });
  deps.wake.signal();
  return deliveryId;
}

function gone(id: string): RequestError {
  return new RequestError(404, `There is no alert ${id} here.`);
}

function described(deps: AlertDeps, id: string, input: AlertInput, before: AlertRecord | null) {
  const { name, kind, target, events, active } = input;
  const { url, to } = target;
  const sealed =
    url === undefined ? null : url === MASK ? (before?.url ?? null) : sealUrl(deps.keyring, id, url);
  return {
    ...{ name, kind, active, events: [...new Set(events)] },
    url: kind === 'email' ? null : sealed,
    recipients: kind === 'email' ? [...new Set(to)] : null,
  };
}

function refuseTarget(ways: AlertWays, { kind, target }: AlertInput, before: AlertRecord | null): void {
  if (before && before.kind !== kind) {
    throw refused('/kind', 'kind cannot change: make another alert');
  }
  if (kind === 'email') {
    if (!ways.canMail)
      throw refused(
        '/kind',
        'email needs a mail server: whoever runs the bridge sets SMTP_URL, then it can be used',
      );
    if (!target.to) throw refused('/target/to', 'to must list the addresses that the e-mail goes to');
    if (target.url !== undefined) throw refused('/target/url', 'url is not for email: it has only to');
    return;
  }
  if (target.to !== undefined) throw refused('/target/to', `to is not for ${kind}: it has only url`);
  if (target.url === undefined || (target.url === MASK && !before)) {
    throw refused('/target/url', 'url must be where the messages are posted to');
  }
  if (target.url === MASK) return;
  const { username, password } = new URL(target.url);
  if (username !== '' || password !== '')
    throw refused('/target/url', 'url must not hold a user name or password: webhooks are signed instead');
  const refusal = ways.refusalOfUrl(target.url);
  if (refusal !== null) throw refused('/target/url', `url: ${refusal}`);
}

function refused(pointer: string, detail: string): RequestError {
  const mistake: Mistake = { pointer, detail };
  return new RequestError(400, 'The alert cannot be saved like this.', [mistake]);
}

/** The alert as events show it, without URL or secret. */
function auditedAlert({ id, name, kind, events, active, recipients }: AlertRecord) {
  return { id, name, kind, events, active, ...(recipients ? { to: recipients } : {}) };
}
