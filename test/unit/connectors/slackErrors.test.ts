/** What Slack's refusals mean. */

import { readRefusal, refused } from '../../../src/connectors/slack/api/errors.ts';

const v2 = (detail: string, status: number) => ({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
  detail,
  status,
});
const v1 = (description: string, code: number) => ({ Errors: { description, code } });

/** Of a call about one user. */
function refusalOf(status: number, body: Record<string, unknown>, about: 'user' | 'group' = 'user') {
  const refusal = readRefusal(status, body, about);
  if (!refusal) throw new Error('not Slack’s');
  return refusal;
}

describe('refusals of Slack', () => {
  it('knows a code without its schema', () => {
    expect(refusalOf(404, { detail: 'no_such_user', status: 404 }).gone).toBe(true);
  });

  it('reads both shapes of error, and the code without what Slack appends to it', () => {
    expect(refusalOf(409, v2('email_taken (email=a@b.c) existing_user=U1', 409))).toMatchObject({
      code: 'email_taken',
      description: 'email_taken (email=a@b.c) existing_user=U1',
    });
    expect(refusalOf(400, v1('long_username (user=x)', 400)).code).toBe('long_username');
    expect(refusalOf(400, v2('Multi-valued attributes can not', 400)).code).toBe('multi');
  });

  it.each([
    [404, { error: 'no route' }],
    [404, { detail: 'Not Found' }],
    [404, { detail: 'Not Found', status: 404 }],
    [404, { detail: 'no_such_user' }],
    [404, v2('no_such_user', 500)],
    [404, v2('no_such_group', 404)],
    [404, v2('Not Found', 404)],
    [403, { message: 'Forbidden' }],
    [400, v2('', 400)],
    [400, { Errors: { code: 400 } }],
    [400, { Errors: null }],
  ])('does not take %i %j for one, where the call is about a user', (status, body) => {
    expect(readRefusal(status, body, 'user')).toBeUndefined();
  });

  const decide = (status: number, body: Record<string, unknown>, writes: boolean) =>
    refused({ action: 'do it', writes }, refusalOf(status, body)).disposition;

  it.each([
    [401, v1('invalid_authentication', 401), 'unauthorized'],
    [401, v1('missing_authentication', 401), 'unauthorized'],
    [403, v2('token_revoked', 403), 'unauthorized'],
    [403, v2('account_inactive', 403), 'unauthorized'],
    [403, v2('missing_scope', 403), 'unauthorized'],
    [402, v2('plus_teams_only', 402), 'unauthorized'],
    [400, v2('bad_endpoint', 400), 'unauthorized'],
    [405, v2('method_not_allowed', 405), 'unauthorized'],
    [403, v2('permission_denied', 403), 'forbidden'],
    [403, v2('anything_new', 403), 'forbidden'],
    [400, v2('cannot_modify_owner', 400), 'forbidden'],
    [400, v2('cannot_modify_gdpr', 400), 'forbidden'],
    [500, v2('cannot_disable_primary_owner', 500), 'forbidden'],
    [400, v2('resource_locked', 400), 'transient'],
    [500, v2('invited_user_not_created', 500), 'transient'],
    [503, v2('too_many_requests', 503), 'rateLimited'],
    [404, v2('no_such_user', 404), 'missing'],
    [400, v2('unknown_user', 400), 'missing'],
    [400, v2('cannot_decode_user_id', 400), 'missing'],
    [400, v2('group_member_max_exceeded', 400), 'rejected'],
    [400, v2('idp_group_linked_to_channels', 400), 'rejected'],
    [400, v2('anything_new', 400), 'rejected'],
    [400, v2('database_query_failure', 400), 'unknownOutcome'],
    [500, v2('anything_new', 500), 'unknownOutcome'],
  ])('takes %i %j of a write as %s', (status, body, disposition) => {
    expect(decide(status, body, true)).toBe(disposition);
  });

  it('takes a failure of Slack as passing where it only read', () => {
    expect(decide(500, v2('internal_error', 500), false)).toBe('transient');
    expect(decide(400, v2('database_query_failure', 400), false)).toBe('transient');
  });

  it('knows by the call what is gone', () => {
    expect(refusalOf(400, v2('no_such_group', 400), 'group').gone).toBe(true);
    expect(refusalOf(404, v2('no_such_user', 404), 'group').gone).toBe(false);
  });

  it('says how long to wait where Slack refuses for a moment', () => {
    const error = refused({ action: 'do it', writes: true }, refusalOf(400, v2('resource_locked', 400)));
    expect(error).toMatchObject({ disposition: 'transient', retryAfterMs: 1_000 });
    const limited = refused({ action: 'do it', writes: true }, refusalOf(400, v2('ratelimited', 400)));
    expect(limited).toMatchObject({ disposition: 'rateLimited', retryAfterMs: 5_000 });
  });

  it('tells an admin what to do about it', () => {
    const error = refused({ action: 'do it', writes: true }, refusalOf(403, v2('missing_scope', 403)));
    expect(error.message).toContain('scope admin');
  });
});
