/** Whom a change of a user concerns beside the user, read in one statement. */

import type { Knex } from 'knex';
import { liveUsers } from '../identity/persons.ts';
import { kept } from '../knex/kept.ts';
import type { Db } from '../open.ts';
import { inOrder, workingStores } from '../queue/enqueue.ts';
import { membershipsOfPerson } from '../seen/groupsAround.ts';
import { yielding } from './namesakes.ts';

export interface AroundQuestion {
  readonly environmentId: string;
  readonly personId: string;
  /** Whether to ask who speaks for the person. */
  readonly asksSpeaker: boolean;
  /** The address, in lower case, that the user gives up; null: none. */
  readonly freedAddress: string | null;
  /** Whether to ask for the groups of the person. */
  readonly asksGroups: boolean;
}

export interface Around {
  /** The stores that are told, in the order in which tasks are written. */
  readonly storeIds: readonly string[];
  /** The user who speaks for the person; null where none does, or nobody asked. */
  readonly speakerId: string | null;
  /** People who have no account because the user has the address: they may get one now. */
  readonly yielding: readonly string[];
  /** The live SCIM groups that have the person as a direct member, through any of their users. */
  readonly groupIds: readonly string[];
}

export async function lookAround(db: Db, question: AroundQuestion): Promise<Around> {
  const rows = await allRows(db, question);
  const idsOf = (what: AroundRow['what']) => rows.filter((row) => row.what === what).map(({ id }) => id);
  return {
    storeIds: inOrder(idsOf('store')),
    speakerId: idsOf('speaker')[0] ?? null,
    yielding: idsOf('yielding'),
    groupIds: idsOf('group'),
  };
}

interface AroundRow {
  readonly what: 'store' | 'speaker' | 'yielding' | 'group';
  readonly id: string;
}

const allRows = kept<readonly AroundRow[], AroundQuestion>((db, question) => {
  const { environmentId, personId, asksSpeaker, freedAddress: address, asksGroups } = question;
  const marked = (what: AroundRow['what'], query: Knex.QueryBuilder, id: string) =>
    query.select({ what: db.raw(`'${what}'`), id });
  const parts: Knex.QueryBuilder[] = [];
  if (asksSpeaker) {
    const first = liveUsers(db, [personId]).select('users.id').limit(1);
    parts.push(marked('speaker', db.queryBuilder().from(first.as('first')), 'first.id'));
  }
  if (address !== null) {
    const people = yielding(db, { environmentId, address, exceptId: personId });
    parts.push(marked('yielding', people.distinct(), 'users.person_id'));
  }
  if (asksGroups) parts.push(marked('group', membershipsOfPerson(db, personId).distinct(), 'm.group_id'));
  return marked('store', workingStores(db, environmentId), 'id').unionAll(parts);
});
