/** A page is tried again as long as that can help, and its last failure is told. */

import { type Disposition, RemoteError } from '../../../src/model/errors.ts';
import { patiently } from '../../../src/sources/patience.ts';
import { PositionLost } from '../../../src/sources/source.ts';

const { signal } = new AbortController();

function failing(disposition: Disposition, times: number, retryAfterMs?: number) {
  let calls = 0;
  const slept: number[] = [];
  const sleep = async (ms: number) => void slept.push(ms);
  const read = async () => {
    calls += 1;
    if (calls > times) return 'a page';
    throw new RemoteError('not now', { store: 'Okta', action: 'list users', disposition, retryAfterMs });
  };
  return { slept, calls: () => calls, result: patiently({ sleep }, { signal }, read) };
}

it('waits for a rate limit as long as the vendor says, however often', async () => {
  const tried = failing('rateLimited', 9, 20_000);
  expect(await tried.result).toBe('a page');
  expect(tried.slept).toEqual(Array(9).fill(20_000));
});

it('tries an outage again with growing gaps, and gives up', async () => {
  const tried = failing('transient', 2);
  expect(await tried.result).toBe('a page');
  expect(tried.slept).toEqual([2_000, 4_000]);
  const hopeless = failing('transient', 99);
  await expect(hopeless.result).rejects.toThrow('not now');
  expect(hopeless.calls()).toBe(5);
});

it.each(['unauthorized', 'rejected', 'missing'] as const)(
  'tries nothing again that is %s',
  async (disposition) => {
    const tried = failing(disposition, 1);
    await expect(tried.result).rejects.toThrow('not now');
    expect(tried.calls()).toBe(1);
  },
);

it('lets a lost position through at once', async () => {
  const read = async () => {
    throw new PositionLost('another server');
  };
  const asleep = jest.fn();
  await expect(patiently({ sleep: asleep }, { signal }, read)).rejects.toThrow(PositionLost);
  expect(asleep).not.toHaveBeenCalled();
});
