/**
 * Begins a transaction together with its first statement, which saves one trip, and sends whatever else is asked
 * without waiting in one packet with it. A transaction that sends nothing is never begun.
 */

import { BEGIN, type Done, END, type Querying, textOf } from './preparing.ts';

/** The part of a socket that is used here: what is written while it is corked goes out together. */
export interface Packing {
  cork(): void;
  uncork(): void;
}

const NOTHING = { command: '', rows: [] };

/**
 * Makes the session keep its `BEGIN` back until the next statement, and send both together. Only works where the
 * driver sends a statement before the one ahead of it is answered (`pipeline`).
 */
export function beginWithFirst(session: Querying, socket: Packing): void {
  const ask = session.query.bind(session);
  let kept: unknown;
  let isPacking = false;
  const pack = () => {
    if (isPacking) return;
    isPacking = true;
    socket.cork();
    process.nextTick(() => {
      isPacking = false;
      socket.uncork();
    });
  };
  session.query = (query: unknown, done: Done) => {
    pack();
    const text = textOf(query);
    if (kept === undefined) {
      if (text.startsWith('COMMIT')) return ask(query, unlessUndone(done));
      if (!BEGIN.test(text)) return ask(query, done);
      kept = query;
      return queueMicrotask(() => done(null, NOTHING));
    }
    const begin = kept;
    kept = undefined;
    if (END.test(text)) return queueMicrotask(() => done(null, NOTHING));
    let notBegun: Error | null = null;
    ask(begin, (error) => {
      notBegun = error;
    });
    ask(query, (error, result) => done(notBegun ?? error, result));
  };
}

/** PostgreSQL answers a commit by a rollback where a statement had failed, and takes that for no error. */
function unlessUndone(done: Done): Done {
  return (error, result) => {
    const isUndone = (result as { command?: unknown } | undefined)?.command === 'ROLLBACK';
    if (!isUndone) return done(error, result);
    done(
      Object.assign(new Error('a statement had failed, so the transaction was undone'), { code: '25P02' }),
    );
  };
}
