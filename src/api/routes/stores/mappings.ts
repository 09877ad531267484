/** `…/stores/{id}/mappings`: which attributes feed the attributes of accounts, and which groups feed which. */

import { z } from 'zod';
import {
  type MappingsInput,
  previewMappings,
  readMappings,
  saveMappings,
} from '../../../control/mappings.ts';
import type { StoreRecord } from '../../../db/stores/stores.ts';
import type { ApiDeps } from '../../deps.ts';
import { endpoint, ok } from '../../endpoint.ts';
import { storeHref } from '../../href.ts';
import { Mappings, MappingsReplacement, SavedMappingsOrImpact } from '../../schemas/stores/mappings.ts';

const MAPPINGS = '/environments/:envId/propagation/stores/:storeId/mappings';

export const mappings = {
  readMappings: endpoint({
    method: 'get',
    path: MAPPINGS,
    scope: 'read',
    summary: 'Show what feeds the attributes of accounts, and which groups feed which',
    answers: { 200: Mappings },
    handle: async ({ store }, deps) =>
      ok(show(deps, store, await readMappings(deps.db, deps.propagation, store))),
  }),

  replaceMappings: endpoint({
    method: 'put',
    path: MAPPINGS,
    scope: 'write',
    summary: 'Replace the mappings of a store, or see what would follow',
    query: {
      preview: z.boolean().default(false).describe('Only say what would follow, and save nothing.'),
    },
    body: MappingsReplacement,
    answers: { 200: SavedMappingsOrImpact },
    refusals: { 409: 'The store is being deleted.' },
    handle: async ({ store, query, body, cause }, deps) => {
      const input = inputOf(body);
      if (query.preview) return ok({ impact: await previewMappings(deps.propagation, store, input) });
      const { impact, ...saved } = await saveMappings(deps.propagation, store, input, cause);
      return ok({ ...show(deps, store, saved), impact });
    },
  }),
};

function inputOf({ mappings, groupMappings }: z.output<typeof MappingsReplacement>): MappingsInput {
  return {
    mappings,
    groupMappings: groupMappings.map(({ original, externalId, translation, accessLevel }) => ({
      original: original ?? null,
      externalId: externalId ?? null,
      translation,
      accessLevel: accessLevel ?? null,
    })),
  };
}

function show(deps: ApiDeps, store: StoreRecord, shown: MappingsInput) {
  return {
    mappings: shown.mappings,
    groupMappings: shown.groupMappings.map(({ original, externalId, translation, accessLevel }) => ({
      ...(original === null ? {} : { original }),
      ...(externalId === null ? {} : { externalId }),
      translation,
      ...(accessLevel === null ? {} : { accessLevel }),
    })),
    _links: { self: { href: storeHref(deps, store, 'mappings') } },
  };
}
