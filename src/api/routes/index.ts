/** Every route of the admin API. The name of a table is the tag of its operations, a route's name its id. */

import { adminTokens } from './adminTokens.ts';
import { environments } from './environments.ts';

export const ROUTES = { adminTokens, environments };
