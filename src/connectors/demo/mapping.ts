/** Translates between the bridge's words and the Demo store's tables. */

import type { CommonSettings } from '../../model/commonSettings.ts';
import type { DesiredGroup, DesiredUser } from '../../model/desired.ts';
import type { RemoteGroup, RemoteUser } from '../../model/remote.ts';
import type { Normalized } from '../connector.ts';
import type { DemoAccount, DemoGroup } from './accounts.ts';
import { DEMO_ATTRIBUTES } from './settings.ts';

export type IdentifiedBy = CommonSettings['uniqueUserIdentifier'];

const KNOWN = new Set(DEMO_ATTRIBUTES.map((attribute) => attribute.name));

export function normalizeUser(desired: DesiredUser): Normalized<'user'> {
  const entries = Object.entries(desired.attributes).map(([name, value]) => [name, value.trim()] as const);
  return {
    desired: {
      ...desired,
      identifier: desired.identifier?.trim() || null,
      attributes: Object.fromEntries(entries.filter(([name]) => KNOWN.has(name))),
    },
    dropped: entries.map(([name]) => name).filter((name) => !KNOWN.has(name)),
  };
}

export function normalizeGroup(desired: DesiredGroup): Normalized<'group'> {
  return { desired: { ...desired, name: desired.name.trim() }, dropped: [] };
}

export function toRemoteUser(account: DemoAccount, identifiedBy: IdentifiedBy): RemoteUser {
  // The attribute keeps upper and lower case as people wrote it; look-ups compare the identifier.
  const written = account.attributes[identifiedBy];
  const identifier = written?.toLowerCase() === account.identifierLower ? written : account.identifierLower;
  return {
    kind: 'user',
    remoteId: account.id,
    display: account.attributes.displayName || identifier,
    state: account.enabled ? 'enabled' : 'disabled',
    identifier,
    attributes: account.attributes,
  };
}

export function toRemoteGroup(group: DemoGroup): RemoteGroup {
  return { kind: 'group', remoteId: group.id, display: group.name, name: group.name };
}
