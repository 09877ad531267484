/**
 * The targets of alerts, between the admin API and the database. Whoever knows a URL may post there, so the URL is a
 * secret that the bridge seals for its alert, like the key that signs webhooks.
 */

import { randomBytes } from 'node:crypto';
import type { Knex } from 'knex';
import {
  type AlertRecord,
  alertsSealedOtherwise,
  lockAlert,
  writeAlertSecrets,
} from '../../db/alerts/alerts.ts';
import { transact } from '../../db/transaction.ts';
import type { Keyring, SealedSecret } from '../../support/secret.ts';

/** The target of an alert, in clear. */
export interface Target {
  readonly url: string | null;
  readonly recipients: readonly string[];
  readonly signingSecret: string | null;
}

const SECRET_BYTES = 32;

/** In the form of Standard Webhooks. */
export function newSigningSecret(): string {
  return `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`;
}

export function sealUrl(keyring: Keyring, alertId: string, url: string): SealedSecret {
  return keyring.seal(url, placeOf(alertId, 'url'));
}

export function sealSigningSecret(keyring: Keyring, alertId: string, secret: string): SealedSecret {
  return keyring.seal(secret, placeOf(alertId, 'signing secret'));
}

/** Throws an Error where a secret cannot be decrypted. */
export function openTarget(keyring: Keyring, alert: AlertRecord): Target {
  const { id, url, recipients, signingSecret } = alert;
  return {
    url: url && keyring.open(url, placeOf(id, 'url')),
    recipients: recipients ?? [],
    signingSecret: signingSecret && keyring.open(signingSecret, placeOf(id, 'signing secret')),
  };
}

function placeOf(alertId: string, what: string): readonly string[] {
  return ['alert', alertId, what];
}

/** Seals secrets of older keys again with the ring's first key. Answers how many alerts were changed. */
export async function resealAlertSecrets(db: Knex, keyring: Keyring): Promise<number> {
  const outdated = await alertsSealedOtherwise(db, keyring.sealingKeyId);
  for (const { environmentId, id } of outdated) {
    await transact(db, async (tx) => {
      const alert = await lockAlert(tx, environmentId, id);
      if (!alert) return;
      const { url, signingSecret } = openTarget(keyring, alert);
      await writeAlertSecrets(tx, {
        id,
        url: url === null ? null : sealUrl(keyring, id, url),
        signingSecret: signingSecret === null ? null : sealSigningSecret(keyring, id, signingSecret),
      });
    });
  }
  return outdated.length;
}
