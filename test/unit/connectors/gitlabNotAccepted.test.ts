/** What GitLab does not take of a person takes nothing else with it. */

import type { Create, Update } from '../../../src/model/change.ts';
import type { Attributes } from '../../../src/model/desired.ts';
import { callContext, remoteErrorOf } from '../../conformance/world.ts';
import { type GitLabEmulator, startGitLabEmulator } from '../../emulator/gitlab.ts';
import { connectGitLab } from '../../gitlab.ts';

let gitlab: GitLabEmulator;

beforeEach(async () => {
  gitlab = await startGitLabEmulator();
});

afterEach(() => gitlab.close());

const connect = () => connectGitLab(gitlab.url, gitlab.adminToken);
const subject = { kind: 'user', id: 'p', display: 'jane' } as const;

const create = (attributes: Attributes): Create<'user'> => ({
  op: 'create',
  subject,
  identifier: attributes.email ?? '',
  attributes,
});

const update = (id: number, attributes: Attributes): Update<'user'> => ({
  op: 'update',
  subject,
  remoteId: String(id),
  attributes: Object.entries(attributes).map(([name, to]) => ({ name, from: null, to })),
});

const JANE = { username: 'jane', email: 'jane@example.com', name: 'Jane Doe' };

it('goes once more without a username that container registry tags hold', async () => {
  const jane = gitlab.state.addUser({ ...JANE, hasRegistryTags: true });
  const wanted = { username: 'janet', email: 'janet@example.com', name: 'Janet' };
  const applied = await connect().apply(update(jane.id, wanted), callContext());
  expect(applied.notAccepted).toEqual([
    { attribute: 'username', reason: expect.stringContaining('container registry tags') },
  ]);
  expect(jane).toMatchObject({ username: 'jane', email: 'janet@example.com', name: 'Janet' });
  expect(gitlab.requests.filter(({ method }) => method === 'PUT')).toHaveLength(2);
});

it.each([
  [400, { email: ['is invalid'] }],
  [400, { base: ['Something is not right'] }],
  [409, 'Email has already been taken'],
])('finds what is refused with %s for something that was not sent', async (status, message) => {
  const jane = gitlab.state.addUser(JANE);
  gitlab.faults.inject({
    matches: ({ method, body }) => method === 'PUT' && JSON.stringify(body).includes('Pilot'),
    fault: { kind: 'answer', answer: { status, body: { message } } },
    times: Number.POSITIVE_INFINITY,
  });
  const reason = expect.stringMatching(/is invalid|not right|been taken/);
  const applied = await connect().apply(
    update(jane.id, { name: 'Janet', organization: 'Acme', bio: 'Pilot' }),
    callContext(),
  );
  expect(applied).toMatchObject({ outcome: 'done', notAccepted: [{ attribute: 'bio', reason }] });
  expect(jane).toMatchObject({ ...JANE, name: 'Janet', profile: { organization: 'Acme' } });
  const alone = await connect().apply(update(jane.id, { bio: 'Pilot' }), callContext());
  expect(alone).toMatchObject({ outcome: 'already', notAccepted: [{ attribute: 'bio', reason }] });
});

it('leaves out an address and a username that others have, one after the other', async () => {
  const jane = gitlab.state.addUser(JANE);
  gitlab.state.addUser({ username: 'janet', email: 'janet@example.com' });
  const wanted = { username: 'janet', email: 'janet@example.com', name: 'Janet' };
  const applied = await connect().apply(update(jane.id, wanted), callContext());
  expect(applied.notAccepted).toEqual([
    { attribute: 'email', reason: 'Email has already been taken', taken: true },
    { attribute: 'username', reason: 'Username has already been taken', taken: true },
  ]);
  expect(jane).toMatchObject({ ...JANE, name: 'Janet' });
});

it('says what the answer contradicts', async () => {
  gitlab.state.manners.ignores.add('organization');
  const applied = await connect().apply(create({ ...JANE, organization: 'Acme' }), callContext());
  expect(applied).toMatchObject({
    outcome: 'done',
    notAccepted: [{ attribute: 'organization', reason: 'it is empty there' }],
  });
  const again = update(Number(applied.remoteId), { organization: 'Acme', bio: ' Pilot ' });
  expect((await connect().apply(again, callContext())).notAccepted).toHaveLength(1);
});

it('names who has an address as a secondary one', async () => {
  const { id } = gitlab.state.addUser({ username: 'other', secondaryEmails: ['jane@example.com'] });
  const error = await remoteErrorOf(connect().apply(create(JANE), callContext()));
  expect(error).toMatchObject({
    disposition: 'rejected',
    message: expect.stringContaining(`@other (id ${id})`),
  });
});

it('takes an address that somebody else has not confirmed for free', async () => {
  gitlab.state.addUser({ username: 'other', unconfirmedEmail: 'jane@example.com' });
  expect((await connect().apply(create(JANE), callContext())).outcome).toBe('done');
});

it.each(['NO_SEATS_AVAILABLE', 'reason'] as const)('knows that there are no seats by %s', async (how) => {
  await gitlab.close();
  gitlab = await startGitLabEmulator({ seats: 1 });
  gitlab.state.manners.seatsAnswer = how;
  expect((await remoteErrorOf(connect().apply(create(JANE), callContext()))).disposition).toBe('noSeats');
});
