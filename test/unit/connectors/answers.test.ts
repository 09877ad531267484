/** What an answer is worth: every call of every connector, cell by cell over statuses and bodies. */

import { type DocumentedAnswers, judge, undoneError } from '../../../src/connectors/answers.ts';
import * as gitlab from '../../../src/connectors/gitlab/api/calls.ts';
import { refused as gitlabRefused } from '../../../src/connectors/gitlab/api/errors.ts';
import * as slack from '../../../src/connectors/slack/api/calls.ts';
import { refused as slackRefused } from '../../../src/connectors/slack/api/errors.ts';
import type { Disposition, RemoteError } from '../../../src/model/errors.ts';
import { type BodyKind, bodyText, CELLS, type Cell, headersOf } from '../../answers.ts';

const ASKED = 'https://vendor.example/api';

/** What the connector makes of a cell: a success, a disposition, or an answer that nobody gave. */
type Worth = 'done' | Disposition | 'unrecognised' | 'larger' | 'longer' | 'outage';

interface TriedCall {
  readonly name: string;
  readonly writes: boolean;
  worth(cell: Cell): Worth;
  /** The cells in which the vendor speaks, and what it says there; in all others it does not. */
  readonly documented: Readonly<Record<string, Worth>>;
}

function tried<Refusal>(
  name: string,
  writes: boolean,
  answers: DocumentedAnswers<unknown, Refusal>,
  refuse: (refusal: Refusal) => RemoteError,
  vendorBody: (status: number) => unknown,
  documented: TriedCall['documented'],
): TriedCall {
  const worth = (cell: Cell): Worth => {
    const answer = {
      url: ASKED,
      status: cell.status,
      headers: new Headers(headersOf(cell)),
      text: bodyText(cell.kind, vendorBody(cell.status)),
    };
    const judgement = judge(answers, answer);
    switch (judgement.is) {
      case 'done':
        return 'done';
      case 'refused':
        return refuse(judgement.refusal).disposition;
      default: {
        const error = undoneError(judgement, { store: 'S', vendor: 'V', action: 'do it', writes }, answer);
        expect(error.unrecognised).toBe(judgement.is === 'unrecognised');
        if (judgement.is === 'unrecognised' || judgement.is === 'outage')
          expect(error.disposition).toBe(writes ? 'unknownOutcome' : 'transient');
        else expect(error.disposition).toBe('rejected');
        return { unrecognised: judgement.is, outage: judgement.is, tooLarge: 'larger', tooLong: 'longer' }[
          judgement.is
        ] as Worth;
      }
    }
  };
  return { name, writes, worth, documented };
}

const key = (status: number, kind: BodyKind) => `${status} ${kind}`;

/** Where nobody speaks for the vendor. */
function otherwise({ status }: Cell): Worth {
  if (status === 413) return 'larger';
  if (status === 414 || status === 431) return 'longer';
  return status >= 500 || status === 429 ? 'outage' : 'unrecognised';
}

