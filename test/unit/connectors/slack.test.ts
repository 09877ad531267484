/** What is Slack's own, beyond what every connector does; against the emulator. */

import { performance } from 'node:perf_hooks';
import { inspect } from 'node:util';
import { slackType } from '../../../src/connectors/slack/index.ts';
import { ERROR_SCHEMA } from '../../../src/connectors/slack/mapping.ts';
import type { Create } from '../../../src/model/change.ts';
import { parseConfiguration } from '../../../src/model/configuration.ts';
import { type Configuration, withDefaults } from '../../../src/model/settings.ts';
import { systemClock } from '../../../src/support/clock.ts';
import { callContext, membership, onAccount, remoteErrorOf } from '../../conformance/world.ts';
import {
  SLACK_TOKEN,
  type SlackEmulator,
  type SlackEmulatorOptions,
  startSlackEmulator,
} from '../../emulator/slack.ts';

let slack: SlackEmulator;

async function start(options: SlackEmulatorOptions = {}) {
  slack = await startSlackEmulator(options);
}

afterEach(() => slack?.close());

function connect(given: Configuration = {}) {
  const configuration = withDefaults(slackType.settings, {
    OAUTH_ACCESS_TOKEN: SLACK_TOKEN,
    API_BASE_URL: slack.apiUrl,
    SCIM_BASE_URL: slack.scimUrl,
    ...given,
  });
  return slackType.create({
    configuration,
    now: () => performance.now(),
    sleep: (ms, signal) => systemClock.sleep(ms, signal),
    fetch,
    storeId: 'store',
  });
}

const subject = { kind: 'user', id: 'person', display: 'jane' } as const;

function creation(email: string, attributes: Record<string, string> = {}): Create<'user'> {
  return { op: 'create', subject, identifier: email, attributes: { primaryEmail: email, ...attributes } };
}

const sent = (method: string) => slack.requests.filter((request) => request.method === method);

describe('creating people at Slack', () => {
  beforeEach(() => start());

  it('takes the next name where a person or a channel has the first', async () => {
    slack.addUser({ userName: 'jane', email: 'other@example.com' });
    slack.workspace.channels.add('jane-2');
    const applied = await connect().apply(creation('jane@example.com'), callContext());
    expect(applied).toMatchObject({ outcome: 'done', sent: { userName: 'jane-3' } });
    expect(slack.users.get(applied.remoteId)?.userName).toBe('jane-3');
  });

  it('gives up after the last name, with a sentence and no account', async () => {
    for (const { userName } of [
      { userName: 'jane' },
      ...[2, 3, 4, 5].map((n) => ({ userName: `jane-${n}` })),
    ]) {
      slack.addUser({ userName, email: `${userName}@other.example` });
    }
    slack.faults.inject({
      matches: ({ body }) => /-[0-9a-f]{6}$/.test((body as { userName?: string } | null)?.userName ?? ''),
      fault: { kind: 'answer', answer: { status: 409, body: { detail: 'username_taken', status: 409 } } },
    });
    const error = await remoteErrorOf(connect().apply(creation('jane@example.com'), callContext()));
    expect(error).toMatchObject({ disposition: 'rejected', code: 'username_taken' });
    expect(sent('POST')).toHaveLength(6);
  });

  it('with userName as identifier, finds and conflicts in the form that Slack keeps, and tries no other', async () => {
    const seeded = slack.addUser({ userName: 'jane_d.', email: 'jane@example.com' });
    const connector = connect({ UNIQUE_USER_IDENTIFIER: 'userName' });
    const { desired } = connector.normalize({
      kind: 'user',
      id: 'person',
      display: 'Jane D.',
      lifecycle: 'active',
      identifier: 'Jane D.',
      attributes: {},
    });
    const identifier = desired.kind === 'user' ? (desired.identifier ?? '') : '';
    expect(await connector.find('user', identifier, callContext())).toMatchObject({ remoteId: seeded.id });
    const change = { ...creation('j@example.com'), identifier };
    const error = await remoteErrorOf(connector.apply(change, callContext()));
    expect(error.disposition).toBe('conflict');
    expect(sent('POST').filter(({ path }) => path.startsWith('/scim/'))).toHaveLength(1);
  });

  it('does not adopt over an address where userName is the identifier', async () => {
    slack.addUser({ userName: 'someone', email: 'jane@example.com' });
    const connector = connect({ UNIQUE_USER_IDENTIFIER: 'userName' });
    const change = { ...creation('jane@example.com'), identifier: 'jane' };
    const error = await remoteErrorOf(connector.apply(change, callContext()));
    expect(error.disposition).toBe('rejected');
    expect(error.message).toContain('another account has this email address');
  });
});

