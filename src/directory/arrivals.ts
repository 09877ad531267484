/**
 * Finds out who a user is that arrives, or that comes back with another externalId than before. It attaches the user
 * to a person, and asks an admin where the identifiers belonged to somebody who left. Part of the transaction of the
 * write.
 */

import { appendEvent, eventInsert, type NewEvent } from '../db/events.ts';
import { primaryWithoutUsers, takePrimary } from '../db/identity/connections.ts';
import { lockEnvironment } from '../db/identity/environments.ts';
import { insertUser, type UserRecord } from '../db/identity/users.ts';
import type { Db } from '../db/open.ts';
import { type Attachment, attachPerson } from '../db/people/attachment.ts';
import {
  asksAbout,
  formerWithIdentifier,
  type Hash,
  hadOtherExternalId,
  hasAccounts,
} from '../db/people/formers.ts';
import { usersNamedAs, waitingForAccountsOf } from '../db/people/namesakes.ts';
import { type Attribute, closeQuestionsAbout, insertQuestion, newcomersOf } from '../db/people/questions.ts';
import { setSpeaker } from '../db/people/speakers.ts';
import { splitUser } from '../db/people/writtenOver.ts';
import { enqueueForAllStores } from '../db/queue/enqueue.ts';
import { primaryEmail, type Resource } from '../model/resource.ts';
import { newId } from '../support/ids.ts';
import { mappedResource, sameUserId } from './inbound.ts';
import { userEvent } from './userEvents.ts';
import { taskOf, type Write } from './write.ts';

export interface Arrived {
  readonly created: UserRecord;
  readonly how: Attachment['how'];
  /** False where no store of the environment is in use, so that nothing is queued. */
  readonly hasStores: boolean;
}

/** Inserts the user and its event, and a new person where there is none to attach it to. */
export async function arrive(
  tx: Db,
  write: Write,
  resource: Resource,
  at: string,
  hash: Hash,
): Promise<Arrived> {
  const { environmentId, connectionId, inbound } = write;
  const mapped = asMapped(write, resource);
  const known = { environmentId, connectionId, resource, primaryEmail: primaryEmail(mapped), hash };
  const ownId = inbound && inbound.userIdAttribute !== 'userName' ? inbound.userIdAttribute : null;
  const attachment = await attachPerson(tx, {
    ...known,
    sameUserId: ownId === null ? null : sameUserId(tx, ownId, resource),
  });
  const { personId, how, connection } = attachment;
  const isPrimary = connection.isPrimary || (await becomesPrimary(tx, write, at));
  const id = newId();
  const { mayLookAlike } = connection;
  const user = { ...known, mapped, id, personId, isNewPerson: how === 'new', mayLookAlike, createdAt: at };
  const who = { personId, userName: resource.userName as string };
  const event = userEvent(write, who, { kind: 'user.created', after: { id, ...resource } });
  const created = await insertUser(tx, user, [eventInsert(at, event)]);
  if (how === 'new') {
    if (connection.mayBeFormer) await askWhetherKnown(tx, write, created, at, hash);
  } else {
    if (isPrimary) await setSpeaker(tx, personId, connectionId);
    if (how === 'returned') await endQuestionsAbout(tx, write, personId, at);
  }
  return { created, how, hasStores: connection.hasStores };
}

/** The user as the connection maps it. */
export function asMapped({ inbound }: Pick<Write, 'inbound'>, resource: Resource): Resource {
  return mappedResource(inbound?.mapping ?? null)(resource);
}

/** The address by which the bridge recognises users of several connections as one person. */
export function matchedEmail(write: Pick<Write, 'inbound'>, resource: Resource): string | null {
  return primaryEmail(asMapped(write, resource));
}

/**
 * Another connection becomes the primary one with its first user, if the primary connection has never brought one.
 */
async function becomesPrimary(tx: Db, write: Write, at: string): Promise<boolean> {
  if (!(await primaryWithoutUsers(tx, write.environmentId))) return false;
  await lockEnvironment(tx, write.environmentId);
  const before = await primaryWithoutUsers(tx, write.environmentId);
  if (!before) return false;
  const after = await takePrimary(tx, write.connectionId, before);
  const { environmentId, cause } = write;
  await appendEvent(tx, at, {
    environmentId,
    cause,
    kind: 'connection.updated',
    outcome: 'success',
    before: { id: after.id, name: after.name, isPrimary: false },
    after: { id: after.id, name: after.name, isPrimary: true },
    reason: `it brought the first user; ${before.name}, the primary connection so far, had brought none`,
  });
  return true;
}

