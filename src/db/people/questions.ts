/**
 * The question to an admin "is this the same human being?" about two people: a newcomer, and somebody who left and
 * had the same identifiers. It is open while an account of the one who left exists and no admin has answered.
 */

import { chunks } from '../chunks.ts';
import { type Db, forUpdate } from '../open.ts';

export type Attribute = 'userName' | 'email' | 'externalId';

export interface QuestionRecord {
  readonly newcomerId: string;
  readonly formerId: string;
  readonly environmentId: string;
  /** What the two have in common, or what changed in the record. */
  readonly attribute: Attribute;
  readonly state: 'open' | 'same' | 'other';
  readonly askedAt: string;
  readonly decidedBy: string | null;
  readonly decidedAt: string | null;
}

export type NewQuestion = Pick<
  QuestionRecord,
  'newcomerId' | 'formerId' | 'environmentId' | 'attribute' | 'askedAt'
>;

/** False where it was asked before, answered or not. */
export async function insertQuestion(db: Db, question: NewQuestion): Promise<boolean> {
  const { newcomerId, formerId, environmentId, attribute, askedAt } = question;
  const key = { newcomer_id: newcomerId, former_id: formerId };
  if (await db('identity_questions').where(key).first('state')) return false;
  await db('identity_questions')
    .insert({ ...key, environment_id: environmentId, attribute, state: 'open', asked_at: askedAt })
    .onConflict(['newcomer_id', 'former_id'])
    .ignore();
  return true;
}

/** The newcomer's question that counts: open before answered, then the last one asked. */
export async function questionOf(db: Db, newcomerId: string): Promise<QuestionRecord | null> {
  return (await questionsOf(db, [newcomerId])).get(newcomerId) ?? null;
}

/** As `questionOf`; until the transaction ends, nobody else answers it. */
export async function lockQuestion(db: Db, newcomerId: string): Promise<QuestionRecord | null> {
  await forUpdate(db, db('persons').where({ id: newcomerId })).first('id');
  return questionOf(db, newcomerId);
}

/** The questions that count, by newcomer. */
export async function questionsOf(
  db: Db,
  newcomerIds: readonly string[],
): Promise<ReadonlyMap<string, QuestionRecord>> {
  const found = new Map<string, QuestionRecord>();
  for (const some of chunks(newcomerIds)) {
    const rows = await db('identity_questions')
      .whereIn('newcomer_id', some)
      .orderByRaw("case state when 'open' then 0 else 1 end")
      .orderBy([{ column: 'asked_at', order: 'desc' }, 'former_id']);
    for (const question of rows.map(toQuestion))
      if (!found.has(question.newcomerId)) found.set(question.newcomerId, question);
  }
  return found;
}

export async function answerQuestion(
  db: Db,
  { newcomerId, formerId }: Pick<QuestionRecord, 'newcomerId' | 'formerId'>,
  answer: { readonly state: 'same' | 'other'; readonly by: string; readonly at: string },
): Promise<void> {
  await db('identity_questions')
    .where({ newcomer_id: newcomerId, former_id: formerId })
    .update({ state: answer.state, decided_by: answer.by, decided_at: answer.at });
}

/** The newcomers who wait because of an open question about this person. */
export async function newcomersOf(db: Db, formerId: string): Promise<readonly string[]> {
  const rows = await db('identity_questions')
    .where({ former_id: formerId, state: 'open' })
    .select('newcomer_id');
  return rows.map((row: { newcomer_id: string }) => row.newcomer_id);
}

/** The former person is back, so nobody else can be them. */
export async function closeQuestionsAbout(db: Db, formerId: string): Promise<void> {
  await db('identity_questions').where({ former_id: formerId, state: 'open' }).delete();
}

/** How many people wait on this store because of an open question. */
export async function countQuestions(db: Db, storeId: string): Promise<number> {
  const row = await db('identity_questions')
    .join('links as former', 'former.subject_id', 'identity_questions.former_id')
    .where({ 'former.kind': 'user', 'former.store_id': storeId, 'identity_questions.state': 'open' })
    .whereNot('former.state', 'removed')
    .whereNotExists(
      db('links as own')
        .where({ 'own.kind': 'user', 'own.store_id': storeId })
        .where('own.subject_id', db.ref('identity_questions.newcomer_id'))
        .whereNot('own.state', 'removed')
        .select(db.raw('1')),
    )
    .countDistinct({ n: 'identity_questions.newcomer_id' })
    .first();
  return Number(row?.n ?? 0);
}

function toQuestion(row: Record<string, unknown>): QuestionRecord {
  return {
    newcomerId: row.newcomer_id as string,
    formerId: row.former_id as string,
    environmentId: row.environment_id as string,
    attribute: row.attribute as Attribute,
    state: row.state as QuestionRecord['state'],
    askedAt: row.asked_at as string,
    decidedBy: row.decided_by as string | null,
    decidedAt: row.decided_at as string | null,
  };
}
