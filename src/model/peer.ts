/**
 * A peer is what the bridge has a credential for: a store; later, a directory that is pulled. Whatever it is, one
 * worker at a time has its lease, its calls are paced, its credential is checked, its pause ends by a check, and
 * it is pinned to the workspace, instance or organisation that its first good check reached.
 */

export interface Pause {
  /** admin, invalid_credential, address_refused, unreachable, other_tenant, tenant_in_use */
  readonly code: string;
  readonly message: string;
}

export interface Peer {
  readonly id: string;
  readonly environmentId: string;
  readonly name: string;
  readonly type: string;
  /** What the peer is pinned to; null until its first good check. */
  readonly tenantId: string | null;
  readonly tenantName: string | null;
  /** The credential's own account, which is always protected. */
  readonly self: { readonly remoteId: string | null; readonly identifiers: readonly string[] } | null;
  readonly paused: Pause | null;
  readonly pausedAt: string | null;
  /** When a paused peer is checked again; null where only an admin ends the pause. */
  readonly retryAt: string | null;
  readonly retryAttempts: number;
  /** Moves with every change by an admin, never back or not at all: a version of the settings. */
  readonly updatedAt: string;
}
