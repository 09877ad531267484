/** Every route of the admin API. The name of a table is the tag of its operations, a route's name its id. */

import { adminTokens } from './adminTokens.ts';
import { connections } from './connections.ts';
import { environments } from './environments.ts';
import { scimConfiguration } from './scimConfiguration.ts';

export const ROUTES = { adminTokens, environments, connections, scimConfiguration };
