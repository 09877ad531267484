/** A sentence about each table of routes, for the OpenAPI document. */

import type { ROUTES } from './index.ts';

export const TAGS: Readonly<Record<keyof typeof ROUTES | 'description', string>> = {
  adminTokens: 'Tokens of this API, and who may use it for what.',
  sessions: 'People who are signed in with a browser.',
  environments: 'Tenants. Everything else belongs to one.',
  connections: 'Where identities come from.',
  connectionLife:
    'From STAGED to ACTIVE: check, preview, activate, pause and resume a directory that is pulled.',
  connectionGroups: 'The groups that a directory has, to choose which of them are pulled.',
  connectionSyncs: 'Runs over a directory that is pulled, and what each changes.',
  connectionIdentities: 'What connections that only add to people have seen, and could not give to anybody.',
  directoryProvisioning: "Pulled connections in the shape of Auth0's directory provisioning.",
  connectionMetadata: 'The directories that can be pulled, and the settings of each.',
  scimConfiguration:
    'What an identity provider is told: its address, its tokens, what is made of what it sends.',
  people:
    'People over all connections: how they stand on every store, and who they are where that is in doubt.',
  users: 'The users of the directory, and how each stands at the stores.',
  groups: 'The groups of the directory.',
  storeMetadata: 'The types of store, and the settings of each.',
  stores: 'Targets: what is kept as the directory says.',
  storeState: 'How a store stands, whether its credential is good, and its pauses.',
  previews: 'Exactly the changes that would be made now, and applying them.',
  syncs: 'Runs over a whole store.',
  reports: 'Who has which account, and may do what, as CSV for auditors.',
  held: 'Losses that the brake stopped, and their decision.',
  everythingHeld: 'The same over all stores, by person.',
  incidents: 'What the brake stopped and what was taken already, decided once for all stores.',
  links: 'Which account or group of a store is whose.',
  mappings: 'Which attribute feeds which, and which group feeds which.',
  rules: 'Who, and which groups, are in scope of a store.',
  tasks: 'The queue of work.',
  alerts: 'Whom the bridge calls, about what, and what came of it.',
  events: 'The audit log.',
  description: 'What this API can do.',
};
