/**
 * Cases in which the bridge is not sure who somebody is: another connection speaks for them now, or they have an
 * address or account that was somebody else's. Part of their plan then waits for an admin, or is left out. Reads the
 * database only.
 */

import { lower } from '../../db/columns.ts';
import { lastDeletedUsers } from '../../db/identity/persons.ts';
import { namesOfPeople } from '../../db/identity/subjects.ts';
import type { Db } from '../../db/open.ts';
import { type Departed, departures, withExternalIds } from '../../db/people/formers.ts';
import { type Namesake, namesakes } from '../../db/people/namesakes.ts';
import { type QuestionRecord, questionsOf } from '../../db/people/questions.ts';
import { approvedSpeakers, formerSpeakers } from '../../db/people/speakers.ts';
import { type LinkRecord, linksBySubject } from '../../db/seen/links.ts';
import type { Hold } from '../../model/change.ts';
import type { DesiredUser, Speaker } from '../../model/desired.ts';
import { type Doubts, type Lookalike, type NewSpeaker, NOTHING_IN_DOUBT } from '../../plan/people/doubts.ts';
import type { MemberStanding, StoreContext } from '../../stores/desired.ts';
import type { Planning } from '../planning.ts';
import type { Repair } from '../repairs.ts';
import { namesOfLink } from './protection.ts';

/** What the look knows of one person so far. */
export interface Doubtful {
  readonly person: DesiredUser;
  readonly isLinked: boolean;
  /** An admin is asked whether they are somebody who left. */
  readonly isQuestioned: boolean;
  /** The link of a person who is gone, to the account that has this person's identifier. */
  readonly departed: LinkRecord | null;
}

export interface FoundDoubts extends Doubts {
  readonly repairs: readonly Repair[];
  /** With the adoption, the account passes from the person who is gone to this one. */
  readonly passes: boolean;
}

export const NO_DOUBTS: FoundDoubts = {
  ...NOTHING_IN_DOUBT,
  repairs: [],
  passes: true,
};

/** By person id; people about whom nothing is in doubt are absent. */
export async function doubtsOf(
  db: Db,
  context: StoreContext,
  looked: readonly Doubtful[],
): Promise<ReadonlyMap<string, FoundDoubts>> {
  const speakers = await newSpeakers(
    db,
    context,
    looked.map(({ person }) => person),
  );
  const before = await namesakesOf(db, context, looked);
  const asked = await questionsAbout(db, context, looked);
  const departed = await ownersWhoLeft(db, looked);
  const found = new Map<string, FoundDoubts>();
  for (const one of looked) {
    const { id } = one.person;
    const doubts = [
      { lookalike: lookalikeOf(one.person) },
      { newSpeaker: speakers.get(id) ?? null },
      before.get(id) ?? {},
      departed.get(id)?.(context) ?? {},
      asked.get(id) ?? {},
    ];
    const some = Object.assign({ ...NO_DOUBTS }, ...doubts) as FoundDoubts;
    if (some.yieldsTo ?? some.question ?? some.newSpeaker ?? some.lookalike) found.set(id, some);
  }
  return found;
}

/**
 * Holds what a newly speaking connection would enable, grant or change, until an admin lets it speak on this store.
 */
async function newSpeakers(
  db: Db,
  { store }: StoreContext,
  people: readonly { readonly id: string; readonly display: string; readonly speaker?: Speaker | null }[],
): Promise<ReadonlyMap<string, NewSpeaker>> {
  const others = people.filter(({ speaker }) => speaker?.isOther);
  if (others.length === 0) return new Map();
  const approved = await approvedSpeakers(
    db,
    store.id,
    others.map(({ id }) => id),
  );
  const waiting = others.filter(({ id, speaker }) => approved.get(id) !== speaker?.connectionId);
  const before = await formerSpeakers(
    db,
    waiting.map(({ id, speaker }) => ({ personId: id, connectionId: speaker?.connectionId })),
  );
  return new Map(
    waiting.map(({ id, display, speaker }) => {
      const reason = `${speaker?.connectionName} speaks for ${display} since the user who did is gone: approve it, where that is the same person`;
      const former = before.get(id);
      const hadLeft = former !== undefined && (!former.active || former.deletedAt < (speaker?.since ?? ''));
      return [id, { hold: { kind: 'speaker', reason }, hadLeft }];
    }),
  );
}

