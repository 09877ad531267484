/** Reads accounts as a source, page by page, through the connector of the store type. It writes nothing there. */

import type { CallContext, Connector, StoreTypeDefinition } from '../../connectors/connector.ts';
import { RemoteError } from '../../model/errors.ts';
import type { Page, RemoteUser } from '../../model/remote.ts';
import { withDefaults } from '../../model/settings.ts';
import type { Kind as SubjectKind } from '../../model/subject.ts';
import { accountOf } from '../account.ts';
import { lookedUp } from '../lookups.ts';
import { patiently } from '../patience.ts';
import type { Lookup, ScanPage, Source, SourceDeps, SourceStatus } from '../source.ts';
import type { AccountsKind } from './settings.ts';

type Kind = Pick<AccountsKind, 'vendor' | 'vendorNames'>;

export function createAccountsSource(kind: Kind, type: StoreTypeDefinition, deps: SourceDeps): Source {
  const { connectionId: storeId, configuration, now, sleep, fetch } = deps;
  let made: Connector | null = null;
  // With STORE_ID alone there is no credential, and nobody calls this.
  const connector = () => {
    made ??= type.create({
      ...{ storeId, now, sleep, fetch },
      configuration: withDefaults(type.settings, configuration),
    });
    return made;
  };
  return {
    check: async (context) => check(kind, connector(), context),
    tenant: (context) => patiently(deps, context, async () => (await connector().check(context)).tenant),
    scan: (_request, context) => scan(kind, connector(), deps, context),
    lookup: async (what, id, context) => lookup(kind, connector(), deps, what, id, context),
  };
}

async function check({ vendor }: Kind, connector: Connector, context: CallContext): Promise<SourceStatus> {
  const { details, status, ...rest } = await connector.check(context);
  if (status === 'FAILED')
    return { ...rest, status, details: details.map((one) => ({ ...one, right: one.code, granted: false })) };
  const message = `The accounts of ${rest.tenant?.name ?? vendor} can be read.`;
  return { ...rest, status, details: [{ code: 'granted', right: 'accounts', granted: true, message }] };
}

async function* scan(
  kind: Kind,
  connector: Connector,
  deps: SourceDeps,
  context: CallContext,
): AsyncIterable<ScanPage> {
  const followed = new Set<string>();
  let cursor: string | null = null;
  do {
    const at: string | null = cursor;
    const page: Page<RemoteUser> = await patiently(deps, context, () => connector.scan('user', at, context));
    yield { kind: 'users', users: page.items.map((one) => accountOf(one, kind)) };
    cursor = page.nextCursor;
    if (cursor !== null && followed.has(cursor)) throw inACircle(kind.vendor);
    if (cursor !== null) followed.add(cursor);
  } while (cursor !== null);
  yield { kind: 'end', position: null };
}

function inACircle(vendor: string): RemoteError {
  const action = 'list accounts';
  const message = `${vendor} shows the same page of accounts again and again: nothing was changed`;
  return new RemoteError(message, { store: vendor, action, disposition: 'transient', unrecognised: true });
}

function lookup(
  kind: Kind,
  connector: Connector,
  deps: SourceDeps,
  what: SubjectKind,
  id: string,
  context: CallContext,
): Promise<Lookup> {
  return lookedUp(deps, context, async () => {
    const remote = await connector.read(what, id, context);
    if (remote?.kind !== 'user') return { is: 'gone' };
    return { is: 'found', inScope: true, user: accountOf(remote, kind) };
  });
}
