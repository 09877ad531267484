/**
 * Answers of every kind over HTTP: whatever a proxy, a firewall or a sign-in page answers in the vendor's place
 * is never a success, never "gone" and never a refusal. What counts is the vendor's own words.
 */

import { RemoteError } from '../../src/model/errors.ts';
import { BODY_KINDS, bodyText, CELLS, type Cell, headersOf } from '../answers.ts';
import {
  type ConnectorWorld,
  callContext,
  createUser,
  membership,
  onAccount,
  type RequestMatch,
} from './world.ts';

/** `none`: there is no such account. Everything else is a disposition, or an outcome. */
type Verdict = string;

interface Tried {
  readonly name: string;
  readonly writes: boolean;
  /** The vendor documents an empty 204 for it. */
  readonly endsEmpty: boolean;
  readonly at: RequestMatch;
  /** What the vendor's own "there is no such user" makes of it. */
  readonly goneIs: readonly Verdict[];
  run(): Promise<Verdict>;
}

export function registerAnswers(world: () => ConnectorWorld): void {
  const faultsOf = () => {
    const { faults } = world();
    if (!faults) throw new Error('a type that calls a vendor says where faults can be aimed');
    return faults;
  };

  const calls = async (): Promise<readonly Tried[]> => {
    const { connector, remote, level, person } = world();
    const { readUser, findUser, createUser: create, disableUser, revoke, emptySuccesses } = faultsOf();
    const id = await remote.seedAccount('jane', 'enabled');
    const group = await remote.seedGroup('pilots');
    const unsure = ['unknownOutcome'];
    return [
      {
        name: 'readUser',
        writes: false,
        endsEmpty: false,
        at: readUser,
        goneIs: ['none'],
        run: async () => ((await connector.read('user', id, callContext())) ? 'found' : 'none'),
      },
      {
        name: 'findUser',
        writes: false,
        endsEmpty: false,
        at: findUser,
        goneIs: ['transient'],
        run: async () =>
          (await connector.find('user', person('someone').identifier, callContext())) ? 'found' : 'none',
      },
      {
        name: 'createUser',
        writes: true,
        endsEmpty: false,
        at: create,
        goneIs: unsure,
        run: async () => (await connector.apply(createUser(world(), 'joiner'), callContext())).outcome,
      },
      {
        name: 'disableUser',
        writes: true,
        endsEmpty: emptySuccesses.includes('disableUser'),
        at: disableUser,
        goneIs: ['gone'],
        run: async () => (await connector.apply(onAccount('disable', id), callContext())).outcome,
      },
      {
        name: 'revoke',
        writes: true,
        endsEmpty: emptySuccesses.includes('revoke'),
        at: revoke,
        goneIs: ['already', ...unsure],
        run: async () => {
          const change = membership('revoke', group, id, level);
          return (await connector.applyMembers([change], callContext()))[0]?.outcome ?? 'nothing';
        },
      },
    ];
  };

  const verdictOf = async (call: Tried): Promise<Verdict> => {
    try {
      return await call.run();
    } catch (error) {
      if (error instanceof RemoteError) return error.disposition;
      throw error;
    }
  };

  const expected = (call: Tried, { status, kind }: Cell): readonly Verdict[] => {
    const unsure = [call.writes ? 'unknownOutcome' : 'transient'];
    if (status === 429) return ['rateLimited'];
    if (status === 413 || status === 414 || status === 431) return ['rejected', 'refused'];
    // HTTP gives a 204 no body, whatever is put into it.
    if (status === 204 && call.endsEmpty) return ['done'];
    if (kind !== 'vendor' || status < 400 || status >= 500) return unsure;
    if (status === 401) return ['unauthorized'];
    if (status === 403) return ['forbidden', 'refused'];
    if (status === 404) return call.goneIs;
    return ['rejected', 'refused', ...(status === 409 && call.name === 'createUser' ? ['conflict'] : [])];
  };

  describe.each([0, 1, 2, 3, 4])('of call %i', (index) => {
    // A world for each kind of body: a connector paces its calls.
    it.each(BODY_KINDS)('are believed where they are the vendor’s: %s', async (bodyKind) => {
      const call = (await calls())[index];
      if (!call) throw new Error('there are five calls');
      const wrong: string[] = [];
      const cells = CELLS.filter(({ kind }) => kind === bodyKind);
      // A limit comes last: whatever follows it waits its turn.
      for (const cell of cells.toSorted((a, b) => Number(a.status === 429) - Number(b.status === 429))) {
        const { status } = cell;
        const text = bodyText(bodyKind, faultsOf().noSuchUser(status));
        const headers = { ...headersOf(cell), ...(status === 429 ? { 'retry-after': '0' } : {}) };
        const answer = { status, headers, body: status === 204 ? '' : text };
        // The runtime itself sends what was misdirected once more.
        const times = status === 421 ? 2 : 1;
        faultsOf().at.inject({ matches: call.at, fault: { kind: 'answer', answer }, times });
        const verdict = await verdictOf(call);
        if (!expected(call, cell).includes(verdict)) wrong.push(`${call.name} ${status}: ${verdict}`);
        faultsOf().at.clear();
      }
      expect(wrong).toEqual([]);
    });
  });
}
