/** `…/stores/{id}/mappings`: what feeds the attributes of accounts, and which groups feed which. */

import { type Response, Router } from 'express';
import { z } from 'zod';
import {
  GROUP_MAPPINGS_MAX,
  type MappingsInput,
  previewMappings,
  readMappings,
  saveMappings,
} from '../control/mappings.ts';
import type { StoreRecord } from '../db/stores/stores.ts';
import { nameText, parseBody } from './body.ts';
import { type AdminDeps, adminOf, storeHref, storeOf } from './context.ts';
import { knownFlags, queryFlag } from './page.ts';
import { route } from './problem.ts';

/** More target attributes than any store type has. */
const MAPPINGS_MAX = 200;

const Body = z.strictObject({
  mappings: z
    .array(z.strictObject({ targetAttribute: nameText, sourceAttribute: nameText.nullable() }))
    .max(MAPPINGS_MAX, `must have at most ${MAPPINGS_MAX} entries`)
    .optional(),
  groupMappings: z
    .array(
      z.strictObject({
        original: nameText.optional(),
        externalId: nameText.optional(),
        translation: nameText,
        accessLevel: nameText.nullish(),
      }),
    )
    .max(GROUP_MAPPINGS_MAX, `must have at most ${GROUP_MAPPINGS_MAX} entries`)
    .optional(),
  _links: z.unknown().optional(),
});

export function mappings(deps: AdminDeps): Router {
  const router = Router({ mergeParams: true });
  route(router, '/:id/mappings', {
    get: async (req, res) => {
      const store = await storeOf(deps, req, res);
      show(deps, res, store, await readMappings(deps.db, deps.propagation, store));
    },
    put: async (req, res) => {
      const body = parseBody(Body, req);
      const store = await storeOf(deps, req, res);
      const input = toInput(body);
      knownFlags(req, ['preview']);
      if (queryFlag(req, 'preview')) {
        res.json({ impact: await previewMappings(deps.propagation, store, input) });
        return;
      }
      show(deps, res, store, await saveMappings(deps.propagation, store, input, adminOf(res).cause));
    },
  });
  return router;
}

/** A replacement: what it does not name is mapped as the store's type maps it. */
function toInput({ mappings = [], groupMappings = [] }: z.output<typeof Body>): MappingsInput {
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

function show(deps: AdminDeps, res: Response, store: StoreRecord, shown: MappingsInput): void {
  res.json({
    mappings: shown.mappings,
    groupMappings: shown.groupMappings.map(({ original, externalId, translation, accessLevel }) => ({
      ...(original === null ? { externalId } : { original }),
      translation,
      ...(accessLevel === null ? {} : { accessLevel }),
    })),
    _links: { self: { href: storeHref(deps, store, 'mappings') } },
  });
}
