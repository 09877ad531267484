/**
 * The look at people: what is known of them on one store, gathered for many at once, so that a task (which
 * asks for one), a sync and a preview plan from the same facts. It only reads; what it finds wrong in the
 * records comes back as repairs.
 */

import { lower } from '../../db/columns.ts';
import { speakingUsers } from '../../db/identity/persons.ts';
import type { KnownWait } from '../../db/seen/keys.ts';
import {
  type KnownAccount,
  type KnownPerson,
  knownAccounts,
  knownPeople,
} from '../../db/seen/knownPeople.ts';
import type { LinkRecord } from '../../db/seen/links.ts';
import { observationsById, observedUnder } from '../../db/seen/observations.ts';
import type { Plan, UserChange } from '../../model/change.ts';
import type { Attributes, DesiredUser } from '../../model/desired.ts';
import type { RemoteUser } from '../../model/remote.ts';
import type { UserSituation } from '../../plan/drafting.ts';
import { type Drift, type DriftItem, NO_DRIFT } from '../../plan/drift.ts';
import { isSpared, planUser } from '../../plan/people/user.ts';
import { loadDesiredUsers } from '../../stores/desired.ts';
import { keyWaitsBySubject, takenKeys, temporaryAttributes } from '../keys/waits.ts';
import type { Planning } from '../planning.ts';
import type { Repair } from '../repairs.ts';
import { liveLink, userSituation } from '../situation.ts';
import { type Doubtful, doubtsOf, type FoundDoubts, NO_DOUBTS } from './doubts.ts';
import { type Protected, protectedAs, protectorOf } from './protection.ts';

export interface PersonFacts extends UserSituation {
  /** What protects the account. */
  readonly protection: Protected | null;
  /** The record of the link; also where it does not count, as one that is `removed`. */
  readonly record: LinkRecord | null;
  /** The link of somebody who is gone to the account that the person has the identifier of: it ends when they adopt it. */
  readonly passing: LinkRecord | null;
  /** What somebody changed by hand, where a complete scan was looked at. */
  readonly drift: Drift;
  /** Further accounts that show the person's identifier. */
  readonly duplicates: readonly DriftItem[];
  /** Of the account under the person's identifier: the link of the other person who has it. */
  readonly owner: LinkRecord | null;
  /** Keys that the person wants and another account has. */
  readonly keyWaits: readonly KnownWait[];
  /** The link as recorded, where it was compared with what a complete scan saw. */
  readonly compared: LinkRecord | null;
  readonly repairs: readonly Repair[];
}

/** A link as it is found to be. */
export interface LinkSight {
  readonly link: LinkRecord | null;
  /** The account has just been found gone, and the person was to lose access to it. */
  readonly lost?: boolean;
  /** The linked account, where only this look knows it. */
  readonly account?: RemoteUser | null;
  /** Its attributes, where this look has seen them; see `KnownAttributes`. */
  readonly shown?: Attributes;
  readonly drift?: Drift;
  readonly duplicates?: readonly DriftItem[];
  readonly compared?: LinkRecord;
  readonly repairs?: readonly Repair[];
}

export interface AccountSight {
  readonly account: RemoteUser;
  readonly repairs?: readonly Repair[];
}

type Links = ReadonlyMap<string, LinkRecord>;

/** What a look goes by beside the directory. Answers are by person; whoever is absent is as recorded. */
export interface Sight {
  lookAtLinks(people: readonly DesiredUser[], links: Links): Promise<ReadonlyMap<string, LinkSight>>;
  /** The accounts under the identifiers of people without a link. `links`: what is recorded of those they had. */
  findAccounts(people: readonly DesiredUser[], links: Links): Promise<ReadonlyMap<string, AccountSight>>;
  /** Accounts by their ids, for people who are gone and had none but these, which were left alone. */
  readAccounts(remoteIds: ReadonlyMap<string, string>): Promise<ReadonlyMap<string, AccountSight>>;
}

