/** A log line holds no credential and no body. */

import { RemoteError } from '../../../src/model/errors.ts';
import { createLog } from '../../../src/support/log.ts';

function linesOf(write: (log: ReturnType<typeof createLog>) => void, level = 'info'): string {
  let text = '';
  write(
    createLog(level, {
      write(line) {
        text += line;
      },
    }),
  );
  return text;
}

const SECRET = 'hunter22hunter22hunter22';

describe('a log line holds no credential', () => {
  it.each([
    { authorization: SECRET },
    { headers: { authorization: SECRET } },
    { store: { configuration: { ACCESS_TOKEN: SECRET } } },
    { request: { headers: { Authorization: SECRET } } },
    { token: SECRET },
    { user: { password: SECRET } },
    { body: { userName: SECRET } },
    { resource: SECRET },
    { outer: { of: { four: { levels: { Cookie: SECRET } } } } },
    { tried: [{ accessToken: SECRET }] },
    { secrets: { name: SECRET } },
    { a: { b: { c: { d: { e: { f: { g: { h: { token: SECRET } } } } } } } } },
  ])('in %j', (fields) => {
    const text = linesOf((log) => log.info(fields, 'hello'));
    expect(JSON.parse(text)).toMatchObject({ level: 'info', msg: 'hello' });
    expect(text).not.toContain(SECRET);
  });

  it.each([
    { cause: Object.assign(new Error('x'), { token: SECRET, headers: { authorization: SECRET } }) },
    { errors: [Object.assign(new Error('x'), { token: SECRET })] },
    { one: { toJSON: () => ({ token: SECRET }) } },
    { bytes: Buffer.from(SECRET) },
  ])('nor do objects that say how they are shown', (fields) => {
    expect(linesOf((log) => log.info(fields, 'hello'))).not.toContain(SECRET);
  });

  it('and a field that holds itself costs little', () => {
    const many: Record<string, unknown> = {};
    for (let n = 0; n < 8; n += 1) many[`self${n}`] = many;
    expect(linesOf((log) => log.info({ many, at: new Date(0) }, 'hello')).length).toBeLessThan(200_000);
  });

  it('nor a child, in what it carries', () => {
    expect(linesOf((log) => log.child({ store: { token: SECRET } }).info('hello'))).not.toContain(SECRET);
  });

  it('and the caller keeps what it was', () => {
    const fields = { store: { token: SECRET } };
    linesOf((log) => log.info(fields, 'hello'));
    expect(fields).toEqual({ store: { token: SECRET } });
  });

  it.each([
    `Bearer ${SECRET}`,
    'xoxb-123456789012-abcdefabcdef',
    'glpat-abcdefghijklmnopqrst',
    'sba_abcdefghijklmnop',
    'sbc_abcdefghijklmnop',
    'sbw_abcdefghijklmnop',
    `postgres://bridge:${SECRET}@db/bridge`,
  ])('in a message with %s', (words) => {
    const text = linesOf((log) => log.info(`the answer was ${words}`));
    expect(text).not.toContain(words);
    expect(text).toContain('[redacted]');
  });

  it('nor does a line cost the square of its length, which any stranger may choose', () => {
    // Where it does, this takes longer than a test may.
    const path = '/a.b-c+'.repeat(60_000);
    expect(JSON.parse(linesOf((log) => log.info({ path }, 'request')))).toMatchObject({ path });
  });

  it('nor what an error carries beside its words', () => {
    const error = Object.assign(new Error('no answer', { cause: new Error('reset') }), {
      code: 'ECONNRESET',
      config: { headers: { 'PRIVATE-TOKEN': SECRET } },
      response: { data: SECRET },
    });
    const text = linesOf((log) => log.error({ err: error }, 'failed'));
    expect(text).not.toContain(SECRET);
    expect(JSON.parse(text).err).toMatchObject({
      message: 'no answer',
      code: 'ECONNRESET',
      cause: { message: 'reset' },
    });
  });
});

it('tells of a vendor that is down in one short line, and of a fault of its own with where it was', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:3920'), { code: 'ECONNREFUSED' });
  const down = new RemoteError('GitLab could not be reached: ECONNREFUSED', {
    ...{ store: 'GitLab', action: 'read user 1', disposition: 'transient' },
    cause: new TypeError('fetch failed', { cause: refused }),
  });
  const text = linesOf((log) => log.warn({ err: down }, 'a task failed'));
  expect(text).not.toContain('    at ');
  expect(text.length).toBeLessThan(500);
  expect(JSON.parse(text).err.cause.cause).toMatchObject({ code: 'ECONNREFUSED' });
  expect(linesOf((log) => log.warn({ err: new TypeError('x is undefined') }, 'a task failed'))).toContain(
    'log.test',
  );
});

it('carries the fields of a child in every line, and keeps to its level', () => {
  const text = linesOf((log) => {
    const child = log.child({ correlationId: 'c1' });
    child.info('not at this level');
    child.warn('heard');
  }, 'warn');
  expect(JSON.parse(text)).toMatchObject({ correlationId: 'c1', msg: 'heard', level: 'warn' });
});
