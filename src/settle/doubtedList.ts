/** The error for a list of the store that the bridge does not believe, with a sentence that says why. */

import type { StoreRecord } from '../db/stores/stores.ts';
import { RemoteError } from '../model/errors.ts';
import type { ListProgress, Page } from '../model/remote.ts';
import { readOn } from '../plan/listProgress.ts';

const DOUBTED_LIST = 'doubted_list';

/**
 * The progress after this page, which had `fresh` rows that no page had shown before. `what`: what is listed, in
 * words. @throws RemoteError where the list would never end.
 */
export function believed(
  store: StoreRecord,
  what: string,
  progress: ListProgress,
  { items, aside = 0, nextCursor }: Page<unknown>,
  cursor: string | null,
  fresh: number,
): ListProgress {
  const read = readOn(progress, { rows: items.length, fresh, aside, cursor, next: nextCursor });
  if ('progress' in read) return read.progress;
  throw doubted(
    store,
    `The list of ${what} on ${store.name} is not believed: ${read.reason}. Nobody loses anything by it`,
    `list ${what}`,
  );
}

/** The list shows no account at all, not even the credential's own. */
export function emptyList(store: StoreRecord, people: number): RemoteError {
  const who = people === 1 ? '1 person has' : `${people} people have`;
  return doubted(
    store,
    `${store.name} lists no account at all, although ${who} an enabled one there: the list is not believed, and nobody loses anything by it. Check what the credential may see, then sync again`,
    'list users',
  );
}

function doubted({ type }: StoreRecord, message: string, action: string): RemoteError {
  return new RemoteError(message, { store: type, action, disposition: 'transient', code: DOUBTED_LIST });
}

/** Whether another try would read the same. */
export function isDoubted(error: unknown): boolean {
  return error instanceof RemoteError && error.code === DOUBTED_LIST;
}
