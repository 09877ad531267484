/** Tells an admin what the deletion of a connection or environment would do, and asks for confirmation. */

import type { AffectedPeople } from '../../db/identity/tombstones.ts';
import { RequestError } from '../../model/errors.ts';

/** How the request wants the deletion done. */
export interface DeletionOptions {
  readonly confirmed: boolean;
  /** The bridge leaves accounts as they are, and forgets them. */
  readonly keepAccounts: boolean;
}

/** Throws the 409 that says which people the deletion affects and what to do. `what`: "the connection Okta". */
export function refuseUnconfirmed(
  what: string,
  affected: AffectedPeople,
  { keepAccounts }: DeletionOptions,
): never {
  const { users, groups, leaving, stores } = affected;
  const staying = users > leaving ? ` ${users - leaving} of the users stay through another connection.` : '';
  const where = stores.map(({ name, people }) => `${people} on ${name}`).join(', ');
  const people = `${leaving} ${leaving === 1 ? 'person leaves' : 'people leave'} the directory`;
  const accounts = where === '' ? 'no account of theirs is linked' : `accounts of theirs: ${where}`;
  const fate = keepAccounts
    ? 'The accounts stay as they are, and the bridge forgets them. Add ?confirm=true to go on.'
    : `The accounts go as DEPROVISION_USERS and REMOVE_ACTION say, under the brake. Add ?confirm=true to go on, or ?confirm=true&keepAccounts=true to leave the accounts as they are and only forget them.`;
  throw new RequestError(
    409,
    `With ${what} go ${counted(users, 'user')} and ${counted(groups, 'group')}: ${people}; ${accounts}.${staying} ${fate}`,
  );
}

function counted(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}
