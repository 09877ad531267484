/** What Slack's refusals mean. */

import { readRefusal, refused } from '../../../src/connectors/slack/errors.ts';

const v2 = (detail: string, status: number) =>
  JSON.stringify({ schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'], detail, status });
const v1 = (description: string, code: number) => JSON.stringify({ Errors: { description, code } });

describe('refusals of Slack', () => {
  it('reads both shapes of error, and the code without what Slack appends to it', () => {
    expect(readRefusal(409, v2('email_taken (email=a@b.c) existing_user=U1', 409))).toMatchObject({
      code: 'email_taken',
      description: 'email_taken (email=a@b.c) existing_user=U1',
    });
    expect(readRefusal(400, v1('long_username (user=x)', 400)).code).toBe('long_username');
    expect(readRefusal(500, '')).toMatchObject({ code: 'http_500', fromSlack: true });
    expect(readRefusal(502, '<html>Bad gateway</html>')).toMatchObject({
      code: 'http_502',
      fromSlack: false,
    });
    expect(readRefusal(400, 'null').code).toBe('http_400');
  });

  const decide = (status: number, text: string, writes: boolean) =>
    refused({ action: 'do it', writes }, readRefusal(status, text)).disposition;

  it.each([
    [401, v1('invalid_authentication', 401), 'unauthorized'],
    [401, v1('missing_authentication', 401), 'unauthorized'],
    [401, '', 'unauthorized'],
    [403, v2('token_revoked', 403), 'unauthorized'],
    [403, v2('account_inactive', 403), 'unauthorized'],
    [403, v2('missing_scope', 403), 'unauthorized'],
    [402, v2('plus_teams_only', 402), 'unauthorized'],
    [403, v2('permission_denied', 403), 'forbidden'],
    [403, '', 'forbidden'],
    [400, v2('cannot_modify_owner', 400), 'forbidden'],
    [500, v2('cannot_disable_primary_owner', 500), 'forbidden'],
    [400, v2('resource_locked', 400), 'transient'],
    [500, v2('invited_user_not_created', 500), 'transient'],
    [503, v2('too_many_requests', 503), 'rateLimited'],
    [404, v2('no_such_user', 404), 'missing'],
    [400, v2('no_such_group', 400), 'missing'],
    [404, '', 'missing'],
    [404, '<html>Not here</html>', 'rejected'],
    [400, v2('group_member_max_exceeded', 400), 'rejected'],
    [400, v2('idp_group_linked_to_channels', 400), 'rejected'],
    [400, v2('anything_new', 400), 'rejected'],
    [302, '', 'rejected'],
    [500, '', 'unknownOutcome'],
    [503, '<html>', 'unknownOutcome'],
  ])('takes %i %s of a write as %s', (status, text, disposition) => {
    expect(decide(status, text, true)).toBe(disposition);
  });

  it('takes a failure of Slack as passing where it only read', () => {
    expect(decide(500, '', false)).toBe('transient');
    expect(decide(408, '', false)).toBe('transient');
  });

  it('says how long to wait where Slack refuses for a moment', () => {
    const error = refused(
      { action: 'create it', writes: true },
      readRefusal(500, v2('invited_user_not_created', 500)),
    );
    expect(error.retryAfterMs).toBe(1_000);
  });

  it('says what to do about it', () => {
    const error = refused(
      { action: 'disable user U1', writes: true },
      readRefusal(402, v2('plus_teams_only', 402)),
    );
    expect(error.message).toMatch(/disable user U1.*plus_teams_only.*Business\+/);
  });
});
