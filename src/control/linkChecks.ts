/**
 * What nobody may link by hand: protected accounts and groups, groups that may not be matched, and privileged
 * accounts unless the admin confirms.
 */

import type { Db } from '../db/open.ts';
import type { StoreRecord } from '../db/stores/stores.ts';
import { RequestError } from '../model/errors.ts';
import type { Remote, RemoteGroup, RemoteUser } from '../model/remote.ts';
import { groupGuard } from '../settle/groups/protection.ts';
import { namesOfAccount, protectorOf } from '../settle/people/protection.ts';
import { storeContextOf } from '../stores/context.ts';
import type { PropagationDeps } from '../stores/deps.ts';
import type { StoreContext } from '../stores/desired.ts';

/** `confirm`: the admin knows that the account has more rights than others. Throws a 409. */
export async function refuseSpared(
  tx: Db,
  deps: PropagationDeps,
  store: StoreRecord,
  remote: Remote,
  confirm: boolean,
): Promise<void> {
  const context = await storeContextOf(tx, deps.connectors, store);
  if (remote.kind === 'user') await refuseAccount(tx, context, remote, confirm);
  else await refuseGroup(tx, context, remote);
}

async function refuseAccount(
  tx: Db,
  context: StoreContext,
  account: RemoteUser,
  confirm: boolean,
): Promise<void> {
  const { store } = context;
  const { display, remoteId, privileged } = account;
  const protect = await protectorOf(tx, context, [remoteId]);
  if (protect(remoteId, namesOfAccount(context, account)) !== null)
    throw refusal(
      '/remoteId',
      `the account ${display} (${remoteId}) is protected on ${store.name}; PROTECTED_ACCOUNTS, or its being the credential's own, says so`,
    );
  if (privileged !== true || confirm) return;
  throw refusal(
    '/confirm',
    `the account ${display} (${remoteId}) is privileged on ${store.name}; send confirm: true to link it all the same`,
  );
}

async function refuseGroup(db: Db, context: StoreContext, group: RemoteGroup): Promise<void> {
  const { remoteId, name, display } = group;
  const guard = await groupGuard({ db, context }, [remoteId]);
  const why = guard({ remoteId, names: [name, display], isOwn: false });
  if (why !== null)
    throw refusal('/remoteId', `the group ${name} (${remoteId}) on ${context.store.name} ${why}`);
}

function refusal(pointer: string, detail: string): RequestError {
  return new RequestError(409, `T${detail.slice(1)}.`, [{ pointer, detail }]);
}
