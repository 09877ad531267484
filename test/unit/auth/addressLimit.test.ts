/** How often an address may come without a known token. */

import { createAddressLimit, UNKNOWN_TOKENS_MAX } from '../../../src/auth/addressLimit.ts';

function limit() {
  let now = Date.parse('2026-01-01T12:00:00Z');
  const paused: number[] = [];
  const refused = createAddressLimit({
    now: () => now,
    sleep: async (ms) => {
      paused.push(ms);
    },
  });
  const often = async (address: string) => {
    for (let n = 0; n < UNKNOWN_TOKENS_MAX; n += 1) await refused(address);
  };
  return { refused, often, paused, pass: (ms: number) => (now += ms) };
}

it('refuses one address after so many, with a pause, and no other', async () => {
  const { refused, often, paused } = limit();
  await often('192.0.2.1');
  expect(paused).toEqual([]);
  expect(await refused('192.0.2.1')).toBe(5);
  expect(paused).toHaveLength(1);
  expect(await refused('192.0.2.2')).toBeNull();
});

it('begins anew a minute after the first, whatever the minute of the wall clock', async () => {
  const { refused, often, pass } = limit();
  pass(59_000);
  await often('192.0.2.1');
  pass(59_999);
  expect(await refused('192.0.2.1')).toBe(5);
  pass(1);
  expect(await refused('192.0.2.1')).toBeNull();
});

it.each([
  ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9'],
  ['192.0.2.1', '::ffff:192.0.2.1'],
])('takes %s and %s for one', async (one, other) => {
  const { refused, often } = limit();
  await often(one);
  expect(await refused(other)).toBe(5);
});

it('tells networks of IPv6 apart', async () => {
  const { refused, often } = limit();
  await often('2001:db8:1:2::1');
  expect(await refused('2001:db8:1:3::1')).toBeNull();
});
