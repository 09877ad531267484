/** Reads settings from the `configuration` object of a request: names every mistake, and takes nothing else over. */

import type { Mistake } from './errors.ts';
import type { Configuration, SettingSpec, SettingValue } from './settings.ts';

export interface ParsedConfiguration {
  /** Exactly the accepted keys that were given, aliases resolved, secrets included. No defaults. */
  readonly given: Configuration;
  readonly mistakes: readonly Mistake[];
}

/** Checks a `configuration` object against the specs, one mistake for each thing that is wrong. */
export function parseConfiguration(specs: readonly SettingSpec[], input: unknown): ParsedConfiguration {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    return {
      given: {},
      mistakes: [{ pointer: '/configuration', detail: 'configuration must be an object' }],
    };
  }
  const byKey = new Map(specs.map((spec) => [spec.key, spec]));
  const lasting = specs.filter((spec) => !spec.aliasOf);
  const known = lasting.map((spec) => spec.key).join(', ');
  const mistakes: Mistake[] = [];
  const given: Record<string, SettingValue> = {};
  const aliased: [string, SettingValue][] = [];
  for (const [key, value] of Object.entries(input)) {
    const pointer = `/configuration/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    const spec = byKey.get(key);
    if (!spec) {
      mistakes.push({ pointer, detail: `unknown key ${key}; allowed are ${known}` });
      continue;
    }
    const wrong = whatIsWrong(spec, value);
    if (wrong) mistakes.push({ pointer, detail: wrong });
    else if (spec.aliasOf) aliased.push([spec.aliasOf, value as SettingValue]);
    else given[key] = value as SettingValue;
  }
  for (const [key, value] of aliased) if (!(key in given)) given[key] = value;
  for (const spec of specs) {
    if (
      spec.required &&
      !(spec.key in given) &&
      !mistakes.some((m) => m.pointer === `/configuration/${spec.key}`)
    ) {
      mistakes.push({ pointer: `/configuration/${spec.key}`, detail: `${spec.key} is required` });
    }
  }
  return { given, mistakes };
}

function whatIsWrong(spec: SettingSpec, value: unknown): string | null {
  const isAllowed = spec.allowed?.includes(value as string) ?? !spec.notYet;
  if (spec.notYet) return isAllowed ? null : spec.notYet;
  const typed = typeMistake(spec, value);
  if (typed) return typed;
  if (!isAllowed) return spec.otherwise ?? `${spec.key} must be one of ${spec.allowed?.join(', ')}`;
  if (spec.secret && isPlaceholder(value)) {
    return `${spec.key} is a placeholder, or cut off: enter the whole secret`;
  }
  return null;
}

/** Whether the text is what guides print in place of a secret, or what consoles show of a long one. */
function isPlaceholder(value: unknown): boolean {
  const text = String(value).trim();
  return text.includes('…') || text.includes('...') || text === 'xoxp-' || text === 'glpat-';
}

function typeMistake(spec: SettingSpec, value: unknown): string | null {
  switch (spec.type) {
    case 'boolean':
      return typeof value === 'boolean' ? null : `${spec.key} must be true or false`;
    case 'integer': {
      const { min = 0, max = Number.MAX_SAFE_INTEGER } = spec;
      const good = typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
      return good ? null : (spec.otherwise ?? `${spec.key} must be a whole number from ${min} to ${max}`);
    }
    case 'strings':
      return Array.isArray(value) && value.every((v) => isLine(v) && v.length > 0)
        ? null
        : `${spec.key} must be a list of non-empty strings of at most ${TEXT_MAX} characters, none of them a control character`;
    case 'url':
      return isHttpUrl(value) ? null : `${spec.key} must be an absolute http(s) URL without credentials`;
    case 'string':
      if (spec.lines)
        return isText(value) ? null : `${spec.key} must be a text of at most ${LINES_MAX} characters`;
      return isLine(value) && value.trim().length > 0
        ? null
        : `${spec.key} must be a non-empty string of at most ${TEXT_MAX} characters, none of them a control character`;
  }
}

/** Longer than any token or URL; connectors take such text apart in ways that are slow for much more. */
const TEXT_MAX = 2_048;

/** No header can hold control characters, and no database NUL or half a surrogate pair. */
function isLine(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > TEXT_MAX) return false;
  return !/\p{Cc}/u.test(value) && value.isWellFormed();
}

/** Room for the certificates of several authorities. */
const LINES_MAX = 65_536;

function isText(value: unknown): boolean {
  if (typeof value !== 'string' || value.trim() === '' || value.length > LINES_MAX) return false;
  return !/(?![\r\n\t])\p{Cc}/u.test(value) && value.isWellFormed();
}

function isHttpUrl(value: unknown): boolean {
  if (!isLine(value) || !URL.canParse(value)) return false;
  const url = new URL(value);
  return (
    (url.protocol === 'https:' || url.protocol === 'http:') && url.username === '' && url.password === ''
  );
}
