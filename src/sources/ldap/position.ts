/**
 * The position of an LDAP delta: Active Directory's counter, or a time in whole seconds some minutes ago. Each
 * belongs to one server and means nothing on another. Pure.
 */

import { type Filter, GreaterThanEqualsFilter } from 'ldapts';
import { PositionLost } from '../source.ts';
import type { Preset } from './presets.ts';
import { toGeneralizedTime } from './protocol/values.ts';
import type { Server } from './server.ts';

interface Position {
  readonly server: string;
  /** A counter in decimal digits, or an ISO time. */
  readonly at: string;
}

const OVERLAP_MS = 10 * 60_000;

/** The filter for what has changed since; throws `PositionLost` where the position cannot tell. */
export function changedSince(
  text: string,
  { identity, highestUsn }: Server,
  preset: Preset,
): { readonly filter: Filter; readonly at: string } {
  const position = parsed(text);
  if (position.server !== identity) {
    throw new PositionLost(
      `what is remembered is of the server ${position.server}, and ${identity} answers now`,
    );
  }
  const { at } = position;
  if (preset.changeAttribute === 'uSNChanged') {
    if (!/^\d+$/.test(at) || highestUsn === null || BigInt(at) > highestUsn) {
      throw new PositionLost('the server counts its changes anew: it was restored');
    }
    return { at, filter: atLeast(preset.changeAttribute, String(BigInt(at) + 1n)) };
  }
  if (Number.isNaN(Date.parse(at))) throw new PositionLost('what is remembered is of another kind of server');
  const since = toGeneralizedTime(Math.max(0, Date.parse(at) - OVERLAP_MS));
  return { at, filter: atLeast(preset.changeAttribute, since) };
}

function atLeast(attribute: string, value: string): Filter {
  return new GreaterThanEqualsFilter({ attribute, value });
}

function parsed(text: string): Position {
  try {
    const { server, at } = JSON.parse(text) as Partial<Position>;
    if (typeof server === 'string' && typeof at === 'string') return { server, at };
  } catch {
    // A position of an older release.
  }
  throw new PositionLost('what is remembered cannot be read');
}

/**
 * Null where there is nothing to continue from. `highest` is the highest time seen, ISO. The reading took `tookMs`:
 * whatever changed meanwhile has a time above `highest` minus `tookMs`, whichever clock made it.
 */
export function positionAfter(
  { identity, highestUsn }: Server,
  preset: Preset,
  {
    highest,
    tookMs,
    known,
  }: { readonly highest: string | null; readonly tookMs: number; readonly known: string | null },
): string | null {
  const write = (at: string) => JSON.stringify({ server: identity, at } satisfies Position);
  if (preset.changeAttribute === 'uSNChanged') return highestUsn === null ? null : write(String(highestUsn));
  const reached = highest === null ? null : Date.parse(highest) - Math.ceil(tookMs);
  const before = known === null ? null : Date.parse(known);
  const at = Math.max(reached ?? Number.NEGATIVE_INFINITY, before ?? Number.NEGATIVE_INFINITY);
  return Number.isFinite(at) ? write(new Date(at).toISOString()) : null;
}
