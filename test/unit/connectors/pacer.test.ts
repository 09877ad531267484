/** A limit on one kind of request holds up that kind alone, as each vendor counts its kinds. */

import { BUCKETS } from '../../../src/connectors/gitlab/api/limits.ts';
import { type Bucket, createPacer, PACE_WAIT_MAX_MS, type Paced } from '../../../src/connectors/pacer.ts';

const signal = new AbortController().signal;

function pacing(buckets: readonly Bucket[]) {
  let now = 1_000;
  const pacer = createPacer(buckets, {
    now: () => now,
    sleep: async (ms) => {
      now += ms;
    },
  });
  return {
    pacer,
    wait: (request: Paced) => pacer.wait(request, signal),
    elapse: (ms: number) => {
      now += ms;
    },
  };
}

const asks = (method: string, path: string): Paced => ({ method, url: `https://vendor.example${path}` });
const write: Bucket = {
  name: 'write',
  limit: { perMinute: 600, burst: 10 },
  keyOf: ({ method }) => (method === 'GET' ? null : ''),
};
const create: Bucket = {
  name: 'create',
  limit: { perMinute: 60, burst: 2 },
  keyOf: ({ method }) => (method === 'POST' ? '' : null),
};
const POST = asks('POST', '/users');
const DELETE = asks('DELETE', '/users/1');

it('spends the burst of the narrowest kind and leaves others to go on', async () => {
  const { pacer, wait, elapse } = pacing([write, create]);
  expect([await wait(POST), await wait(POST)]).toEqual([0, 0]);
  pacer.pause(POST, 15_000);
  expect(await wait(POST)).toBe(15_000);
  expect(await wait(DELETE)).toBe(0);
  elapse(15_000);
  expect(await wait(POST)).toBe(0);
});

it('sits through a short wait, and says how long a long one is', async () => {
  const { wait, pacer } = pacing([write, create]);
  for (let n = 0; n < 3; n++) expect(await wait(POST)).toBe(0);
  pacer.pause(POST, PACE_WAIT_MAX_MS + 1);
  expect(await wait(POST)).toBe(PACE_WAIT_MAX_MS + 1);
});

it('lets nothing out while a vendor is down for a known time, or limits what is of no kind', async () => {
  const down = pacing([write, create]);
  down.pacer.pauseAll(5_000);
  expect(await down.wait(DELETE)).toBe(5_000);
  const unknown = pacing([create]);
  unknown.pacer.pause(DELETE, 5_000);
  expect(await unknown.wait(POST)).toBe(5_000);
});

it('never shortens a pause', async () => {
  const { pacer, wait } = pacing([create]);
  pacer.pause(POST, 9_000);
  pacer.pause(POST, 2_000);
  expect(await wait(POST)).toBe(9_000);
});

const MEMBER = '/gitlab/api/v4/groups/7/members/42';

it('keeps half of what GitLab allows at once for the members of a group, group by group', async () => {
  const { wait } = pacing(BUCKETS);
  for (let n = 0; n < 30; n++) expect(await wait(asks('DELETE', MEMBER))).toBe(0);
  expect(await wait(asks('DELETE', MEMBER))).toBeGreaterThan(0);
  expect(await wait(asks('DELETE', MEMBER.replace('/7/', '/8/')))).toBe(0);
  expect(await wait(asks('POST', '/gitlab/api/v4/users/42/block'))).toBe(0);
});

const GITLAB_REQUESTS: readonly (readonly [string, string])[] = [
  ['GET', '/api/v4/users'],
  ['GET', '/api/v4/users/42'],
  ['POST', '/api/v4/users'],
  ['PUT', '/api/v4/users/42'],
  ['POST', '/api/v4/users/42/block'],
  ['DELETE', '/api/v4/users/42'],
  ['GET', '/api/v4/groups'],
  ['GET', '/api/v4/groups/crews%2Fa'],
  ['POST', '/api/v4/groups'],
  ['PUT', '/api/v4/groups/7'],
  ['GET', '/api/v4/groups/7/members'],
  ['GET', '/api/v4/groups/7/members/42'],
  ['POST', '/api/v4/groups/7/members'],
  ['PUT', '/api/v4/groups/7/members/42'],
  ['DELETE', '/api/v4/groups/7/members/42'],
];

it.each(GITLAB_REQUESTS)('holds up %s %s alone where GitLab limits it', async (method, path) => {
  const { pacer, wait } = pacing(BUCKETS);
  pacer.pause(asks(method, path), 15_000);
  for (const [other, at] of GITLAB_REQUESTS) {
    const waits = await wait(asks(other, at));
    expect([other, at, waits]).toEqual([other, at, other === method && at === path ? 15_000 : 0]);
  }
});
