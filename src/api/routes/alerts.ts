/** `…/alerts`: whom the bridge calls about what, and how each delivery ended. */

import { changeAlert, createAlert, deleteAlert, testAlert } from '../../control/alerts/alerts.ts';
import { type AlertRecord, countAlerts, getAlert, listAlerts } from '../../db/alerts/alerts.ts';
import { type DeliveryRecord, getDelivery, listDeliveries } from '../../db/alerts/deliveries.ts';
import type { EnvironmentRecord } from '../../db/identity/environments.ts';
import { MASK } from '../../model/settings.ts';
import type { ApiDeps } from '../deps.ts';
import { accepted, created, endpoint, noContent, ok } from '../endpoint.ts';
import { href } from '../href.ts';
import { keyOfRecord, PAGE, page, readCursor, readCursorOfRecords } from '../lists.ts';
import { applyPatch } from '../patch.ts';
import { notFound } from '../path.ts';
import {
  Alert,
  AlertList,
  AlertPatch,
  AlertReplacement,
  Delivery,
  DeliveryList,
  MadeAlert,
  NewAlert,
} from '../schemas/alerts.ts';

const ALERTS = '/environments/:envId/alerts';
const ALERT = '/environments/:envId/alerts/:alertId';
const MOVED = 'It is not at the version of If-Match.';

export const alerts = {
  listAlerts: endpoint({
    method: 'get',
    path: ALERTS,
    scope: 'read',
    summary: 'List the alerts of an environment',
    query: PAGE,
    answers: { 200: AlertList },
    handle: async (call, deps) => {
      const { id } = call.environment;
      return ok(
        page(call, {
          name: 'alerts',
          rows: await listAlerts(deps.db, id, call.query.limit + 1, readCursorOfRecords(call.query)),
          count: await countAlerts(deps.db, id),
          keyOf: keyOfRecord,
          show: (alert) => show(deps, alert),
        }),
      );
    },
  }),

  createAlert: endpoint({
    method: 'post',
    path: ALERTS,
    scope: 'write',
    summary: 'Make an alert; the secret of a webhook is shown this once',
    body: NewAlert,
    answers: { 201: MadeAlert },
    refusals: { 409: 'The environment is being deleted.' },
    handle: async ({ environment, body, cause }, deps) => {
      const { alert, secret } = await createAlert(deps.alerts, environment.id, body, cause);
      const shown = { ...show(deps, alert), ...(secret === null ? {} : { secret }) };
      return created(shown, alertHref(deps, alert), { version: alert.updatedAt });
    },
  }),

  readAlert: endpoint({
    method: 'get',
    path: ALERT,
    scope: 'read',
    summary: 'Show an alert',
    answers: { 200: Alert },
    handle: async ({ environment, params }, deps) =>
      answer(deps, await alertOf(deps, environment, params.alertId)),
  }),

  replaceAlert: endpoint({
    method: 'put',
    path: ALERT,
    scope: 'write',
    summary: 'Replace an alert; its secret stays',
    body: AlertReplacement,
    answers: { 200: Alert },
    refusals: { 412: MOVED },
    handle: async ({ environment, params, body, expected, cause }, deps) => {
      const alert = await alertOf(deps, environment, params.alertId);
      return answer(deps, await changeAlert(deps.alerts, alert, body, expected, cause));
    },
  }),

  patchAlert: endpoint({
    method: 'patch',
    path: ALERT,
    scope: 'write',
    summary: 'Change some of an alert',
    body: AlertPatch,
    answers: { 200: Alert },
    refusals: { 409: 'It changes all the time.', 412: MOVED },
    handle: async ({ environment, params, body, expected, cause }, deps) => {
      const changed = await applyPatch({
        expected,
        patch: body,
        replacement: AlertReplacement,
        read: () => alertOf(deps, environment, params.alertId),
        show: ({ name, kind, events, active, ...alert }) => ({
          ...{ name, kind, events, active },
          target: shownTarget(alert),
        }),
        write: (before, replacement, version) =>
          changeAlert(deps.alerts, before, replacement, version, cause),
      });
      return answer(deps, changed);
    },
  }),

  deleteAlert: endpoint({
    method: 'delete',
    path: ALERT,
    scope: 'write',
    summary: 'Delete an alert, with what it has not delivered yet',
    answers: { 204: null },
    refusals: { 412: MOVED },
    handle: async ({ environment, params, expected, cause }, deps) => {
      const alert = await alertOf(deps, environment, params.alertId);
      await deleteAlert(deps.alerts, alert, expected, cause);
      return noContent;
    },
  }),

  testAlert: endpoint({
    method: 'post',
    path: `${ALERT}/test`,
    scope: 'write',
    summary: 'Send a message of type test, as any other is sent',
    answers: { 202: Delivery },
    refusals: { 409: 'The alert is switched off.' },
    handle: async ({ environment, params, admin, cause }, deps) => {
      const alert = await alertOf(deps, environment, params.alertId);
      const delivery = await getDelivery(deps.db, await testAlert(deps.alerts, alert, cause));
      if (!delivery) throw notFound('alert', params.alertId);
      return accepted(showDelivery(delivery, admin.environmentId === null));
    },
  }),

  listDeliveries: endpoint({
    method: 'get',
    path: `${ALERT}/deliveries`,
    scope: 'read',
    scans: true,
    summary: 'List what an alert told and has yet to tell, newest first',
    query: PAGE,
    answers: { 200: DeliveryList },
    handle: async (call, deps) => {
      const { id } = await alertOf(deps, call.environment, call.params.alertId);
      const key = readCursor(call.query, ['bigint', 'text']);
      const after = key && { eventId: Number(key[0]), id: String(key[1]) };
      const isUnbound = call.admin.environmentId === null;
      return ok(
        page(call, {
          name: 'deliveries',
          rows: await listDeliveries(deps.db, id, call.query.limit + 1, after),
          count: null,
          keyOf: (delivery) => [Number(delivery.eventId), delivery.id],
          show: (delivery) => showDelivery(delivery, isUnbound),
        }),
      );
    },
  }),
};

