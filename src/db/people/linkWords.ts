/** Lets searches find people by the names of their accounts, in step with their links. */

import { insertTogether } from '../knex/writing.ts';
import type { Db } from '../open.ts';
import { forgetWords, wordsOfAccount } from './words.ts';

interface AccountName {
  readonly remoteId: string;
  readonly remoteName: string;
}

interface NamedLink extends AccountName {
  readonly id: string;
  readonly environmentId: string;
  readonly subject: { readonly kind: string; readonly id: string };
}

export async function addLinkWords(db: Db, link: NamedLink): Promise<void> {
  const { id, environmentId, subject, remoteName, remoteId } = link;
  if (subject.kind !== 'user') return;
  await insertTogether(db, [
    wordsOfAccount({ id, environmentId, personId: subject.id }, remoteName, remoteId),
  ]);
}

/** Call it before the link's own row changes. */
export async function renameAccount(db: Db, id: string, patch: Partial<AccountName>): Promise<void> {
  const row = await db('links').where({ id, kind: 'user' }).first();
  if (!row) return;
  const { remoteName = row.remote_name, remoteId = row.remote_id } = patch;
  if (remoteName === row.remote_name && remoteId === row.remote_id) return;
  await forgetWords(db, id);
  const subject = { kind: 'user', id: row.subject_id };
  await addLinkWords(db, { id, environmentId: row.environment_id, subject, remoteName, remoteId });
}
