/** The end of a scan that nobody goes on with: the source is told, and nobody waits for one that does not answer. */

import { endScan, type OpenScan } from '../../../src/pull/scan.ts';
import type { ScanPage } from '../../../src/sources/source.ts';
import { systemClock } from '../../../src/support/clock.ts';
import { createLog } from '../../../src/support/log.ts';

const quick = { ...systemClock, sleep: (_ms: number, signal?: AbortSignal) => systemClock.sleep(1, signal) };
const scanOf = (pages: AsyncIterator<ScanPage>): OpenScan => ({
  ...{ runId: 'r', mode: 'full', seen: new Set() },
  pages,
});
const END: IteratorResult<ScanPage> = { done: true, value: undefined };

it.each<[string, () => Promise<IteratorResult<ScanPage>>]>([
  ['closes', async () => END],
  ['fails to close', () => Promise.reject(new Error('no'))],
  [
    'throws at once',
    () => {
      throw new Error('no');
    },
  ],
  ['does not answer', () => new Promise(() => undefined)],
])('ends where the source %s', async (_how, close) => {
  const told = jest.fn(close);
  const log = createLog('silent');
  await endScan({ clock: quick, log }, scanOf({ next: async () => END, return: told }));
  expect(told).toHaveBeenCalledTimes(1);
});
