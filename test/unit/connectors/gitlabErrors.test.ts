/** Which bodies are GitLab's own refusals, and what they mean. */

import { type OwnWords, readRefusal, refused, spoken } from '../../../src/connectors/gitlab/api/errors.ts';

const OF_A_USER: OwnWords = {
  gone: /^404 User Not Found$/,
  words: /already been taken|seat/i,
  isService: true,
};

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
    [{}, ''],
  ])('reads %j', (body, words) => {
    expect(spoken(body)).toBe(words);
  });
});

const disposition = (status: number, body: Record<string, unknown>, writes = true) => {
  const refusal = readRefusal(status, body, OF_A_USER);
  return refusal ? refused({ action: 'try', writes }, refusal).disposition : 'not GitLab’s';
};

describe('a refusal', () => {
  it.each([
    [401, { message: '401 Unauthorized' }, 'unauthorized'],
    [401, { error: 'invalid_token', error_description: 'Token was revoked.' }, 'unauthorized'],
    [403, { error: 'insufficient_scope', error_description: '…', scope: 'api' }, 'unauthorized'],
    [403, { message: '403 Forbidden' }, 'forbidden'],
    [403, { message: '403 Forbidden - LDAP blocked users cannot be modified by the API' }, 'forbidden'],
    [404, { message: '404 User Not Found' }, 'missing'],
    [400, { error: 'email is missing' }, 'rejected'],
    [400, { message: { username: ['is invalid'] } }, 'rejected'],
    [409, { message: 'Email has already been taken' }, 'rejected'],
    [409, { message: '409 Conflict: Resource lock' }, 'transient'],
    [405, { message: '405 Method Not Allowed' }, 'rejected'],
    [400, { message: 'NO_SEATS_AVAILABLE' }, 'noSeats'],
    [400, { status: 'error', message: 'There is no room.', reason: 'seat_limit_exceeded_error' }, 'noSeats'],
    [400, { message: { base: ['There are not enough available seats to add this user.'] } }, 'noSeats'],
    [500, { message: '500 Internal Server Error' }, 'unknownOutcome'],
  ])('%i %j is %s', (status, body, expected) => {
    expect(disposition(status, body)).toBe(expected);
  });

  it('of a read is a passing failure where GitLab was out of order', () => {
    expect(disposition(500, { message: '500 Internal Server Error' }, false)).toBe('transient');
  });

  it.each([
    [404, { message: '404 Not Found' }],
    [404, { message: '404 Group Not Found' }],
    [404, { error: '404 Not Found' }],
    [404, { error: 'no route' }],
    [404, { message: 'no Route matched with those values' }],
    [403, { message: 'Forbidden' }],
    [403, { status: 'error', message: 'blocked by the policy of the proxy' }],
    [403, { error: 'Forbidden' }],
    [401, { message: 'Missing Authentication Token' }],
    [400, { message: 'Bad Request' }],
    [400, { error: 'no route' }],
    [400, { message: {} }],
    [403, { message: { a: ['b'] } }],
    [409, { code: 409 }],
  ])('is not %i %j', (status, body) => {
    expect(disposition(status, body)).toBe('not GitLab’s');
  });

  it('is no service of GitLab’s where the call asks for none', () => {
    const body = { status: 'error', message: 'blocked by the policy of the proxy' };
    expect(readRefusal(400, body, {})).toBeUndefined();
  });

  it('names the fields that did not validate', () => {
    const refusal = readRefusal(400, { message: { organization: ['is too long'], bio: ['is bad'] } }, {});
    expect(refusal).toMatchObject({ fields: ['organization', 'bio'], gone: false });
  });
});
