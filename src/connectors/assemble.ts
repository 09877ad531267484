/** Joins the parts of a connector that each store type writes: people, groups, members. */

import type { Kind } from '../model/subject.ts';
import type {
  CallContext,
  Capabilities,
  ConnectionStatus,
  Connector,
  GroupConnector,
  KindConnector,
  MemberConnector,
} from './connector.ts';
import { compared } from './notAccepted.ts';

export interface ConnectorParts {
  readonly type: string;
  readonly capabilities: Capabilities;
  readonly showsLess?: boolean;
  check(context: CallContext): Promise<ConnectionStatus>;
  readonly user: KindConnector<'user'>;
  readonly group: GroupConnector;
  readonly members: MemberConnector;
}

export function assemble(parts: ConnectorParts): Connector {
  const { type, capabilities, showsLess = false, check, members, ...kinds } = parts;
  const of: { readonly [K in Kind]: KindConnector<K> } = kinds;
  return {
    type,
    capabilities,
    showsLess,
    check,
    ...members,
    normalize: (desired) => of[desired.kind].normalize(desired),
    matchRefusal: (name) => kinds.group.matchRefusal?.(name) ?? null,
    find: (kind, identifier, context) => of[kind].find(identifier, context),
    read: (kind, remoteId, context) => of[kind].read(remoteId, context),
    scan: (kind, cursor, context) => of[kind].scan(cursor, context),
    apply: async (change, context) => compared(change, await of[change.subject.kind].apply(change, context)),
  };
}
