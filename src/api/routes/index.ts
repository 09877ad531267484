/** Every route of the admin API. The name of a table is the tag of its operations, a route's name its id. */

import { adminTokens } from './adminTokens.ts';
import { connections } from './connections.ts';
import { environments } from './environments.ts';
import { scimConfiguration } from './scimConfiguration.ts';
import { storeMetadata } from './stores/metadata.ts';
import { storeState } from './stores/state.ts';
import { stores } from './stores/stores.ts';

export const ROUTES = {
  adminTokens,
  environments,
  connections,
  scimConfiguration,
  stores,
  storeState,
  storeMetadata,
};
