/** A change as previews and held losses show it. Pure. */

import type { PreviewRecord } from '../../db/runs/previews.ts';
import type { AttributeChange, Change, Op } from '../../model/change.ts';
import type { NamedSubject } from '../../model/subject.ts';
import { holdsEveryLoss } from './summary.ts';

export interface ShownChange {
  readonly op: Op;
  readonly subject: NamedSubject;
  readonly remoteId?: string;
  /** The remote group that a SCIM group would be matched with. */
  readonly remoteName?: string;
  readonly attributes?: readonly AttributeChange[];
  readonly member?: { readonly id: string; readonly display: string };
  readonly privileged?: true;
  readonly revives?: true;
}

export function shownChange(change: Change): ShownChange {
  return {
    ...withoutMarks(change),
    ...(change.privileged ? { privileged: true } : {}),
    ...(change.op === 'adopt' && change.revives ? { revives: true } : {}),
  };
}

function withoutMarks(change: Change): ShownChange {
  const { op, subject } = change;
  switch (change.op) {
    case 'create': {
      const filled = Object.entries(change.attributes).filter(([, to]) => to !== '');
      return { op, subject, attributes: filled.map(([name, to]) => ({ name, from: null, to })) };
    }
    case 'update':
      return { op, subject, remoteId: change.remoteId, attributes: change.attributes };
    case 'grant':
    case 'revoke': {
      const { personId, remoteId, display } = change.member;
      return { op, subject, remoteId: change.remoteId, member: { id: personId ?? remoteId, display } };
    }
    case 'adopt': {
      const { remoteId, remoteName } = change;
      return { op, subject, remoteId, ...(remoteName === undefined ? {} : { remoteName }) };
    }
    default:
      return { op, subject, remoteId: change.remoteId };
  }
}

/**
 * Whether the change is held: it waits for a decision or, where the whole preview exceeds the limit, it is a loss.
 */
export function presentChange({ summary }: PreviewRecord, body: Readonly<Record<string, unknown>>) {
  const { isLoss, ...shown } = body;
  return { ...shown, held: body.held === true || (isLoss === true && holdsEveryLoss(summary)) };
}
