/** Applies the changes of one person's plan in turn, and records each as the vendor takes it. */

import type { Applied, NotAccepted } from '../../connectors/connector.ts';
import type { Db } from '../../db/open.ts';
import type { LinkRecord } from '../../db/seen/links.ts';
import { endsAccess, type UserChange } from '../../model/change.ts';
import { RemoteError } from '../../model/errors.ts';
import { UNAPPROVED } from '../../plan/drafting.ts';
import { notAcceptedReason } from '../../plan/people/attributes.ts';
import type { Attempt } from '../attempt.ts';
import { type Gate, tickOff } from '../gate/gate.ts';
import { rememberTaken, type TakenKey } from '../keys/people.ts';
import { foundEvent, intendedCreation } from '../recovery/found.ts';
import { isNew } from '../recovery/user.ts';
import { refuseAnothers } from '../recovery/wrongAnswer.ts';
import { forbiddenAsSkip, type Refusal } from '../refusal.ts';
import { endWaitForSeats } from '../seats.ts';
import { whyOf } from '../why.ts';
import { enqueueGroupsOf } from './groupsOf.ts';
import { type MadeChange, writeLink } from './linkWrites.ts';
import type { PersonFacts } from './look.ts';

/** The link as a change left it. */
export interface Recorded {
  readonly link: LinkRecord | null;
  /** The person's groups must be settled again. */
  readonly affectsGroups: boolean;
}

export interface AppliedChanges {
  /** Records the last change, which is made already, so that it shares a transaction with the conclusion. */
  recordLast(tx: Db): Promise<Recorded>;
  readonly refusals: readonly Refusal[];
  /** Keys that the vendor refused because another account has them. */
  readonly taken: readonly TakenKey[];
  /** The account was disabled or deleted, and was not disabled before. */
  readonly accessTaken: boolean;
  /** The vendor did not delete an account that was disabled before. */
  readonly isKeptThere: boolean;
}

/** Stops at the first change that the vendor refuses for good. Throws any other RemoteError. */
export async function applyUserChanges(
  attempt: Attempt,
  facts: PersonFacts,
  gate: Gate<UserChange>,
): Promise<AppliedChanges> {
  let recordLast: AppliedChanges['recordLast'] = async () => ({ link: facts.record, affectsGroups: false });
  let accessTaken = false;
  let isKeptThere = false;
  const refusals: Refusal[] = [];
  const taken: TakenKey[] = [];
  for (const [index, { change, parts }] of stepsOf(gate.allowed).entries()) {
    const { link } = index === 0 ? { link: facts.record } : await recordApart(attempt, recordLast);
    const { calls, callContext } = attempt.calling(change.op);
    try {
      const applied =
        change.op === 'adopt' ? null : await attempt.context.connector.apply(change, callContext);
      if (applied?.outcome === 'gone') throw notThere(attempt, change);
      if (applied?.outcome === 'already' && change.op === 'enable') refuseOlderLook(attempt, change, link);
      refuseAnothers(attempt, change, applied);
      const made = { change, applied, calls, link };
      recordLast = (tx) => recordChange(tx, attempt, facts, { gate, parts }, made);
      isKeptThere ||= applied?.outcome === 'disabled' && link?.state === 'disabled';
      accessTaken ||= endsAccess(change) && !isKeptThere;
      refusals.push(...whatIsLeft(attempt, change, applied));
      const refused = (applied?.notAccepted ?? []).filter((part) => part.taken);
      taken.push(...refused.map((part) => takenKey(change, part)));
    } catch (error) {
      if (error instanceof RemoteError && error.taken !== undefined)
        await rememberTaken(attempt, takenKey(change, { attribute: error.taken, reason: error.message }));
      const refusal = await forbiddenAsSkip(attempt, change, calls, error);
      return {
        recordLast: async () => ({ link, affectsGroups: false }),
        refusals: [...refusals, refusal],
        taken,
        accessTaken,
        isKeptThere,
      };
    }
  }
  return { recordLast, refusals, taken, accessTaken, isKeptThere };
}

function takenKey(change: UserChange, { attribute, reason: words }: NotAccepted): TakenKey {
  const value =
    change.op === 'create'
      ? change.attributes[attribute]
      : change.op === 'update'
        ? change.attributes.find(({ name }) => name === attribute)?.to
        : undefined;
  return { attribute, value: value ?? '', words };
}

interface Step {
  readonly change: UserChange;
  /** As planned. */
  readonly parts: readonly UserChange[];
}

/** Harmless attributes and identity attributes go in one call where the gate lets both pass. */
function stepsOf(changes: readonly UserChange[]): readonly Step[] {
  const updates = changes.filter((change) => change.op === 'update');
  const [first, ...others] = updates;
  if (!first || others.length === 0) return changes.map((change) => ({ change, parts: [change] }));
  const whole = { ...first, attributes: updates.flatMap(({ attributes }) => attributes) };
  return changes.flatMap((change): readonly Step[] => {
    if (change.op !== 'update') return [{ change, parts: [change] }];
    return change === first ? [{ change: whole, parts: updates }] : [];
  });
}

