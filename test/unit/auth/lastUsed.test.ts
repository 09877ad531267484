/** When a token was last used is noted after the answer, and at most once a minute. */

import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import type { Response } from 'express';
import { lastUsedNotes } from '../../../src/auth/lastUsed.ts';
import { systemClock } from '../../../src/support/clock.ts';
import { createLog } from '../../../src/support/log.ts';

const NOW = Date.parse('2026-01-01T12:00:00.000Z');
const clock = { ...systemClock, now: () => NOW };

function setUp(write: (tokenId: string, at: string) => Promise<void>) {
  const logged: string[] = [];
  const stream = new PassThrough();
  stream.on('data', (chunk) => logged.push(String(chunk)));
  const note = lastUsedNotes(clock, createLog('debug', stream), write);
  return {
    logged,
    answer: (tokenId: string, lastUsedAt: string | null) => {
      const res = new EventEmitter();
      note(res as Response, tokenId, lastUsedAt);
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
    const first = answer('t', null);
    const second = answer('t', null);
    expect(writes).toEqual([]);
    first.emit('close');
    second.emit('close');
    expect(writes).toEqual([['t', '2026-01-01T12:00:00.000Z']]);
  });

  it('writes again once a minute has passed, and not before', () => {
    const writes: string[] = [];
    const { answer } = setUp(async (tokenId) => {
      writes.push(tokenId);
    });
    answer('young', '2026-01-01T11:59:00.001Z').emit('close');
    answer('old', '2026-01-01T11:59:00.000Z').emit('close');
    expect(writes).toEqual(['old']);
  });

  it('logs a failed write, and tries again with the next request', async () => {
    let tries = 0;
    const { answer, logged } = setUp(async () => {
      tries += 1;
      throw new Error('disk full');
    });
    answer('t', null).emit('close');
    await new Promise((resolve) => setImmediate(resolve));
    answer('t', null).emit('close');
    await new Promise((resolve) => setImmediate(resolve));
    expect(tries).toBe(2);
    expect(logged.join('')).toContain('disk full');
  });
});