/** In the order of the ids. `links` may replace what is recorded, to ask what would follow if it were so. */
export async function lookAtPeople(
  planning: Planning,
  sight: Sight,
  personIds: readonly string[],
  links?: Links,
): Promise<readonly PersonFacts[]> {
  const { db, context } = planning;
  const people = await loadDesiredUsers(db, context, personIds);
  const known = await knownPeople(db, context.store.id, personIds);
  const recorded = [...known].flatMap(([id, { link }]) => (link ? [[id, link] as const] : []));
  const records = links ?? new Map(recorded);
  const seen = await sight.lookAtLinks(people, records);
  const linkOf = (id: string) => seen.get(id)?.link ?? records.get(id) ?? null;
  const isLost = (id: string) => seen.get(id)?.lost ?? false;
  const sparedFor = (id: string) => known.get(id)?.spared ?? null;
  const looking = people.filter((person) => looksForAccount(person, linkOf(person.id), isLost(person.id)));
  const accounts = new Map([
    ...(await sight.findAccounts(looking, records)),
    ...(await sight.readAccounts(leftAlone(people, linkOf, sparedFor))),
  ]);
  const there = await knownAccounts(db, context.store.id, remoteIdsOf(accounts));
  const owners = await ownersOf(planning, there);
  const marked = (mark: (one: KnownPerson) => boolean) =>
    [...known].flatMap(([id, one]) => (mark(one) ? [id] : []));
  const waiting = marked(({ waitsForKeys }) => waitsForKeys);
  const keyWaits = await keyWaitsBySubject(planning, 'user', waiting);
  const ownerOf = (id: string) => owners.get(accounts.get(id)?.account.remoteId ?? '');
  const departedOf = (id: string) => (ownerOf(id)?.isGone ? (ownerOf(id)?.link ?? null) : null);
  const doubtful = people.map((person): Doubtful => {
    const isLinked = liveLink(person, linkOf(person.id)) !== null;
    const isQuestioned = known.get(person.id)?.isQuestioned ?? false;
    return { person, isLinked, isQuestioned, departed: departedOf(person.id) };
  });
  const found = await doubtsOf(db, context, doubtful);
  const now = planning.now();
  const linked = people.flatMap((person) => linkOf(person.id)?.remoteId ?? []);
  const looked = [...protectedLinks(known), ...protectedAs(there)];
  const protect = await protectorOf(db, context, linked, new Map(looked));
  return people.map((here): PersonFacts => {
    const doubts = found.get(here.id) ?? NO_DOUBTS;
    const person = stillLeaving(here, linkOf(here.id), doubts);
    const sighted = seen.get(person.id);
    const seenThere = accounts.get(person.id);
    const account = seenThere?.account ?? sighted?.account ?? null;
    const owner = ownerOf(person.id);
    const situation = userSituation(context, person, linkOf(person.id), account, { protect, now, doubts });
    const isTaken = owner !== undefined && !owner.isGone;
    // Whose it is, is in doubt, or it is somebody else's.
    const isTheirs = doubts.question === null && doubts.yieldsTo === null;
    const isLeft = isTheirs && isSpared({ ...situation, isTaken });
    const waits = keyWaits.get(person.id) ?? [];
    return {
      ...situation,
      isTaken,
      passing: doubts.passes ? departedOf(person.id) : null,
      owner: owner && !owner.isGone ? owner.link : null,
      keyWaits: waits,
      takenKeys: takenKeys(context, person, waits),
      temporary: temporaryAttributes(situation.link, waits),
      lost: sighted?.lost ?? false,
      shown: sighted?.shown ?? {},
      record: linkOf(person.id),
      drift: sighted?.drift ?? NO_DRIFT,
      duplicates: sighted?.duplicates ?? [],
      compared: sighted?.compared ?? null,
      repairs: [
        ...(sighted?.repairs ?? []),
        ...(seenThere?.repairs ?? []),
        ...doubts.repairs,
        ...sparing(situation, isLeft ? account : null, sparedFor(person.id)),
      ],
    };
  });
}

/**
 * The linked account is not there: whoever was to lose access to it loses it at the one that took its place. Who is only
 * out of scope, and whose account was shut already, may have been given another one on purpose.
 */
export function losesSuccessor(
  { lifecycle, outOfScope, keepRemote }: DesiredUser,
  { state }: Pick<LinkRecord, 'state'>,
): boolean {
  if (lifecycle === 'active' || keepRemote) return false;
  const mayBeOnPurpose = outOfScope && state === 'disabled';
  return !mayBeOnPurpose;
}

/** The loss of who had left is owed, whatever another connection says of them since, until an admin believes it. */
function stillLeaving(
  person: DesiredUser,
  link: LinkRecord | null,
  { newSpeaker }: FoundDoubts,
): DesiredUser {
  const isUsable = link?.state === 'enabled' || link?.state === 'invited';
  if (!newSpeaker?.hadLeft || !isUsable || person.lifecycle !== 'active') return person;
  return { ...person, lifecycle: 'inactive', returns: true };
}

