/** `…/propagation/storeMetadata`: the settings and the abilities of each store type. */

import { RequestError } from '../../../model/errors.ts';
import { MANAGER_ATTRIBUTES, SOURCE_ATTRIBUTES } from '../../../model/source.ts';
import type { ApiDeps } from '../../deps.ts';
import { endpoint, ok } from '../../endpoint.ts';
import { href } from '../../href.ts';
import { whole } from '../../lists.ts';
import { showSetting } from '../../present/setting.ts';
import { StoreMetadata, StoreMetadataList } from '../../schemas/stores/metadata.ts';

const METADATA = '/environments/:envId/propagation/storeMetadata';

export const storeMetadata = {
  listStoreMetadata: endpoint({
    method: 'get',
    path: METADATA,
    scope: 'read',
    summary: 'List what each store type can be configured with',
    answers: { 200: StoreMetadataList },
    handle: ({ environment }, deps) => {
      const { registry } = deps.propagation;
      const definitions = registry.types.flatMap((type) => registry.get(type) ?? []);
      const shown = definitions.map((definition) => show(deps, environment.id, definition));
      return ok(whole('storeMetadata', shown, metadataHref(deps, environment.id)));
    },
  }),

  readStoreMetadata: endpoint({
    method: 'get',
    path: `${METADATA}/:type`,
    scope: 'read',
    summary: 'Show what one store type can be configured with',
    answers: { 200: StoreMetadata },
    handle: ({ environment, params: { type } }, deps) => {
      const { registry } = deps.propagation;
      const definition = registry.get(type);
      if (definition) return ok(show(deps, environment.id, definition));
      const why = registry.notYet(type) ?? `There is no store type ${type}.`;
      throw new RequestError(404, `${why} There are ${registry.types.join(', ')}.`);
    },
  }),
};

function metadataHref(deps: ApiDeps, environmentId: string, ...path: string[]): string {
  return href(deps, 'environments', environmentId, 'propagation', 'storeMetadata', ...path);
}

type Definition = NonNullable<ReturnType<ApiDeps['propagation']['registry']['get']>>;

function show(deps: ApiDeps, environmentId: string, definition: Definition) {
  const { type, settings, capabilities, userAttributes, defaultMapping, accessLevels } = definition;
  return {
    type,
    configuration: settings.map(showSetting),
    capabilities,
    userAttributes,
    defaultMapping,
    sourceAttributes: [...SOURCE_ATTRIBUTES, ...MANAGER_ATTRIBUTES],
    ...(accessLevels ? { accessLevels: Object.keys(accessLevels) } : {}),
    _links: { self: { href: metadataHref(deps, environmentId, type) } },
  };
}
