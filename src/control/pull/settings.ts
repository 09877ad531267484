/** Reads, checks and compares the settings that an admin gives a pulled connection. Writes nothing. */

import { isDeepStrictEqual } from 'node:util';
import type { PulledRecord } from '../../db/pull/connections.ts';
import { type Mistake, RequestError } from '../../model/errors.ts';
import { onlyEnriches, type PullSettings } from '../../model/pull/pull.ts';
import type { Configuration } from '../../model/settings.ts';
import { isMetadata, SOURCE_ATTRIBUTES } from '../../model/source.ts';
import type { SourceDefinition } from '../../sources/source.ts';
import { openSecretsOrNull, secretKeys } from '../../stores/storeSecrets.ts';
import type { Keyring } from '../../support/secret.ts';
import type { ReadConfiguration } from '../storeConfiguration.ts';

/** Throws a 400 that names every mistake. `before`: the saved settings, which may stay as they are. */
export function refuseMistakes(
  { enriches, strategy }: Pick<SourceDefinition, 'enriches' | 'strategy'>,
  { mistakes }: ReadConfiguration,
  settings: PullSettings,
  before: PullSettings | null,
): void {
  const all = [...mistakes];
  if (onlyEnriches(strategy, settings))
    all.push(...meaningless(settings, enriches ? 'all' : 'allButMapping'));
  if (!enriches) all.push(...mappingMistakes(settings));
  const saved = before === null ? [] : valueMistakes(before).map(({ detail }) => detail);
  all.push(...valueMistakes(settings).filter(({ detail }) => !saved.includes(detail)));
  if (all.length > 0) throw new RequestError(400, 'Some settings cannot be so.', all);
}

/**
 * A connection cannot change between bringing people and only adding to them: its people would be left behind, or
 * would come twice. Throws a 400.
 */
export function refuseOtherRole({ type, settings }: PulledRecord, wanted: PullSettings): void {
  if (onlyEnriches(type, settings) === onlyEnriches(type, wanted)) return;
  const detail = 'enrich is decided when a connection is made: make another one, and delete this one';
  throw new RequestError(400, 'Some settings cannot be so.', [{ pointer: '/enrich', detail }]);
}

/**
 * A connection that only adds to people brings neither people nor groups, so that these settings mean nothing. The
 * mapping of a directory does: it tells where the address is.
 */
function meaningless(
  { mapping, tags, domains }: PullSettings,
  which: 'all' | 'allButMapping',
): readonly Mistake[] {
  const given = { mapping: which === 'all' ? (mapping ?? []) : [], tags, domains };
  return Object.entries(given)
    .filter(([, list]) => list.length > 0)
    .map(([name]) => ({
      pointer: `/${name}`,
      detail: `${name} means nothing here: accounts only add to people whom another connection brings`,
    }));
}

function mappingMistakes({ mapping }: PullSettings): readonly Mistake[] {
  if (mapping === null) return [];
  const wrong = mapping.flatMap(({ target }, at): Mistake[] => {
    if (isMetadata(target) || (SOURCE_ATTRIBUTES.includes(target) && !GIVEN.includes(target))) return [];
    const detail = GIVEN.includes(target)
      ? `${target} comes from the source itself and is not mapped`
      : `${target} is no attribute of the directory; there are ${SOURCE_ATTRIBUTES.filter((name) => !GIVEN.includes(name)).join(', ')}, and metadata. with a name of yours`;
    return [{ pointer: `/mapping/${at}/target`, detail }];
  });
  if (mapping.some(({ target }) => target === 'userName')) return wrong;
  return [
    ...wrong,
    { pointer: '/mapping', detail: 'mapping must have a target userName: every user has one' },
  ];
}

const KEY_LENGTH_MAX = 255;
/** `example.com`, in any script. */
const DOMAIN = /^[\p{L}\p{M}\p{N}_-]+(\.[\p{L}\p{M}\p{N}_-]+)*$/u;

function valueMistakes({ manager, domains, mapping }: PullSettings): readonly Mistake[] {
  const keys = (['childKey', 'parentKey'] as const).flatMap((name): Mistake[] => {
    const key = manager[name] ?? '';
    const pointer = `/manager/${name}`;
    if (key.length > KEY_LENGTH_MAX)
      return [{ pointer, detail: `${name} must have at most ${KEY_LENGTH_MAX} characters` }];
    const bare = key.replace(/^profile\./, '');
    return bare === key
      ? []
      : [{ pointer, detail: `${name} is ${bare}, without profile.: as in attributesSeen` }];
  });
  const wrongDomains = domains.flatMap((domain, at): Mistake[] =>
    DOMAIN.test(domain)
      ? []
      : [
          {
            pointer: `/domains/${at}`,
            detail: `${domain} is no domain: it looks like example.com, without @ and *; without any entry nobody is left out`,
          },
        ],
  );
  const targets = (mapping ?? []).map(({ target }) => target);
  const repeated = targets.flatMap((target, at): Mistake[] =>
    targets.indexOf(target) === at
      ? []
      : [
          {
            pointer: `/mapping/${at}/target`,
            detail: `${target} is there twice: list all its sources in one entry, the first that is not empty wins`,
          },
        ],
  );
  return [...keys, ...wrongDomains, ...repeated];
}

/** Attributes that are never mapped: the key, and the manager whom `manager` finds. */
const GIVEN: readonly string[] = ['externalId', 'enterprise.manager'];

export interface PullChange {
  /** Changes where the bridge connects to, or as whom. */
  readonly connection: boolean;
  /** Changes whom the source's answers bring, or how: it needs a preview. */
  readonly scope: boolean;
  /** Changes who is whose manager, or what groups are called. */
  readonly shape: boolean;
}

export function whatChanges(
  keyring: Keyring,
  definition: SourceDefinition,
  before: PulledRecord,
  given: Configuration,
  settings: PullSettings,
): PullChange {
  const secrets = secretKeys(definition);
  const stored = openSecretsOrNull(keyring, definition, before) ?? {};
  const entered = secrets.some((key) => given[key] !== stored[key]);
  const keys = [...new Set([...Object.keys(before.configuration), ...Object.keys(given)])];
  const changed = keys.filter(
    (key) => !secrets.includes(key) && !isDeepStrictEqual(before.configuration[key], given[key]),
  );
  const isBrake = (key: string) => key.startsWith('BRAKE_');
  const inScope = (key: string) => definition.scopeKeys.includes(key);
  const was = before.settings;
  const mappingOf = ({ mapping }: PullSettings) => mapping ?? definition.defaultMapping;
  const shapeOf = ({ manager, tags }: PullSettings) => ({
    enabled: manager.enabled,
    childKey: manager.childKey ?? definition.manager?.childKey,
    parentKey: manager.parentKey ?? definition.manager?.parentKey,
    tags,
  });
  return {
    connection: entered || changed.some((key) => !isBrake(key) && !inScope(key)),
    scope:
      changed.some(inScope) ||
      !isDeepStrictEqual(was.groups, settings.groups) ||
      !isDeepStrictEqual(mappingOf(was), mappingOf(settings)) ||
      !isDeepStrictEqual(was.domains, settings.domains),
    shape: !isDeepStrictEqual(shapeOf(was), shapeOf(settings)),
  };
}
