/** Settings among the words of a command, and how they are shown. */

import { misused } from './exit.ts';
import type { Columns } from './output.ts';

/** `KEY=value`: a list, number or boolean as JSON, else a text; nothing is null, the default. */
export function readSettings(settings: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    settings.map((setting) => {
      const at = setting.indexOf('=');
      if (at < 1) throw misused(`${setting} is no setting; write KEY=value.`);
      return [setting.slice(0, at), readValue(setting.slice(at + 1))];
    }),
  );
}

function readValue(text: string): unknown {
  if (text === '') return null;
  if (!/^(\[.*\]|-?\d+|true|false)$/s.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export function settingsOf(configuration: Readonly<Record<string, unknown>>): Columns<unknown> {
  return Object.fromEntries(Object.entries(configuration).map(([key, value]) => [key, () => value]));
}

/** What is written in capitals is of the source's kind, everything else of each connection; JSON where it has parts. */
export function fieldsOf(settings: readonly string[]): Record<string, unknown> {
  const given = Object.entries(readSettings(settings));
  const isKey = ([name]: readonly [string, unknown]) => name === name.toUpperCase();
  const fields = given.filter((setting) => !isKey(setting)).map(([name, value]) => [name, inParts(value)]);
  const keys = given.filter(isKey);
  return {
    ...Object.fromEntries(fields),
    ...(keys.length > 0 ? { configuration: Object.fromEntries(keys) } : {}),
  };
}

function inParts(value: unknown): unknown {
  if (typeof value !== 'string' || !value.startsWith('{')) return value;
  try {
    return JSON.parse(value);
  } catch {
    throw misused(`${value} is no JSON.`);
  }
}

/** A value that has parts, such as a manager, by what names it. */
export function inText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value ?? '');
  const { displayName, display, value: id } = value as Record<string, unknown>;
  return String(displayName ?? display ?? id ?? JSON.stringify(value));
}
