/** Absolute URLs of the admin API, at the public URL. */

import type { ConnectionRecord } from '../db/identity/connections.ts';
import type { StoreRecord } from '../db/stores/stores.ts';
import type { ApiDeps } from './deps.ts';

type At = Pick<ApiDeps, 'publicUrl'>;

/** Below `/v1`. */
export function href(deps: At, ...path: readonly string[]): string {
  return [`${deps.publicUrl}/v1`, ...path.map(encodeURIComponent)].join('/');
}

export function connectionHref(deps: At, connection: ConnectionRecord, ...path: readonly string[]): string {
  return href(deps, 'environments', connection.environmentId, 'connections', connection.id, ...path);
}

export function storeHref(deps: At, store: StoreRecord, ...path: readonly string[]): string {
  return href(deps, 'environments', store.environmentId, 'propagation', 'stores', store.id, ...path);
}
