/**
 * What an error means for one object, while the rest can be read: whether it is gone, or only unknown. A credential
 * that is refused is no matter of one object, and stays an error.
 */

import type { CallContext } from '../connectors/connector.ts';
import { RemoteError } from '../model/errors.ts';
import { patiently } from './patience.ts';
import type { Lookup, SourceDeps } from './source.ts';

/** Waits where the vendor limits the rate; whatever else fails is `unknown` at once. */
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

/** True where no other call would fare better. A 403 for one object may be about that object alone. */
export function isAboutCredential({ disposition, status }: RemoteError): boolean {
  return disposition === 'unauthorized' && status !== 403;
}

/** The vendor itself took it for no question that it has an answer to. */
export function isNoQuestion({ disposition, status }: RemoteError): boolean {
  return disposition === 'rejected' && status === 400;
}

/** So many objects in a row that cannot be read are an outage of the whole source. */
const UNREAD_IN_A_ROW_MAX = 3;

/** Tells the failure of one object from that of the source: gives the reason, or throws. */
export function createUnreadCount(): { heard(error: unknown): string; read(): void } {
  let inARow = 0;
  return {
    heard(error) {
      // What is hidden of one object says that the source is there.
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
