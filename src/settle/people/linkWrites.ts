/** Writes each change of a person's account into the link, in the transaction that records the change. */

import type { Applied, VendorCall } from '../../connectors/connector.ts';
import { groupsLosing } from '../../db/brake/losses.ts';
import { lower } from '../../db/columns.ts';
import type { Db } from '../../db/open.ts';
import { yieldingPeople } from '../../db/people/namesakes.ts';
import type { Intent } from '../../db/queue/queue.ts';
import { doubtingMembershipsOf, forgetAccount } from '../../db/seen/ledger.ts';
import { deleteLink, insertLink, type LinkPatch, type LinkRecord, updateLink } from '../../db/seen/links.ts';
import { forgetObservation } from '../../db/seen/observations.ts';
import { forgetRefusedOfAccount } from '../../db/seen/refusedMemberships.ts';
import { send } from '../../db/transaction.ts';
import type { AttributeChange, NotAcceptedAttributes, UserChange } from '../../model/change.ts';
import type { Attributes, DesiredUser } from '../../model/desired.ts';
import type { RemoteUser } from '../../model/remote.ts';
import { lockedBy } from '../../plan/drafting.ts';
import { changedMeanwhile, observedAfter } from '../../plan/drift.ts';
import { keptAttributes } from '../../plan/people/user.ts';
import type { Attempt } from '../attempt.ts';
import { endDrift } from '../driftStatus.ts';
import { arrivedAttributes } from '../recovery/user.ts';
import { REMOVED } from '../repairs.ts';
import { enqueueGroup, enqueueHeirs, enqueuePerson } from './groupsOf.ts';
import type { PersonFacts } from './look.ts';

/** A change that the vendor took. */
export interface MadeChange {
  readonly change: UserChange;
  /** Null where no call was needed. */
  readonly applied: Applied<'user'> | null;
  readonly calls: readonly VendorCall[];
  /** The link before the change. */
  readonly link: LinkRecord | null;
}

/** `intent`: the one of the creation that made the account, where it is adopted now. */
export async function writeLink(
  tx: Db,
  attempt: Attempt,
  facts: PersonFacts,
  { change, applied, link }: MadeChange,
  intent: Intent | null,
): Promise<LinkRecord> {
  const { store, connector } = attempt.context;
  const { desired } = facts;
  const remote = applied?.observed ?? null;
  switch (change.op) {
    case 'create':
      return put(tx, attempt, link, {
        remoteId: applied?.remoteId as string,
        remoteName: remote?.display ?? change.identifier,
        origin: 'created',
        ...stateOfNew(remote),
        deletedAt: null,
        applied: withoutTaken(change.attributes, applied),
        observed: { ...applied?.sent, ...remote?.attributes },
        notAccepted: notAccepted(change.attributes, applied),
      });
    case 'adopt':
      if (facts.passing) await passOn(tx, attempt, facts.passing);
      return put(tx, attempt, link, adoption(facts, facts.account as RemoteUser, intent));
    case 'update': {
      const sent = Object.fromEntries(change.attributes.map((attribute) => [attribute.name, attribute.to]));
      const to = withoutTaken(sent, applied);
      const written = { ...to, ...applied?.sent };
      const before = link?.observed ?? {};
      const observed = observedAfter(before, written, { ...applied?.sent, ...remote?.attributes }, facts);
      const patch = {
        applied: { ...link?.applied, ...to },
        observed,
        notAccepted: { ...without(link?.notAccepted, to), ...notAccepted(to, applied) },
        ...(remote ? { remoteName: remote.display } : {}),
      };
      await enqueueYielding(tx, attempt, change.attributes);
      const byHand = changedMeanwhile(before, observed, written, desired.attributes);
      return put(tx, attempt, link, patch, Object.keys(to), byHand);
    }
    case 'enable':
      await forgetRefusedOfAccount(tx, store.id, change.remoteId);
      return put(tx, attempt, link, { state: 'enabled', disabledBy: null, removalSince: null });
    case 'disable':
      if (!connector.capabilities.disableKeepsMemberships)
        await send(tx, [doubtingMembershipsOf(store.id, change.remoteId)]);
      return put(tx, attempt, link, disabled(attempt, desired));
    case 'delete':
      if (applied?.outcome === 'disabled') return put(tx, attempt, link, disabled(attempt, desired));
      await dropMemberships(tx, attempt, change.remoteId);
      await forgetObservation(tx, store.id, 'user', change.remoteId);
      await enqueueHeirs(tx, attempt);
      return put(tx, attempt, link, { ...REMOVED, deletedAt: attempt.now() });
  }
}

/** An attribute that another account has is still to be sent, once that one has given it up. */
function withoutTaken(attributes: Attributes, applied: Applied<'user'> | null): Attributes {
  const taken = applied?.notAccepted?.filter((part) => part.taken).map(({ attribute }) => attribute) ?? [];
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => !taken.includes(name)));
}