/** The same for grants to people who had left, by person. */
export async function memberHolds(
  { db, context }: Planning,
  standings: ReadonlyMap<string, MemberStanding>,
  members: readonly { readonly personId: string; readonly remoteName: string }[],
): Promise<ReadonlyMap<string, Hold>> {
  const people = members.map(({ personId: id, remoteName: display }) => {
    return { id, display, speaker: standings.get(id)?.speaker ?? null };
  });
  const found = [...(await newSpeakers(db, context, people))];
  return new Map(found.flatMap(([id, { hold, hadLeft }]) => (hadLeft ? [[id, hold] as const] : [])));
}

/** Somebody had an address already that this person's new address can be mistaken for. */
function lookalikeOf({ display, speaker }: DesiredUser): Lookalike | null {
  if (!speaker?.looksLike || speaker.address === null) return null;
  const reason = `${display} has the address ${speaker.address}, which looks like ${speaker.looksLike} of somebody else: approve it, where that is meant`;
  return { address: speaker.address, hold: { kind: 'confusable', reason } };
}

type PartialDoubts = Partial<FoundDoubts>;

/** People who get no account while somebody else has their address. */
async function namesakesOf(
  db: Db,
  { store }: StoreContext,
  looked: readonly Doubtful[],
): Promise<ReadonlyMap<string, PartialDoubts>> {
  const yielding = looked.filter(
    ({ person: { speaker, lifecycle } }) =>
      speaker?.yields && speaker.address !== null && lifecycle !== 'gone',
  );
  const addressOf = ({ person }: Doubtful) => person.speaker?.address as string;
  const found = await namesakes(db, store.environmentId, yielding.map(addressOf));
  return new Map(
    yielding.flatMap((one) => {
      const { id, speaker } = one.person;
      const other = found
        .get(addressOf(one))
        ?.find((they) => they.personId !== id && they.connectionId !== speaker?.connectionId);
      return other ? [[one.person.id, { yieldsTo: whyYields(addressOf(one), other) }] as const] : [];
    }),
  );
}

function whyYields(address: string, { userName, isOfPrimary }: Namesake): string {
  const who = isOfPrimary
    ? `${userName}, an active user of the primary connection`
    : `${userName}, who has an account`;
  return `has the address ${address} of ${who}; matchPeople of the connection says whether they may be one person`;
}

/** People about whom an admin is asked whether they are somebody who left and still has an account here. */
async function questionsAbout(
  db: Db,
  context: StoreContext,
  looked: readonly Doubtful[],
): Promise<ReadonlyMap<string, PartialDoubts>> {
  const { store } = context;
  const newcomers = looked.filter(
    ({ isLinked, isQuestioned, person }) => isQuestioned && !isLinked && person.lifecycle !== 'gone',
  );
  const questions = await questionsOf(
    db,
    newcomers.map(({ person }) => person.id),
  );
  const formers = [...questions.values()].map(({ formerId }) => formerId);
  const links = await linksBySubject(db, store.id, 'user', formers);
  const names = await describeFormers(db, formers);
  return new Map(
    newcomers.flatMap(({ person, departed }) => {
      const question = questions.get(person.id);
      const link = question && links.get(question.formerId);
      if (!question || !link || link.state === 'removed') return [];
      const former = names(question.formerId);
      const { identifier } = person;
      const isSought = namesOfLink(context, link).some((name) => isSame(name, identifier));
      const isTheirs = isSought || departed?.subject.id === question.formerId;
      return [[person.id, answered(question, link, former, isTheirs)] as const];
    }),
  );
}

