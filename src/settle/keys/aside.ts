/**
 * Breaks a circle of subjects that want each other's keys. One of them steps aside: it takes a temporary value until
 * the wanted one is free. Example: Ada wants Bob's address, and Bob wants Ada's. The temporary value is in the
 * database, as an intent, before it is sent.
 */

import type { Applied, CallContext, VendorCall } from '../../connectors/connector.ts';
import type { Db } from '../../db/open.ts';
import { PRIORITY } from '../../db/queue/enqueue.ts';
import type { Intent } from '../../db/queue/queue.ts';
import { raisePriority } from '../../db/queue/tasks.ts';
import { keyWaitsOf, type Meanwhile, NOT_ASIDE, replaceKeyWaits } from '../../db/seen/keys.ts';
import type { Change, Update } from '../../model/change.ts';
import { RemoteError } from '../../model/errors.ts';
import type { Attempt } from '../attempt.ts';
import { intentOf } from '../gate/intent.ts';
import { answerOf, type Refusal } from '../refusal.ts';
import { wake } from './holders.ts';
import { type Awaited, type OwnWait, waiting } from './order.ts';
import { whyTaken, whyWaiting } from './waits.ts';

/** What to do about the keys that the subject cannot have yet. */
export interface Order {
  /** The waits to remember for the subject. */
  readonly keyWaits: readonly OwnWait[];
  /** Why the subject is not as desired for the moment. */
  readonly waiting: readonly string[];
  /** Why it will stay so in part. */
  readonly refusals: readonly Refusal[];
}

type AnyUpdate = Update<'user'> | Update<'group'>;
type AppliedOf<C extends AnyUpdate> = Applied<C['subject']['kind']>;

export interface SteppingAside<C extends AnyUpdate> {
  readonly display: string;
  /** The changes that the attempt goes on with; its intent names all of them. */
  readonly changes: readonly Change[];
  /** The change that gives the temporary value; null where there is no such value. */
  change(key: Awaited): C | null;
  apply(change: C, callContext: CallContext): Promise<AppliedOf<C>>;
  /** Part of the transaction that records the call. */
  write(tx: Db, made: Made<C>): Promise<void>;
}

export interface Made<C extends AnyUpdate> {
  readonly change: C;
  readonly applied: AppliedOf<C>;
  readonly calls: readonly VendorCall[];
}

/**
 * Gives the subject a temporary value for each key with which it closes a circle. Throws errors that say nothing
 * about the value.
 */
export async function stepAside<C extends AnyUpdate>(
  attempt: Attempt,
  awaited: readonly Awaited[],
  stepping: SteppingAside<C>,
): Promise<Order> {
  const keyWaits: OwnWait[] = [];
  const waitingFor: string[] = [];
  const refusals: Refusal[] = [];
  for (const key of awaited) {
    const { attribute, value, holder } = key;
    const taken = key.step === 'stepAside' ? await takeTemporary(attempt, key, stepping) : key.meanwhile;
    if ('reason' in taken) {
      const stuck = { ...waiting(key, NOT_ASIDE), state: 'stuck', reason: taken.reason } as const;
      keyWaits.push(stuck);
      const why = whyTaken(attempt.context, { ...stuck, holder });
      refusals.push({ reason: `${stepping.display} ${why}`, vendor: taken.vendor });
    } else {
      keyWaits.push(waiting(key, taken));
      waitingFor.push(`${stepping.display} ${whyWaiting(attribute, value, holder.remoteName)}`);
    }
  }
  return { keyWaits, waiting: waitingFor, refusals };
}

/** The value that the account or group has now, or why it has no temporary value. */
async function takeTemporary<C extends AnyUpdate>(
  attempt: Attempt,
  key: Awaited,
  stepping: SteppingAside<C>,
): Promise<Meanwhile | Refusal> {
  const change = stepping.change(key);
  const [attribute] = change?.attributes ?? [];
  if (!change || !attribute) return stuck(attempt, key, NO_VALUE);
  // After an earlier attempt, its present value is a temporary one already.
  const former = key.meanwhile.temporary === null ? attribute.from : key.meanwhile.former;
  const meanwhile = { temporary: attribute.to, former };
  await attempt.recordBefore(false, async (tx) => {
    await writeDown(tx, attempt, key, meanwhile);
    await raisePriority(tx, attempt.task.id, PRIORITY.awaited);
    await attempt.announce(tx, intentOf([...stepping.changes, change], null) as Intent);
  });
  const { calls, callContext } = attempt.calling('update');
  const told = { before: { [attribute.name]: attribute.from }, after: { [attribute.name]: attribute.to } };
  try {
    const applied = await stepping.apply(change, callContext);
    const refused = applied.notAccepted?.find((part) => part.attribute === attribute.name);
    if (refused) throw notTaken(attempt, refused.reason);
    await attempt.recordAndGoOn(async (tx) => {
      await stepping.write(tx, { change, applied, calls });
      const reason = `a temporary value: ${key.circle.length} of them want what another of them has`;
      await attempt.changeEvent(tx, change, { calls, ...told, reason });
    });
    return meanwhile;
  } catch (error) {
    if (!(error instanceof RemoteError)) throw error;
    await attempt.record((tx) =>
      attempt.changeEvent(tx, change, { outcome: 'failure', calls, ...told, reason: error.message }),
    );
    if (!REFUSALS.includes(error.disposition)) throw error;
    return stuck(attempt, key, { reason: error.message, vendor: answerOf(error) });
  }
}

const NO_VALUE: Refusal = { reason: 'there is none in its form', vendor: null };
const REFUSALS: readonly RemoteError['disposition'][] = ['rejected', 'forbidden', 'conflict'];

function notTaken({ context }: Attempt, words: string): RemoteError {
  const fields = {
    store: context.store.type,
    action: 'take a temporary value',
    disposition: 'rejected',
  } as const;
  return new RemoteError(words, { ...fields, code: words });
}

async function writeDown(
  tx: Db,
  attempt: Attempt,
  { attribute }: Awaited,
  meanwhile: Meanwhile,
): Promise<void> {
  const { id: storeId } = attempt.context.store;
  const { subject } = attempt.task;
  const waits = await keyWaitsOf(tx, storeId, subject.kind, [subject.id]);
  const named = waits.map((wait) => (wait.attribute === attribute ? { ...wait, ...meanwhile } : wait));
  await replaceKeyWaits(tx, storeId, subject, named);
}

/** The vendor takes no temporary value, so nobody in the circle gets the wanted key. Tells each of them. */
async function stuck(attempt: Attempt, { attribute, circle }: Awaited, refusal: Refusal): Promise<Refusal> {
  const { id: storeId } = attempt.context.store;
  const { kind, id: own } = attempt.task.subject;
  await attempt.record(async (tx) => {
    const waits = await keyWaitsOf(tx, storeId, kind, circle);
    for (const id of circle) {
      const rows = waits
        .filter(({ subjectId }) => subjectId === id)
        .map((wait) =>
          wait.attribute === attribute
            ? ({ ...wait, ...NOT_ASIDE, state: 'stuck', reason: refusal.reason } as const)
            : wait,
        );
      await replaceKeyWaits(tx, storeId, { kind, id }, rows);
      if (id !== own) await wake(tx, attempt, kind, id);
    }
  });
  return refusal;
}
