/**
 * An entry as the server sent it, with names in any case. Values stay bytes until the caller says what they are, and
 * a range of values does not count as all of them.
 */

import type { SearchEntry } from 'ldapts';

export interface Entry {
  readonly dn: string;
  /** The values of an attribute without options. Empty where it is missing, or this account may not see it. */
  bytes(name: string): readonly Buffer[];
  texts(name: string): readonly string[];
  first(name: string): string | null;
  /** A part of the values: `member;range=0-1499`. `next` null: the last part. */
  range(name: string): { readonly values: readonly string[]; readonly next: number | null } | null;
  /** Names as the server writes them, without options. */
  readonly names: readonly string[];
}

export function entryOf({ name: dn, attributes }: SearchEntry): Entry {
  const plain = new Map<string, readonly Buffer[]>();
  const names: string[] = [];
  const ranges = new Map<string, { values: readonly Buffer[]; next: number | null }>();
  for (const { type, parsedBuffers } of attributes) {
    const [name = '', ...options] = type.split(';');
    const key = name.toLowerCase();
    const range = options
      .map((option) => /^range=(\d+)-(\d+|\*)$/i.exec(option))
      .find((match) => match !== null);
    if (range) {
      ranges.set(key, { values: parsedBuffers, next: range[2] === '*' ? null : Number(range[2]) + 1 });
    } else if (options.length === 0) {
      plain.set(key, parsedBuffers);
      names.push(name);
    }
  }
  const bytes = (name: string) => plain.get(name.toLowerCase()) ?? [];
  const texts = (name: string) => bytes(name).flatMap(textsOf);
  return {
    dn,
    names,
    bytes,
    texts,
    first: (name) => texts(name)[0] ?? null,
    range(name) {
      const found = ranges.get(name.toLowerCase());
      return found ? { values: found.values.flatMap(textsOf), next: found.next } : null;
    },
  };
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Empty for an empty value, and for one that is not text. */
function textsOf(bytes: Buffer): readonly string[] {
  try {
    const text = utf8.decode(bytes);
    return text.trim() === '' ? [] : [text];
  } catch {
    return [];
  }
}