function isSame(name: string, identifier: string | null): boolean {
  return identifier !== null && lower(name) === lower(identifier);
}

/** `isTheirs`: the former person's account has this person's identifier. */
function answered(
  question: QuestionRecord,
  link: LinkRecord,
  former: string,
  isTheirs: boolean,
): PartialDoubts {
  if (question.state === 'open')
    return { yieldsTo: null, passes: false, repairs: [], ...holdFor(question, link.remoteId, former) };
  if (question.state !== 'other' || !isTheirs) return {};
  const why = `has the identifier of the account of ${former}, who is somebody else, as ${question.decidedBy} said; it stays as it is`;
  return { yieldsTo: why, question: null, passes: false, repairs: [] };
}

function holdFor(
  { attribute, newcomerId }: Pick<QuestionRecord, 'attribute' | 'newcomerId'>,
  remoteId: string,
  former: string,
): Pick<Doubts, 'question'> {
  const what = attribute === 'externalId' ? 'came back on the record' : `has the ${attribute}`;
  const reason = `${what} of ${former}, with another externalId: whether it is the same person is asked at people/${newcomerId}/identity`;
  return { question: { remoteId, hold: { kind: 'identity', reason } } };
}

/** How reasons name former people, including those of whom only hashes are left. */
export async function describeFormers(db: Db, ids: readonly string[]): Promise<(id: string) => string> {
  if (ids.length === 0) return String;
  const names = await namesOfPeople(db, ids);
  const left = await departures(db, ids);
  return (id) => describeFormer(names.get(id)?.display ?? id, left.get(id));
}

function describeFormer(display: string, departed: Departed | undefined): string {
  const day = (at: string | null | undefined) => (at ? at.slice(0, 10) : 'some day');
  if (departed?.purgedAt) return `somebody who left, purged on ${day(departed.purgedAt)}`;
  return `${display}, who left on ${day(departed?.leftAt)}`;
}

type OwnerDoubts = (context: StoreContext) => PartialDoubts;

/** People whose identifier leads to an account of somebody who is gone, where no question was raised yet. */
async function ownersWhoLeft(db: Db, looked: readonly Doubtful[]): Promise<ReadonlyMap<string, OwnerDoubts>> {
  const meeting = looked.filter((one) => one.departed !== null && one.person.speaker);
  if (meeting.length === 0) return new Map();
  const ids = meeting.map(({ departed }) => departed?.subject.id as string);
  const last = await lastDeletedUsers(db, ids);
  const hashed = await withExternalIds(db, ids);
  const names = await describeFormers(db, ids);
  return new Map(
    meeting.map(({ person, departed }) => {
      const speaker = person.speaker as Speaker;
      const link = departed as LinkRecord;
      const ownerId = link.subject.id;
      const was = last.get(ownerId);
      const doubts: OwnerDoubts = ({ settings, store }) => {
        const former = names(ownerId);
        if (speaker.yields && was?.connectionId !== speaker.connectionId) {
          const yieldsTo = `has the identifier of the account of ${former}; matchPeople of the connection is off, so it stays as it is`;
          return { yieldsTo, passes: false };
        }
        const { externalId } = speaker;
        const differs = was?.externalId ? was.externalId !== externalId : hashed.has(ownerId);
        if (speaker.asks && externalId && differs) {
          const attribute = settings.uniqueUserIdentifier === 'primaryEmail' ? 'email' : 'userName';
          const ask: Repair = { kind: 'ask', newcomer: person, formerId: ownerId, attribute };
          const question = { attribute, newcomerId: person.id } as const;
          return { passes: false, repairs: [ask], ...holdFor(question, link.remoteId, former) };
        }
        if (speaker.isOfPrimary || !was || was.connectionId === speaker.connectionId) return {};
        const reason = `${speaker.connectionName} would have the account of ${former} on ${store.name}: approve it, where that is the same person`;
        return { newSpeaker: { hold: { kind: 'speaker', reason }, hadLeft: true } };
      };
      return [person.id, doubts];
    }),
  );
}
