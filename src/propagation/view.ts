/** A store as planning sees it: its settings with their defaults, its type, and its connector. */

import type { StoreRecord } from '../db/stores.ts';
import { commonSettings, withDefaults } from '../model/settings.ts';
import type { Connectors } from './connectors.ts';
import type { StoreView } from './desired.ts';

export function viewOf(connectors: Connectors, store: StoreRecord): StoreView {
  const definition = connectors.definitionOf(store.type);
  return {
    store,
    definition,
    settings: commonSettings(withDefaults(definition.settings, store.configuration)),
    connector: connectors.connectorFor(store),
  };
}
