/** The paths of the admin API that several commands use. */

export const PEOPLE = '/environments/:envId/people';
export const PERSON = '/environments/:envId/people/:personId';
export const STORES = '/environments/:envId/propagation/stores';
export const STORE = '/environments/:envId/propagation/stores/:storeId';
export const CONNECTIONS = '/environments/:envId/connections';
export const CONNECTION = '/environments/:envId/connections/:connectionId';
export const RULES = '/environments/:envId/propagation/rules';
export const RULE = '/environments/:envId/propagation/rules/:ruleId';
export const INCIDENTS = '/environments/:envId/propagation/incidents';
export const INCIDENT = '/environments/:envId/propagation/incidents/:incidentId';
export const ALERTS = '/environments/:envId/alerts';
export const ALERT = '/environments/:envId/alerts/:alertId';
