/** What a line of a pull takes from somebody. */

import { primaryEmail } from '../resource.ts';
import type { Kind } from '../subject.ts';
import type { PullOp } from './pull.ts';

export interface AttributeChange {
  readonly name: string;
  readonly from: unknown;
  readonly to: unknown;
}

/** The part of a line that says what it takes. */
export interface Taking {
  readonly op: PullOp;
  readonly kind: Kind;
  readonly sourceId: string;
  readonly detail: {
    readonly attributes?: readonly AttributeChange[];
    readonly group?: { readonly sourceId: string };
  };
}

/** Somebody becomes inactive or is removed. */
export function isLeaving({ op, kind }: Pick<Taking, 'op' | 'kind'>): boolean {
  return kind === 'user' && (op === 'deactivate' || op === 'remove');
}

/** A value by which accounts are found, and the one that replaces it; null: none does. */
export interface Replaced {
  readonly name: string;
  readonly from: string;
  readonly to: string | null;
}

const IDENTITY: Readonly<Record<string, (value: unknown) => string | null>> = {
  userName: (value) => (typeof value === 'string' && value !== '' ? value : null),
  emails: (value) => primaryEmail({ emails: value }),
};

/**
 * The identity values that a line replaces. An empty value and a difference in case do not count, and neither does a
 * leaver's.
 */
export function replacedIdentity({ op, kind, detail }: Taking): readonly Replaced[] {
  if (kind !== 'user' || (op !== 'update' && op !== 'reactivate')) return [];
  return (detail.attributes ?? []).flatMap(({ name, from, to }) => {
    const before = IDENTITY[name]?.(from) ?? null;
    const after = IDENTITY[name]?.(to) ?? null;
    if (before === null || before.trim().toLowerCase() === after?.trim().toLowerCase()) return [];
    return [{ name, from: before, to: after }];
  });
}

/** Whether somebody loses access, a membership, or a value by which their accounts are found. */
export function takes(line: Taking): boolean {
  return line.op === 'leave' || line.op === 'remove' || isLeaving(line) || replacedIdentity(line).length > 0;
}

/** A key of the loss that is the same in each run. */
export function lossKey(line: Taking): string {
  const { op, kind, sourceId, detail } = line;
  const replaced = replacedIdentity(line).map(({ name, to }) => [name, to]);
  if (replaced.length > 0) return `identity ${kind} ${sourceId} ${JSON.stringify(replaced)}`;
  return `${op} ${kind} ${sourceId} ${detail.group?.sourceId ?? ''}`;
}
