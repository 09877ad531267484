/** Turns: whoever fills a line waits in it for themselves, and long work leaves the event loop to everybody else. */

import { createWakes } from '../../../src/db/queue/wake.ts';
import { createLog } from '../../../src/support/log.ts';
import { asWorkOf, createTurns, giveWay, sharesCommits } from '../../../src/support/turns.ts';

/** Longer than a turn may be, so that each turn of the event loop has one. */
const PIECE_MS = 6;

function busy(): void {
  for (const until = performance.now() + PIECE_MS; performance.now() < until; );
}

async function work(owner: string, pieces: number, done: string[]): Promise<void> {
  // As what arrives does: each by itself, and all in one turn of the event loop.
  await new Promise(setImmediate);
  await asWorkOf(owner, async () => {
    for (let n = 0; n < pieces; n++) {
      await giveWay();
      busy();
      done.push(owner);
    }
  });
}

it('has a piece of one of them in a turn of the event loop, however many work', async () => {
  const done: string[] = [];
  const inTurn: number[] = [];
  let before = 0;
  let isOver = false;
  const count = () => {
    inTurn.push(done.length - before);
    before = done.length;
    if (!isOver) setImmediate(count);
  };
  const many = Promise.all(Array.from({ length: 15 }, () => work('one', 4, done)));
  setImmediate(count);
  await many;
  isOver = true;
  expect(Math.max(...inTurn)).toBeLessThanOrEqual(2);
});

it('lets the owners follow each other, whoever has more to do', async () => {
  const done: string[] = [];
  await Promise.all([...Array.from({ length: 10 }, () => work('many', 3, done)), work('one', 3, done)]);
  expect(done.lastIndexOf('one')).toBeLessThan(12);
});

it('lets short work past the long work of the same owner', async () => {
  const done: string[] = [];
  const long = Array.from({ length: 6 }, () => work('long', 10, done));
  while (done.length < 40) await new Promise(setImmediate);
  await asWorkOf('long', async () => {
    await giveWay();
    done.push('short');
    await giveWay();
    done.push('short');
  });
  expect(done.length).toBeLessThan(50);
  await Promise.all(long);
  expect(done).toHaveLength(62);
});

it('takes one owner after the other into a line of a few at a time', async () => {
  const turns = createTurns(1);
  const came: string[] = [];
  const take = (owner: string) =>
    asWorkOf(owner, async () => {
      const end = await turns.take();
      came.push(owner);
      await new Promise(setImmediate);
      end();
      end();
    });
  await Promise.all([...Array.from({ length: 5 }, () => take('many')), take('one'), take('one')]);
  expect(came).toEqual(['many', 'many', 'one', 'many', 'one', 'many', 'many']);
});

it('wakes a worker as nobody, whose request it was that gave it work', async () => {
  const wakes = createWakes({ dialect: 'sqlite', target: ':memory:' }, createLog('silent'));
  const woken: boolean[] = [];
  wakes.work.onSignal(() => woken.push(!sharesCommits()));
  await asWorkOf('one', async () => {
    for (let n = 0; n < 10; n++) {
      await giveWay();
      busy();
    }
    expect(sharesCommits()).toBe(false);
    wakes.work.signal();
  });
  expect(woken).toEqual([false]);
  await wakes.end();
});
