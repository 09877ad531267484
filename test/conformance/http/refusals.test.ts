/** Who is refused is in the log with the address, and counted in the audit log; probes cost one computation. */

import request from 'supertest';
import { UNKNOWN_TOKENS_MAX } from '../../../src/auth/addressLimit.ts';
import { createMetricsApp } from '../../../src/http/app.ts';
import { cached, createProbes } from '../../../src/http/probes.ts';
import { createRefusals } from '../../../src/http/refusals.ts';
import { systemClock } from '../../../src/support/clock.ts';
import { createLog } from '../../../src/support/log.ts';
import { createMetrics } from '../../../src/support/metrics.ts';
import { onEachDatabase } from '../../database.ts';
import { startTestBridge, type TestBridge } from '../api/bridge.ts';

onEachDatabase((open) => {
  let bridge: TestBridge;
  beforeEach(async () => {
    bridge = await startTestBridge(await open());
  });

  const linesOf = () =>
    bridge
      .log()
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line));

  it('is told at warn, and once a minute for each address in the audit log', async () => {
    const from = (address: string) => ({ headers: { 'x-forwarded-for': address }, token: 'wrong' });
    for (const address of ['203.0.113.7', '203.0.113.7', '198.51.100.9'])
      expect(await bridge.ask('GET', '/v1/environments', from(address))).toMatchObject({ status: 401 });
    expect(await bridge.ask('GET', '/scim/v2/Users', from('203.0.113.7'))).toMatchObject({ status: 401 });
    const refused = linesOf().filter(({ msg }) => msg === 'refused a request');
    expect(refused).toHaveLength(4);
    expect(refused[0]).toMatchObject({ level: 'warn', status: 401, address: '203.0.113.7' });
    await bridge.stop();
    const events = await bridge.db('events').where({ kind: 'access.refused' }).orderBy('id');
    const after = events.map((event) =>
      typeof event.after === 'string' ? JSON.parse(event.after) : event.after,
    );
    expect(after).toEqual([
      { address: '203.0.113.7', endpoint: 'admin', status: 401, count: 2 },
      { address: '198.51.100.9', endpoint: 'admin', status: 401, count: 1 },
      { address: '203.0.113.7', endpoint: 'scim', status: 401, count: 1 },
    ]);
    expect(events[0].reason).toBe('2 requests of 203.0.113.7 to the admin API within a minute: 401.');
  });

  it('is told with an address, whatever a proxy passes on', async () => {
    const passedOn = ['garbage', '2130706433', 'spoofed, 203.0.113.7', '<script>'];
    for (const address of passedOn)
      await bridge.ask('GET', '/v1/environments', {
        headers: { 'x-forwarded-for': address },
        token: 'wrong',
      });
    const refused = linesOf().filter(({ msg }) => msg === 'refused a request');
    const here = expect.stringMatching(/^(127\.0\.0\.1|::1|::ffff:127\.0\.0\.1)$/);
    expect(refused.map(({ address }) => address)).toEqual([here, here, '203.0.113.7', here]);
    await bridge.stop();
  });

  it('is 429 after too many, while a valid token passes from the same address', async () => {
    for (let n = 0; n < UNKNOWN_TOKENS_MAX; n += 50)
      await Promise.all(
        Array.from({ length: 50 }, () => bridge.ask('GET', '/scim/v2/Users', { token: 'wrong' })),
      );
    const refused = await bridge.ask('GET', '/scim/v2/Users', { token: 'wrong' });
    expect(refused).toMatchObject({ status: 429, body: { status: '429' } });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(5);
    expect(await bridge.ask('GET', '/v1/environments', { token: null })).toMatchObject({ status: 429 });
    expect(await bridge.ask('GET', '/scim/v2/Users', { token: bridge.scimToken })).toMatchObject({
      status: 200,
    });
    expect(await bridge.ask('GET', '/v1/environments')).toMatchObject({ status: 200 });
    await bridge.stop();
  });

  it('is told of addresses one by one only up to a number', async () => {
    const refusals = createRefusals({ db: bridge.db, clock: systemClock, log: createLog('silent') });
    for (let n = 0; n < 150; n += 1)
      refusals.note({ address: `a${n}`, status: 401, endpoint: 'scim', environmentId: null, actor: null });
    await refusals.end();
    const events = await bridge.db('events').where({ kind: 'access.refused' }).pluck('reason');
    expect(events).toHaveLength(101);
    expect(events.at(-1)).toBe('50 requests of others to the SCIM endpoint within a minute: 401.');
    await bridge.stop();
  });
});

describe('a probe', () => {
  it('has one computation under way, and its result is good for a while', async () => {
    let now = 0;
    let begun = 0;
    const finish: (() => void)[] = [];
    const ask = cached(
      () => {
        begun += 1;
        return new Promise<number>((done) => finish.push(() => done(begun)));
      },
      () => now,
    );
    const answers = [ask(), ask()];
    now = 100_000;
    answers.push(ask());
    finish[0]?.();
    expect(await Promise.all(answers)).toEqual([1, 1, 1]);
    // It took 100 s; ten times as long would make a bridge look dead whose database is back, so two seconds are the most.
    now = 101_999;
    expect(await ask()).toBe(1);
    now = 102_000;
    void ask();
    expect(begun).toBe(2);
  });

  it('asks again at once where the last computation failed', async () => {
    let failing = true;
    const ask = cached(
      async () => {
        if (failing) throw new Error('away');
        return 'here';
      },
      () => 0,
    );
    await expect(ask()).rejects.toThrow('away');
    failing = false;
    expect(await ask()).toBe('here');
  });

  it('shows figures alone on a port of their own', async () => {
    const log = createLog('silent');
    const probes = createProbes({
      log,
      metrics: createMetrics(),
      schema: async () => ({ pending: [], unknown: [] }),
      warnings: async () => [],
      backlog: async () => ({
        tasks: [],
        held: [],
        brakeTripped: [],
        paused: [],
        incidentsOpen: 0,
        pulls: [],
        leavers: [],
        drift: [],
      }),
      secondsSince: () => 0,
      monotonicMs: () => performance.now(),
    });
    const app = createMetricsApp({ log, probes });
    const { text } = await request(app).get('/metrics').expect(200);
    expect(text).toContain('process_cpu_seconds_total');
    await request(app).get('/readyz').expect(404);
    await request(app).get('/v1/environments').expect(404);
  });
});
