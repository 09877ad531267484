/** What a line of a run over a pulled directory takes from somebody. */

import { primaryEmail } from '../resource.ts';
import type { Kind } from '../subject.ts';
import type { PullOp } from './pull.ts';

export interface AttributeChange {
  readonly name: string;
  readonly from: unknown;
  readonly to: unknown;
}

/** Of a line as much as says what it takes. */
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

/** What somebody has of an attribute by which accounts are found, and what they would have; null: nothing. */
export interface Replaced {
  readonly name: string;
  readonly from: string;
  readonly to: string | null;
}

const IDENTITY: Readonly<Record<string, (value: unknown) => string | null>> = {
  userName: (value) => (typeof value === 'string' && value !== '' ? value : null),
  emails: (value) => primaryEmail({ emails: value }),
};

/** Neither what was empty nor a difference in case counts; of whoever leaves it is no question. */
export function replacedIdentity({ op, kind, detail }: Taking): readonly Replaced[] {
  if (kind !== 'user' || (op !== 'update' && op !== 'reactivate')) return [];
  return (detail.attributes ?? []).flatMap(({ name, from, to }) => {
    const before = IDENTITY[name]?.(from) ?? null;
    const after = IDENTITY[name]?.(to) ?? null;
    if (before === null || before.trim().toLowerCase() === after?.trim().toLowerCase()) return [];
    return [{ name, from: before, to: after }];
  });
}

/** Somebody loses access, a membership, or what their accounts are found by. */
export function takes(line: Taking): boolean {
  return line.op === 'leave' || line.op === 'remove' || isLeaving(line) || replacedIdentity(line).length > 0;
}

/** The same for the same loss in each run. */
export function lossKey(line: Taking): string {
  const { op, kind, sourceId, detail } = line;
  const replaced = replacedIdentity(line).map(({ name, to }) => [name, to]);
  if (replaced.length > 0) return `identity ${kind} ${sourceId} ${JSON.stringify(replaced)}`;
  return `${op} ${kind} ${sourceId} ${detail.group?.sourceId ?? ''}`;
}
