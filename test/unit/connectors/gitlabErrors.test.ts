/** What GitLab's failures mean, and what is never repeated of them. */

import { refusal, unexpected, vendorWords } from '../../../src/connectors/gitlab/errors.ts';

const TOKEN = 'glpat-secret';

function refused(
  status: number,
  body: unknown,
  { writes = true, headers = {} }: { writes?: boolean; headers?: Record<string, string> } = {},
) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return refusal({ status, headers: new Headers(headers), text }, { action: 'try', writes }, TOKEN);
}

describe('what GitLab says', () => {
  it.each([
    [{ error: 'email is missing' }, 'email is missing'],
    [{ message: '400 Bad request - no' }, '400 Bad request - no'],
    [
      { message: { username: ['is a reserved name', 'is too long'] } },
      'username is a reserved name, is too long',
    ],
    [{ message: { base: ['No.'] } }, 'No.'],
    [{ error: 'insufficient_scope', error_description: 'More needed.' }, 'insufficient_scope: More needed.'],
    [{ message: { error: 'Try again later.' } }, 'Try again later.'],
  ])('reads %j', (body, words) => {
    expect(vendorWords(JSON.stringify(body))).toBe(words);
  });

  it.each(['', '<html>', 'null', '[]', '{}'])('reads nothing from %j', (text) => {
    expect(vendorWords(text)).toBeNull();
  });
});

describe('what a refusal means', () => {
  it.each([
    [401, { message: '401 Unauthorized' }, 'unauthorized'],
    [401, { error: 'invalid_token', error_description: 'Token was revoked.' }, 'unauthorized'],
    [403, { error: 'insufficient_scope' }, 'unauthorized'],
    [403, { message: '403 Forbidden' }, 'forbidden'],
    [404, { message: '404 User Not Found' }, 'missing'],
    [400, { message: { username: ['is invalid'] } }, 'rejected'],
    [409, { message: 'Member already exists' }, 'rejected'],
    [400, { message: { base: ['There are not enough available seats to add this user.'] } }, 'noSeats'],
    [502, '<html>Bad gateway</html>', 'unknownOutcome'],
    [302, '', 'transient'],
  ])('%d %j is %s', (status, body, disposition) => {
    expect(refused(status, body)).toMatchObject({ disposition, status });
  });

  it('is a passing failure where a read met an outage, and waits as long as GitLab asks', () => {
    const error = refused(503, '', { writes: false, headers: { 'retry-after': '7' } });
    expect(error).toMatchObject({ disposition: 'transient', retryAfterMs: 7_000 });
  });

  it('says where a redirect leads, without what the address carries', () => {
    const headers = { location: 'https://login.example/?secret=1' };
    const { message } = refused(302, '', { headers });
    expect(message).toContain('https://login.example:');
    expect(message).not.toContain('secret');
  });

  it('repeats no token that GitLab repeats', () => {
    expect(refused(400, { message: `bad token ${TOKEN}` }).message).not.toContain(TOKEN);
  });

  it('does not know whether a write was done that a login page answered', () => {
    const page = (writes: boolean) => unexpected(200, { action: 'try', writes }, 'not JSON').disposition;
    expect([page(true), page(false)]).toEqual(['unknownOutcome', 'transient']);
  });
});