it.each(['user', 'group'] as const)('waits where a lock (409) is in the way of a new %s', async (kind) => {
  await start();
  const body = { schemas: [ERROR_SCHEMA], detail: 'resource_locked', status: 409 };
  slack.faults.inject({ fault: { kind: 'answer', answer: { status: 409, body } } });
  const change =
    kind === 'user'
      ? creation('jane@example.com')
      : ({
          op: 'create',
          subject: { kind, id: 'g', display: 'pilots' },
          identifier: 'pilots',
          attributes: {},
        } as const);
  const error = await remoteErrorOf(connect().apply(change, callContext()));
  expect(error.disposition).toBe('transient');
});

describe('finding people at Slack', () => {
  it('does not trust a filter that Slack ignored', async () => {
    await start({ ignoreFilters: true, pageSizeMax: 2 });
    for (let n = 0; n < 5; n++) slack.addUser({ userName: `other${n}`, email: `other${n}@example.com` });
    const jane = slack.addUser({ userName: 'jane', email: 'jane@example.com' });
    const connector = connect();
    expect(await connector.find('user', 'jane@example.com', callContext())).toMatchObject({
      remoteId: jane.id,
    });
    expect(await connector.find('user', 'nobody@example.com', callContext())).toBeNull();
  });

  it('cannot tell where an ignored filter leaves too many to look through', async () => {
    await start({ ignoreFilters: true, pageSizeMax: 1 });
    for (let n = 0; n < 30; n++) slack.addUser({ userName: `other${n}`, email: `other${n}@example.com` });
    const error = await remoteErrorOf(connect().find('user', 'jane@example.com', callContext()));
    expect(error).toMatchObject({ disposition: 'rejected', code: 'filter_ignored' });
  });

  it('does not take a second address for the primary one', async () => {
    await start();
    const user = slack.addUser({ userName: 'jane', email: 'jane@example.com' });
    user.emails.push({ value: 'shared@example.com', primary: false });
    expect(await connect().find('user', 'shared@example.com', callContext())).toBeNull();
  });

  it('escapes what people put into names', async () => {
    await start();
    const group = slack.addGroup('The "A" \\ team');
    expect(await connect().find('group', 'The "A" \\ team', callContext())).toMatchObject({
      remoteId: group.id,
    });
  });

  it('never takes a broken list or a page that is not SCIM for an empty one', async () => {
    await start();
    const answers = [
      { status: 200, body: '<html>Sign in to the Wi-Fi</html>' },
      { status: 200, body: {} },
      { status: 200, body: { Resources: [], totalResults: 7 } },
      { status: 404 },
    ];
    for (const answer of answers) {
      slack.faults.inject({ fault: { kind: 'answer', answer }, times: 2 });
      const connector = connect();
      await remoteErrorOf(connector.find('user', 'jane@example.com', callContext()));
      await remoteErrorOf(connector.scan('user', null, callContext()));
    }
  });

  it('does not take a gateway’s 404 for an account that is gone', async () => {
    await start();
    const user = slack.addUser({ userName: 'jane', email: 'jane@example.com' });
    const answer = { status: 404, body: '<html>no backend</html>' };
    slack.faults.inject({ fault: { kind: 'answer', answer }, times: 2 });
    const connector = connect();
    expect(await remoteErrorOf(connector.read('user', user.id, callContext()))).toMatchObject({
      disposition: 'transient',
      unrecognised: true,
    });
    const disabling = connector.apply(onAccount('disable', user.id), callContext());
    expect(await remoteErrorOf(disabling)).toMatchObject({
      disposition: 'unknownOutcome',
      unrecognised: true,
    });
  });
});

