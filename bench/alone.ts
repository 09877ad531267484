/**
 * A bridge in a process of its own, so that its memory can be measured. It prints its address first, and its memory
 * at the end.
 */

import { startBridge } from '../test/bridge.ts';

export interface Alone {
  readonly url: string;
  readonly adminToken: string;
  readonly scimToken: string;
}

/** The highest memory use of the process so far. */
export interface Peak {
  readonly rssBytes: number;
}

const bridge = await startBridge(process.argv[2] ?? '');
process.on('message', () => {
  process.send?.({ rssBytes: process.resourceUsage().maxRSS * 1024 } satisfies Peak);
});
process.on('disconnect', () => void bridge.stop());
const { url, adminToken, scimToken } = bridge;
process.send?.({ url, adminToken, scimToken } satisfies Alone);
