/**
 * Follows people who enter or leave a store's scope although nobody wrote to them: the members of a group that a rule
 * names changed. Queues them. Those who would lose something are first counted together, as one cause. Calls no
 * vendor.
 */

import {
  addPeopleToCause,
  countCounted,
  countedPeople,
  forgetCounted,
  recordPeopleOfCause,
  subjectsCounted,
} from '../db/brake/brakeLedger.ts';
import type { SqlCondition } from '../db/lists/resources.ts';
import type { Db } from '../db/open.ts';
import { countAnnounced } from '../db/queue/causes.ts';
import { enqueueTask, PRIORITY } from '../db/queue/enqueue.ts';
import { peopleOfCause } from '../db/queue/queue.ts';
import { statusesOfSubjects } from '../db/seen/syncStatuses.ts';
import { linkedOutside, unsettledMembers } from '../db/stores/scope.ts';
import { isLoss, type Plan, replacesIdentity } from '../model/change.ts';
import type { Attempt } from './attempt.ts';
import { byRecords, type PersonFacts, type PlannedPerson, planPeople } from './people/look.ts';
import { isCountRight } from './situation.ts';

/** How many people one SCIM bulk request may write to. Larger causes count their people themselves. */
const PEOPLE_PER_REQUEST_MAX = 1_000;
/** How many people are planned and queued at a time. */
const PEOPLE_PER_STEP = 200;

/** Before a group is settled: queues the people whom its changed members move in or out of scope. */
export async function followMembers(attempt: Attempt): Promise<void> {
  const { scope, store } = attempt.context;
  if (scope.people === null || store.status === 'DELETING') return;
  if (!scope.deciding.has(attempt.task.subject.id)) return;
  await followLeaving(attempt, scope.people);
  await followEntering(attempt);
}

async function followLeaving(attempt: Attempt, scope: SqlCondition): Promise<void> {
  const { db } = attempt.deps;
  const { store } = attempt.context;
  const list = attempt.task.id;
  await attempt.record((tx) => forgetCounted(tx, list, store.id));
  for await (const ids of batches(linkedOutside(db, store.id, scope))) {
    const people = await planPeople(attempt, byRecords(attempt), ids);
    const losers = people.filter(loses).map(({ facts }) => facts.desired.id);
    const others = await unsettled(
      attempt,
      people.filter((person) => !loses(person)),
    );
    await attempt.record(async (tx) => {
      await addPeopleToCause(tx, list, store.id, losers);
      for (const id of others) await enqueue(tx, attempt, id, PRIORITY.normal);
    });
  }
  await releaseLosers(attempt, list);
}

/** Queues the losers after all of them are counted, so that the brake knows how many people each cause reaches. */
async function releaseLosers(attempt: Attempt, list: string): Promise<void> {
  const { db } = attempt.deps;
  const { store } = attempt.context;
  const people = await countCounted(db, list, store.id);
  if (people === 0) return;
  const at = attempt.now();
  await attempt.record(async (tx) => {
    for (const correlationId of causesOf(attempt)) {
      const description = `members of group ${attempt.task.subject.id}`;
      await recordPeopleOfCause(tx, {
        correlationId,
        storeId: store.id,
        description,
        people,
        subjects: people,
        at,
      });
    }
  });
  let after = '';
  for (let released = 0; released < people; released += PEOPLE_PER_STEP) {
    const ids = await countedPeople(db, list, store.id, after, PEOPLE_PER_STEP);
    await attempt.record(async (tx) => {
      for (const id of ids) await enqueue(tx, attempt, id, PRIORITY.leaver);
    });
    after = ids.at(-1) ?? after;
  }
  await attempt.record((tx) => forgetCounted(tx, list, store.id));
}

async function followEntering(attempt: Attempt): Promise<void> {
  const { db } = attempt.deps;
  for await (const ids of batches(unsettledMembers(db, attempt.context.store.id, attempt.task.subject.id))) {
    const entering = await unsettled(attempt, await planPeople(attempt, byRecords(attempt), ids));
    await attempt.record(async (tx) => {
      for (const id of entering) await enqueue(tx, attempt, id, PRIORITY.normal);
    });
  }
}

function loses({ plan }: PlannedPerson): boolean {
  return plan.changes.some(isLoss);
}

/**
 * The people who need a task: a change to make, a count of days to start or end, or a status to write. Somebody whose
 * task failed for good waits for the next write to them.
 */
async function unsettled(attempt: Attempt, people: readonly PlannedPerson[]): Promise<readonly string[]> {
  const ids = people.map(({ facts }) => facts.desired.id);
  const statuses = await statusesOfSubjects(attempt.deps.db, attempt.context.store.id, 'user', ids);
  const wants = ({ facts, plan }: PlannedPerson) => {
    const { desired, record } = facts;
    const status = statuses.get(desired.id);
    if (!isCountRight(record, desired)) return true;
    if (status === 'failed') return false;
    if (plan.changes.length > 0) return true;
    if (desired.lifecycle === 'gone' && plan.skipped.length === 0) return false;
    return status !== (plan.skipped[0]?.status ?? 'synced');
  };
  return people.filter(wants).map(({ facts }) => facts.desired.id);
}

function causesOf(attempt: Attempt): readonly string[] {
  return attempt.task.causes.length === 0 ? [attempt.task.id] : attempt.task.causes;
}

async function enqueue(tx: Db, attempt: Attempt, personId: string, priority: number): Promise<void> {
  await enqueueTask(tx, attempt.context.store.id, {
    environmentId: attempt.task.environmentId,
    subject: { kind: 'user', id: personId },
    priority,
    correlationIds: causesOf(attempt),
    at: attempt.now(),
  });
}

async function* batches(
  ranges: AsyncIterable<readonly string[]> | Iterable<readonly string[]>,
): AsyncGenerator<readonly string[]> {
  for await (const ids of ranges) {
    for (let from = 0; from < ids.length; from += PEOPLE_PER_STEP) {
      yield ids.slice(from, from + PEOPLE_PER_STEP);
    }
  }
}

/**
 * A person is about to lose something that the request did not announce: it moved them out of scope, or feeds an
 * identity attribute. Where the request wrote to many people, this counts all who lose by it before the bridge
 * touches the first.
 */
export async function countOthersOfCause(
  attempt: Attempt,
  { desired }: PersonFacts,
  { changes }: Plan,
): Promise<void> {
  const isMovedOut = desired.outOfScope && changes.some(isLoss);
  if (!isMovedOut && !changes.some(replacesIdentity)) return;
  const { db } = attempt.deps;
  const storeId = attempt.context.store.id;
  attempt.announced = await countAnnounced(db, attempt.task.causes);
  for (const correlationId of attempt.task.causes) {
    const ids = await peopleOfCause(db, storeId, correlationId, PEOPLE_PER_REQUEST_MAX);
    if (ids.length < 2 || ids.length <= (await subjectsCounted(db, correlationId, storeId))) continue;
    let people = 0;
    for await (const some of batches([ids]))
      people += (await planPeople(attempt, byRecords(attempt), some)).filter(loses).length;
    const cause = { correlationId, storeId, description: 'people who lose by one request', people };
    await attempt.record((tx) =>
      recordPeopleOfCause(tx, { ...cause, subjects: ids.length, at: attempt.now() }),
    );
  }
}
