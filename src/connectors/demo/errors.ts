/** The Demo store fails as a vendor does, so that what people learn with it also holds for other stores. */

import { type Disposition, RemoteError } from '../../model/errors.ts';
import type { DemoWrite } from './accounts.ts';

export const STORE = 'Demo';
export const TAKEN = 'another one has it';

export function demoError(action: string, disposition: Disposition, why: string): RemoteError {
  return new RemoteError(`The demo store could not ${action}: ${why}`, {
    store: STORE,
    action,
    disposition,
    code: disposition,
  });
}

/** Runs a read or write of the database. A failed write may have been committed although its answer was lost. */
export async function attempt<T>(action: string, writes: boolean, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof RemoteError) throw error;
    throw new RemoteError(`The bridge's database failed when the demo store was to ${action}`, {
      store: STORE,
      action,
      disposition: writes ? 'unknownOutcome' : 'transient',
      code: 'database',
      cause: error,
    });
  }
}

/** The outcome of a change to something that must exist. */
export function applied(
  remoteId: string,
  written: Exclude<DemoWrite, 'taken'>,
  action: string,
): { readonly remoteId: string; readonly outcome: 'done' } {
  if (written === 'missing') throw demoError(action, 'missing', 'it is not there any more');
  return { remoteId, outcome: 'done' };
}
