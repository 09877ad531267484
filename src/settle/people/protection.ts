/**
 * Which accounts the bridge may not touch, for many at once: those that an entry of PROTECTED_ACCOUNTS matches or
 * matched before, and the credential's own. Whoever records a look also records its new matches.
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
  /** The name matches now, and no match was remembered before. */
  readonly isNew: boolean;
}

/** Why an account is protected; null where it is not. `names`: all names that the store knows it by. */
export type Protector = (remoteId: string, names: readonly (string | null)[]) => Protected | null;

/** `looked`: accounts whose former matches the caller has read already. */
export async function protectorOf(
  db: Db,
  context: StoreContext,
  remoteIds: readonly string[],
  looked: ReadonlyMap<string, string | null> = new Map(),
): Promise<Protector> {
  const others = remoteIds.filter((id) => !looked.has(id));
  return protectorBy(context, new Map([...looked, ...(await protectedAmong(db, context.store.id, others))]));
}

/** `known`: the entry that once matched the account, by remote id; null where none did. */
export function protectorBy(context: StoreContext, known: ReadonlyMap<string, string | null>): Protector {
  return (remoteId, names) => {
    const before = known.get(remoteId) ?? null;
    if (before !== null) return { remoteId, pattern: before, isNew: false };
    const pattern = protectedBy(protectionOf(context), remoteId, names);
    return pattern === null ? null : { remoteId, pattern, isNew: true };
  };
}

/** The identity attributes whose wanted value is a protected name: with it, the account would count as protected. */
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

/** The names of a linked account: its display name, and its identifiers as observed and as applied. */
export function namesOfLink(
  typed: Typed,
  link: Pick<LinkRecord, 'remoteName' | 'observed' | 'applied'>,
): readonly string[] {
  return [link.remoteName, ...identifiersIn(typed, link.observed), ...identifiersIn(typed, link.applied)];
}

/** The names of an account without a link. */
export function namesOfAccount(typed: Typed, account: RemoteUser): readonly (string | null)[] {
  return [account.display, account.identifier, ...identifiersIn(typed, account.attributes)];
}

function identifiersIn({ definition }: Typed, attributes: Attributes): readonly string[] {
  return Object.values(definition.identifierAttributes).flatMap((name) => attributes[name] ?? []);
}

/** The former matches, for `protectorBy` and `protectorOf`. */
export function protectedAs(
  known: ReadonlyMap<string, Pick<KnownAccount, 'protectedAs'>>,
): ReadonlyMap<string, string | null> {
  return new Map([...known].map(([remoteId, { protectedAs }]) => [remoteId, protectedAs]));
}
