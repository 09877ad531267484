/**
 * People who enter and leave a store's scope by something that was not written to them: the members of a
 * group changed that a rule names. They are handed to the queue, and those who would lose something are
 * counted first, as one cause, before anyone is touched. Calls no vendor.
 */

import {
  addLoser,
  countCounted,
  countedPeople,
  forgetCounted,
  recordPeopleOfCause,
  subjectsCounted,
} from '../db/brake/brakeLedger.ts';
import type { SqlCondition } from '../db/identity/users.ts';
import type { Db } from '../db/open.ts';
import { peopleOfCause } from '../db/queue/queue.ts';
import { enqueueTask, PRIORITY } from '../db/queue/tasks.ts';
import { statusesOfSubjects } from '../db/seen/syncStatuses.ts';
import { linkedOutside, unsettledMembers } from '../db/stores/scope.ts';
import { isLoss } from '../model/change.ts';
import type { Attempt } from './attempt.ts';
import { isCountRight } from './situation.ts';
import { type SurveyedUser, surveyUsers } from './survey.ts';

/** What one SCIM bulk request may write to; what is counted of a larger cause is in its own books. */
const PEOPLE_PER_REQUEST_MAX = 1_000;
/** People planned, and handed to the queue, at a time. */
const PEOPLE_PER_STEP = 200;

/** Before a group is settled: whom its members' change moves in or out. */
export async function followMembers(run: Attempt): Promise<void> {
  const { scope, store } = run.view;
  if (scope.people === null || store.status === 'DELETING') return;
  if (!scope.deciding.has(run.task.subject.id)) return;
  await followLeaving(run, scope.people);
  await followEntering(run);
}

async function followLeaving(run: Attempt, scope: SqlCondition): Promise<void> {
  const { db } = run.deps;
  const { store } = run.view;
  const list = run.task.id;
  await run.record((tx) => forgetCounted(tx, list, store.id));
  for await (const ids of batches(linkedOutside(db, store.id, scope))) {
    const people = await surveyUsers(run, ids);
    const losers = people.filter(loses).map(({ desired }) => desired.id);
    const others = await unsettled(
      run,
      people.filter((person) => !loses(person)),
    );
    await run.record(async (tx) => {
      await addLoser(tx, list, store.id, losers);
      for (const id of others) await enqueue(tx, run, id, PRIORITY.normal);
    });
  }
  await releaseLosers(run, list);
}

/** Everyone is counted: the causes are known by how many they reach, and only then the queue has them. */
async function releaseLosers(run: Attempt, list: string): Promise<void> {
  const { db } = run.deps;
  const { store } = run.view;
  const people = await countCounted(db, list, store.id);
  if (people === 0) return;
  const at = run.now();
  await run.record(async (tx) => {
    for (const correlationId of causesOf(run)) {
      const description = `members of group ${run.task.subject.id}`;
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
    await run.record(async (tx) => {
      for (const id of ids) await enqueue(tx, run, id, PRIORITY.leaver);
    });
    after = ids.at(-1) ?? after;
  }
  await run.record((tx) => forgetCounted(tx, list, store.id));
}

async function followEntering(run: Attempt): Promise<void> {
  const { db } = run.deps;
  for await (const ids of batches(unsettledMembers(db, run.view.store.id, run.task.subject.id))) {
    const entering = await unsettled(run, await surveyUsers(run, ids));
    await run.record(async (tx) => {
      for (const id of entering) await enqueue(tx, run, id, PRIORITY.normal);
    });
  }
}

function loses({ plan }: SurveyedUser): boolean {
  return plan.changes.some(isLoss);
}

/** Those of whom there is something to do, to count or to say; what failed for good waits for its own next write. */
async function unsettled(run: Attempt, people: readonly SurveyedUser[]): Promise<readonly string[]> {
  const ids = people.map(({ desired }) => desired.id);
  const statuses = await statusesOfSubjects(run.deps.db, run.view.store.id, 'user', ids);
  const wants = ({ desired, link, plan }: SurveyedUser) => {
    const status = statuses.get(desired.id);
    if (!isCountRight(link, desired)) return true;
    if (status === 'failed') return false;
    if (plan.changes.length > 0) return true;
    if (desired.lifecycle === 'gone' && plan.skipped.length === 0) return false;
    return status !== (plan.skipped[0]?.status ?? 'synced');
  };
  return people.filter(wants).map(({ desired }) => desired.id);
}

function causesOf(run: Attempt): readonly string[] {
  return run.task.causes.length === 0 ? [run.task.id] : run.task.causes;
}

async function enqueue(tx: Db, run: Attempt, personId: string, priority: number): Promise<void> {
  await enqueueTask(tx, run.view.store.id, {
    environmentId: run.task.environmentId,
    subject: { kind: 'user', id: personId },
    priority,
    correlationIds: causesOf(run),
    at: run.now(),
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
 * A person is about to lose something because a write moved them out of scope. Where one request wrote to
 * many, all whom it moves out are counted before the first of them is touched.
 */
export async function countOthersMovedOut(run: Attempt): Promise<void> {
  const { db } = run.deps;
  const storeId = run.view.store.id;
  for (const correlationId of run.task.causes) {
    const ids = await peopleOfCause(db, storeId, correlationId, PEOPLE_PER_REQUEST_MAX);
    if (ids.length < 2 || ids.length <= (await subjectsCounted(db, correlationId, storeId))) continue;
    let people = 0;
    for await (const some of batches([ids])) people += (await surveyUsers(run, some)).filter(loses).length;
    const cause = { correlationId, storeId, description: 'people moved out of scope', people };
    await run.record((tx) => recordPeopleOfCause(tx, { ...cause, subjects: ids.length, at: run.now() }));
  }
}
