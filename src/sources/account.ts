/** Turns an account at a vendor into a record of a source: its attributes, and the claims that tell whose it is. */

import type { RemoteUser } from '../model/remote.ts';
import type { SourceDefinition, SourceUser } from './source.ts';

type Naming = Pick<SourceDefinition, 'vendorNames'>;

/** An account as a connector read it, or as a store has seen it. */
export function accountOf(account: RemoteUser, { vendorNames = {} }: Naming): SourceUser {
  const { remoteId, state, attributes, told = {}, display, unconfirmed = false, outsider = false } = account;
  const { primaryEmail, email = primaryEmail, externUid } = attributes;
  const mapped = Object.entries(attributes).map(
    ([name, value]) => [vendorNames[name] ?? name, value] as const,
  );
  const shown = [...mapped, ...Object.entries(told)].filter(([, value]) => value !== '');
  return {
    id: remoteId,
    state: state === 'enabled' ? 'active' : 'inactive',
    ...(state === 'enabled' ? {} : { because: state }),
    attributes: Object.fromEntries(shown),
    claims: {
      ...{ name: display, email: email || null, subject: externUid || null },
      ...{ isUnconfirmed: unconfirmed, isOutsider: outsider },
    },
  };
}