function remoteIdsOf(accounts: ReadonlyMap<string, AccountSight>): readonly string[] {
  return [...accounts.values()].map(({ account }) => account.remoteId);
}

/** By remote id of the linked account; null where nothing ever matched. */
function protectedLinks(known: ReadonlyMap<string, KnownPerson>): ReadonlyMap<string, string | null> {
  return new Map(
    [...known.values()].flatMap(({ link, protectedAs }) => (link ? [[link.remoteId, protectedAs]] : [])),
  );
}

/** By person, the accounts of people who are gone and never had a link, because it was left alone. */
function leftAlone(
  people: readonly DesiredUser[],
  linkOf: (id: string) => LinkRecord | null,
  sparedFor: (id: string) => string | null,
): ReadonlyMap<string, string> {
  const gone = people.filter(
    (person) =>
      person.lifecycle === 'gone' &&
      !person.outOfScope &&
      !person.keepRemote &&
      liveLink(person, linkOf(person.id)) === null,
  );
  return new Map(
    gone.flatMap(({ id }) => {
      const remoteId = sparedFor(id);
      return remoteId === null ? [] : [[id, remoteId]];
    }),
  );
}

/** What is to be remembered of an account that the bridge leaves alone. `before`: what is. */
function sparing(
  { protection, desired }: Pick<PersonFacts, 'protection' | 'desired'>,
  left: RemoteUser | null,
  before: string | null,
): readonly Repair[] {
  const remoteId = left?.remoteId ?? null;
  return [
    ...(protection?.isNew ? [{ kind: 'protect', account: protection } as const] : []),
    ...(remoteId === before ? [] : [{ kind: 'spare', personId: desired.id, remoteId } as const]),
  ];
}

function looksForAccount(
  { identifier, lifecycle }: DesiredUser,
  link: LinkRecord | null,
  lost: boolean,
): boolean {
  const isLinked = link !== null && link.state !== 'removed';
  return identifier !== null && !isLinked && (lifecycle !== 'gone' || lost);
}

interface Owner {
  readonly link: LinkRecord;
  /** The directory has lost them, so the account is free to be taken. */
  readonly isGone: boolean;
}

/**
 * Whose the accounts are, by remote id. Out of scope is not gone: with the next change of title they are
 * back, and want their account. Of a purged person nothing is known: whoever has the identifier now is them.
 */
async function ownersOf(
  { db }: Planning,
  accounts: ReadonlyMap<string, KnownAccount>,
): Promise<ReadonlyMap<string, Owner>> {
  const links = new Map([...accounts].flatMap(([id, { link }]) => (link ? [[id, link] as const] : [])));
  const people = [...links.values()].map((link) => link.subject.id);
  const speaking = await speakingUsers(db, people);
  const isGone = (link: LinkRecord) => speaking.get(link.subject.id)?.purgedAt !== null;
  return new Map([...links].map(([remoteId, link]) => [remoteId, { link, isGone: isGone(link) }]));
}

/** By what the database knows alone: links as recorded, accounts as they were last seen. */
export function byRecords({ db, context }: Planning): Sight {
  return {
    lookAtLinks: async () => new Map(),
    findAccounts: async (people) => {
      const identifiers = people.map((person) => person.identifier as string);
      const seen = await observedUnder(db, context.store.id, 'user', identifiers);
      return new Map(
        people.flatMap(({ id, identifier }) => {
          const account = seen.get(lower(identifier as string));
          return account ? [[id, { account }]] : [];
        }),
      );
    },
    readAccounts: async (remoteIds) => {
      const seen = await observationsById(db, context.store.id, 'user', [...remoteIds.values()]);
      return new Map(
        [...remoteIds].flatMap(([id, remoteId]) => {
          const account = seen.get(remoteId)?.remote;
          return account ? [[id, { account }]] : [];
        }),
      );
    },
  };
}

export interface PlannedPerson {
  readonly facts: PersonFacts;
  readonly plan: Plan<UserChange>;
}

export async function planPeople(
  planning: Planning,
  sight: Sight,
  personIds: readonly string[],
  links?: Links,
): Promise<readonly PlannedPerson[]> {
  const people = await lookAtPeople(planning, sight, personIds, links);
  return people.map((facts) => ({ facts, plan: planUser(facts) }));
}
