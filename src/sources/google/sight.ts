/**
 * Finds out whether somebody whom Google does not find is deleted, or only hidden. An administrator whose role is
 * narrowed to some organisational units sees fewer people, and may be told that the others do not exist.
 */

import type { CallContext } from '../../connectors/connector.ts';
import { RemoteError } from '../../model/errors.ts';
import { isAboutCredential } from '../lookups.ts';
import type { Known, SourceDeps } from '../source.ts';
import type { GoogleCalls, GoogleRecord } from './api/calls.ts';
import type { GoogleClient } from './api/client.ts';
import type { GoogleSettings } from './settings.ts';

export interface Sight {
  /** A list of people begins: what earlier ones showed does not count any more. */
  begin(): void;
  saw(people: readonly GoogleRecord[]): void;
  /** Why nobody is deleted only because Google does not find them; null where they are. */
  doubt(id: string, known: Known, context: CallContext): Promise<string | null>;
}

export interface SightDeps {
  readonly settings: GoogleSettings;
  readonly client: GoogleClient;
  readonly calls: GoogleCalls;
  readonly deps: Pick<SourceDeps, 'now' | 'wallClock'>;
}

/** Google lists the deleted for about 20 days. */
const LISTED_MS = 19 * 24 * 60 * 60 * 1000;
/** If many people are missing at once, Google is not asked again for each. */
const BELIEVED_MS = 60_000;

const WHOLE_ROLE = 'give SUBJECT a role with Users › Read for the whole organisation';

export function createSight({ settings, client, calls, deps }: SightDeps): Sight {
  let places: Set<string> | null = null;
  let deleted: { readonly at: number; readonly ids: ReadonlySet<string> } | null = null;

  const begin = () => {
    deleted = null;
    places = new Set();
    return places;
  };
  const note = (into: Set<string>, people: readonly GoogleRecord[]) => {
    for (const { record } of people) {
      // Everybody is shown their own account.
      if (String(record.primaryEmail).toLowerCase() === settings.subject.toLowerCase()) continue;
      if (typeof record.orgUnitPath === 'string') into.add(record.orgUnitPath.toLowerCase());
    }
  };
  const shownPlaces = async (context: CallContext): Promise<ReadonlySet<string>> => {
    if (places) return places;
    const found = begin();
    for await (const { records } of client.pages((token) => calls.users(token), 'list people', context))
      note(found, records);
    return found;
  };
  /** Empty where Google lists nobody, or lists others than the deleted. */
  const deletedIds = async (context: CallContext): Promise<ReadonlySet<string>> => {
    if (deleted && deps.now() - deleted.at <= BELIEVED_MS) return deleted.ids;
    const ids = new Set<string>();
    const action = 'list the deleted people';
    try {
      for await (const { records } of client.pages((token) => calls.deletedUsers(token), action, context)) {
        for (const { id, record } of records) if (record.deletionTime !== undefined) ids.add(id);
      }
    } catch (error) {
      if (!(error instanceof RemoteError) || isAboutCredential(error)) throw error;
      ids.clear();
    }
    deleted = { at: deps.now(), ids };
    return ids;
  };

  return {
    begin,
    saw: (people) => note(places ?? begin(), people),
    async doubt(id, { place, seenAt }, context) {
      const listed = await deletedIds(context);
      if (listed.has(id)) return null;
      const isRecent = seenAt !== undefined && deps.wallClock() - Date.parse(seenAt) < LISTED_MS;
      if (listed.size > 0 && isRecent)
        return `Google finds ${id} no more and does not list it among the deleted either, as to an administrator of some organisational units alone: ${WHOLE_ROLE}`;
      if (place === undefined || isWithin(place.toLowerCase(), await shownPlaces(context))) return null;
      return `Google shows neither ${id} nor anybody else of the organisational unit ${place}, as to an administrator of other units alone: ${WHOLE_ROLE}`;
    },
  };
}

/** A role counts for a unit and all below it: who is shown one above is shown this one. */
function isWithin(place: string, shown: ReadonlySet<string>): boolean {
  const parts = place.split('/').filter((part) => part !== '');
  return parts.some((_, at) => shown.has(`/${parts.slice(0, at + 1).join('/')}`)) || shown.has('/');
}
