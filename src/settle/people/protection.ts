/**
 * Which accounts nobody may touch, for many at once: by the entries of PROTECTED_ACCOUNTS, by what one of them matched
 * before, and the credential's own. What is newly matched is remembered by whoever records what was looked at.
 */

import type { Db } from '../../db/open.ts';
import type { KnownAccount } from '../../db/seen/knownPeople.ts';
import type { LinkRecord } from '../../db/seen/links.ts';
import { type ProtectedAccount, protectedAmong, rememberProtected } from '../../db/seen/spared.ts';
import type { Attributes } from '../../model/desired.ts';
import type { Remote, RemoteUser } from '../../model/remote.ts';
import { protectedBy } from '../../plan/protection.ts';
import type { StoreContext } from '../../stores/desired.ts';

export interface Protected extends ProtectedAccount {
  /** Its name matches now and was not remembered yet. */
  readonly isNew: boolean;
}

/** Null where nobody protects the account. `names` are all that it is known by at the store. */
export type Protector = (remoteId: string, names: readonly (string | null)[]) => Protected | null;

/** `looked`: accounts of which somebody has looked already whether they were matched before, and by what. */
export async function protectorOf(
  db: Db,
  context: StoreContext,
  remoteIds: readonly string[],
  looked: ReadonlyMap<string, string | null> = new Map(),
): Promise<Protector> {
  const others = remoteIds.filter((id) => !looked.has(id));
  return protectorBy(context, new Map([...looked, ...(await protectedAmong(db, context.store.id, others))]));
}

/** `known`: by remote id, the entry that once matched the account; null where none did. */
export function protectorBy(context: StoreContext, known: ReadonlyMap<string, string | null>): Protector {
  return (remoteId, names) => {
    const before = known.get(remoteId) ?? null;
    if (before !== null) return { remoteId, pattern: before, isNew: false };
    const pattern = protectedBy(protectionOf(context), remoteId, names);
    return pattern === null ? null : { remoteId, pattern, isNew: true };
  };
}

/** The identity attributes whose value is a protected name: an account that got one would be taken for protected. */
export function protectedNames(
  context: StoreContext,
  identity: readonly string[],
  wanted: Attributes,
): readonly string[] {
  return identity.filter((name) => {
    const value = wanted[name] ?? '';
    return value !== '' && protectedBy(protectionOf(context), null, [value]) !== null;
  });
}

/** Part of the transaction that records what the store showed. */
export async function rememberShown(
  tx: Db,
  context: StoreContext,
  shown: readonly Remote[],
  at: string,
): Promise<void> {
  const found = shown.flatMap((remote): readonly ProtectedAccount[] => {
    if (remote.kind !== 'user') return [];
    const { remoteId } = remote;
    const pattern = protectedBy(protectionOf(context), remoteId, namesOfAccount(context, remote));
    return pattern === null ? [] : [{ remoteId, pattern }];
  });
  await rememberProtected(tx, context.store.id, found, at);
}

function protectionOf({ settings, store }: StoreContext) {
  return { patterns: settings.protectedAccounts, self: store.self };
}

type Typed = Pick<StoreContext, 'definition'>;

/** The names by which an account is known that is somebody's: as a person reads it, as seen there, and as sent. */
export function namesOfLink(
  typed: Typed,
  link: Pick<LinkRecord, 'remoteName' | 'observed' | 'applied'>,
): readonly string[] {
  return [link.remoteName, ...identifiersIn(typed, link.observed), ...identifiersIn(typed, link.applied)];
}

/** The names by which an account is known that is nobody's yet. */
export function namesOfAccount(typed: Typed, account: RemoteUser): readonly (string | null)[] {
  return [account.display, account.identifier, ...identifiersIn(typed, account.attributes)];
}

function identifiersIn({ definition }: Typed, attributes: Attributes): readonly string[] {
  return Object.values(definition.identifierAttributes).flatMap((name) => attributes[name] ?? []);
}

/** For `protectorBy` and `protectorOf`. */
export function protectedAs(
  known: ReadonlyMap<string, Pick<KnownAccount, 'protectedAs'>>,
): ReadonlyMap<string, string | null> {
  return new Map([...known].map(([remoteId, { protectedAs }]) => [remoteId, protectedAs]));
}
