/** A request that is too late is not done, and one that is being committed is not called too late. */

import { answeredWithin, type Deadline, Late } from '../../../src/directory/deadline.ts';
import { systemClock } from '../../../src/support/clock.ts';

/** Time that passes when the test says so. */
function stopped() {
  let end = () => {};
  const over = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { end, clock: { ...systemClock, sleep: () => over } };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

it('ends as the work does where it is in time', async () => {
  const { clock } = stopped();
  expect(await answeredWithin(clock, 1, async () => 'done')).toBe('done');
  await expect(answeredWithin(clock, 1, () => Promise.reject(new Error('refused')))).rejects.toThrow(
    'refused',
  );
});

it('is late before its turn has come, and does nothing when it comes', async () => {
  const { end, clock } = stopped();
  let deadline: Deadline | undefined;
  let turn = () => {};
  const answer = answeredWithin(clock, 1, async (given) => {
    deadline = given;
    await new Promise<void>((resolve) => {
      turn = resolve;
    });
    given.begin();
  });
  end();
  await expect(answer).rejects.toMatchObject({ name: 'Late', waited: true });
  expect(() => deadline?.begin()).toThrow(Late);
  turn();
  await settled();
});

it('is late while the database does not answer, and then rolls back', async () => {
  const { end, clock } = stopped();
  let answers = () => {};
  let outcome: unknown;
  const answer = answeredWithin(clock, 1, async (deadline) => {
    deadline.begin();
    await new Promise<void>((resolve) => {
      answers = resolve;
    });
    try {
      deadline.commit();
    } catch (error) {
      outcome = error;
    }
  });
  end();
  await expect(answer).rejects.toMatchObject({ name: 'Late', waited: false });
  answers();
  await settled();
  expect(outcome).toBeInstanceOf(Late);
});

it('is late, and says so, where the database has answered a part of it', async () => {
  const { end, clock } = stopped();
  const answer = answeredWithin(clock, 1, (deadline) => {
    deadline.heard();
    return new Promise(() => {});
  });
  end();
  await expect(answer).rejects.toMatchObject({ name: 'Late', waited: true, heard: true });
});

it('waits for a commit that is under way', async () => {
  const { end, clock } = stopped();
  let commits = () => {};
  const answer = answeredWithin(clock, 1, async (deadline) => {
    deadline.begin();
    deadline.commit();
    await new Promise<void>((resolve) => {
      commits = resolve;
    });
    return 'committed';
  });
  end();
  await settled();
  commits();
  expect(await answer).toBe('committed');
});
