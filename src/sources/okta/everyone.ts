/**
 * Finds out whether the bridge sees the whole organisation. An administrator whose role is narrowed to some groups
 * sees fewer people, is told that the others do not exist, and gets no error. But such an administrator does not see
 * the group of everybody.
 */

import type { CallContext } from '../../connectors/connector.ts';
import { RemoteError } from '../../model/errors.ts';
import { isAboutCredential } from '../lookups.ts';
import type { SourceDeps } from '../source.ts';
import type { OktaCalls } from './api/calls.ts';
import type { OktaClient } from './api/client.ts';
import { isBuiltIn } from './mapping.ts';
import type { Position } from './position.ts';

export interface Asked {
  readonly client: OktaClient;
  readonly calls: OktaCalls;
}

export const NOT_SHOWN = 'everyone_not_shown';
export const WHOLE_ROLE =
  'see that the bridge has the role Read-only Administrator for the whole organisation';

const ACTION = 'show the group of everybody';

const everyone = (calls: OktaCalls) => calls.groups({ filter: 'type eq "BUILT_IN"' });

/** For a scan. Throws where the group of everybody was shown before and is not any more. */
export async function demandEveryone(
  { client, calls }: Asked,
  before: Position | null,
  context: CallContext,
): Promise<boolean> {
  let isShown = false;
  try {
    for await (const { value } of client.pages(everyone(calls), ACTION, context))
      isShown ||= value.some(isBuiltIn);
  } catch (error) {
    // A connection that was never shown that group, and may not ask for it, loses nothing.
    if (before?.showsEveryone || !(error instanceof RemoteError)) throw error;
  }
  if (isShown || !before?.showsEveryone) return isShown;
  const message = `Okta does not show the group Everyone any more, as to an administrator of some groups alone, and nothing is taken from what it still shows: ${WHOLE_ROLE}`;
  throw new RemoteError(message, {
    ...{ store: 'Okta', action: ACTION, disposition: 'forbidden', code: NOT_SHOWN },
  });
}

/** Asks once. False where Okta refuses to say; throws where Okta does not answer, or refuses the credential. */
export async function showsEveryone({ client, calls }: Asked, context: CallContext): Promise<boolean> {
  try {
    const { value } = await client.ask(everyone(calls), ACTION, context);
    return value.some(isBuiltIn);
  } catch (error) {
    if (!(error instanceof RemoteError) || isAboutCredential(error)) throw error;
    if (error.disposition === 'transient' || error.disposition === 'rateLimited') throw error;
    return false;
  }
}

/** If many people are missing at once, Okta is not asked again for each. */
const BELIEVED_MS = 5_000;

export interface Sight {
  /** Whether someone whom Okta does not show is really not there. */
  isWhole(context: CallContext): Promise<boolean>;
}

export function createSight(asked: Asked, { now }: Pick<SourceDeps, 'now'>): Sight {
  let known: { readonly at: number; readonly isWhole: boolean } | null = null;
  return {
    async isWhole(context) {
      if (known === null || now() - known.at > BELIEVED_MS)
        known = { at: now(), isWhole: await showsEveryone(asked, context) };
      return known.isWhole;
    },
  };
}