describe('changing people at Slack', () => {
  beforeEach(() => start());

  it('moves the primary address and keeps the other one', async () => {
    const user = slack.addUser({ userName: 'jane', email: 'old@example.com' });
    user.emails.push({ value: 'private@example.com', primary: false });
    const attributes = [{ name: 'primaryEmail', from: 'old@example.com', to: 'new@example.com' }];
    await connect().apply({ op: 'update', subject, remoteId: user.id, attributes }, callContext());
    expect(slack.users.get(user.id)?.emails).toEqual([
      { value: 'new@example.com', primary: true },
      { value: 'private@example.com', primary: false },
    ]);
  });

  it('sends several attributes in one PATCH, and reads a locked display name as it stayed', async () => {
    const user = slack.addUser({ userName: 'jane', email: 'jane@example.com', displayNameLocked: true });
    const attributes = ['displayName', 'title', 'department', 'phoneNumber'].map((name) => ({
      name,
      from: null,
      to: `the new ${name}`,
    }));
    const change = { op: 'update', subject, remoteId: user.id, attributes } as const;
    const applied = await connect().apply(change, callContext());
    expect(sent('PATCH')).toHaveLength(1);
    expect(applied.observed).toMatchObject({
      attributes: {
        displayName: 'jane',
        title: 'the new title',
        department: 'the new department',
        phoneNumber: 'the new phoneNumber',
      },
    });
  });

  it('accepts 204 as a success of a deactivation, and of no PATCH, to which Slack answers with the person', async () => {
    slack.faults.inject({ fault: { kind: 'answer', answer: { status: 204 } }, times: 2 });
    const connector = connect();
    const disabled = await connector.apply(onAccount('disable', 'U1'), callContext());
    expect(disabled).toEqual({ remoteId: 'U1', outcome: 'done' });
    const enabling = connector.apply(onAccount('enable', 'U1'), callContext());
    await expect(enabling).rejects.toMatchObject({ disposition: 'unknownOutcome', unrecognised: true });
  });
});

describe('members of groups at Slack', () => {
  beforeEach(() => start());

  it('refuses a batch whole for one guest, and says that fewer may pass', async () => {
    const ids = [false, true].map(
      (isGuest, n) => slack.addUser({ userName: `u${n}`, email: `u${n}@example.com`, isGuest }).id,
    );
    const group = slack.addGroup('pilots');
    const grants = ids.map((id) => membership('grant', group.id, id, null));
    const error = await connect()
      .applyMembers(grants, callContext())
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ disposition: 'rejected', splits: true });
    expect(await connect().applyMembers(grants.slice(1), callContext())).toEqual([
      { remoteId: ids[1], outcome: 'refused', reason: expect.stringContaining('guests'), status: 400 },
    ]);
    await connect().applyMembers(grants.slice(0, 1), callContext());
    expect([...(slack.groups.get(group.id)?.members ?? [])]).toEqual([ids[0]]);
  });

  it('sends a batch in one call, and names everyone it removes', async () => {
    const ids = ['a', 'b', 'c'].map((n) => slack.addUser({ userName: n, email: `${n}@example.com` }).id);
    const group = slack.addGroup('pilots', ids);
    const changes = ids.slice(0, 2).map((id) => membership('revoke', group.id, id, null));
    await connect().applyMembers(changes, callContext());
    expect(sent('PATCH')).toHaveLength(1);
    expect(sent('PATCH')[0]?.body).toMatchObject({
      Operations: ids.slice(0, 2).map((id) => ({ op: 'remove', path: `members[value eq "${id}"]` })),
    });
    expect([...(slack.groups.get(group.id)?.members ?? [])]).toEqual([ids[2]]);
  });
});

