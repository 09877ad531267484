/**
 * Orders the changes of one person where people want each other's addresses and user names: which may go now, and the
 * temporary value where some wait in a circle.
 */

import { lower } from '../../db/columns.ts';
import {
  holdersOf,
  type Key,
  type KeyHolder,
  keyWaitsOf,
  NOT_ASIDE,
  replaceKeyWaits,
} from '../../db/seen/keys.ts';
import type { LinkRecord } from '../../db/seen/links.ts';
import { type AttributeChange, changeKey, type Update, type UserChange } from '../../model/change.ts';
import { keysWanted, temporaryValue, withhold } from '../../plan/keys.ts';
import { planUser } from '../../plan/people/user.ts';
import type { Attempt } from '../attempt.ts';
import type { Gate } from '../gate/gate.ts';
import { writeLink } from '../people/linkWrites.ts';
import { byRecords, type PersonFacts, planPeople } from '../people/look.ts';
import type { Refusal } from '../refusal.ts';
import { type Order, stepAside } from './aside.ts';
import { identityAttributes, recordKeys } from './holders.ts';
import { type Awaited, awaitedKeys, type OwnWait, taken } from './order.ts';
import { isWanted, whyTaken } from './waits.ts';

export interface OrderedPerson extends Order {
  /** With the link as it is after stepping aside. */
  readonly facts: PersonFacts;
  /** The changes that may go now. */
  readonly changes: readonly UserChange[];
  readonly awaited: readonly Awaited[];
}

/** Makes the person step aside where they close a circle. Throws the RemoteError of a vendor that does not answer. */
export async function orderPerson(
  attempt: Attempt,
  facts: PersonFacts,
  gate: Gate<UserChange>,
): Promise<OrderedPerson> {
  const wanted = gate.isKeyHeld ? wantedBy(attempt, facts, gate.allowed) : [];
  const awaited = await awaitedKeys(attempt, wanted, facts.keyWaits, (holder) => givesUp(attempt, holder));
  const isWhole = (change: UserChange) =>
    gate.applied.has(changeKey(change)) || gate.approvals.has(changeKey(change));
  const attributes = new Set(awaited.map(({ attribute }) => attribute));
  const changes = withhold(gate.allowed, attributes, isWhole);
  let { record } = facts;
  const order = await stepAside<Update<'user'>>(attempt, awaited, {
    changes,
    display: facts.desired.display,
    change: (key) => changeAside(attempt, facts, key),
    apply: (change, callContext) => attempt.context.connector.apply(change, callContext),
    write: async (tx, made) => {
      record = await writeLink(tx, attempt, facts, { ...made, link: record }, null);
      await recordKeys(tx, attempt, record);
    },
  });
  return { ...order, changes, awaited, facts: { ...facts, record } };
}

/** A key that the vendor refused because another account has it. */
export interface TakenKey extends Key {
  /** The vendor's words. */
  readonly words: string;
}

/** What to say and to remember of keys that the person did not get. */
export interface NotHad {
  readonly keyWaits: readonly OwnWait[];
  readonly refusals: readonly Refusal[];
}

