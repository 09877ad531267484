/** `…/stores/{id}/people.csv` and `/access.csv`: for auditors, who has which account and who may do what. */

import { accessReport, peopleReport } from '../../../control/reports.ts';
import { csv, csvOf } from '../../answer/csv.ts';
import { endpoint, ok } from '../../endpoint.ts';

const STORE = '/environments/:envId/propagation/stores/:storeId';

export const reports = {
  exportPeople: endpoint({
    method: 'get',
    path: `${STORE}/people.csv`,
    scope: 'read',
    summary: 'List everybody with their account on the store, as CSV',
    answers: {
      200: csv('person,userName,email,lifecycle,account,accountState,status,origin,since (RFC 4180)'),
    },
    handle: ({ store }, { db }) => ok(csvOf(peopleReport(db, store))),
  }),

  exportAccess: endpoint({
    method: 'get',
    path: `${STORE}/access.csv`,
    scope: 'read',
    summary: 'List every known membership on the store, as CSV',
    answers: { 200: csv('group,groupId,account,person,level,origin,wanted (RFC 4180)') },
    handle: ({ store }, { db }) => ok(csvOf(accessReport(db, store))),
  }),
};
