/** `…/propagation/stores/connection/status`: tries a credential, before or after it is saved. */

import { type Request, Router } from 'express';
import { z } from 'zod';
import { definitionOf, readNewConfiguration } from '../control/storeConfiguration.ts';
import { getStoreOf } from '../db/stores/stores.ts';
import { RequestError } from '../model/errors.ts';
import { checkConnection, describeCheck } from '../stores/check.ts';
import { newId } from '../support/ids.ts';
import { idText, parseBody, summary } from './body.ts';
import { type AdminDeps, environmentOf, notFound } from './context.ts';
import { route } from './problem.ts';

const Body = z.strictObject({
  id: idText.optional(),
  type: z.string().optional(),
  configuration: z.record(z.string(), z.unknown()).optional(),
});

export function storeConnectionStatus(deps: AdminDeps): Router {
  const router = Router({ mergeParams: true });
  route(router, '/', {
    post: async (req, res) => {
      const answer = await status(deps, req, environmentOf(res).id);
      res.json(answer);
    },
  });
  return router;
}

async function status(deps: AdminDeps, req: Request, environmentId: string) {
  const { connectors, inquiries, registry } = deps.propagation;
  const { id, type, configuration } = parseBody(Body, req);
  if (id !== undefined) {
    if (type !== undefined || configuration !== undefined) throw eitherOr();
    const store = await getStoreOf(deps.db, environmentId, id);
    if (!store) throw notFound('store', id);
    return describeCheck(await inquiries.check(store), store);
  }
  if (type === undefined || configuration === undefined) throw eitherOr();
  const definition = definitionOf(registry, type);
  const { given, mistakes } = readNewConfiguration(definition, configuration);
  if (mistakes.length > 0) throw new RequestError(400, summary(mistakes), mistakes);
  return describeCheck(await checkConnection(connectors.connect(definition, newId(), given)), null);
}

function eitherOr(): RequestError {
  const detail = 'send either type and configuration, or the id of a store';
  return new RequestError(400, `What is to be checked? S${detail.slice(1)}.`, [{ pointer: '', detail }]);
}
