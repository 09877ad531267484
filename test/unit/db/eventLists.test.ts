/** The audit log is read by every filter, and each goes by an index in the order of the page. */

import type { Knex } from 'knex';
import { appendEvent, type NewEvent } from '../../../src/db/events.ts';
import { countEvents, type EventFilter, listEvents } from '../../../src/db/lists/events.ts';
import type { EventKind, EventOutcome } from '../../../src/model/eventKinds.ts';
import { onEachDatabase } from '../../database.ts';

const AT = '2026-11-28T00:00:00.000Z';
const MANY = 600;
const PAGE = 7;
/** So few that only an index finds them. */
const RARE = { every: 97, kind: 'change.delete', outcome: 'failure', store: 'rare store' } as const;

const kinds: readonly EventKind[] = ['user.created', 'user.updated', 'change.create', 'change.update'];

function eventOf(n: number): NewEvent {
  const isRare = n % RARE.every === 5;
  return {
    environmentId: n % 10 === 9 ? 'other' : 'default',
    cause: {
      correlationId: isRare ? 'rare cause' : `cause ${n % 20}`,
      actor: isRare
        ? { type: 'connection', id: 'rare connection', name: 'r' }
        : { type: n % 2 === 0 ? 'connection' : 'admin', id: 'actor', name: 'a' },
    },
    alsoCausedBy: n % 6 === 0 ? ['further cause'] : [],
    kind: isRare ? RARE.kind : (kinds[n % kinds.length] as EventKind),
    outcome: (isRare ? RARE.outcome : n % 50 === 0 ? 'held' : 'success') as EventOutcome,
    subject: { kind: 'user', id: isRare ? 'rare person' : n % 41 === 0 ? 'rare user' : `person ${n % 30}` },
    store: { id: isRare ? RARE.store : `store ${n % 3}`, name: 's' },
    reason: String(n),
  };
}

function timeOf(n: number): string {
  return new Date(Date.parse(AT) + n * 1000).toISOString();
}

const FILTERS: readonly (readonly [filter: Omit<EventFilter, 'environmentId'>, index: RegExp])[] = [
  [{}, /environment_id_id/],
  [{ outcome: 'failure' }, /events_outcome/],
  [{ outcome: 'success' }, /environment_id_id/],
  [{ kind: 'change.delete' }, /environment_id_kind_id/],
  [{ kind: 'change.*' }, /environment_id_kind_id/],
  [{ kind: 'change.*', outcome: 'failure' }, /events_outcome/],
  [{ kind: 'user.updated', outcome: 'success' }, /environment_id_kind_id/],
  [{ subjectId: 'rare person' }, /environment_id_subject_id_id/],
  [{ subjectId: 'rare user' }, /environment_id_subject_id_id/],
  [{ subjectId: 'person 3', kind: 'change.*' }, /environment_id_subject_id_id/],
  [{ subjectId: 'nobody' }, /environment_id_subject_id_id/],
  [{ connectionId: 'rare connection' }, /environment_id_actor_id_id/],
  [{ connectionId: 'actor', kind: 'user.*' }, /environment_id_kind_id/],
  [{ storeId: 'rare store' }, /environment_id_store_id_id/],
  [{ storeId: 'store 1', outcome: 'held' }, /events_outcome/],
  [{ correlationId: 'rare cause' }, /correlation_id_id/],
  [{ correlationId: 'further cause' }, /correlation_id_event_id/],
  [{ correlationId: 'cause 1', subjectId: 'person 1', storeId: 'store 1' }, /correlation_id_id/],
  [{ from: timeOf(100), to: timeOf(130), kind: 'user.created' }, /environment_id_kind_id/],
];

onEachDatabase((open, dialect) => {
  let db: Knex;

  beforeAll(async () => {
    db = await open();
    await db('environments').insert({ id: 'default', name: 'e', created_at: AT, updated_at: AT });
    await db('connections').insert({
      ...{
        id: 'c',
        environment_id: 'default',
        name: 'c',
        strategy: 'scim',
        is_primary: true,
        metadata: '{}',
      },
      ...{ unknown_attributes: 'Reject', user_id_attribute: 'userName', created_at: AT, updated_at: AT },
    });
    await db('persons').insert({ id: 'rare person', environment_id: 'default', created_at: AT });
    await db('users').insert({
      ...{ id: 'rare user', person_id: 'rare person', environment_id: 'default', connection_id: 'c' },
      ...{ user_name: 'u', user_name_lower: 'u', active: true, resource: '{}', version: 1 },
      ...{ created_at: AT, updated_at: AT },
    });
    await db.transaction(async (tx) => {
      for (let n = 0; n < MANY; n++) await appendEvent(tx, timeOf(n), eventOf(n));
    });
    if (dialect === 'postgres') await db.raw('analyze');
  });

  const expected = (filter: Omit<EventFilter, 'environmentId'>) =>
    Array.from({ length: MANY }, (_, n) => n)
      .filter((n) => matches(eventOf(n), timeOf(n), filter))
      .reverse();

  it.each(FILTERS)('%j: all pages, newest first, and their number', async (given) => {
    const filter = { environmentId: 'default', ...given };
    const read: number[] = [];
    for (let before: number | null = null; ; ) {
      const page = await listEvents(db, filter, PAGE, before);
      read.push(...page.map(({ reason }) => Number(reason)));
      const last = page.at(-1);
      if (!last) break;
      before = Number(last.id);
    }
    expect(read).toEqual(expected(given));
    expect(await countEvents(db, filter)).toBe(read.length);
  });

  it.each(FILTERS)('%j goes by %s', async (given, index) => {
    const queries: { sql: string; bindings: readonly unknown[] }[] = [];
    const record = (query: { sql: string; bindings: readonly unknown[] }) => queries.push(query);
    db.on('query', record);
    await listEvents(db, { environmentId: 'default', ...given }, PAGE, MANY);
    db.removeListener('query', record);
    const listing = queries.find(({ sql }) => sql.includes('together'));
    if (dialect === 'postgres') await db.raw('set enable_seqscan = off');
    const plan = await explain(listing?.sql ?? '', listing?.bindings ?? []);
    if (dialect === 'sqlite') expect(plan).toMatch(index);
    expect(plan).not.toMatch(/Seq Scan|SCAN events/);
  });

  async function explain(sql: string, bindings: readonly unknown[]): Promise<string> {
    const text = sql.replace(/\$\d+/g, '?');
    const plan = await db.raw(
      `explain ${dialect === 'sqlite' ? 'query plan ' : ''}${text}`,
      bindings as never,
    );
    return JSON.stringify(plan.rows ?? plan);
  }
});

function matches(event: NewEvent, at: string, filter: Omit<EventFilter, 'environmentId'>): boolean {
  const { subjectId, storeId, connectionId, kind, outcome, correlationId, from, to } = filter;
  const causes = [event.cause.correlationId, ...(event.alsoCausedBy ?? [])];
  const subjects = subjectId === 'rare user' ? ['rare user', 'rare person'] : [subjectId];
  const { actor } = event.cause;
  return (
    event.environmentId === 'default' &&
    (subjectId === undefined || subjects.includes(event.subject?.id)) &&
    (storeId === undefined || event.store?.id === storeId) &&
    (connectionId === undefined || (actor.type === 'connection' && actor.id === connectionId)) &&
    (kind === undefined || event.kind === kind || event.kind.startsWith(kind.replace('*', ' ').trimEnd())) &&
    (outcome === undefined || event.outcome === outcome) &&
    (correlationId === undefined || causes.includes(correlationId)) &&
    (from === undefined || at >= from) &&
    (to === undefined || at < to)
  );
}
