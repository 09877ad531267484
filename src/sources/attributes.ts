/** What a source's records hold, as texts by name. Empty values and what is neither text, number nor list are left out. */

import type { SourceAttributes, SourceValue } from './source.ts';

const DEPTH_MAX = 6;

/** Parts of an object are joined by dots; a list keeps its plain values. */
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

/** Null for what is empty, and for what is no single value. */
export function textOf(value: unknown): string | null {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return typeof value === 'string' && value.trim() !== '' ? value : null;
}

/** A time of the source's as ISO in UTC; undefined for what is none. */
export function timeOf(value: unknown): string | undefined {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString();
}