describe('checking a Slack credential', () => {
  beforeEach(() => start());

  it('tells the workspace and protects the own account by id, name and address', async () => {
    const context = callContext();
    expect(await connect().check(context)).toEqual({
      status: 'OK',
      details: [],
      tenant: { id: 'T0001', name: 'Acme' },
      self: { remoteId: slack.owner.id, identifiers: ['owner', 'owner@acme.example'] },
    });
    expect(context.calls.map((call) => call.path)).toContain('/api/auth.test');
  });

  it('is content with the scope admin alone', async () => {
    slack.addToken(slack.workspace, { token: 'xoxp-narrow', userId: slack.owner.id, scopes: ['admin'] });
    expect(await connect({ OAUTH_ACCESS_TOKEN: 'xoxp-narrow' }).check(callContext())).toMatchObject({
      status: 'OK',
      tenant: { id: 'T0001', name: 'Acme' },
    });
  });

  it('says which scope or plan is missing', async () => {
    slack.addToken(slack.workspace, { token: 'xoxp-reader', userId: slack.owner.id, scopes: ['team:read'] });
    const reader = await connect({ OAUTH_ACCESS_TOKEN: 'xoxp-reader' }).check(callContext());
    expect(reader).toMatchObject({ status: 'FAILED', details: [{ code: 'missing_scope' }] });
    slack.workspace.plan = 'free';
    const free = await connect().check(callContext());
    expect(free).toMatchObject({ status: 'FAILED', details: [{ code: 'plus_teams_only' }] });
    expect(free.details[0]?.message).toContain('Business+');
  });

  it('says that a revoked token was revoked', async () => {
    const token = slack.addToken(slack.workspace, { token: 'xoxp-old', userId: slack.owner.id });
    token.refusedWith = 'token_revoked';
    const status = await connect({ OAUTH_ACCESS_TOKEN: 'xoxp-old' }).check(callContext());
    expect(status).toMatchObject({ status: 'FAILED', details: [{ code: 'token_revoked' }], tenant: null });
  });

  it('takes what cannot be a token for a bad one, and quotes it nowhere', async () => {
    const connector = connect({ OAUTH_ACCESS_TOKEN: 'xoxp-torn\nin-two' });
    const status = await connector.check(callContext());
    expect(status).toMatchObject({ status: 'FAILED', details: [{ code: 'invalid_auth' }] });
    const error = await remoteErrorOf(connector.read('user', 'U1', callContext()));
    expect(error.disposition).toBe('unauthorized');
    expect(inspect(error) + JSON.stringify(status)).not.toContain('torn');
    expect(slack.requests).toHaveLength(0);
  });

  it('speaks for the organisation where the app is installed on it', async () => {
    const org = slack.addWorkspace({ id: 'T9', name: 'Org', enterpriseId: 'E9', plan: 'enterprise' });
    const admin = slack.addUser({ userName: 'admin', email: 'admin@org.example', role: 'owner' }, org);
    slack.addToken(org, { token: 'xoxp-org', userId: admin.id, orgInstall: true });
    slack.addToken(org, { token: 'xoxp-one', userId: admin.id });
    expect(await connect({ OAUTH_ACCESS_TOKEN: 'xoxp-org' }).check(callContext())).toMatchObject({
      status: 'OK',
      tenant: { id: 'E9' },
    });
    expect(await connect({ OAUTH_ACCESS_TOKEN: 'xoxp-one' }).check(callContext())).toMatchObject({
      status: 'FAILED',
      details: [{ code: 'non_org_teams_only' }],
    });
  });

  it('fails where there is no SCIM API, and does without its other helpers', async () => {
    const nowhere = { SCIM_BASE_URL: `${slack.url}/elsewhere/` };
    expect(await connect(nowhere).check(callContext())).toMatchObject({
      status: 'FAILED',
      details: [{ code: 'not_slack', message: expect.stringContaining('SCIM_BASE_URL') }],
      tenant: { id: 'T0001' },
    });
    slack.faults.inject({
      matches: ({ path }) => /team\.info$|Users\/\w+$/.test(path),
      fault: { kind: 'answer', answer: { status: 404 } },
      times: 2,
    });
    expect(await connect().check(callContext())).toMatchObject({
      status: 'OK',
      self: { remoteId: slack.owner.id, identifiers: ['owner'] },
    });
  });

  it('fails with a hint where something else answers, and throws where Slack is out of order', async () => {
    const page = { status: 200, body: '<html>hello</html>' };
    slack.faults.inject({ fault: { kind: 'answer', answer: page } });
    expect(await connect().check(callContext())).toMatchObject({
      status: 'FAILED',
      details: [{ code: 'not_slack', message: expect.stringContaining('API_BASE_URL') }],
    });
    const outages = [
      { status: 503 },
      { status: 200, body: { ok: false, error: 'internal_error' } },
      { status: 429, headers: { 'retry-after': '7' } },
    ];
    for (const answer of outages) {
      slack.faults.inject({ fault: { kind: 'answer', answer } });
      const error = await remoteErrorOf(connect().check(callContext()));
      expect(error.disposition).toBe(answer.status === 429 ? 'rateLimited' : 'transient');
    }
  });
});

