/**
 * Every route of the admin API. The name of a table becomes the tag of its operations, the name of a route its
 * operation id.
 */

import { adminTokens } from './access/adminTokens.ts';
import { sessions } from './access/sessions.ts';
import { alerts } from './alerts.ts';
import { connections } from './connections.ts';
import { environments } from './environments.ts';
import { events } from './events.ts';
import { groups } from './groups.ts';
import { everythingHeld } from './held.ts';
import { incidents } from './incidents.ts';
import { people } from './people.ts';
import { connectionGroups } from './pull/groups.ts';
import { connectionLife } from './pull/lifecycle.ts';
import { connectionMetadata } from './pull/metadata.ts';
import { directoryProvisioning } from './pull/provisioning.ts';
import { connectionSyncs } from './pull/syncs.ts';
import { connectionIdentities } from './pull/unmatched.ts';
import { rules } from './rules.ts';
import { scimConfiguration } from './scimConfiguration.ts';
import { held } from './stores/held.ts';
import { links } from './stores/links.ts';
import { mappings } from './stores/mappings.ts';
import { storeMetadata } from './stores/metadata.ts';
import { previews } from './stores/previews.ts';
import { reports } from './stores/reports.ts';
import { storeState } from './stores/state.ts';
import { stores } from './stores/stores.ts';
import { syncs } from './stores/syncs.ts';
import { tasks } from './tasks.ts';
import { users } from './users.ts';

export const ROUTES = {
  adminTokens,
  sessions,
  environments,
  connections,
  connectionMetadata,
  connectionLife,
  connectionGroups,
  connectionSyncs,
  connectionIdentities,
  directoryProvisioning,
  scimConfiguration,
  people,
  users,
  groups,
  storeMetadata,
  stores,
  storeState,
  previews,
  syncs,
  reports,
  held,
  everythingHeld,
  incidents,
  links,
  mappings,
  rules,
  tasks,
  alerts,
  events,
};
