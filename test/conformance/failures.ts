/** How every connector fails: one error type, whose disposition tells what to do, and no secret in it. */

import { inspect } from 'node:util';
import type { RemoteError } from '../../src/model/errors.ts';
import { type ConnectorWorld, callContext, createUser, onAccount, remoteErrorOf } from './world.ts';

export function registerFailures(world: () => ConnectorWorld): void {
  const expectNoSecret = (error: RemoteError) => {
    const shown = inspect(error, { depth: 10 }) + JSON.stringify(error);
    for (const secret of world().secrets) expect(shown).not.toContain(secret);
  };

  const faultsOf = () => {
    const { faults } = world();
    if (!faults) throw new Error('a type that calls a vendor says where faults can be aimed');
    return faults;
  };

  /** Two reads and two writes. The account is one that is there and enabled. */
  const attemptsOn = (remoteId: string) => {
    const { connector, person } = world();
    const { readUser, findUser, createUser: create, disableUser } = faultsOf();
    return [
      {
        writes: false,
        at: readUser,
        run: (context = callContext()) => connector.read('user', remoteId, context),
      },
      {
        writes: false,
        at: findUser,
        run: (context = callContext()) => connector.find('user', person('someone').identifier, context),
      },
      {
        writes: true,
        at: create,
        run: (context = callContext()) => connector.apply(createUser(world(), 'joiner'), context),
      },
      {
        writes: true,
        at: disableUser,
        run: (context = callContext()) => connector.apply(onAccount('disable', remoteId), context),
      },
    ];
  };

  const attempted = async () => attemptsOn(await world().remote.seedAccount('jane', 'enabled'));

  it('records every call, with nothing secret in its path', async () => {
    for (const attempt of await attempted()) {
      const context = callContext();
      await attempt.run(context);
      expect(context.calls.length).toBeGreaterThan(0);
      for (const call of context.calls) {
        expect(call.status).toBeGreaterThanOrEqual(200);
        expect(call.path).toMatch(/^\/[^?]*$/);
        for (const secret of world().secrets) expect(call.path).not.toContain(secret);
      }
    }
  });

  it('sends one call for one write', async () => {
    for (const attempt of await attempted()) {
      if (!attempt.writes) continue;
      const context = callContext();
      await attempt.run(context);
      expect(context.calls).toHaveLength(1);
    }
  });

  it('says when to come back where the vendor limits the rate, and holds back until then', async () => {
    const { connector, remote } = world();
    const { at, readUser } = faultsOf();
    const id = await remote.seedAccount('jane', 'enabled');
    at.inject({
      matches: readUser,
      fault: { kind: 'answer', answer: { status: 429, headers: { 'retry-after': '30' } } },
    });
    const error = await remoteErrorOf(connector.read('user', id, callContext()));
    expect(error).toMatchObject({ disposition: 'rateLimited', status: 429, retryAfterMs: 30_000 });
    expectNoSecret(error);
    const paced = await remoteErrorOf(connector.read('user', id, callContext()));
    expect(paced.disposition).toBe('rateLimited');
  });

  it('takes 500 as a passing failure of a read, and as an unknown outcome of a write', async () => {
    for (const attempt of await attempted()) {
      faultsOf().at.inject({ matches: attempt.at, fault: { kind: 'answer', answer: { status: 500 } } });
      const error = await remoteErrorOf(attempt.run());
      expect(error.disposition).toBe(attempt.writes ? 'unknownOutcome' : 'transient');
      expect(error.status).toBe(500);
      expectNoSecret(error);
    }
  });

  const lost: [string, boolean][] = [
    ['before it was done', false],
    ['after it was done', true],
  ];
  it.each(lost)('does not know the outcome of a write whose answer was lost %s', async (_, applied) => {
    for (const attempt of await attempted()) {
      faultsOf().at.inject({ matches: attempt.at, fault: { kind: 'drop', applied } });
      const context = callContext();
      const error = await remoteErrorOf(attempt.run(context));
      expect(error.disposition).toBe(attempt.writes ? 'unknownOutcome' : 'transient');
      expect(context.calls.at(-1)?.status).toBe(0);
      expectNoSecret(error);
    }
  });

  it('gives up when told to, and does not know the outcome of a write then', async () => {
    for (const attempt of await attempted()) {
      faultsOf().at.inject({ matches: attempt.at, fault: { kind: 'hang' } });
      const error = await remoteErrorOf(attempt.run(callContext(AbortSignal.timeout(100))));
      expect(error.disposition).toBe(attempt.writes ? 'unknownOutcome' : 'transient');
      expectNoSecret(error);
    }
  });

  it('is unauthorized with a credential that the vendor refuses, and the check says FAILED', async () => {
    const { impostor, remote, person } = world();
    if (!impostor) throw new Error('a type with a credential says what a bad one does');
    const id = await remote.seedAccount('jane', 'enabled');
    const errors = [
      await remoteErrorOf(impostor.read('user', id, callContext())),
      await remoteErrorOf(impostor.find('user', person('jane').identifier, callContext())),
      await remoteErrorOf(impostor.scan('user', null, callContext())),
      await remoteErrorOf(impostor.apply(onAccount('disable', id), callContext())),
    ];
    for (const error of errors) {
      expect(error.disposition).toBe('unauthorized');
      expectNoSecret(error);
    }
    const status = await impostor.check(callContext());
    expect(status.status).toBe('FAILED');
    expect(status.details.length).toBeGreaterThan(0);
    for (const secret of world().secrets) expect(JSON.stringify(status)).not.toContain(secret);
    expect(await remote.account(id)).toMatchObject({ enabled: true });
  });

  it('is transient where nothing listens, for writes too: nothing was sent', async () => {
    const { stranded } = world();
    if (!stranded) throw new Error('a type that calls a vendor says what nobody there does');
    const errors = [
      await remoteErrorOf(stranded.check(callContext())),
      await remoteErrorOf(stranded.read('user', '1', callContext())),
      await remoteErrorOf(stranded.apply(onAccount('disable', '1'), callContext())),
    ];
    for (const error of errors) {
      expect(error.disposition).toBe('transient');
      expectNoSecret(error);
    }
  });
}