describe('settings of a Slack store', () => {
  it('deletes no group where DELETE_GROUPS is off', async () => {
    await start();
    const group = slack.addGroup('pilots');
    const connector = connect();
    expect(connector.capabilities.deleteGroups).toBe(false);
    const subject = { kind: 'group', id: 'g', display: 'pilots' } as const;
    const change = { op: 'delete', subject, remoteId: group.id } as const;
    const error = await remoteErrorOf(connector.apply(change, callContext()));
    expect(error.disposition).toBe('rejected');
    expect(slack.requests).toEqual([]);
  });

  it('refuses to delete people', () => {
    const mistakes = (settings: object) =>
      parseConfiguration(slackType.settings, { OAUTH_ACCESS_TOKEN: 'token', ...settings }).mistakes;
    for (const [key, value] of [
      ['REMOVE_ACTION', 'Delete'],
      ['REMOVE_AFTER_DAYS', 1],
    ] as const) {
      const detail = expect.stringContaining('not delete');
      expect(mistakes({ [key]: value })).toEqual([{ pointer: `/configuration/${key}`, detail }]);
    }
    expect(mistakes({ REMOVE_ACTION: 'Disable', REMOVE_AFTER_DAYS: 0 })).toEqual([]);
  });

  it('wants a token, and nothing else', () => {
    expect(parseConfiguration(slackType.settings, {}).mistakes).toEqual([
      { pointer: '/configuration/OAUTH_ACCESS_TOKEN', detail: expect.any(String) },
    ]);
    expect(parseConfiguration(slackType.settings, { OAUTH_ACCESS_TOKEN: 'xoxp-1' }).mistakes).toEqual([]);
  });

  it('holds names in what Slack can hold, and says what it dropped', async () => {
    await start();
    const { desired, dropped } = connect().normalize({
      kind: 'user',
      id: 'person',
      display: 'jane',
      lifecycle: 'active',
      identifier: ' jane@example.com ',
      attributes: {
        displayName: 'Jane@work',
        userName: 'Jane Doe',
        primaryEmail: '',
        shoeSize: '39',
        title: ' Pilot ',
      },
    });
    expect(desired).toMatchObject({
      identifier: 'jane@example.com',
      attributes: { displayName: 'Jane at work', userName: 'jane_doe', title: 'Pilot' },
    });
    expect(dropped).toEqual(['primaryEmail', 'shoeSize']);
  });

  it('shortens a mapped handle that is an address, but never an identifier', async () => {
    await start();
    const userNameOf = (connector: ReturnType<typeof connect>) =>
      connector.normalize({
        kind: 'user',
        id: 'person',
        display: 'jane',
        lifecycle: 'active',
        identifier: 'Jane@corp.io',
        attributes: { userName: 'Jane@corp.io' },
      }).desired;
    expect(userNameOf(connect())).toMatchObject({
      identifier: 'Jane@corp.io',
      attributes: { userName: 'jane' },
    });
    expect(userNameOf(connect({ UNIQUE_USER_IDENTIFIER: 'userName' }))).toMatchObject({
      identifier: 'jane_corp.io',
      attributes: { userName: 'jane_corp.io' },
    });
  });
});
