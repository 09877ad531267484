/** The way out of bridges in tests: to this machine, as that of a bridge that listens on loopback. */

import { NOTHING_ALLOWED } from '../src/outbound/allow.ts';
import { createOutbound, type OutboundConfig } from '../src/outbound/outbound.ts';

export const TO_LOOPBACK: OutboundConfig = {
  rule: { allowed: NOTHING_ALLOWED, listensOnLoopback: true },
  proxy: null,
};

export const openToLoopback = createOutbound(TO_LOOPBACK);
