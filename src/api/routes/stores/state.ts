/** `…/stores/{id}/pause`, `/resume`, `/syncStatus`, and the check of a credential. */

import { pauseByAdmin, resumeByAdmin } from '../../../control/pause.ts';
import { storeSyncStatus } from '../../../control/status/store.ts';
import { definitionOf, readNewConfiguration } from '../../../control/storeConfiguration.ts';
import { getStoreOf } from '../../../db/stores/stores.ts';
import { RequestError } from '../../../model/errors.ts';
import { checkConnection, describeCheck } from '../../../stores/check.ts';
import { newId } from '../../../support/ids.ts';
import { endpoint, ok } from '../../endpoint.ts';
import { storeHref } from '../../href.ts';
import { refusal } from '../../mistakes.ts';
import { notFound } from '../../path.ts';
import { showStore } from '../../present/store.ts';
import { StoreSyncStatus } from '../../schemas/stores/status.ts';
import { CheckedConnection, ConnectionCheck, Store } from '../../schemas/stores/store.ts';

const STORES = '/environments/:envId/propagation/stores';
const STORE = '/environments/:envId/propagation/stores/:storeId';

export const storeState = {
  checkConnection: endpoint({
    method: 'post',
    path: `${STORES}/connection/status`,
    scope: 'write',
    summary: 'Check a credential, before or after it is saved: whose is it, and what is missing?',
    body: ConnectionCheck,
    answers: { 200: CheckedConnection },
    refusals: { 503: 'No worker could ask; try again.' },
    handle: async ({ environment, admin, body: { id, type, configuration } }, deps) => {
      const { environmentId } = admin;
      const { connectors, inquiries, registry } = deps.propagation;
      if (id !== undefined) {
        if (type !== undefined || configuration !== undefined) throw eitherOr();
        const store = await getStoreOf(deps.db, environment.id, id);
        if (!store) throw notFound('store', id);
        return ok(describeCheck(await inquiries.check(store), store, environmentId));
      }
      if (type === undefined || configuration === undefined) throw eitherOr();
      const definition = definitionOf(registry, type);
      const { given, mistakes } = readNewConfiguration(definition, configuration);
      if (mistakes.length > 0) throw refusal(mistakes);
      const check = await checkConnection(connectors.connect(definition, newId(), given));
      return ok(describeCheck(check, null, environmentId));
    },
  }),

  pauseStore: endpoint({
    method: 'post',
    path: `${STORE}/pause`,
    scope: 'write',
    summary: 'Pause a store: its tasks wait',
    answers: { 200: Store },
    refusals: { 409: 'It is not active.' },
    handle: async ({ store, cause }, deps) =>
      ok(showStore(deps, await pauseByAdmin(deps.propagation, store.id, cause))),
  }),

  resumeStore: endpoint({
    method: 'post',
    path: `${STORE}/resume`,
    scope: 'write',
    summary: 'Check the credential of a paused store, and go on where it is good',
    answers: { 200: Store },
    refusals: { 409: 'It stays paused; the detail says why.' },
    handle: async ({ store, cause }, deps) =>
      ok(showStore(deps, await resumeByAdmin(deps.propagation, store, cause))),
  }),

  readStoreSyncStatus: endpoint({
    method: 'get',
    path: `${STORE}/syncStatus`,
    scope: 'read',
    scans: true,
    summary: 'Show how a store stands, in figures and in words',
    answers: { 200: StoreSyncStatus },
    handle: async ({ store }, deps) => {
      const { id, name, type } = store;
      return ok({
        store: { id, name, type },
        ...(await storeSyncStatus(deps.db, store)),
        _links: {
          self: { href: storeHref(deps, store, 'syncStatus') },
          held: { href: storeHref(deps, store, 'held') },
        },
      });
    },
  }),
};

function eitherOr(): RequestError {
  const detail = 'send either type and configuration, or the id of a store';
  return new RequestError(400, `What is to be checked? S${detail.slice(1)}.`, [{ pointer: '', detail }]);
}
