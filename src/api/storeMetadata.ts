/** `…/propagation/storeMetadata`: what each store type can be configured with, and what it can do. */

import { type Response, Router } from 'express';
import { RequestError } from '../model/errors.ts';
import type { SettingSpec } from '../model/settings.ts';
import { SOURCE_ATTRIBUTES } from '../model/source.ts';
import { type AdminDeps, environmentOf, href, idParam } from './context.ts';
import { knownQuery } from './page.ts';
import { route } from './problem.ts';

export function storeMetadata(deps: AdminDeps): Router {
  const { registry } = deps.propagation;
  const router = Router({ mergeParams: true });
  route(router, '/', {
    get: (req, res) => {
      knownQuery(req, []);
      const definitions = registry.types.flatMap((type) => registry.get(type) ?? []);
      res.json({
        _embedded: { storeMetadata: definitions.map((definition) => show(deps, res, definition)) },
        count: definitions.length,
        size: definitions.length,
        _links: { self: { href: metadataHref(deps, res) } },
      });
    },
  });
  route(router, '/:type', {
    get: (req, res) => {
      const type = idParam(req, 'type');
      const definition = registry.get(type);
      if (!definition) {
        const why = registry.notYet(type) ?? `There is no store type ${type}.`;
        throw new RequestError(404, `${why} There are ${registry.types.join(', ')}.`);
      }
      res.json(show(deps, res, definition));
    },
  });
  return router;
}

function metadataHref(deps: AdminDeps, res: Response, ...path: string[]): string {
  return href(deps, 'environments', environmentOf(res).id, 'propagation', 'storeMetadata', ...path);
}

type Definition = NonNullable<ReturnType<AdminDeps['propagation']['registry']['get']>>;

function show(deps: AdminDeps, res: Response, definition: Definition) {
  const { type, settings, capabilities, userAttributes, defaultMapping, accessLevels } = definition;
  return {
    type,
    configuration: settings.map(showSetting),
    capabilities,
    userAttributes,
    defaultMapping,
    sourceAttributes: SOURCE_ATTRIBUTES,
    ...(accessLevels ? { accessLevels: Object.keys(accessLevels) } : {}),
    _links: { self: { href: metadataHref(deps, res, type) } },
  };
}

function showSetting(spec: SettingSpec) {
  const { key, type, required = false, secret = false, aliasOf, notYet, description } = spec;
  return {
    key,
    type,
    required,
    secret,
    ...(spec.default === undefined ? {} : { default: spec.default }),
    ...(spec.allowed ? { allowed: spec.allowed } : {}),
    ...(spec.min === undefined ? {} : { min: spec.min }),
    ...(spec.max === undefined ? {} : { max: spec.max }),
    ...(aliasOf ? { deprecated: true, aliasOf } : {}),
    ...(notYet ? { notYet } : {}),
    description,
  };
}
