/** When a token was last used is noted after the answer, and at most once a minute. */

import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import type { Response } from 'express';
import { lastUsedNotes } from '../../../src/auth/lastUsed.ts';
import { systemClock } from '../../../src/support/clock.ts';
import { createLog } from '../../../src/support/log.ts';

const NOW = Date.parse('2026-01-01T12:00:00.000Z');
let now = NOW;
const clock = { ...systemClock, now: () => now };
beforeEach(() => {
  now = NOW;
});

function setUp(write: (tokenId: string, at: string) => Promise<void>) {
  const logged: string[] = [];
  const stream = new PassThrough();
  stream.on('data', (chunk) => logged.push(String(chunk)));
  const note = lastUsedNotes(clock, createLog('debug', stream), write);
  return {
    logged,
    answer: (tokenId: string) => {
      const res = new EventEmitter();
      note(res as Response, tokenId);
      return res;
    },
  };
}

describe('lastUsedNotes', () => {
  it('writes after the answer, and once while a write is under way', async () => {
    const writes: [string, string][] = [];
    const { answer } = setUp(async (...args) => {
      writes.push(args);
    });
    const first = answer('t');
    const second = answer('t');
    expect(writes).toEqual([]);
    first.emit('close');
    second.emit('close');
    expect(writes).toEqual([['t', '2026-01-01T12:00:00.000Z']]);
  });

  it('writes again once a minute has passed, and not before', () => {
    const writes: string[] = [];
    const { answer } = setUp(async (_, at) => {
      writes.push(at);
    });
    for (const later of [0, 59_999, 60_000]) {
      now = NOW + later;
      answer('t').emit('close');
    }
    expect(writes).toEqual(['2026-01-01T12:00:00.000Z', '2026-01-01T12:01:00.000Z']);
  });

  it('logs a failed write, and tries again with the next request', async () => {
    let tries = 0;
    const { answer, logged } = setUp(async () => {
      tries += 1;
      throw new Error('disk full');
    });
    answer('t').emit('close');
    await new Promise((resolve) => setImmediate(resolve));
    answer('t').emit('close');
    await new Promise((resolve) => setImmediate(resolve));
    expect(tries).toBe(2);
    expect(logged.join('')).toContain('disk full');
  });
});
