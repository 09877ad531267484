/**
 * The state in which a check or an admin leaves a peer: pinned, paused until a time, or free. Pure; use cases read
 * and write the record.
 */

import type { Pause, Peer } from '../model/peer.ts';
import { isoTime } from '../support/clock.ts';
import { type Check, missingAmong, recheckGapMs, refusalCode, tenantMistake } from './check.ts';

/** Ends any pause, and its count of attempts. */
export const UNPAUSED = { paused: null, pausedAt: null, retryAt: null, retryAttempts: 0 } as const;

export const BY_ADMIN = 'admin';
/** The operator has restored a backup. Only an admin ends this pause. */
export const RESTORED = 'restored';

export function isPausedByAdmin(peer: Peer): boolean {
  return peer.paused?.code === BY_ADMIN || peer.paused?.code === RESTORED;
}

/** Pauses the peer until it is checked again. Each further failure widens the gap. */
export function pausedForNow<P extends Peer>(peer: P, reason: Pause, nowMs: number): P {
  const retryAttempts = peer.paused ? peer.retryAttempts + 1 : 0;
  return {
    ...peer,
    paused: { code: reason.code, message: reason.message },
    pausedAt: peer.pausedAt ?? isoTime(nowMs),
    retryAt: isoTime(nowMs + recheckGapMs(retryAttempts)),
    retryAttempts,
  };
}

/** What a check means for a peer that works: its pin, and whether it is paused. */
export function afterCheck<P extends Peer>(peer: P, check: Check, nowMs: number): P {
  switch (check.outcome) {
    case 'unreachable':
      return pausedForNow(peer, { code: 'unreachable', message: check.message }, nowMs);
    case 'refused': {
      const missing = missingAmong(check.details);
      const message = missing.map((detail) => detail.message).join(' ');
      const code = refusalCode(missing[0]?.code);
      return pausedForNow(peer, { code, message }, nowMs);
    }
    case 'ok': {
      const other = tenantMistake(peer, check.status);
      if (other) return pausedForNow(peer, { code: 'other_tenant', message: other }, nowMs);
      return { ...pinned(peer, check), ...UNPAUSED };
    }
  }
}

/** The first good check pins the peer to the workspace or instance that it reached, for good. */
export function pinned<P extends Peer>(peer: P, check: Extract<Check, { outcome: 'ok' }>): P {
  const { tenant, self } = check.status;
  return {
    ...peer,
    tenantId: peer.tenantId ?? tenant?.id ?? null,
    tenantName: tenant?.name ?? peer.tenantName,
    self,
  };
}
