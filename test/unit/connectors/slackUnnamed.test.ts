/** Slack refuses one attribute without saying which: the others arrive, and that one is told. */

import { performance } from 'node:perf_hooks';
import { slackType } from '../../../src/connectors/slack/index.ts';
import { ERROR_SCHEMA } from '../../../src/connectors/slack/mapping.ts';
import { withDefaults } from '../../../src/model/settings.ts';
import { systemClock } from '../../../src/support/clock.ts';
import { callContext } from '../../conformance/world.ts';
import { SLACK_TOKEN, type SlackEmulator, startSlackEmulator } from '../../emulator/slack.ts';

let slack: SlackEmulator;
beforeEach(async () => {
  slack = await startSlackEmulator({});
});
afterEach(() => slack.close());

const connect = () =>
  slackType.create({
    configuration: withDefaults(slackType.settings, {
      OAUTH_ACCESS_TOKEN: SLACK_TOKEN,
      API_BASE_URL: slack.apiUrl,
      SCIM_BASE_URL: slack.scimUrl,
    }),
    now: () => performance.now(),
    sleep: (ms, signal) => systemClock.sleep(ms, signal),
    fetch,
    storeId: 'store',
  });

const subject = { kind: 'user', id: 'person', display: 'jane' } as const;

/** Whatever has one of these values in it. */
function refuse(detail: string, ...values: readonly string[]): void {
  slack.faults.inject({
    matches: ({ method, body }) =>
      method !== 'GET' && values.some((value) => JSON.stringify(body).includes(value)),
    fault: {
      kind: 'answer',
      answer: { status: 400, body: { schemas: [ERROR_SCHEMA], detail, status: 400 } },
    },
    times: Number.POSITIVE_INFINITY,
  });
}

const WANTED = {
  displayName: 'Jane Doe',
  title: 'Pilot',
  givenName: 'Jane',
  familyName: 'Doe',
  department: 'Flight',
  costCenter: '4711',
};
const CODES = ['invalid_attribute_format', 'unable_to_create_team_profile_fields', 'truncation_error'];

describe.each(CODES)('%s', (code) => {
  it.each([
    ['Pilot', ['title']],
    ['Flight', ['department']],
  ])('of an update costs what has the value %s', async (value, names) => {
    const user = slack.addUser({ userName: 'jane', email: 'jane@example.com' });
    refuse(code, value);
    const attributes = Object.entries(WANTED).map(([name, to]) => ({ name, from: null, to }));
    const applied = await connect().apply(
      { op: 'update', subject, remoteId: user.id, attributes },
      callContext(),
    );
    expect(applied.outcome).toBe('done');
    const lost = new Set(applied.notAccepted?.map(({ attribute }) => attribute));
    // Of custom fields Slack may be out altogether.
    const mayLose = code.includes('team_profile') ? [...names, 'department', 'costCenter'] : names;
    for (const name of names) expect(lost).toContain(name);
    for (const name of lost) expect(mayLose).toContain(name);
    expect(slack.users.get(user.id)).toMatchObject({ displayName: 'Jane Doe' });
  });

  it('of a creation costs no account and nothing else', async () => {
    refuse(code, 'Pilot');
    const applied = await connect().apply(
      {
        ...{ op: 'create', subject, identifier: 'jane@example.com' },
        attributes: { primaryEmail: 'jane@example.com', ...WANTED },
      },
      callContext(),
    );
    expect(applied.outcome).toBe('done');
    const lost = applied.notAccepted?.map(({ attribute }) => attribute) ?? [];
    expect(lost).toContain('title');
    if (!code.includes('team_profile')) expect(lost).toEqual(['title']);
    expect(applied.observed?.attributes).toMatchObject({ displayName: 'Jane Doe', familyName: 'Doe' });
  });
});

describe.each(['email_invalid', 'username_taken', 'invalid_name_required'])(
  '%s, of none that was sent',
  (code) => {
    it.each([
      ['one of several', ['title', 'displayName', 'department']],
      ['the only one', ['title']],
    ])('costs %s', async (_, names) => {
      const user = slack.addUser({ userName: 'jane', email: 'jane@example.com' });
      refuse(code, 'Pilot');
      const attributes = Object.entries(WANTED)
        .filter(([name]) => names.includes(name))
        .map(([name, to]) => ({ name, from: null, to }));
      const applied = await connect().apply(
        { op: 'update', subject, remoteId: user.id, attributes },
        callContext(),
      );
      expect(applied.notAccepted).toEqual([{ attribute: 'title', reason: code }]);
      expect(applied.outcome).toBe(names.length > 1 ? 'done' : 'already');
      if (names.length > 1) expect(slack.users.get(user.id)).toMatchObject({ displayName: 'Jane Doe' });
    });
  },
);

it('of two attributes finds both', async () => {
  const user = slack.addUser({ userName: 'jane', email: 'jane@example.com' });
  refuse('invalid_attribute_format', 'Pilot', '4711');
  const attributes = Object.entries(WANTED).map(([name, to]) => ({ name, from: null, to }));
  const applied = await connect().apply(
    { op: 'update', subject, remoteId: user.id, attributes },
    callContext(),
  );
  expect(applied.notAccepted?.map(({ attribute }) => attribute).sort()).toEqual(['costCenter', 'title']);
});

it('of a creation that fails without any of them is thrown', async () => {
  refuse('invalid_attribute_format', 'jane@example.com');
  await expect(
    connect().apply(
      {
        ...{ op: 'create', subject, identifier: 'jane@example.com' },
        attributes: { primaryEmail: 'jane@example.com', title: 'Pilot' },
      },
      callContext(),
    ),
  ).rejects.toMatchObject({ disposition: 'rejected' });
});
