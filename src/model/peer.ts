/**
 * A peer is something that the bridge has a credential for: a store, or a directory that is pulled. One worker at a
 * time has its lease, its calls are paced, its credential is checked, a good check ends its pause, and it stays
 * pinned to the workspace, instance or organisation that its first good check reached.
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
  /** A version of the settings: it rises with every change that an admin makes. */
  readonly updatedAt: string;
}