/** Asks an admin whether a person without accounts is somebody who left, where an identifier suggests it. */
export async function askWhetherKnown(
  tx: Db,
  write: Write,
  user: UserRecord,
  at: string,
  hash: Hash,
  address: string | null = matchedEmail(write, user.resource),
): Promise<void> {
  const { environmentId, connectionId, resource, personId } = user;
  const known = { environmentId, connectionId, resource, primaryEmail: address, hash };
  const whom = await asksAbout(tx, connectionId);
  if (whom === 'nobody') return;
  const former = await formerWithIdentifier(tx, known, personId, whom === 'own');
  if (former && !(await hasAccounts(tx, personId)))
    await ask(tx, write, user, former.personId, former.attribute, at);
}

async function ask(
  tx: Db,
  write: Write,
  user: Pick<UserRecord, 'personId' | 'userName'>,
  formerId: string,
  attribute: Attribute,
  at: string,
): Promise<void> {
  const { environmentId } = write;
  const question = { newcomerId: user.personId, formerId, environmentId, attribute, askedAt: at };
  if (!(await insertQuestion(tx, question))) return;
  const event: Omit<NewEvent, 'alsoCausedBy'> = {
    ...userEvent(write, user, { kind: 'identity.asked', after: { former: formerId, attribute } }),
    outcome: 'held',
    reason: `has the ${attribute} of somebody who left, and another externalId`,
  };
  await appendEvent(tx, at, event);
}

/**
 * True where an inactive user becomes active with another externalId than before, and an admin is asked about that.
 */
export async function comesAsAnother(
  tx: Db,
  write: Write,
  before: UserRecord,
  after: Resource,
  hash: Hash,
): Promise<boolean> {
  const { externalId, active } = after;
  if (before.active || active !== true || typeof externalId !== 'string' || externalId === '') return false;
  const left = before.leftExternalId;
  if (left === externalId || (await asksAbout(tx, write.connectionId)) === 'nobody') return false;
  if (!(await hasAccounts(tx, before.personId))) return false;
  if (left !== null && left !== '') return true;
  return before.purgedAt !== null && (await hadOtherExternalId(tx, before.personId, externalId, hash));
}

/** Treats the record as somebody else's from now on, until an admin says that both are one person. */
export async function writeOver(tx: Db, write: Write, user: UserRecord, at: string): Promise<UserRecord> {
  const newcomer = await splitUser(tx, user, at);
  await ask(tx, write, newcomer, user.personId, 'externalId', at);
  return newcomer;
}

/**
 * Called when the person has no user any more. People who arrived earlier and have or want the same identifiers: an
 * admin is asked about them now, and every store looks at them again.
 */
export async function leaveToOthers(
  tx: Db,
  write: Write,
  personId: string,
  at: string,
  hash: Hash,
): Promise<void> {
  const named = await usersNamedAs(tx, write.environmentId, personId);
  for (const { user, address } of named) await askWhetherKnown(tx, write, user, at, hash, address);
  const waiting = await waitingForAccountsOf(tx, personId);
  const others = new Set([...named.map(({ user }) => user.personId), ...waiting]);
  await enqueueAgain(tx, write, [...others], at);
}

/** Ends questions whether a newcomer is this person: the person is back, so they are not. */
async function endQuestionsAbout(tx: Db, write: Write, personId: string, at: string): Promise<void> {
  const newcomers = await newcomersOf(tx, personId);
  if (newcomers.length === 0) return;
  await closeQuestionsAbout(tx, personId);
  await enqueueAgain(tx, write, newcomers, at);
}

/** Always in the same order, so that two requests never wait for each other's rows. */
async function enqueueAgain(tx: Db, write: Write, personIds: readonly string[], at: string): Promise<void> {
  for (const id of [...personIds].sort()) {
    await enqueueForAllStores(tx, taskOf(write, { kind: 'user', id }, at));
  }
}
