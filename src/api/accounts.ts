/** `…/stores/{id}/accounts`: the accounts of a store that the bridge keeps itself, so that no vendor's console shows them. */

import { Router } from 'express';
import { RequestError } from '../model/errors.ts';
import { type AdminDeps, storeOf } from './context.ts';
import { knownQuery, readPage, sendPage } from './page.ts';
import { route } from './problem.ts';

export function accounts(deps: AdminDeps): Router {
  const { registry } = deps.propagation;
  const router = Router({ mergeParams: true });
  route(router, '/:id/accounts', {
    get: async (req, res) => {
      knownQuery(req, []);
      const { limit, after } = readPage(req, ['text']);
      const store = await storeOf(deps, req, res);
      const own = registry.get(store.type)?.ownAccounts;
      if (!own) {
        const shown = registry.types.filter((type) => registry.get(type)?.ownAccounts).join(' and ');
        throw new RequestError(
          409,
          `Only ${shown} stores show their accounts here; those of ${store.name} are at ${store.type} itself.`,
        );
      }
      sendPage(
        deps,
        req,
        res,
        { limit },
        {
          name: 'accounts',
          rows: await own.list(store.id, after && String(after[0]), limit + 1),
          count: await own.count(store.id),
          keyOf: (account) => [account.id],
          toJson: ({ enabled, ...account }) => ({ ...account, state: enabled ? 'enabled' : 'disabled' }),
        },
      );
    },
  });
  return router;
}