async function alertOf(deps: ApiDeps, { id }: EnvironmentRecord, alertId: string): Promise<AlertRecord> {
  const alert = await getAlert(deps.db, id, alertId);
  if (!alert) throw notFound('alert', alertId);
  return alert;
}

function alertHref(deps: ApiDeps, { environmentId, id }: AlertRecord, ...path: readonly string[]): string {
  return href(deps, 'environments', environmentId, 'alerts', id, ...path);
}

function answer(deps: ApiDeps, alert: AlertRecord) {
  return ok(show(deps, alert), { version: alert.updatedAt });
}

function show(deps: ApiDeps, alert: AlertRecord) {
  const { id, environmentId, name, kind, events, active, createdAt, updatedAt } = alert;
  return {
    id,
    environment: { id: environmentId },
    ...{ name, kind, target: shownTarget(alert), events, active, createdAt, updatedAt },
    _links: {
      self: { href: alertHref(deps, alert) },
      deliveries: { href: alertHref(deps, alert, 'deliveries') },
    },
  };
}

function shownTarget({ url, recipients }: Pick<AlertRecord, 'url' | 'recipients'>) {
  return { ...(url ? { url: MASK as typeof MASK } : {}), ...(recipients ? { to: recipients } : {}) };
}

/**
 * A token of one environment does not see what the called server answered: its admins choose that address, and could
 * read other servers through it.
 */
function showDelivery({ id, type, at, state, attempts }: DeliveryRecord, withHeard: boolean) {
  return {
    ...{ id, type, at, state },
    attempts: attempts.map(({ heard, error, ...attempt }) => ({
      ...attempt,
      ...(error === undefined ? {} : { error: withHeard && heard ? `${error}: ${heard}` : error }),
    })),
  };
}
