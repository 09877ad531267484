/**
 * Describes one person over all connections and stores: who they are, their state everywhere, and the open question
 * about them.
 */

import { environmentOfPerson } from '../../db/identity/persons.ts';
import { displaysOf, namesOfPeople } from '../../db/identity/subjects.ts';
import type { Db } from '../../db/open.ts';
import { departures } from '../../db/people/formers.ts';
import { type UserOfPerson, usersOfPeople } from '../../db/people/lastWord.ts';
import { mergedFrom, mergedInto } from '../../db/people/merge.ts';
import { type QuestionRecord, questionsOf } from '../../db/people/questions.ts';
import { type IdentityOfPerson, identitiesOfPerson } from '../../db/pull/enrichment.ts';
import { groupsOfPerson } from '../../db/seen/groupsAround.ts';
import { linksOfSubject } from '../../db/seen/linkLists.ts';
import { type PersonStatus, personStatuses } from './person.ts';

export interface PersonView {
  readonly id: string;
  readonly display: string;
  readonly lifecycle: 'active' | 'inactive' | 'deleted';
  readonly users: readonly UserOfPerson[];
  /** Accounts that were seen by connections which only add to people. */
  readonly identities: readonly IdentityOfPerson[];
  readonly groups: readonly { readonly id: string; readonly display: string }[];
  readonly stores: readonly PersonStatus[];
  readonly identity?: IdentityView;
}

export interface IdentityView {
  readonly state: QuestionRecord['state'];
  readonly former: { readonly id: string; readonly display: string; readonly leftAt: string | null };
  readonly attribute: QuestionRecord['attribute'];
  /** Stores on which the former person has an account. */
  readonly stores: readonly string[];
  readonly decidedBy?: string;
  readonly at?: string;
}

/**
 * The person for whom the id stands now: a newcomer may have turned out to be somebody else. Null where nobody has
 * the id.
 */
export async function personOf(db: Db, environmentId: string, id: string): Promise<string | null> {
  const personId = await mergedInto(db, id);
  return (await environmentOfPerson(db, personId)) === environmentId ? personId : null;
}

export async function viewOfPerson(db: Db, environmentId: string, id: string): Promise<PersonView> {
  const named = (await namesOfPeople(db, [id])).get(id);
  const identity = await identityOf(db, id);
  return {
    id,
    display: named?.display ?? id,
    lifecycle: named?.state ?? 'deleted',
    users: (await usersOfPeople(db, [id])).get(id) ?? [],
    identities: await identitiesOfPerson(db, id),
    groups: await groupsOf(db, id),
    stores: await personStatuses(db, environmentId, id),
    ...(identity ? { identity } : {}),
  };
}

async function groupsOf(db: Db, personId: string): Promise<PersonView['groups']> {
  const ids = await groupsOfPerson(db, personId);
  const displayOf = await displaysOf(
    db,
    ids.map((id) => ({ kind: 'group', id })),
  );
  const groups = ids.map((id) => ({ id, display: displayOf({ kind: 'group', id }) }));
  return groups.sort((a, b) => a.display.localeCompare(b.display));
}

/** The last question about the person. A question that nobody answered ends with the account that it was about. */
async function identityOf(db: Db, id: string): Promise<IdentityView | null> {
  const questions = await questionsOf(db, [id, ...(await mergedFrom(db, id))]);
  const [question] = [...questions.values()].sort((a, b) => (a.askedAt < b.askedAt ? 1 : -1));
  if (!question) return null;
  const { state, formerId, attribute, decidedBy, decidedAt } = question;
  const links = await linksOfSubject(db, { kind: 'user', id: formerId });
  const stores = links.filter((link) => link.state !== 'removed').map(({ storeId }) => storeId);
  if (state === 'open' && stores.length === 0) return null;
  const departed = (await departures(db, [formerId])).get(formerId);
  const named = (await namesOfPeople(db, [formerId])).get(formerId);
  const display = departed?.purgedAt
    ? `somebody who left, purged on ${departed.purgedAt.slice(0, 10)}`
    : (named?.display ?? formerId);
  return {
    state,
    former: { id: formerId, display, leftAt: departed?.leftAt ?? null },
    attribute,
    stores,
    ...(decidedBy === null ? {} : { decidedBy }),
    ...(decidedAt === null ? {} : { at: decidedAt }),
  };
}
