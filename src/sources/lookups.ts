/**
 * Decides what an error means for one object while others can be read: gone, or only unknown. A refused credential is
 * not about one object, and stays an error.
 */

import type { CallContext } from '../connectors/connector.ts';
import { RemoteError } from '../model/errors.ts';
import { patiently } from './patience.ts';
import type { Lookup, SourceDeps } from './source.ts';

/** Waits where the vendor limits the rate; any other failure is `unknown` at once. */
export function lookedUp(
  deps: Pick<SourceDeps, 'sleep'>,
  context: CallContext,
  read: () => Promise<Lookup>,
): Promise<Lookup> {
  return patiently(deps, context, async () => {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof RemoteError) || error.disposition === 'rateLimited') throw error;
      if (error.disposition === 'missing') return { is: 'gone' };
      if (isAboutCredential(error)) throw error;
      return { is: 'unknown', reason: error.message };
    }
  });
}

/** True where every other call would fail as well. A 403 for one object may be about that object alone. */
export function isAboutCredential({ disposition, status }: RemoteError): boolean {
  return disposition === 'unauthorized' && status !== 403;
}

/** The vendor itself answered that the question makes no sense. */
export function isNoQuestion({ disposition, status }: RemoteError): boolean {
  return disposition === 'rejected' && status === 400;
}

/** After this many unreadable objects in a row, the whole source counts as out of order. */
const UNREAD_IN_A_ROW_MAX = 3;

/** Tells the failure of one object from that of the source: gives the reason, or throws. */
export function createUnreadCount(): { heard(error: unknown): string; read(): void } {
  let inARow = 0;
  return {
    heard(error) {
      // An object that the account may not see shows that the source itself works.
      if (error instanceof RemoteError && error.disposition === 'forbidden') return error.message;
      inARow += 1;
      if (!(error instanceof RemoteError) || isAboutCredential(error)) throw error;
      if (inARow >= UNREAD_IN_A_ROW_MAX) throw error;
      return error.message;
    },
    read() {
      inARow = 0;
    },
  };
}
