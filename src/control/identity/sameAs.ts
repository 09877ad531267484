/**
 * An admin answers whether a newcomer is somebody who left. If so, the person gets everything back; if not, they are
 * two people, and the former person's account stays as it is. One answer holds for all stores.
 */

import { retiringLossesOfPerson } from '../../db/brake/losses.ts';
import { appendEvent } from '../../db/events.ts';
import { lastDeletedUser, speakingUser } from '../../db/identity/persons.ts';
import { writeTogether } from '../../db/knex/writing.ts';
import type { Db } from '../../db/open.ts';
import { hasAccounts } from '../../db/people/formers.ts';
import { mergePerson } from '../../db/people/merge.ts';
import {
  answerQuestion,
  insertQuestion,
  lockQuestion,
  type QuestionRecord,
} from '../../db/people/questions.ts';
import { setSpeaker } from '../../db/people/speakers.ts';
import { enqueueForAllStores, PRIORITY } from '../../db/queue/enqueue.ts';
import { closingLeaverEverywhere } from '../../db/queue/leavers.ts';
import { cancellingRemovals } from '../../db/queue/removals.ts';
import { groupsOfPerson } from '../../db/seen/groupsAround.ts';
import { transact } from '../../db/transaction.ts';
import type { Cause } from '../../model/cause.ts';
import { RequestError } from '../../model/errors.ts';
import type { PropagationDeps } from '../../stores/deps.ts';
import { isoTime } from '../../support/clock.ts';

export interface Answer {
  readonly environmentId: string;
  readonly newcomerId: string;
  /** The person that the newcomer is; null: somebody else. */
  readonly sameAs: string | null;
}

/**
 * Answers the id of the person that the newcomer turned out to be. Throws 409 where there is no question, 400 for a
 * person who cannot be the answer.
 */
export async function answerIdentity(deps: PropagationDeps, answer: Answer, cause: Cause): Promise<string> {
  const { sameAs, newcomerId } = answer;
  await transact(deps.db, async (tx) => {
    const question = await openQuestion(tx, newcomerId);
    const at = isoTime(deps.clock.now());
    const formerId = sameAs ?? question.formerId;
    if (sameAs !== null && sameAs !== question.formerId) await adjust(tx, answer, question, at);
    const state = sameAs === null ? ('other' as const) : ('same' as const);
    await answerQuestion(tx, { newcomerId, formerId }, { state, by: cause.actor.name, at });
    if (state === 'same') await become(tx, newcomerId, formerId);
    await enqueue(tx, answer.environmentId, sameAs ?? newcomerId, cause, at);
    await appendEvent(tx, at, {
      environmentId: answer.environmentId,
      cause,
      kind: 'identity.decided',
      outcome: 'success',
      subject: { kind: 'user', id: newcomerId },
      after: { sameAs, former: formerId },
    });
  });
  deps.wake.signal();
  return sameAs ?? newcomerId;
}

async function openQuestion(tx: Db, newcomerId: string): Promise<QuestionRecord> {
  const question = await lockQuestion(tx, newcomerId);
  if (!question) throw new RequestError(409, 'Nobody asks who this person is.');
  if (question.state !== 'open') {
    const answer = question.state === 'same' ? 'the same person' : 'somebody else';
    throw new RequestError(409, `${question.decidedBy} said already that it is ${answer}.`);
  }
  if (!(await hasAccounts(tx, question.formerId)))
    throw new RequestError(409, 'The account of the one who left is gone, and the question with it.');
  return question;
}

/** The newcomer may be anybody who is gone, not only the person whom the bridge suggested. */
async function adjust(
  tx: Db,
  { environmentId, newcomerId, sameAs }: Answer,
  question: QuestionRecord,
  at: string,
): Promise<void> {
  const last = await lastDeletedUser(tx, sameAs as string);
  const isGone = last?.environmentId === environmentId && !(await speakingUser(tx, sameAs as string));
  if (!isGone || sameAs === newcomerId) {
    const detail = `must be ${question.formerId}, or another person who is gone, or null`;
    throw new RequestError(400, 'The newcomer cannot be this person.', [{ pointer: '/sameAs', detail }]);
  }
  const { attribute } = question;
  await insertQuestion(tx, {
    ...{ newcomerId, formerId: sameAs as string, environmentId, attribute, askedAt: at },
  });
}

async function become(tx: Db, newcomerId: string, formerId: string): Promise<void> {
  await mergePerson(tx, newcomerId, formerId);
  const user = await speakingUser(tx, formerId);
  if (user) await setSpeaker(tx, formerId, user.connectionId);
  if (!user?.active) return;
  await writeTogether(tx, [
    retiringLossesOfPerson(formerId),
    cancellingRemovals(formerId),
    closingLeaverEverywhere(formerId),
  ]);
}

async function enqueue(tx: Db, environmentId: string, personId: string, cause: Cause, at: string) {
  const common = { environmentId, priority: PRIORITY.normal, correlationIds: [cause.correlationId], at };
  await enqueueForAllStores(tx, { ...common, subject: { kind: 'user', id: personId } });
  for (const id of await groupsOfPerson(tx, personId))
    await enqueueForAllStores(tx, { ...common, subject: { kind: 'group', id } });
}
