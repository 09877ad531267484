/**
 * `…/propagation/stores`: stores, in the form of PingOne's API. Secrets are write-only: answers show a mask, and a
 * PUT may send the mask back to keep the secret.
 */

import type { z } from 'zod';
import { refuseOtherVersion } from '../../../control/conflicts.ts';
import { deleteStore } from '../../../control/endings/storeDeletion.ts';
import { mistakesOfNewStore, mistakesOfReplacedStore } from '../../../control/storeConfiguration.ts';
import { createStore, replaceStore, type StoreInput } from '../../../control/stores.ts';
import { countStores, getStoreOf, listStores, type StoreRecord } from '../../../db/stores/stores.ts';
import type { ApiDeps } from '../../deps.ts';
import { accepted, created, endpoint, noContent, ok, type Request } from '../../endpoint.ts';
import { storeHref } from '../../href.ts';
import { keyOfRecord, PAGE, page, readCursorOfRecords } from '../../lists.ts';
import { applyPatch } from '../../patch.ts';
import { notFound } from '../../path.ts';
import { showStore } from '../../present/store.ts';
import { CONFIRM_QUERY } from '../../schemas/deletion.ts';
import { NewStore, Store, StoreList, StorePatch, StoreReplacement } from '../../schemas/stores/store.ts';

const STORES = '/environments/:envId/propagation/stores';
const STORE = '/environments/:envId/propagation/stores/:storeId';
const REFUSED =
  'Another store has the name, or is active on the same workspace or instance, the credential leads to another one, or this store is being deleted.';
const MOVED = 'It is not at the version of If-Match.';

export const stores = {
  listStores: endpoint({
    method: 'get',
    path: STORES,
    scope: 'read',
    summary: 'List the stores of an environment',
    query: PAGE,
    answers: { 200: StoreList },
    handle: async (call, deps) => {
      const { id } = call.environment;
      return ok(
        page(call, {
          name: 'stores',
          rows: await listStores(deps.db, id, call.query.limit + 1, readCursorOfRecords(call.query)),
          count: await countStores(deps.db, id),
          keyOf: keyOfRecord,
          show: (store) => showStore(deps, store),
        }),
      );
    },
  }),

  createStore: endpoint({
    method: 'post',
    path: STORES,
    scope: 'write',
    summary: 'Make a store',
    body: NewStore,
    answers: { 201: Store },
    refusals: { 409: REFUSED },
    // Reports the mistakes inside the configuration even where other keys have mistakes too.
    furtherMistakes: (_call, body, { propagation }) => mistakesOfNewStore(propagation.registry, body),
    handle: async ({ environment, admin, body, cause }, deps) => {
      const input = { ...inputOf(body), toldTo: admin.environmentId };
      const store = await createStore(deps.propagation, environment.id, input, cause);
      return created(showStore(deps, store), storeHref(deps, store), { version: store.updatedAt });
    },
  }),

  readStore: endpoint({
    method: 'get',
    path: STORE,
    scope: 'read',
    summary: 'Show a store',
    answers: { 200: Store },
    handle: ({ store }, deps) => answer(deps, store),
  }),

  replaceStore: endpoint({
    method: 'put',
    path: STORE,
    scope: 'write',
    summary: 'Replace the settings of a store; with a status, activate or deactivate it',
    body: StoreReplacement,
    answers: { 200: Store },
    refusals: { 409: REFUSED, 412: MOVED },
    furtherMistakes: ({ store }, body, { propagation }) => mistakesOfReplacedStore(propagation, store, body),
    handle: async ({ store: { environmentId, id }, admin, body, expected, cause }, deps) => {
      const input = { ...inputOf(body), expected, toldTo: admin.environmentId };
      return answer(deps, await replaceStore(deps.propagation, environmentId, id, input, cause));
    },
  }),

  patchStore: endpoint({
    method: 'patch',
    path: STORE,
    scope: 'write',
    summary: 'Change some settings of a store',
    body: StorePatch,
    answers: { 200: Store },
    refusals: { 409: REFUSED, 412: MOVED },
    handle: (call, deps) => change(deps, call, call.body),
  }),

  activateStore: endpoint({
    method: 'post',
    path: `${STORE}/activate`,
    scope: 'write',
    summary: 'Activate a store, as its status would',
    answers: { 200: Store },
    refusals: { 409: REFUSED, 412: MOVED },
    handle: (call, deps) => change(deps, call, { status: 'ACTIVE' }),
  }),

  deactivateStore: endpoint({
    method: 'post',
    path: `${STORE}/deactivate`,
    scope: 'write',
    summary: 'Deactivate a store, as its status would',
    answers: { 200: Store },
    refusals: { 412: MOVED },
    handle: (call, deps) => change(deps, call, { status: 'INACTIVE' }),
  }),

  deleteStore: endpoint({
    method: 'delete',
    path: STORE,
    scope: 'write',
    summary: 'Delete a store: its links are forgotten, or its people deprovisioned first where it is managed',
    query: CONFIRM_QUERY,
    answers: { 202: Store, 204: null },
    refusals: { 409: 'It is managed and has linked people, and nobody confirmed that they go.', 412: MOVED },
    handle: async ({ store, query, expected, cause }, deps) => {
      refuseOtherVersion(expected, store);
      const { environmentId, id } = store;
      const deletion = await deleteStore(deps.propagation, environmentId, id, query.confirm, cause);
      if (deletion.outcome === 'deleted') return noContent;
      const left = (await getStoreOf(deps.db, environmentId, id)) ?? deletion.store;
      return accepted(showStore(deps, left));
    },
  }),
};

async function change(
  deps: ApiDeps,
  { store: asked, admin, expected, cause }: Request & { readonly store: StoreRecord },
  patch: object,
) {
  const { environmentId, id } = asked;
  const changed = await applyPatch({
    expected,
    patch,
    replacement: StoreReplacement,
    read: async () => (await getStoreOf(deps.db, environmentId, id)) ?? gone(id),
    show: (store) => {
      const { status, ...shown } = showStore(deps, store);
      return status === 'DELETING' ? shown : { ...shown, status };
    },
    write: (_store, replacement, versions) => {
      const input = { ...inputOf(replacement), expected: versions, toldTo: admin.environmentId };
      return replaceStore(deps.propagation, environmentId, id, input, cause);
    },
  });
  return answer(deps, changed);
}

function gone(id: string): never {
  throw notFound('store', id);
}

function answer(deps: ApiDeps, store: StoreRecord) {
  return ok(showStore(deps, store), { version: store.updatedAt });
}

function inputOf(body: z.output<typeof NewStore> | z.output<typeof StoreReplacement>): StoreInput {
  const { type, name, description, image, managed, status, configuration } = body;
  return {
    ...{ type, name, status, configuration },
    description: description ?? null,
    image: image?.href === undefined ? {} : { href: image.href },
    managed: managed ?? false,
  };
}