/** For a person who is to lose access: another account may have taken the place of the one that is gone. */
function notThere({ context }: Attempt, { op, subject }: UserChange): RemoteError {
  const { name, type } = context.store;
  const action = `${op} ${subject.display}`;
  const message = `${name} does not have the account of ${subject.display} any more`;
  return new RemoteError(message, { store: type, action, disposition: 'missing', code: 'gone' });
}

/**
 * The vendor shows the account enabled, although the bridge disabled it a moment ago; it may show an older state. If
 * the bridge believed it, a person who came back would stay shut out.
 */
function refuseOlderLook(attempt: Attempt, { subject }: UserChange, link: LinkRecord | null): void {
  if (link === null || !isNew(attempt, link)) return;
  const { name, type } = attempt.context.store;
  const message = `${name} shows the account of ${subject.display} enabled, which the bridge has just found or made disabled; it is looked at again`;
  const action = `enable ${subject.display}`;
  throw new RemoteError(message, { store: type, action, disposition: 'waits', code: 'shown_late' });
}

/** Which parts of a change the vendor took otherwise than they were sent. */
function whatIsLeft(
  { context }: Attempt,
  { op, subject }: UserChange,
  applied: Applied<'user'> | null,
): readonly Refusal[] {
  const { notAccepted = [], left, observed } = applied ?? {};
  const refused = notAccepted.filter((part) => !part.taken);
  const said = refused.map(({ attribute, reason }) => ({
    reason: `${subject.display} ${notAcceptedReason(attribute, context.store.name, reason)}`,
    code: reason,
  }));
  if (left !== undefined) said.push({ reason: `${subject.display}: ${left}`, code: left });
  if (op === 'create' && observed?.awaitsApproval)
    said.push({ reason: `${subject.display} ${UNAPPROVED}`, code: 'awaits_approval' });
  return said.map(({ reason, code }) => ({ reason, vendor: { status: null, code, message: reason } }));
}

/** Records a change that another one follows. */
function recordApart(attempt: Attempt, record: AppliedChanges['recordLast']): Promise<Recorded> {
  return attempt.recordAndGoOn(async (tx) => {
    const recorded = await record(tx);
    if (recorded.affectsGroups) await enqueueGroupsOf(tx, attempt, recorded.link?.remoteId);
    return recorded;
  });
}

async function recordChange(
  tx: Db,
  attempt: Attempt,
  facts: PersonFacts,
  { gate, parts }: { readonly gate: Gate; readonly parts: readonly UserChange[] },
  made: MadeChange,
): Promise<Recorded> {
  const { change, calls } = made;
  const { desired } = facts;
  const intent = change.op === 'adopt' ? await intendedCreation(tx, attempt, desired.identifier) : null;
  const link = await writeLink(tx, attempt, facts, made, intent);
  // An attribute that another account has is sent again later, under the same approval.
  if (!isTaken(made)) for (const part of parts) await tickOff(tx, attempt, gate, part);
  if (change.op === 'create') await endWaitForSeats(tx, attempt);
  if (intent) {
    const { remoteId, remoteName, applied } = link;
    await foundEvent(tx, attempt, 'create', remoteName, { remoteId, ...applied });
  } else {
    const why = change.op === 'update' ? {} : { reason: await whyOf(tx, attempt.context, desired) };
    const { left } = made.applied ?? {};
    const outcome = isNothing(made) || left !== undefined ? ('failure' as const) : ('success' as const);
    const reason = left === undefined ? why : { reason: left };
    await attempt.changeEvent(tx, change, { calls, outcome, ...marked(change, describe(change)), ...reason });
  }
  const brings = ['create', 'adopt', 'enable'].includes(change.op);
  return { link, affectsGroups: brings };
}

function isTaken({ applied }: MadeChange): boolean {
  return applied?.notAccepted?.some((part) => part.taken) ?? false;
}

/** The vendor took no part of the change. */
function isNothing({ change, applied }: MadeChange): boolean {
  if (change.op !== 'update') return false;
  const refused = applied?.notAccepted?.map(({ attribute }) => attribute) ?? [];
  return change.attributes.every(({ name }) => refused.includes(name));
}

/** Adds to the event what kind of account it is about. */
function marked(
  change: UserChange,
  { after, ...described }: { before?: unknown; after?: unknown },
): { before?: unknown; after?: unknown } {
  const revives = change.op === 'adopt' && change.revives ? { revives: true } : {};
  const privileged = change.privileged ? { privileged: true } : {};
  return { ...described, after: { ...(after as object), ...privileged, ...revives } };
}

/** What the event shows of a change. */
function describe(change: UserChange): { before?: unknown; after?: unknown } {
  switch (change.op) {
    case 'create':
      return { after: { identifier: change.identifier, ...change.attributes } };
    case 'update':
      return {
        before: Object.fromEntries(change.attributes.map((attribute) => [attribute.name, attribute.from])),
        after: Object.fromEntries(change.attributes.map((attribute) => [attribute.name, attribute.to])),
      };
    default:
      return { after: { remoteId: change.remoteId } };
  }
}
