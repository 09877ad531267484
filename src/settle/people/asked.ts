/**
 * The look at one person that asks the vendor: only where the records are not enough. That is after an unknown
 * outcome, where the bridge no longer knows anything of the account, and before the account is first linked.
 */

import { lower } from '../../db/columns.ts';
import { isIdentifierOfAnother } from '../../db/people/namesakes.ts';
import { PRIORITY } from '../../db/queue/enqueue.ts';
import { type KnownAccount, knownAccounts } from '../../db/seen/knownPeople.ts';
import type { LinkRecord } from '../../db/seen/links.ts';
import { type Observation, observedAs } from '../../db/seen/observations.ts';
import type { DesiredUser } from '../../model/desired.ts';
import { RemoteError } from '../../model/errors.ts';
import type { RemoteUser } from '../../model/remote.ts';
import { isSameIdentity } from '../../plan/people/attributes.ts';
import type { Attempt } from '../attempt.ts';
import { wasShutThere } from '../drift.ts';
import { remoteKey } from '../gate/claims.ts';
import { identityAttributes } from '../keys/holders.ts';
import { isNameless, meetAgain } from '../purged.ts';
import { letCreationArrive } from '../recovery/found.ts';
import { believeAbsence, isNew, recoverUser } from '../recovery/user.ts';
import { REMOVED } from '../repairs.ts';
import { markedAttributes } from '../situation.ts';
import { type AccountSight, type LinkSight, lookAtPeople, type PersonFacts, type Sight } from './look.ts';

/** Throws the RemoteError of the vendor. */
export async function lookAtPerson(attempt: Attempt): Promise<PersonFacts> {
  return lookAt(attempt, (person, link) => linkSight(attempt, person, link));
}

async function lookAt(attempt: Attempt, sightOf: SightOf): Promise<PersonFacts> {
  const [facts] = await lookAtPeople(attempt, byVendor(attempt, sightOf), [attempt.task.subject.id]);
  const { intent } = attempt;
  // Where the vendor refused the creation because the account exists already, somebody else made it.
  const mayHaveMade = intent?.identifier !== undefined && intent.ops.includes('create');
  const isOwn = mayHaveMade && intent.identifier === facts?.desired.identifier;
  return { ...(facts as PersonFacts), isOwn };
}

/**
 * Reads the account before the bridge replaces or fills a value by which it is found or signed in to. It may be
 * privileged by now, protected under another name, or have an identity that somebody else gave it. Where the vendor
 * does not show the account, the facts stay as they are: the vendor may be late, and the write will tell. Throws the
 * RemoteError of the vendor.
 */
export async function lookBeforeNaming(attempt: Attempt, facts: PersonFacts): Promise<PersonFacts> {
  const link = facts.record as LinkRecord;
  const account = await attempt.context.connector.read('user', link.remoteId, attempt.looking('read'));
  if (account === null) return facts;
  const identity = markedAttributes(attempt.context, 'identity');
  const wanted = facts.desired.attributes;
  // A vendor may show late what the bridge has just written. An old value that would make the change look harmless is
  // no news then.
  const isNews = (name: string, value: string) =>
    link.applied[name] === undefined ||
    !isNew(attempt, link) ||
    (value !== '' && !isSameIdentity(value, wanted[name] ?? ''));
  const shown = Object.fromEntries(
    Object.entries(account.attributes).filter(
      ([name, value]) => identity.includes(name) && isNews(name, value),
    ),
  );
  const patch = {
    observed: { ...link.observed, ...shown },
    privileged: account.privileged === true,
  };
  return lookAt(attempt, async () => ({
    link: { ...link, ...patch },
    account,
    shown,
    repairs: [
      ...facts.repairs.filter(({ kind }) => kind !== 'protect' && kind !== 'spare'),
      { kind: 'meet', link, patch },
      { kind: 'observe', remote: account },
    ],
  }));
}

type SightOf = (person: DesiredUser, recorded: LinkRecord | null) => Promise<LinkSight>;

function byVendor(attempt: Attempt, sightOf: SightOf): Sight {
  return {
    async lookAtLinks(people, links) {
      const sights = new Map<string, LinkSight>();
      for (const person of people) {
        const link = links.get(person.id) ?? null;
        attempt.claim.take(keysOfPerson(attempt, person, link));
        const sight = await sightOf(person, link);
        sights.set(person.id, { ...sight, lost: attempt.lost });
      }
      return sights;
    },
    async findAccounts(people, links) {
      const accounts = new Map<string, AccountSight>();
      for (const person of people) {
        if (person.lifecycle === 'active') await letCreationArrive(attempt, person.identifier as string);
        const isOwed = attempt.lost && person.lifecycle !== 'active';
        const found = isOwed
          ? await successorOf(attempt, person, links.get(person.id) ?? null)
          : await accountOf(attempt, person, person.identifier as string);
        if (found) accounts.set(person.id, found);
      }
      return accounts;
    },
    async readAccounts(remoteIds) {
      const accounts = new Map<string, AccountSight>();
      for (const [personId, remoteId] of remoteIds) {
        const account = await attempt.context.connector.read('user', remoteId, attempt.looking('read'));
        if (account) accounts.set(personId, { account, repairs: [{ kind: 'observe', remote: account }] });
      }
      return accounts;
    },
  };
}

/**
 * The account that replaced the one a leaver lost. It has the person's identifier, or that of the lost account, which
 * may differ where the directory changed it meanwhile. Null where somebody else may have a right to it.
 */
