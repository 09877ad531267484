/**
 * Blocks, unblocks and deletes accounts. GitLab's `unblock` also lets in people who are banned or wait for approval,
 * and its `block` ignores them. So the bridge reads the state where the answer does not show it.
 */

import type { Applied, CallContext } from '../connector.ts';
import * as calls from './api/calls.ts';
import type { Instance } from './api/client.ts';
import { failed, isBlockedByDirectory, isLasting, type Refusal, refused } from './api/errors.ts';
import { isPending, userOf, whyLocked } from './mapping.ts';
import { readRow } from './users.ts';

export async function disableUser(
  instance: Instance,
  remoteId: string,
  context: CallContext,
): Promise<Applied<'user'>> {
  const attempt = { action: `block user ${remoteId}`, writes: true };
  const answer = await instance.client.ask(calls.blockUser, { context, action: attempt.action }, (api) =>
    api.users.block(Number(remoteId)),
  );
  if (!answer.ok) {
    if (answer.refusal.gone) return { remoteId, outcome: 'gone' };
    if (isBlockedByDirectory(answer.refusal)) return { remoteId, outcome: 'already' };
    throw refused(attempt, answer.refusal);
  }
  if (answer.value) return { remoteId, outcome: 'done' };
  // Nothing changed: the account was blocked already, or GitLab does not block an account that is locked in another
  // way.
  const row = await readRow(instance, remoteId, context);
  if (row === null) return { remoteId, outcome: 'gone' };
  const observed = userOf(row, instance.settings);
  if (isPending(row)) {
    const why = `${whyLocked(row)}, which would let the person in; reject it there`;
    throw failed(attempt.action, 'waits', why);
  }
  if (observed.state === 'enabled') throw failed(attempt.action, 'rejected', 'and GitLab says no more');
  if (observed.awaitsApproval) throw failed(attempt.action, 'waits', whyLocked(row));
  return { remoteId, outcome: 'already', observed };
}

export async function enableUser(
  instance: Instance,
  remoteId: string,
  context: CallContext,
): Promise<Applied<'user'>> {
  const action = `unblock user ${remoteId}`;
  const attempt = { action, writes: true };
  const row = await readRow(instance, remoteId, context);
  if (row === null) throw refused(attempt, NO_USER);
  const observed = userOf(row, instance.settings);
  if (observed.state === 'enabled') return { remoteId, observed, outcome: 'already' };
  if (observed.state === 'locked') throw failed(action, 'forbidden', whyLocked(row));
  const answer = await instance.client.ask(calls.unblockUser, { context, action }, (api) =>
    api.users.unblock(Number(remoteId)),
  );
  if (!answer.ok) throw refused(attempt, answer.refusal);
  if (!answer.value) throw failed(action, 'rejected', 'and GitLab says no more');
  return { remoteId, outcome: 'done' };
}

const NO_USER: Refusal = { status: 404, words: '404 User Not Found', gone: true, fields: [] };

/**
 * GitLab does not delete the only owner of a group, and may refuse to delete others; the bridge then blocks the
 * account, so that access ends.
 */
export async function deleteUser(
  instance: Instance,
  remoteId: string,
  context: CallContext,
): Promise<Applied<'user'>> {
  const attempt = { action: `delete user ${remoteId}`, writes: true };
  const answer = await instance.client.ask(calls.deleteUser, { context, action: attempt.action }, (api) =>
    api.users.remove(Number(remoteId)),
  );
  if (answer.ok) return { remoteId, outcome: 'done' };
  const { refusal } = answer;
  if (refusal.gone) return { remoteId, outcome: 'gone' };
  if (!isLasting(attempt, refusal)) throw refused(attempt, refusal);
  const ended = await disableUser(instance, remoteId, context);
  if (ended.outcome === 'gone') return ended;
  const because =
    refusal.status === 409
      ? 'GitLab does not delete the only owner of a group; make somebody else an owner of it, then sync'
      : 'GitLab refuses to delete it; delete it there, or make that possible, then sync';
  const left = `the account is blocked and not deleted, because ${because} (${refusal.words})`;
  return { remoteId, outcome: 'disabled', left };
}
