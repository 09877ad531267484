/** `…/connectionMetadata`: the kinds of directory that the bridge can pull, and the settings of each. */

import { RequestError } from '../../../model/errors.ts';
import type { SourceDefinition } from '../../../sources/source.ts';
import type { ApiDeps } from '../../deps.ts';
import { endpoint, ok } from '../../endpoint.ts';
import { href } from '../../href.ts';
import { whole } from '../../lists.ts';
import { showSetting } from '../../present/setting.ts';
import { ConnectionMetadata, ConnectionMetadataList } from '../../schemas/pull/metadata.ts';

const METADATA = '/environments/:envId/connectionMetadata';

export const connectionMetadata = {
  listConnectionMetadata: endpoint({
    method: 'get',
    path: METADATA,
    scope: 'read',
    summary: 'List what each directory that is pulled can be configured with',
    answers: { 200: ConnectionMetadataList },
    handle: ({ environment }, deps) => {
      const { sources } = deps.propagation;
      const definitions = sources.strategies.flatMap((strategy) => sources.get(strategy) ?? []);
      const shown = definitions.map((definition) => show(deps, environment.id, definition));
      return ok(whole('connectionMetadata', shown, metadataHref(deps, environment.id)));
    },
  }),

  readConnectionMetadata: endpoint({
    method: 'get',
    path: `${METADATA}/:strategy`,
    scope: 'read',
    summary: 'Show what one directory that is pulled can be configured with',
    answers: { 200: ConnectionMetadata },
    handle: ({ environment, params: { strategy } }, deps) => {
      const { sources } = deps.propagation;
      const definition = sources.get(strategy);
      if (definition) return ok(show(deps, environment.id, definition));
      const known = sources.strategies.join(', ');
      throw new RequestError(404, `There is no strategy ${strategy} that is pulled. There are ${known}.`);
    },
  }),
};

function metadataHref(deps: ApiDeps, environmentId: string, ...path: string[]): string {
  return href(deps, 'environments', environmentId, 'connectionMetadata', ...path);
}

function show(deps: ApiDeps, environmentId: string, definition: SourceDefinition) {
  const { strategy, vendor, enriches, settings, defaultMapping, manager } = definition;
  return {
    ...{ strategy, vendor, mode: 'pull' as const, enriches },
    configuration: settings.map(showSetting),
    ...{ defaultMapping, manager },
    _links: { self: { href: metadataHref(deps, environmentId, strategy) } },
  };
}
