/** Says in words where a change came from: what its correlation id stands for. Reads the audit log. */

import { type EventRecord, firstEvents } from '../../db/events.ts';
import type { Db } from '../../db/open.ts';
import type { HoldKind } from '../../model/change.ts';

export interface ShownCause {
  readonly correlationId: string;
  readonly kind: 'request' | 'settings' | 'sync' | 'pull' | HoldKind;
  readonly description: string;
}

/** Answers a cause for each of these ids, also for one that is older than the audit log. */
export async function describeCauses(
  db: Db,
  correlationIds: readonly string[],
): Promise<(correlationId: string) => ShownCause> {
  const events = await firstEvents(db, [...new Set(correlationIds)]);
  return (correlationId) => {
    const event = events.get(correlationId);
    if (!event) return { correlationId, kind: 'request', description: 'no event of it is left' };
    return { correlationId, kind: kindOf(event), description: wordsFor(event) };
  };
}

function kindOf({ kind, actor, request }: EventRecord): ShownCause['kind'] {
  if (kind.startsWith('pull.')) return 'pull';
  // A connection that writes without a request was pulled.
  if (actor.type === 'connection') return request ? 'request' : 'pull';
  if (kind.startsWith('rule.')) return 'rule';
  if (SETTINGS.test(kind)) return 'settings';
  return actor.type === 'system' || SYNCS.test(kind) ? 'sync' : 'request';
}

const SETTINGS = /^(store|mappings|connection\.updated|removals)\b/;
const SYNCS = /^(sync|preview)\./;

function wordsFor({ kind, actor, subject, store, request }: EventRecord): string {
  if (actor.type === 'connection' && !request) return `pull of ${actor.name}`;
  if (actor.type === 'system') return `a sync of ${store?.name ?? 'the store'}`;
  const what = subject?.display ?? store?.name;
  return `${actor.name}: ${kind}${what ? ` ${what}` : ''}`;
}
