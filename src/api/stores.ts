/**
 * `…/propagation/stores`: the resource, in the shape of PingOne's. Secrets are write-only: they come back
 * as a mask, which a replacement may send back unchanged.
 */

import { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import { deleteStore } from '../control/endings/storeDeletion.ts';
import { readNewConfiguration, readReplacedConfiguration } from '../control/storeConfiguration.ts';
import { createStore, replaceStore, type StoreInput } from '../control/stores.ts';
import { countStores, getStoreOf, listStores, type StoreRecord } from '../db/stores/stores.ts';
import { type Mistake, RequestError } from '../model/errors.ts';
import { maskedConfiguration } from '../stores/storeSecrets.ts';
import { checkBody, longText, nameText, READ_ONLY, summary, webUrl } from './body.ts';
import { type AdminDeps, adminOf, environmentOf, idParam, storeHref, storeOf } from './context.ts';
import { keyOfRecord, knownQuery, queryFlag, readPageOfRecords, sendPage } from './page.ts';
import { route } from './problem.ts';

const DESCRIPTION_MAX = 2_000;
const URL_MAX = 2_000;

const Image = z.strictObject({
  href: webUrl(URL_MAX).optional(),
});

const SETTINGS = {
  type: z.string(),
  name: nameText,
  description: longText(DESCRIPTION_MAX).nullish(),
  image: Image.nullish(),
  managed: z.boolean().nullish(),
  status: z.enum(['ACTIVE', 'INACTIVE']).optional(),
  configuration: z.record(z.string(), z.unknown()),
};
const Body = z.strictObject(SETTINGS);
const Replacement = z.strictObject({ ...SETTINGS, ...READ_ONLY, paused: z.unknown().optional() });

export function stores(deps: AdminDeps): Router {
  const router = Router({ mergeParams: true });
  route(router, '/', {
    get: (req, res) => list(deps, req, res),
    post: (req, res) => create(deps, req, res),
  });
  route(router, '/:id', {
    get: async (req, res) => {
      res.json(showStore(deps, await storeOf(deps, req, res)));
    },
    put: (req, res) => replace(deps, req, res),
    delete: (req, res) => remove(deps, req, res),
  });
  return router;
}

async function list(deps: AdminDeps, req: Request, res: Response): Promise<void> {
  knownQuery(req, []);
  const page = readPageOfRecords(req);
  const { id } = environmentOf(res);
  sendPage(deps, req, res, page, {
    name: 'stores',
    rows: await listStores(deps.db, id, page.limit + 1, page.after),
    count: await countStores(deps.db, id),
    keyOf: keyOfRecord,
    toJson: (store) => showStore(deps, store),
  });
}

async function create(deps: AdminDeps, req: Request, res: Response): Promise<void> {
  const { data, errors } = checkBody(Body, req);
  if (!data) throw everyMistake(errors, newConfigurationMistakes(deps, req.body));
  const { id } = environmentOf(res);
  const store = await createStore(deps.propagation, id, toInput(data), adminOf(res).cause);
  res.status(201).location(storeHref(deps, store)).json(showStore(deps, store));
}

async function replace(deps: AdminDeps, req: Request, res: Response): Promise<void> {
  const id = idParam(req);
  const environmentId = environmentOf(res).id;
  const { data, errors } = checkBody(Replacement, req);
  if (!data) {
    const store = await storeOf(deps, req, res);
    throw everyMistake(errors, replacedConfigurationMistakes(deps, store, req.body));
  }
  const store = await replaceStore(deps.propagation, environmentId, id, toInput(data), adminOf(res).cause);
  res.json(showStore(deps, store));
}

function toInput(body: z.output<typeof Body> | z.output<typeof Replacement>): StoreInput {
  return {
    type: body.type,
    name: body.name,
    description: body.description ?? null,
    image: body.image ?? {},
    managed: body.managed ?? false,
    status: body.status,
    configuration: body.configuration,
  };
}

/** Mistakes around the configuration do not hide those inside of it. */
function everyMistake(around: readonly Mistake[], inside: readonly Mistake[]): RequestError {
  const errors = [...around, ...inside];
  return new RequestError(400, summary(errors), errors);
}

function newConfigurationMistakes(deps: AdminDeps, body: unknown): readonly Mistake[] {
  const { type, configuration } = body as { type?: unknown; configuration?: unknown };
  if (typeof type !== 'string') return [];
  const { registry } = deps.propagation;
  const definition = registry.get(type);
  if (!definition) {
    const detail = registry.notYet(type) ?? `type must be one of ${registry.types.join(', ')}`;
    return [{ pointer: '/type', detail }];
  }
  return isObject(configuration) ? readNewConfiguration(definition, configuration).mistakes : [];
}

function replacedConfigurationMistakes(
  deps: AdminDeps,
  store: StoreRecord,
  body: unknown,
): readonly Mistake[] {
  const { configuration } = body as { configuration?: unknown };
  const definition = deps.propagation.registry.get(store.type);
  if (!definition || !isObject(configuration)) return [];
  return readReplacedConfiguration(deps.propagation.keyring, definition, store, configuration).mistakes;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

async function remove(deps: AdminDeps, req: Request, res: Response): Promise<void> {
  const id = idParam(req);
  const environmentId = environmentOf(res).id;
  const deletion = await deleteStore(
    deps.propagation,
    environmentId,
    id,
    queryFlag(req, 'confirm'),
    adminOf(res).cause,
  );
  if (deletion.outcome === 'deleted') {
    res.status(204).end();
    return;
  }
  const store = (await getStoreOf(deps.db, environmentId, id)) ?? deletion.store;
  res.status(202).json(showStore(deps, store));
}

/** What was given, and nothing more: defaults are in `storeMetadata`. */
export function showStore(deps: AdminDeps, store: StoreRecord) {
  const definition = deps.propagation.registry.get(store.type);
  const self = storeHref(deps, store);
  return {
    id: store.id,
    environment: { id: store.environmentId },
    createdAt: store.createdAt,
    updatedAt: store.updatedAt,
    image: store.image,
    ...(store.description === null ? {} : { description: store.description }),
    type: store.type,
    status: store.status,
    configuration: definition ? maskedConfiguration(definition, store) : {},
    name: store.name,
    managed: store.managed,
    ...(store.paused ? { paused: { ...store.paused, since: store.pausedAt, retryAt: store.retryAt } } : {}),
    _links: {
      self: { href: self },
      update: { href: self },
      delete: { href: self },
      syncStatus: { href: storeHref(deps, store, 'syncStatus') },
    },
  };
}
