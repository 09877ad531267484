/**
 * The position of an Okta delta: Okta's own time, ten minutes back, because a change may become visible late. Pure.
 */

import { PositionLost } from '../source.ts';
import type { OktaRecord } from './api/calls.ts';

export interface Position {
  readonly org: string;
  /** The highest times seen of people and of groups; ISO. */
  readonly users: string;
  readonly groups: string;
  /** Okta showed the group of everybody; it hides it from an administrator of a few groups. */
  readonly showsEveryone: boolean;
}

const OVERLAP_MS = 10 * 60_000;
const BEGINNING = new Date(0).toISOString();

/** Throws PositionLost. */
export function readPosition(text: string, org: string): Position {
  const position = positionOf(text, org);
  if (position) return position;
  throw new PositionLost('what is remembered is of another Okta organisation');
}

/** Null where the position belongs to another organisation. */
export function positionOf(text: string, org: string): Position | null {
  try {
    const { org: of, users, groups, showsEveryone = false } = JSON.parse(text) as Partial<Position>;
    if (of === org && isTime(users) && isTime(groups)) return { org, users, groups, showsEveryone };
  } catch {
    // A position of an older release.
  }
  return null;
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value));
}

/** The time after which changes are asked for. */
export function sinceOf(time: string): string {
  return new Date(Math.max(0, Date.parse(time) - OVERLAP_MS)).toISOString();
}

export interface Watermark {
  /** Okta's clock at its answer: an object that changes after the first page may have been read before its change. */
  answered(at: number | null): void;
  saw(record: OktaRecord): void;
  /** Never before `known`. */
  readonly time: string;
}

export function createWatermark(times: readonly string[], known: string = BEGINNING): Watermark {
  let began: number | null = null;
  let highest = Number.NEGATIVE_INFINITY;
  return {
    answered(at) {
      began ??= at;
    },
    saw({ record }) {
      for (const name of times) {
        const ms = Date.parse(String(record[name]));
        if (!Number.isNaN(ms)) highest = Math.max(highest, ms);
      }
    },
    get time() {
      const reached = Math.min(highest, began ?? Number.POSITIVE_INFINITY);
      return new Date(Math.max(Date.parse(known), reached)).toISOString();
    },
  };
}

export function writePosition(position: Position): string {
  return JSON.stringify(position);
}
