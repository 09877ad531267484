/** Writes the events of a write to a user. */

import type { NewEvent } from '../db/events.ts';
import type { UserRecord } from '../db/identity/users.ts';
import type { EventKind } from '../model/eventKinds.ts';
import { requestOf } from './origin.ts';
import type { Write } from './write.ts';

export interface UserEvent {
  readonly kind: EventKind;
  readonly reason?: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

export function userEvent(
  write: Write,
  user: Pick<UserRecord, 'personId' | 'userName'>,
  event: UserEvent,
): Omit<NewEvent, 'alsoCausedBy'> {
  return {
    environmentId: write.environmentId,
    cause: write.cause,
    subject: { kind: 'user', id: user.personId, display: user.userName },
    outcome: 'success',
    ...requestOf(write.origin),
    ...event,
  };
}
