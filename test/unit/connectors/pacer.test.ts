/** A limit on one kind of request holds up that kind alone, as each vendor counts its kinds. */

import { BUCKETS } from '../../../src/connectors/gitlab/api/limits.ts';
import {
  allowed,
  type Bucket,
  createPacer,
  PACE_WAIT_MAX_MS,
  type Paced,
} from '../../../src/connectors/pacer.ts';

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
    wait: (request: Paced, urgent = false) => pacer.wait(request, { signal, urgent }),
    now: () => now,
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
  const { pacer, wait, elapse, now } = pacing([write, create]);
  expect([await wait(POST), await wait(POST)]).toEqual([0, 0]);
  pacer.limited(POST, 15_000, now());
  expect(await wait(POST)).toBe(15_000);
  expect(await wait(DELETE)).toBe(0);
  elapse(15_000);
  expect(await wait(POST)).toBe(0);
});

it('sits through a short wait, and says how long a long one is', async () => {
  const { wait, pacer, now } = pacing([write, create]);
  for (let n = 0; n < 3; n++) expect(await wait(POST)).toBe(0);
  pacer.limited(POST, PACE_WAIT_MAX_MS + 1, now());
  expect(await wait(POST)).toBe(PACE_WAIT_MAX_MS + 1);
});

it('lets nothing out while a vendor is down for a known time, or limits what is of no kind', async () => {
  const down = pacing([write, create]);
  down.pacer.pauseAll(5_000);
  expect(await down.wait(DELETE)).toBe(5_000);
  const unknown = pacing([create]);
  unknown.pacer.limited(DELETE, 5_000, unknown.now());
  expect(await unknown.wait(POST)).toBe(5_000);
});

it('never shortens a pause', async () => {
  const { pacer, wait, now } = pacing([create]);
  pacer.limited(POST, 9_000, now());
  pacer.limited(POST, 2_000, now());
  expect(await wait(POST)).toBe(9_000);
});

const MEMBER = '/gitlab/api/v4/groups/7/members/42';

it('keeps half of what GitLab allows at once for the members of a group, group by group', async () => {
  const { wait } = pacing(BUCKETS);
  for (let n = 0; n < 27; n++) expect(await wait(asks('DELETE', MEMBER))).toBe(0);
  expect(await wait(asks('DELETE', MEMBER))).toBeGreaterThan(0);
  for (let n = 0; n < 3; n++) expect(await wait(asks('DELETE', MEMBER), true)).toBe(0);
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
  const { pacer, wait, now } = pacing(BUCKETS);
  pacer.limited(asks(method, path), 15_000, now());
  for (const [other, at] of GITLAB_REQUESTS) {
    const waits = await wait(asks(other, at));
    expect([other, at, waits]).toEqual([other, at, other === method && at === path ? 15_000 : 0]);
  }
});

/** As `create user` of Slack, whose limit all apps of an organisation share. */
const sharedCreate: Bucket = {
  name: 'create user',
  limit: { perMinute: 180, burst: 20, shared: true },
  keyOf: ({ method }) => (method === 'POST' ? '' : null),
};

/** A vendor's own bucket, of which others leave so much. */
function vendorLeaving(perMinute: number, burst: number, now: () => number) {
  let tokens = burst;
  let at = now();
  return () => {
    tokens = Math.min(burst, tokens + ((now() - at) * perMinute) / 60_000);
    at = now();
    if (tokens < 1) return Math.ceil(((1 - tokens) * 60) / perMinute) * 1_000;
    tokens -= 1;
    return 0;
  };
}

it.each([60, 120, 150])(
  'meets a limit of which others leave %i a minute once or twice, not again and again',
  async (left) => {
    const { pacer, wait, elapse, now } = pacing([sharedCreate]);
    const vendor = vendorLeaving(left, 20, now);
    let refusals = 0;
    for (let made = 0; made < 120; ) {
      const waitMs = await wait(POST);
      if (waitMs > 0) elapse(waitMs);
      else {
        const retryAfterMs = vendor();
        if (retryAfterMs > 0) pacer.limited(POST, retryAfterMs, now());
        refusals += retryAfterMs > 0 ? 1 : 0;
        made += retryAfterMs > 0 ? 0 : 1;
        elapse(100);
      }
    }
    expect(refusals).toBeLessThan(left < 90 ? 3 : 2);
    expect(now()).toBeLessThan((120 * 60_000) / left + 90_000);
  },
);

it('counts refusals of what was sent together once, and grows back to the whole rate', async () => {
  const { pacer, wait, elapse, now } = pacing([sharedCreate]);
  const perMinute = async () => {
    let sent = 0;
    for (const until = now() + 60_000; now() < until; ) {
      const waitMs = await wait(POST);
      if (waitMs > 0) elapse(waitMs);
      else sent += 1;
    }
    return sent;
  };
  await perMinute();
  const sentAt = now();
  elapse(100);
  for (let n = 0; n < 4; n++) pacer.limited(POST, 0, sentAt);
  const after = await perMinute();
  expect(after).toBeGreaterThan(80);
  expect(after).toBeLessThan(110);
  elapse(10 * 60_000);
  expect(await perMinute()).toBeGreaterThan(175);
});

it('only waits as long as it is told where the vendor documents no limit', async () => {
  const { pacer, wait, elapse, now } = pacing([{ name: 'create', keyOf: () => '' }]);
  pacer.limited(POST, 1_000, now());
  elapse(1_000);
  const began = now();
  for (let n = 0; n < 20; n++) expect(await wait(POST)).toBe(0);
  expect(now()).toBe(began);
});

it('takes the refusals of a vendor that lets nothing pass for one', async () => {
  const { pacer, wait, elapse, now } = pacing([{ ...sharedCreate, limit: { perMinute: 600, burst: 1 } }]);
  for (let n = 0; n < 10; n++) {
    for (let waitMs = await wait(POST); waitMs > 0; waitMs = await wait(POST)) elapse(waitMs);
    pacer.limited(POST, 2_000, now());
    elapse(2_000);
  }
  const began = now();
  for (let n = 0; n < 20; n++)
    for (let waitMs = await wait(POST); waitMs > 0; waitMs = await wait(POST)) elapse(waitMs);
  expect(now() - began).toBeLessThan(20_000);
});

it('believes what the vendor says is left, and keeps the last of it for who must lose access', async () => {
  const { pacer, wait, elapse } = pacing([]);
  pacer.heed({ remaining: 3, resetMs: 30_000 });
  expect([await wait(POST), await wait(POST)]).toEqual([0, 0]);
  pacer.heed({ remaining: 2, resetMs: 30_000 });
  expect(await wait(POST)).toBe(30_000);
  expect([await wait(DELETE, true), await wait(DELETE, true)]).toEqual([0, 30_000]);
  elapse(30_000);
  expect(await wait(POST)).toBe(0);
});

it('keeps a reserve of a burst for who must lose access', async () => {
  const { wait } = pacing([sharedCreate]);
  for (let n = 0; n < 8; n++) await wait(POST);
  expect(await wait(POST, true)).toBe(0);
});

it('goes no faster than an admin allows, whatever the kind', async () => {
  const { wait, now } = pacing([...allowed(60), write]);
  const began = now();
  for (let n = 0; n < 13; n++) {
    while ((await wait(n % 2 === 0 ? POST : DELETE)) > 0);
  }
  expect(now() - began).toBeGreaterThan(9_000);
});
