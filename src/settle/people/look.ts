/**
 * The look at people: gathers for many at once what is known of them on one store, so that a task (which asks for
 * one), a sync and a preview plan from the same facts. It only reads. What it finds wrong in the records it answers
 * as repairs.
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
import { afterScan, keyWaitsBySubject, takenKeys, temporaryAttributes } from '../keys/waits.ts';
import type { Planning } from '../planning.ts';
import type { Repair } from '../repairs.ts';
import { liveLink, userSituation } from '../situation.ts';
import { type Doubtful, doubtsOf, type FoundDoubts, NO_DOUBTS } from './doubts.ts';
import { type Protected, protectedAs, protectorOf } from './protection.ts';

export interface PersonFacts extends UserSituation {
  /** Why the account is protected; null where it is not. */
  readonly protection: Protected | null;
  /** The link as recorded, even where it does not count, such as a `removed` one. */
  readonly record: LinkRecord | null;
  /** The link of a departed person to the account with this person's identifier. It ends when they adopt it. */
  readonly passing: LinkRecord | null;
  /** What somebody changed by hand, as a complete scan showed it. */
  readonly drift: Drift;
  /** Other accounts that have the person's identifier too. */
  readonly duplicates: readonly DriftItem[];
  /** Another person's link to the account under this person's identifier. */
  readonly owner: LinkRecord | null;
  /** Keys that the person wants and another account has. */
  readonly keyWaits: readonly KnownWait[];
  /** The link as recorded, where it was compared with a complete scan. */
  readonly compared: LinkRecord | null;
  readonly repairs: readonly Repair[];
}

/** A link as a look found it. */
export interface LinkSight {
  readonly link: LinkRecord | null;
  /** The account was just found gone, and its person was to lose it. */
  readonly lost?: boolean;
  /** The linked account, where no record of it exists and this look has seen it. */
  readonly account?: RemoteUser | null;
  /** The account's attributes, where this look has seen them; see `KnownAttributes`. */
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

/** What a look knows beside the directory. Answers are by person; a missing answer means: as recorded. */
export interface Sight {
  /** When a complete scan began that shows which refused keys are free. */
  readonly freeSince?: string;
  lookAtLinks(people: readonly DesiredUser[], links: Links): Promise<ReadonlyMap<string, LinkSight>>;
  /** The accounts under the identifiers of people without a link. `links`: those of accounts that they had. */
  findAccounts(people: readonly DesiredUser[], links: Links): Promise<ReadonlyMap<string, AccountSight>>;
  /** The only accounts, by id, of people who are gone and whose account the bridge left alone. */
  readAccounts(remoteIds: ReadonlyMap<string, string>): Promise<ReadonlyMap<string, AccountSight>>;
}

/** In the order of the ids. `links` may replace the recorded links, to ask what would follow from them. */
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
    // Otherwise it is somebody else's, or nobody knows whose.
    const isTheirs = doubts.question === null && doubts.yieldsTo === null;
    const isLeft = isTheirs && isSpared({ ...situation, isTaken });
    const waits = afterScan(sight.freeSince ?? null, keyWaits.get(person.id) ?? []);
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

/** Whether they lose the account in its place too. Who is out of scope and shut out may have that one on purpose. */
export function losesSuccessor(
  { lifecycle, outOfScope, keepRemote }: DesiredUser,
  { state }: Pick<LinkRecord, 'state'>,
): boolean {
  if (lifecycle === 'active' || keepRemote) return false;
  const mayBeOnPurpose = outOfScope && state === 'disabled';
  return !mayBeOnPurpose;
}

/** Who had left still loses access, whatever a connection says since, until an admin believes it. */
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

/** What each linked account was matched by; null where no entry ever matched it. */
function protectedLinks(known: ReadonlyMap<string, KnownPerson>): ReadonlyMap<string, string | null> {
  return new Map(
    [...known.values()].flatMap(({ link, protectedAs }) => (link ? [[link.remoteId, protectedAs]] : [])),
  );
}

/** The accounts of people who are gone and never had a link, because the bridge left the account alone. */
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

/**
 * The repairs that remember an account that the bridge leaves alone. `before`: the remote id that is remembered now.
 */
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
  /** The directory has lost the owner, so somebody else may have the account. */
  readonly isGone: boolean;
}

/**
 * The owners of accounts, by remote id. People out of scope still own theirs: with the next change of title they are
 * back and want it. A purged person owns nothing, because the bridge knows nothing of them any more.
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

/** A sight that knows the database alone: links as recorded, accounts as they were last seen. */
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
