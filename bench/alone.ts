/** A bridge that has a process to itself, so that its memory is nobody else's: tells where it is, then what it took. */

import { startBridge } from '../test/bridge.ts';

export interface Alone {
  readonly url: string;
  readonly adminToken: string;
  readonly scimToken: string;
}

/** The most memory that the process has taken so far. */
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
