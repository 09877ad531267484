/** `…/stores/{id}/accounts`: what is in a `Demo` store, which has no console of a vendor to look at. */

import { Router } from 'express';
import { countDemoAccounts, listDemoAccounts } from '../db/demoAccounts.ts';
import { demoGroupsOfAccounts } from '../db/demoGroups.ts';
import { RequestError } from '../model/errors.ts';
import { type AdminDeps, storeOf } from './context.ts';
import { knownQuery, readPage, sendPage } from './page.ts';
import { route } from './problem.ts';

export function accounts(deps: AdminDeps): Router {
  const router = Router({ mergeParams: true });
  route(router, '/:id/accounts', {
    get: async (req, res) => {
      knownQuery(req, []);
      const { limit, after } = readPage(req, ['text']);
      const store = await storeOf(deps, req, res);
      if (store.type !== 'Demo') {
        throw new RequestError(
          409,
          `Only Demo stores show their accounts here; those of ${store.name} are at ${store.type} itself.`,
        );
      }
      const rows = await listDemoAccounts(deps.db, store.id, after && String(after[0]), limit + 1);
      const groups = await demoGroupsOfAccounts(
        deps.db,
        rows.map((account) => account.id),
      );
      sendPage(
        deps,
        req,
        res,
        { limit },
        {
          name: 'accounts',
          rows,
          count: await countDemoAccounts(deps.db, store.id),
          keyOf: (account) => [account.id],
          toJson: (account) => ({
            id: account.id,
            identifier: account.identifierLower,
            state: account.enabled ? 'enabled' : 'disabled',
            attributes: account.attributes,
            groups: groups.get(account.id) ?? [],
          }),
        },
      );
    },
  });
  return router;
}
