/**
 * Turns a source's records into texts by name. It leaves out empty values and all that is not text, number, boolean
 * or list.
 */

import type { SourceAttributes, SourceValue } from './source.ts';

const DEPTH_MAX = 6;

/** Joins the parts of an object by dots; of a list it keeps plain values. */
export function attributesOf(
  record: Readonly<Record<string, unknown>>,
  leftOut: ReadonlySet<string> = new Set(),
): SourceAttributes {
  return Object.fromEntries(
    Object.entries(record).flatMap(([name, value]) => entriesOf(name, value, leftOut, 0)),
  );
}

function entriesOf(
  path: string,
  value: unknown,
  leftOut: ReadonlySet<string>,
  depth: number,
): readonly (readonly [string, SourceValue])[] {
  if (leftOut.has(path) || depth > DEPTH_MAX) return [];
  if (Array.isArray(value)) {
    const texts = value.map(textOf).filter((text) => text !== null);
    return texts.length === 0 ? [] : [[path, texts]];
  }
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value).flatMap(([name, inner]) =>
      entriesOf(`${path}.${name}`, inner, leftOut, depth + 1),
    );
  }
  const text = textOf(value);
  return text === null ? [] : [[path, text]];
}

/** Null for an empty value, and for one that is not single. */
export function textOf(value: unknown): string | null {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return typeof value === 'string' && value.trim() !== '' ? value : null;
}

/** A time of the source as ISO in UTC; undefined where the value is no time. */
export function timeOf(value: unknown): string | undefined {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString();
}