const error = (detail: string) => (status: number) => ({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
  detail,
  status,
});
const user = {
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
  id: 'U1',
  userName: 'jane',
  active: true,
};
const group = { schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'], id: 'S1', displayName: 'Pilots' };
const listed = {
  schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
  totalResults: 1,
  Resources: [user],
};

function ofSlack(
  name: string,
  call: slack.Call<unknown>,
  success: unknown,
  gone: string | null,
  more: TriedCall['documented'] = {},
): TriedCall {
  const writes = call.method !== 'GET';
  const codes: Readonly<Record<number, string>> = {
    400: 'anything_new',
    401: 'invalid_authentication',
    403: 'permission_denied',
    404: gone ?? 'no_such_user',
    405: 'method_not_allowed',
    409: 'email_taken',
    421: 'anything_new',
  };
  const body = (status: number) =>
    status < 400 ? success : error(codes[status] ?? 'internal_error')(status);
  const broken = writes ? 'unknownOutcome' : 'transient';
  return tried(
    name,
    writes,
    call.answers,
    (refusal) => slackRefused({ action: 'do it', writes }, refusal),
    body,
    {
      [key(200, 'vendor')]: 'done',
      [key(400, 'vendor')]: 'rejected',
      [key(401, 'vendor')]: 'unauthorized',
      [key(403, 'vendor')]: 'forbidden',
      ...(gone === null ? {} : { [key(404, 'vendor')]: 'missing' }),
      [key(405, 'vendor')]: 'unauthorized',
      [key(409, 'vendor')]: 'rejected',
      [key(421, 'vendor')]: 'rejected',
      [key(500, 'vendor')]: broken,
      [key(502, 'vendor')]: broken,
      [key(503, 'vendor')]: broken,
      ...more,
    },
  );
}

const NOTHING: TriedCall['documented'] = { [key(204, 'empty')]: 'done' };

const slackCalls: readonly TriedCall[] = [
  ofSlack('Slack lists users', slack.list('user', {}), listed, null),
  ofSlack('Slack lists groups', slack.list('group', {}), { ...listed, Resources: [group] }, null),
  ofSlack('Slack reads a user', slack.read('user', 'U1'), user, 'no_such_user'),
  ofSlack('Slack reads a group', slack.read('group', 'S1'), group, 'no_such_group'),
  ofSlack('Slack creates a user', slack.create('user', {}), user, null),
  ofSlack('Slack creates a group', slack.create('group', {}), group, null),
  ofSlack('Slack updates a user', slack.patch('user', 'U1', []), user, 'no_such_user'),
  ofSlack('Slack changes members', slack.patch('group', 'S1', []), group, 'no_such_group', NOTHING),
  ofSlack(
    'Slack deactivates a user',
    slack.deactivateUser('U1'),
    { ...user, active: false },
    'no_such_user',
    NOTHING,
  ),
  ofSlack('Slack deletes a group', slack.deleteGroup('S1'), group, 'no_such_group', {
    ...NOTHING,
    [key(200, 'empty')]: 'done',
  }),
];

const row = { id: 1, username: 'jane', name: 'Jane', state: 'active' };
const member = { ...row, access_level: 30 };
const groupRow = { id: 1, name: 'Pilots', full_path: 'pilots' };

function ofGitLab(
  name: string,
  answers: gitlab.Answers<unknown>,
  writes: boolean,
  success: unknown,
  gone: string | null,
  more: TriedCall['documented'] = {},
): TriedCall {
  const words: Readonly<Record<number, string>> = {
    400: '400 Bad request - no',
    401: '401 Unauthorized',
    403: '403 Forbidden',
    404: gone ?? '404 Not Found',
    405: '405 Method Not Allowed',
    409: '409 Conflict',
    421: '421 Misdirected Request',
  };
  const body = (status: number) =>
    status < 400 ? success : { message: words[status] ?? `${status} Internal Server Error` };
  const broken = writes ? 'unknownOutcome' : 'transient';
  return tried(
    name,
    writes,
    answers,
    (refusal) => gitlabRefused({ action: 'do it', writes }, refusal),
    body,
    {
      [key(200, 'vendor')]: 'done',
      [key(400, 'vendor')]: 'rejected',
      [key(401, 'vendor')]: 'unauthorized',
      [key(403, 'vendor')]: 'forbidden',
      ...(gone === null ? {} : { [key(404, 'vendor')]: 'missing' }),
      [key(405, 'vendor')]: 'rejected',
      [key(409, 'vendor')]: 'rejected',
      [key(421, 'vendor')]: 'rejected',
      [key(500, 'vendor')]: broken,
      [key(502, 'vendor')]: broken,
      [key(503, 'vendor')]: broken,
      ...more,
    },
  );
}

/** GitLab answers these with another status than 200. */
const MADE: TriedCall['documented'] = { [key(200, 'vendor')]: 'unrecognised' };
const REMOVED: TriedCall['documented'] = { ...MADE, ...NOTHING };
const NO_USER = '404 User Not Found';
const NO_GROUP = '404 Group Not Found';

const gitlabCalls: readonly TriedCall[] = [
  ofGitLab('GitLab tells who asks', gitlab.currentUser, false, row, null),
  ofGitLab('GitLab tells the scopes', gitlab.ownToken, false, { scopes: ['api'] }, null, {
    [key(404, 'vendor')]: 'rejected',
  }),
  ofGitLab('GitLab lists users', gitlab.listUsers, false, [row], null),
  ofGitLab('GitLab reads a user', gitlab.readUser('1'), false, row, NO_USER),
  ofGitLab('GitLab creates a user', gitlab.createUser, true, row, null, MADE),
  ofGitLab('GitLab updates a user', gitlab.editUser('1'), true, row, NO_USER),
  ofGitLab('GitLab blocks a user', gitlab.blockUser, true, true, NO_USER, MADE),
  ofGitLab('GitLab unblocks a user', gitlab.unblockUser, true, true, NO_USER, MADE),
  ofGitLab('GitLab deletes a user', gitlab.deleteUser, true, row, NO_USER, REMOVED),
  ofGitLab('GitLab lists groups', gitlab.listGroups, false, [groupRow], null),
  ofGitLab('GitLab reads a group', gitlab.readGroup(), false, groupRow, NO_GROUP),
  ofGitLab('GitLab creates a group', gitlab.createGroup, true, groupRow, null, MADE),
  ofGitLab('GitLab renames a group', gitlab.editGroup('1'), true, groupRow, NO_GROUP),
  ofGitLab('GitLab lists members', gitlab.listMembers, false, [member], NO_GROUP),
  ofGitLab('GitLab reads a member', gitlab.readMember('1'), false, member, NO_GROUP),
  ofGitLab('GitLab adds a member', gitlab.addMember('1'), true, member, NO_GROUP, MADE),
  ofGitLab('GitLab raises a member', gitlab.editMember('1'), true, member, NO_GROUP),
  ofGitLab('GitLab removes a member', gitlab.removeMember, true, member, NO_GROUP, REMOVED),
];

describe.each([...slackCalls, ...gitlabCalls])('$name', ({ worth, documented }) => {
  it.each(CELLS)('$status with $kind', (cell) => {
    expect(worth(cell)).toBe(documented[key(cell.status, cell.kind)] ?? otherwise(cell));
  });
});

describe('an answer of 201', () => {
  it.each([
    ['creates a user', gitlab.createUser, row],
    ['blocks a user', gitlab.blockUser, true],
    ['finds a user blocked', gitlab.blockUser, null],
    ['adds a member', gitlab.addMember('1'), member],
    ['queues a member', gitlab.addMember('1'), { status: 'success', message: { jane: 'Request queued' } }],
  ] as [string, gitlab.Answers<unknown>, unknown][])('%s', (_, answers, body) => {
    const answer = { url: ASKED, status: 201, headers: new Headers(), text: JSON.stringify(body) };
    expect(judge(answers, answer).is).toBe('done');
    expect(judge(answers, { ...answer, text: '' }).is).toBe('unrecognised');
  });

  it('is about the one who was asked for', () => {
    const answer = { url: ASKED, status: 201, headers: new Headers(), text: JSON.stringify(member) };
    expect(judge(gitlab.addMember('2'), answer).is).toBe('unrecognised');
  });
});

describe('an answer of 200 that shows the contrary', () => {
  const shown = { ...group, members: [{ value: 'U1' }, { value: 'U2' }] };
  it.each([
    ['activates a user', slack.activateUser('U1'), user, { ...user, active: false }],
    ['deactivates a user', slack.deactivateUser('U1'), { ...user, active: false }, user],
  ] as const)('confirms nothing to who %s', (_, call, so, contrary) => {
    const answer = { url: ASKED, status: 200, headers: new Headers(), text: JSON.stringify(so) };
    expect(judge(call.answers, answer).is).toBe('done');
    expect(judge(call.answers, { ...answer, text: JSON.stringify(contrary) }).is).toBe('unrecognised');
  });

  it('confirms nothing to who asked for another thing of a group', () => {
    const answer = { url: ASKED, status: 200, headers: new Headers(), text: JSON.stringify(shown) };
    expect(judge(slack.patch('group', 'S1', [], () => true).answers, answer).is).toBe('done');
    expect(judge(slack.patch('group', 'S1', [], () => false).answers, answer).is).toBe('unrecognised');
  });
});

it.each(['/users/sign_in', 'https://vendor.example/users/sign_in', 'https://[', ''])(
  'names no other host where a redirect says %j',
  (location) => {
    const answer = { url: ASKED, status: 302, headers: new Headers({ location }), text: '' };
    expect(judge(gitlab.currentUser, answer)).toEqual({ is: 'unrecognised', what: 'a redirect' });
  },
);

it('says where a redirect leads, without what the address carries', () => {
  const answer = {
    url: ASKED,
    status: 302,
    headers: new Headers(headersOf({ status: 302, kind: 'html' })),
    text: '',
  };
  const judgement = judge(gitlab.currentUser, answer);
  const heard = 'redirects to https://login.example: enter that';
  expect(judgement).toEqual({ is: 'unrecognised', what: 'a redirect', heard });
});