async function successorOf(
  attempt: Attempt,
  person: DesiredUser,
  link: LinkRecord | null,
): Promise<AccountSight | null> {
  const { definition, settings, store } = attempt.context;
  const by = settings.uniqueUserIdentifier;
  const attribute = definition.identifierAttributes[by];
  const had = [person.identifier, link?.applied[attribute], link?.observed[attribute]];
  const named = had.flatMap((value) => (value ? [[lower(value), value] as const] : []));
  for (const identifier of new Map(named).values()) {
    if (await isIdentifierOfAnother(attempt.db, store.environmentId, by, identifier, person.id)) continue;
    const found = await accountOf(attempt, person, identifier);
    if (found) return found;
  }
  return null;
}

/** What the attempt claims: the account, and the keys that it has and will have. */
function keysOfPerson(
  { context, intent }: Attempt,
  { attributes, identifier }: DesiredUser,
  link: LinkRecord | null,
): readonly string[] {
  const identifiedBy = context.definition.identifierAttributes[context.settings.uniqueUserIdentifier];
  const values = identityAttributes(context).flatMap((name) =>
    [attributes[name], link?.applied[name], link?.observed[name]].map((value) => [name, value] as const),
  );
  const named = [...values, [identifiedBy, identifier], [identifiedBy, intent?.identifier]] as const;
  const keys = named.flatMap(([name, value]) => (value ? [`${name} ${lower(value)}`] : []));
  return [...new Set(link ? [remoteKey('user', link.remoteId), ...keys] : keys)];
}

async function linkSight(
  attempt: Attempt,
  desired: DesiredUser,
  recorded: LinkRecord | null,
): Promise<LinkSight> {
  // An account that somebody disabled at the vendor may have been enabled there since.
  const isInDoubt = attempt.unknownOutcome || (desired.lifecycle !== 'active' && wasShutThere(recorded));
  const sight = isInDoubt ? await recoverUser(attempt, recorded, desired) : { link: recorded };
  const { link } = sight;
  if (link !== null && link.deletedAt !== null && desired.lifecycle === 'active')
    return deletedSight(attempt, link, sight);
  if (link === null || !isNameless(link)) return sight;
  const met = await meetAgain(attempt, link, desired);
  const repairs = sight.repairs ?? [];
  if (met) return { ...met, repairs: [...repairs, ...met.repairs] };
  return { link: { ...link, ...REMOVED }, repairs: [...repairs, { kind: 'vanish', link }] };
}

/** Vendors take time to delete. Until the account is gone, nobody gets a new one with its address. */
async function deletedSight(attempt: Attempt, link: LinkRecord, sight: LinkSight): Promise<LinkSight> {
  const there = await attempt.context.connector.read('user', link.remoteId, attempt.looking('read'));
  if (there) throw stillThere(attempt, there);
  const patch = { deletedAt: null };
  const repairs = [...(sight.repairs ?? []), { kind: 'meet', link, patch } as const];
  return { ...sight, link: { ...link, ...patch }, repairs };
}

function stillThere({ context }: Attempt, { display, remoteId }: RemoteUser): RemoteError {
  const { name, type } = context.store;
  return new RemoteError(
    `the bridge deleted the account ${display} (${remoteId}), and ${name} has not finished with it; a new one is made then`,
    { store: type, action: `read user ${remoteId}`, disposition: 'waits', code: 'being_deleted' },
  );
}

/** How long the bridge relies on an observation: it does not ask a store again that it has just scanned. */
const FRESH_MS = 10 * 60_000;

/** Only for tasks of the sync that scanned. Later, somebody may have promoted the account. */
function isFresh({ task, deps }: Attempt, seen: Observation<'user'>): boolean {
  return task.priority === PRIORITY.sync && deps.clock.now() - Date.parse(seen.seenAt) < FRESH_MS;
}

/**
 * The account under the person's identifier. After a complete scan the bridge does not ask again: for a first
 * creation it relies on the vendor, which refuses a second account with one identifier, and for an adoption on the
 * scan. Where either proves wrong, and in all other cases, it asks the vendor.
 */
async function accountOf(
  attempt: Attempt,
  desired: DesiredUser,
  identifier: string,
): Promise<AccountSight | null> {
  const { store, settings, connector } = attempt.context;
  const mayCreate = desired.lifecycle === 'active' && settings.createUsers;
  if (!attempt.unknownOutcome && !attempt.lost && store.scannedAt !== null) {
    const seen = await observedAs(attempt.db, store.id, 'user', identifier);
    if (seen && isFresh(attempt, seen)) {
      const { link, isBeingDeleted } = await recordOf(attempt, seen.remote.remoteId);
      // Where the bridge changed the account after the observation, it may have another identifier by now.
      const isChanged = link !== null && link.updatedAt > seen.seenAt;
      if (!isBeingDeleted && !isChanged) return { account: seen.remote };
    }
    if (!seen && mayCreate) return null;
  }
  const account = await connector.find('user', identifier, attempt.looking('find'));
  if (account === null && desired.lifecycle !== 'active') await believeAbsence(attempt);
  if (account && (await recordOf(attempt, account.remoteId)).isBeingDeleted)
    throw stillThere(attempt, account);
  return account && { account, repairs: [{ kind: 'observe', remote: account }] };
}

async function recordOf({ db, context }: Attempt, remoteId: string): Promise<KnownAccount> {
  return (await knownAccounts(db, context.store.id, [remoteId])).get(remoteId) as KnownAccount;
}
