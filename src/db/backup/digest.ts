/** A summary of a table that is the same on both databases: its number of rows, and a digest of them. */

import { createHash } from 'node:crypto';
import type { Db } from '../open.ts';
import { pagesOf, type Row } from './copy.ts';

export interface Digest {
  readonly rows: number;
  /** The sum over all rows, which does not depend on their order. */
  readonly sum: bigint;
}

/** On PostgreSQL, call it in a transaction. */
export async function digestOf(db: Db, table: string): Promise<Digest> {
  let rows = 0;
  let sum = 0n;
  for await (const page of pagesOf(db, table)) {
    rows += page.length;
    for (const row of page) sum = BigInt.asUintN(64, sum + digestOfRow(row));
  }
  return { rows, sum };
}

function digestOfRow(row: Row): bigint {
  const columns = Object.keys(row)
    .sort()
    .map((name) => [name, asComparable(row[name])]);
  return createHash('sha256').update(JSON.stringify(columns)).digest().readBigUInt64BE();
}

/**
 * Makes values comparable: SQLite has JSON as text and booleans as numbers, and PostgreSQL gives large integers as
 * text. A text that is JSON counts as its value.
 */
function asComparable(value: unknown): unknown {
  const meant = typeof value === 'string' ? parsed(value) : value;
  if (meant === null || meant === undefined) return null;
  if (typeof meant === 'boolean') return meant ? '1' : '0';
  return typeof meant === 'object' ? inOrder(meant) : String(meant);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The same value with the keys of every object in order, because PostgreSQL orders them its own way. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, inOrder(inner)]));
}
