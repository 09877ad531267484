/** Gives the worker the use cases that change a store, and counts the calls that it makes. */

import type { VendorCall } from '../connectors/connector.ts';
import { finishDeletion } from '../control/endings/storeDeletion.ts';
import { askAgainForRefused, pauseForCredential, recheckPaused } from '../control/pause.ts';
import { SYSTEM } from '../model/cause.ts';
import { checkConnection } from '../stores/check.ts';
import { createContextCache } from '../stores/context.ts';
import type { PropagationDeps } from '../stores/deps.ts';
import { newId } from '../support/ids.ts';
import type { Metrics } from '../support/metrics.ts';
import { lastChecks } from './credentialJudge.ts';
import type { StoreLifecycle } from './storeDuties.ts';

export function createStoreLifecycle(deps: PropagationDeps, metrics: Metrics): StoreLifecycle {
  return {
    storeContextOf: createContextCache(deps.db, deps.connectors, deps.deletions),
    pauseForCredential: (store, error) => pauseForCredential(deps, store, error),
    askAgainForRefused: (store) => askAgainForRefused(deps, store),
    lastCheckOf: lastChecks(),
    check: (store, signal) => checkConnection(deps.connectors.connectorFor(store), signal),
    recheck: async (store, signal) => {
      await recheckPaused(deps, store, signal);
    },
    finishDeletion: async (store) => {
      await finishDeletion(deps, store.id, { correlationId: newId(), actor: SYSTEM });
    },
    onCall: (storeType, op, call) => count(metrics, storeType, op, call),
  };
}

function count(metrics: Metrics, storeType: string, op: string, call: VendorCall): void {
  const outcome = call.status === 0 ? 'no answer' : `${Math.floor(call.status / 100)}xx`;
  metrics.vendorCalls.inc({ store_type: storeType, op, outcome });
  metrics.vendorCallSeconds.observe({ store_type: storeType, op }, call.durationMs / 1000);
}
