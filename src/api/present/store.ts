/** Shows a store. */

import type { StoreRecord } from '../../db/stores/stores.ts';
import { maskedConfiguration } from '../../stores/storeSecrets.ts';
import type { ApiDeps } from '../deps.ts';
import { storeHref } from '../href.ts';

/** Shows the settings that an admin gave, without defaults: those are in `storeMetadata`. Secrets are masked. */
export function showStore(deps: ApiDeps, store: StoreRecord) {
  const definition = deps.propagation.registry.get(store.type);
  const { paused, pausedAt: since, retryAt, description } = store;
  const self = storeHref(deps, store);
  return {
    id: store.id,
    environment: { id: store.environmentId },
    createdAt: store.createdAt,
    updatedAt: store.updatedAt,
    image: store.image,
    ...(description === null ? {} : { description }),
    type: store.type,
    status: store.status,
    configuration: definition ? maskedConfiguration(definition, store) : {},
    name: store.name,
    managed: store.managed,
    ...(paused ? { paused: { code: paused.code, message: paused.message, since, retryAt } } : {}),
    _links: {
      self: { href: self },
      update: { href: self },
      delete: { href: self },
      syncStatus: { href: storeHref(deps, store, 'syncStatus') },
    },
  };
}