function disabled(attempt: Attempt, { lifecycle }: DesiredUser): LinkPatch {
  const isGone = lifecycle === 'gone';
  const disabledBy = isGone ? 'gone' : 'inactive';
  return { state: 'disabled', disabledBy, removalSince: isGone ? attempt.now() : null };
}

/** Where the vendor wants every newcomer approved, the account exists and lets nobody in yet. */
function stateOfNew(remote: RemoteUser | null): Pick<LinkRecord, 'state' | 'disabledBy'> {
  if (remote?.state !== 'locked') return { state: 'enabled', disabledBy: null };
  return { state: 'disabled', disabledBy: lockedBy(remote) };
}

function without<T>(values: Readonly<Record<string, T>> | undefined, written: Attributes): Record<string, T> {
  return Object.fromEntries(Object.entries(values ?? {}).filter(([name]) => !(name in written)));
}

function notAccepted(sent: Attributes, applied: Applied<'user'> | null): NotAcceptedAttributes {
  const parts = applied?.notAccepted?.filter((part) => !part.taken) ?? [];
  return Object.fromEntries(
    parts.map(({ attribute, reason }) => [attribute, { wanted: sent[attribute] ?? '', reason }]),
  );
}

/** Queues people who had to wait for an address that is free now. */
async function enqueueYielding(tx: Db, attempt: Attempt, changes: readonly AttributeChange[]): Promise<void> {
  const { store, definition } = attempt.context;
  const names = Object.values(definition.identifierAttributes);
  for (const { name, from } of changes) {
    if (from === null || !names.includes(name)) continue;
    const { environmentId } = store;
    const freed = { environmentId, address: lower(from), exceptId: attempt.task.subject.id };
    for (const id of await yieldingPeople(tx, freed)) await enqueuePerson(tx, attempt, id);
  }
}

/** Passes the account from a person whom the directory has lost to the person who has its identifier. */
async function passOn(tx: Db, attempt: Attempt, link: LinkRecord): Promise<void> {
  await deleteLink(tx, link.id);
  await attempt.event(tx, {
    kind: 'link.deleted',
    outcome: 'success',
    subject: link.subject,
    reason: `the account ${link.remoteName} passes to ${attempt.task.subject.id}, who has its identifier now`,
  });
}

/** Forgets the account's memberships and what was held of them. A group that is gone may have waited for that. */
async function dropMemberships(tx: Db, attempt: Attempt, remoteId: string): Promise<void> {
  const { store } = attempt.context;
  await forgetAccount(tx, store.id, remoteId);
  const groupIds = await groupsLosing(tx, store.id, attempt.task.subject.id);
  for (const id of groupIds) await enqueueGroup(tx, attempt, id);
}

/** An account that an unanswered creation of the bridge made counts as created, not as adopted. */
function adoption(facts: PersonFacts, account: RemoteUser, intent: Intent | null) {
  const disabled = account.state === 'disabled' || account.state === 'locked';
  return {
    remoteId: account.remoteId,
    remoteName: account.display,
    origin: intent ? ('created' as const) : ('adopted' as const),
    state: disabled ? ('disabled' as const) : ('enabled' as const),
    // The bridge adopts a disabled account to enable it. Should that fail, the next look must not read it as disabled
    // by hand.
    disabledBy: account.state === 'locked' ? lockedBy(account) : disabled ? ('inactive' as const) : null,
    deletedAt: null,
    applied: intent ? arrivedAttributes(intent, account) : keptAttributes(facts),
    observed: account.attributes,
    privileged: account.privileged === true,
  };
}

/** Leaves out an unchanged name, because writing it would look it up again. */
function withoutSameName(link: LinkRecord, patch: LinkPatch): LinkPatch {
  const { remoteName, ...rest } = patch;
  return remoteName === link.remoteName ? rest : patch;
}

/** `written`: the attributes that were sent; null where the state was. `answered`: what was changed by hand. */
async function put(
  tx: Db,
  attempt: Attempt,
  link: LinkRecord | null,
  patch: LinkPatch,
  written: readonly string[] | null = null,
  answered: Attributes = {},
): Promise<LinkRecord> {
  if (link) {
    await updateLink(tx, link.id, withoutSameName(link, patch), attempt.now());
    return { ...link, ...patch, drift: await endDrift(tx, link, written, attempt.now(), answered) };
  }
  const { store } = attempt.context;
  return insertLink(
    tx,
    {
      environmentId: store.environmentId,
      storeId: store.id,
      subject: attempt.task.subject,
      remoteId: patch.remoteId as string,
      remoteName: patch.remoteName as string,
      origin: patch.origin ?? 'adopted',
      state: patch.state ?? 'enabled',
      ...patch,
    },
    attempt.now(),
  );
}
