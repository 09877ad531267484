/** When the bridge checks its credential before it calls anybody refused, and when it need not. */

import type { DueTask } from '../../../src/db/queue/queue.ts';
import type { StoreRecord } from '../../../src/db/stores/stores.ts';
import { RemoteError } from '../../../src/model/errors.ts';
import type { Check } from '../../../src/stores/check.ts';
import { CredentialJudge, LastCheck } from '../../../src/work/credentialJudge.ts';

const STORE = { type: 'Slack', tenantId: null } as StoreRecord;
const GOOD: Check = {
  outcome: 'ok',
  status: { status: 'OK', details: [], tenant: null, self: null },
  calls: [],
};
const BAD: Check = { outcome: 'refused', details: [{ code: 'x', message: 'the token is bad' }], calls: [] };
const NOBODY: Check = { outcome: 'unreachable', message: 'no answer', calls: [] };
const error = new RemoteError('Slack refused', {
  store: 'Slack',
  action: 'disable user 1',
  disposition: 'forbidden',
  status: 403,
});

const denied = new RemoteError('Slack refused', {
  store: 'Slack',
  action: 'disable user 1',
  disposition: 'forbidden',
  status: 403,
  mayLackRights: true,
});

const T0 = Date.parse('2026-01-01T00:00:00.000Z');
let now: number;
let answer: Check;
let checks: number;
let askedAgain: number;
let isDatabaseDown: boolean;
let judge: CredentialJudge;
beforeEach(() => {
  now = T0;
  answer = GOOD;
  checks = 0;
  askedAgain = 0;
  isDatabaseDown = false;
  const clock = { now: () => now, sleep: async () => {} };
  const check = async () => {
    checks += 1;
    return answer;
  };
  judge = new CredentialJudge(clock, check, async () => {
    if (isDatabaseDown) throw new Error('the database is down');
    askedAgain += 1;
  });
});

const refuse = (
  id: string,
  { isOwed = false, failedAt = null as string | null, began = now, mayLackRights = false } = {},
) => {
  const task = {
    subject: { kind: 'user', id },
    failedAt,
    error: failedAt === null ? null : { status: 403, code: null, message: 'refused' },
  } as DueTask;
  const { signal } = new AbortController();
  return judge
    .settle(STORE, task, { error: mayLackRights ? denied : error, isOwed, began }, signal)
    .then(() => 'refused')
    .catch((thrown: RemoteError) => thrown.disposition);
};

it('checks before the first is called refused, and lets two more pass on that answer', async () => {
  expect([await refuse('a'), await refuse('b'), await refuse('c')]).toEqual([
    'refused',
    'refused',
    'refused',
  ]);
  expect(checks).toBe(1);
});

it('asks again for the third in a row, once the minute is over, for all who were refused before', async () => {
  await refuse('a');
  await refuse('b');
  await refuse('c');
  now += 1_000;
  const failedAt = new Date(now).toISOString();
  expect([await refuse('d'), await refuse('e')]).toEqual(['waits', 'waits']);
  expect(checks).toBe(1);
  now += 60_000;
  expect([await refuse('d', { failedAt }), await refuse('e', { failedAt })]).toEqual(['refused', 'refused']);
  expect(checks).toBe(2);
});

it('counts from the beginning where somebody was served between', async () => {
  for (const id of ['a', 'b', 'c', 'd', 'e']) {
    expect(await refuse(id)).toBe('refused');
    judge.served();
  }
  expect(checks).toBe(1);
});

it('takes no earlier answer for a creation, or for what ends access', async () => {
  await refuse('a');
  expect(await refuse('b', { isOwed: true })).toBe('waits');
});

it('takes it for the same refusal once more, and knows it when the worker comes back to the store', async () => {
  const last = new LastCheck();
  const clock = { now: () => now, sleep: async () => {} };
  const check = async () => {
    checks += 1;
    return answer;
  };
  for (const outcomes of [['refused'], ['refused', 'waits']]) {
    judge = new CredentialJudge(clock, check, async () => {}, last);
    const asked = ['a', 'b'].slice(0, outcomes.length);
    for (const [n, id] of asked.entries()) expect(await refuse(id, { isOwed: true })).toBe(outcomes[n]);
    now += 10_000;
  }
  expect(checks).toBe(1);
  now += 60_000;
  expect(await refuse('a', { isOwed: true })).toBe('refused');
  expect(checks).toBe(2);
});

it('blames the credential where it is bad, and nobody where nobody answers', async () => {
  answer = BAD;
  expect(await refuse('a')).toBe('unauthorized');
  now += 60_000;
  answer = NOBODY;
  expect(await refuse('a')).toBe('transient');
});

it('checks once for all who are refused at the same time, and for whoever had begun before', async () => {
  answer = BAD;
  expect(await Promise.all(['a', 'b', 'c'].map((id) => refuse(id)))).toEqual(Array(3).fill('unauthorized'));
  now += 1_000;
  expect([await refuse('late', { began: T0 }), await refuse('new')]).toEqual(['unauthorized', 'waits']);
  expect(checks).toBe(1);
});

it.each([
  ['bad', BAD],
  ['silent', NOBODY],
])(
  'calls nobody refused on the word of a check that found the vendor %s, before the next',
  async (_, check) => {
    answer = check;
    await refuse('a');
    const failedAt = new Date(now - 1_000).toISOString();
    now += 1_000;
    answer = GOOD;
    expect([await refuse('a', { failedAt }), await refuse('b')]).toEqual(['waits', 'waits']);
    expect(checks).toBe(1);
    now += 60_000;
    expect(await refuse('a', { failedAt })).toBe('refused');
    expect(checks).toBe(2);
  },
);

it('calls nobody refused where everybody is denied, whatever the check finds, until somebody is served', async () => {
  const deny = (id: string) => refuse(id, { isOwed: true, mayLackRights: true });
  expect(await deny('a')).toBe('refused');
  now += 60_000;
  expect(await deny('b')).toBe('refused');
  expect(askedAgain).toBe(0);
  now += 60_000;
  expect(await deny('c')).toBe('waits');
  now += 60_000;
  expect([await deny('a'), judge.deniesEverybody]).toEqual(['waits', true]);
  expect(askedAgain).toBe(1);
  judge.served();
  now += 60_000;
  expect([await deny('a'), judge.deniesEverybody]).toEqual(['refused', false]);
});

it('asks again for whoever was called refused once that can be written down', async () => {
  const deny = (id: string) => refuse(id, { isOwed: true, mayLackRights: true });
  for (const id of ['a', 'b']) {
    await deny(id);
    now += 60_000;
  }
  isDatabaseDown = true;
  await deny('c');
  expect(askedAgain).toBe(0);
  isDatabaseDown = false;
  now += 60_000;
  expect(await deny('c')).toBe('waits');
  expect(askedAgain).toBe(1);
});