/** `refused`: keys that the vendor refused. Whoever gives one of them up later wakes the person. */
export async function keysNotHad(
  attempt: Attempt,
  { facts, keyWaits: ordered, awaited }: OrderedPerson,
  refused: readonly TakenKey[],
): Promise<NotHad> {
  const { desired, owner, keyWaits: known } = facts;
  const rows: OwnWait[] = [...ordered];
  const refusals: Refusal[] = [];
  const holders = await holdersOf(attempt.db, attempt.context.store.id, attempt.task.subject, refused);
  for (const { attribute, value, words } of refused) {
    const own = known.find((row) => row.attribute === attribute);
    if (own && !isWanted(desired.attributes, { attribute, value })) {
      // Somebody else has the former value by now. The plan says already why the person cannot have the wanted one.
      rows.push({ ...own, former: null });
      continue;
    }
    const row = taken(known, { attribute, value }, words);
    rows.push(row);
    const holder = holders.find((other) => other.attribute === attribute) ?? null;
    const why = `${desired.display} ${whyTaken(attempt.context, { ...row, holder })}`;
    refusals.push({ reason: why, vendor: { status: null, code: words, message: why } });
  }
  const identifier = identifierOf(attempt, facts);
  if (owner !== null && identifier && !awaited.some(({ attribute }) => attribute === identifier.attribute))
    rows.push({ ...identifier, ...NOT_ASIDE, state: 'taken', reason: 'it is linked to another person' });
  const isNew = ({ attribute }: OwnWait) => !rows.some((row) => row.attribute === attribute);
  const standing = known.filter((row) => isNew(row) && facts.takenKeys.has(row.attribute));
  return { keyWaits: [...rows, ...standing], refusals };
}

/** Remembers the key for which the vendor refused a creation: whoever gives it up later wakes the person. */
export async function rememberTaken(attempt: Attempt, { words, ...key }: TakenKey): Promise<void> {
  const { context, db, task } = attempt;
  const known = await keyWaitsOf(db, context.store.id, task.subject.kind, [task.subject.id]);
  const row = taken(known, key, words);
  await attempt.record((tx) => replaceKeyWaits(tx, context.store.id, task.subject, [row]));
}

/** The key by which accounts are found; null where the person has none, or needs no account. */
function identifierOf({ context }: Attempt, { desired }: PersonFacts): Key | null {
  if (desired.identifier === null || desired.lifecycle !== 'active') return null;
  const attribute = context.definition.identifierAttributes[context.settings.uniqueUserIdentifier];
  return { attribute, value: desired.identifier };
}

/** The keys that these changes would give the person, and the identifier where another person's account has it. */
export function wantedBy(
  attempt: Attempt,
  facts: PersonFacts,
  changes: readonly UserChange[],
): readonly Key[] {
  const wanted = keysWanted(changes, identityAttributes(attempt.context));
  const identifier = facts.owner === null ? null : identifierOf(attempt, facts);
  return identifier ? [...wanted, identifier] : wanted;
}

/** Whether the holder's own plan changes the value, or takes the account away. */
async function givesUp(attempt: Attempt, { subjectId, attribute, valueLower }: KeyHolder): Promise<boolean> {
  const [planned] = await planPeople(attempt, byRecords(attempt), [subjectId]);
  if (!planned) return false;
  const { changes } = planUser({ ...planned.facts, takenKeys: new Map() });
  const isOther = ({ name, to }: AttributeChange) =>
    name === attribute && to !== '' && lower(to) !== valueLower;
  return changes.some(
    (change) => change.op === 'delete' || (change.op === 'update' && change.attributes.some(isOther)),
  );
}

/** A temporary value in the form that the store keeps; null where that would be the wanted value again. */
function changeAside(
  { context }: Attempt,
  { desired, record }: PersonFacts,
  { attribute, value }: Awaited,
): Update<'user'> | null {
  if (record === null) return null;
  const raw = temporaryValue(value, desired.id);
  const isIdentifier =
    attribute === context.definition.identifierAttributes[context.settings.uniqueUserIdentifier];
  const { attributes } = context.connector.normalize({
    ...desired,
    ...(isIdentifier ? { identifier: raw } : {}),
    attributes: { ...desired.attributes, [attribute]: raw },
  }).desired;
  const to = attributes[attribute] ?? '';
  if (to === '' || lower(to) === lower(value)) return null;
  const from = hasNow(record, attribute);
  const subject = { kind: 'user', id: desired.id, display: desired.display } as const;
  return {
    op: 'update',
    temporary: true,
    subject,
    remoteId: record.remoteId,
    attributes: [{ name: attribute, from, to }],
  };
}

function hasNow({ observed, applied }: LinkRecord, attribute: string): string | null {
  return observed[attribute] ?? applied[attribute] ?? null;
}
