/** What the audit log says about a store. It never shows secrets, only which of them were entered. */

import type { Registry } from '../connectors/registry.ts';
import { appendEvent, type NewEvent } from '../db/events.ts';
import type { Db } from '../db/open.ts';
import type { StoreRecord } from '../db/stores/stores.ts';
import type { Cause } from '../model/cause.ts';
import type { EventKind } from '../model/eventKinds.ts';
import { maskedConfiguration } from './storeSecrets.ts';

export async function storeEvent(
  tx: Db,
  at: string,
  store: StoreRecord,
  cause: Cause,
  kind: EventKind,
  more: Partial<NewEvent> = {},
): Promise<void> {
  await appendEvent(tx, at, {
    environmentId: store.environmentId,
    cause,
    kind,
    store: { id: store.id, name: store.name },
    outcome: 'success',
    ...more,
  });
}

export function audited(registry: Registry, store: StoreRecord) {
  const { id, type, name, description, managed, status, tenantId, tenantName } = store;
  const definition = registry.get(type);
  const configuration = definition ? maskedConfiguration(definition, store) : {};
  return { id, type, name, description, managed, status, configuration, tenantId, tenantName };
}
