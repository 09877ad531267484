/** PATCH by RFC 7396: the bridge merges the request into what a GET shows, and treats the result as a PUT. */

import type { z } from 'zod';
import type { Versions } from '../control/conflicts.ts';
import { RequestError } from '../model/errors.ts';
import { check, refusal } from './mistakes.ts';

type Json = Readonly<Record<string, unknown>>;

/** Deeper than anything that a resource holds. */
const DEPTH_MAX = 20;

/** RFC 7396, section 2. Throws a 400 for a patch that is nested too deeply. */
export function mergePatch(target: unknown, patch: unknown, depth = 0): unknown {
  if (!isObject(patch)) return patch;
  if (depth === DEPTH_MAX) throw new RequestError(400, `A patch has at most ${DEPTH_MAX} levels.`);
  const merged = new Map(isObject(target) ? Object.entries(target) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else merged.set(key, mergePatch(merged.get(key), value, depth + 1));
  }
  return Object.fromEntries(merged);
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * When another PATCH comes in between, the bridge merges and writes again, this often at most, so that both take
 * effect.
 */
const ATTEMPTS_MAX = 5;

interface Patching<Item, S extends z.ZodType, Result> {
  /** The versions that the request expects; null: the version that the bridge read is expected. */
  readonly expected: Versions;
  readonly patch: unknown;
  /** The schema of a PUT. */
  readonly replacement: S;
  /** Reads the record as it is now; throws a 404. */
  read(): Promise<Item>;
  /** As a GET shows it. */
  show(record: Item): unknown;
  /** Throws a 412 where the record has none of these versions. */
  write(record: Item, replacement: z.output<S>, expected: Versions): Promise<Result>;
}

/** Throws what `write` throws, and a 400 where a PUT of the merged record would be refused. */
export async function applyPatch<Item extends { readonly updatedAt: string }, S extends z.ZodType, Result>(
  patching: Patching<Item, S, Result>,
): Promise<Result> {
  const { expected, replacement } = patching;
  for (let attempt = 1; ; attempt += 1) {
    const record = await patching.read();
    const merged = mergePatch(patching.show(record), patching.patch);
    const { data, mistakes } = check(replacement, merged);
    if (!data) throw refusal(mistakes);
    try {
      return await patching.write(record, data, expected ?? [record.updatedAt]);
    } catch (error) {
      const moved = error instanceof RequestError && error.status === 412;
      if (!moved || expected !== null) throw error;
      if (attempt === ATTEMPTS_MAX) throw new RequestError(409, 'It changes all the time; try again.');
    }
  }
}
