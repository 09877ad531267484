/** Tells an event in one sentence: its own reason, or what its kind means, and whom it is about. */

import type { EventRecord } from '../../db/events.ts';
import { EVENT_KINDS, type EventKind } from '../../model/eventKinds.ts';

type Told = Pick<EventRecord, 'kind' | 'reason' | 'subject' | 'store'>;

export function eventSentence({ kind, reason, subject, store }: Told): string {
  const what = reason ?? EVENT_KINDS[kind as EventKind] ?? kind;
  const about = [subject?.display, store?.name].filter((name) => name && !what.includes(name));
  return about.length === 0 ? what : `${about.join(' at ')}: ${what}`;
}
