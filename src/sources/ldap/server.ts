/** Finds out which server answers, from its root entry, and what an LDAP connection is pinned to. */

import { PresenceFilter } from 'ldapts';
import { RemoteError } from '../../model/errors.ts';
import type { ServerKind } from './presets.ts';
import { isWithinDn, normalDn } from './protocol/dn.ts';
import type { Entry } from './protocol/entry.ts';
import { CODE, isCode } from './protocol/errors.ts';
import type { Session } from './protocol/session.ts';
import { guidText } from './protocol/values.ts';
import type { LdapSettings } from './settings.ts';

export interface Server {
  readonly kind: ServerKind;
  /** The naming context of USER_BASE as the server writes it; USER_BASE itself where the server names none. */
  readonly namingContext: string;
  readonly canPage: boolean;
  /** The entry that lists the object classes; null where the server names none. */
  readonly schema: string | null;
  /** The server to which the counters and times of a delta belong. */
  readonly identity: string;
  /** Active Directory's highest change number so far. */
  readonly highestUsn: bigint | null;
}

export const ANY_ENTRY = new PresenceFilter({ attribute: 'objectClass' });
export const NO_ATTRIBUTES: readonly string[] = ['1.1'];

const PAGED_RESULTS = '1.2.840.113556.1.4.319';
const IS_ACTIVE_DIRECTORY = '1.2.840.113556.1.4.800';

export async function readServer(session: Session, settings: LdapSettings): Promise<Server> {
  const { preset, userBase, host, port } = settings;
  const attributes = ['*', '+'];
  const query = { base: '', scope: 'base', filter: ANY_ENTRY, attributes } as const;
  const { entries } = await session.search(query, 'say which server it is');
  const [root] = entries;
  if (!root) throw noRoot();
  const kind = preset ?? kindOf(root);
  const base = normalDn(userBase);
  const contexts = [...root.texts('namingContexts'), ...root.texts('defaultNamingContext')]
    .filter((context) => isWithinDn(base, normalDn(context)))
    .sort((a, b) => b.length - a.length);
  const usn = root.first('highestCommittedUSN');
  return {
    kind,
    namingContext: contexts[0] ?? userBase,
    schema: root.first('subschemaSubentry'),
    canPage: root.texts('supportedControl').includes(PAGED_RESULTS),
    identity: kind === 'ActiveDirectory' ? await controllerOf(session, root, host) : `${host}:${port}`,
    highestUsn: usn !== null && /^\d+$/.test(usn) ? BigInt(usn) : null,
  };
}

function kindOf(root: Entry): ServerKind {
  if (root.texts('supportedCapabilities').includes(IS_ACTIVE_DIRECTORY)) return 'ActiveDirectory';
  if (root.first('domainFunctionality') !== null) return 'ActiveDirectory';
  return /389/.test(root.first('vendorName') ?? '') ? 'FreeIPA' : 'OpenLDAP';
}

/** The domain controller and its invocation: a restored one starts another series of numbers. */
async function controllerOf(session: Session, root: Entry, host: string): Promise<string> {
  const name = (root.first('dnsHostName') ?? host).toLowerCase();
  const service = root.first('dsServiceName');
  if (service === null) return name;
  try {
    const query = { base: service, scope: 'base', filter: ANY_ENTRY, attributes: ['invocationId'] } as const;
    const { entries } = await session.search(query, 'say which life of the controller it is');
    const [id] = entries[0]?.bytes('invocationId') ?? [];
    return `${name} ${(id && guidText(id)) ?? ''}`.trim();
  } catch (error) {
    if (isCode(error, CODE.noSuchObject, CODE.insufficientAccess)) return name;
    throw error;
  }
}

function noRoot(): RemoteError {
  return new RemoteError(
    'The LDAP server does not show its root entry, by which the bridge knows what kind it is',
    {
      ...{ store: 'LDAP', action: 'say which server it is', disposition: 'rejected', code: 'no_root' },
    },
  );
}
