/** A page of a long list must not hold up whoever writes: a new list says so, or why it need not. */

import { ROUTES } from '../../../src/api/routes/index.ts';

/** As many as admins make by hand, or runs of one connection. */
const SHORT = [
  ...['listAdminTokens', 'listSessions', 'listEnvironments', 'listConnections', 'listPulls'],
  ...['listStores', 'listRules', 'listAlerts'],
];
/** Their pages are read beside whoever writes by `readPage` and `pageOfEvents`, or by the store itself. */
const READ_APART = [
  ...['listUsers', 'listGroups', 'listEvents', 'listPersonTimeline', 'listUserTimeline', 'listAccounts'],
];
/** A directory is asked for them. */
const ASKED = ['listSourceGroups'];

it('reads every long list beside whoever writes', () => {
  const routes = Object.values(ROUTES).flatMap((table) => Object.entries(table));
  const paged = routes.filter(([, { query = {} }]) => 'limit' in query);
  const waiting = paged.flatMap(([name, { scans }]) => (scans ? [] : [name]));
  expect(paged.length).toBeGreaterThan(20);
  expect(waiting.sort()).toEqual([...SHORT, ...READ_APART, ...ASKED].sort());
});

it('lets no route read so that writes', () => {
  const routes = Object.values(ROUTES).flatMap((table) => Object.entries(table));
  expect(routes.filter(([, { scans, method }]) => scans && method !== 'get')).toEqual([]);
});
