/** Turns an account that GitLab.com shows into a record of a source. Pure. */

import type { SourceUser } from '../source.ts';
import type { Row } from './api.ts';

/** The membership, and the account if the company owns it; one of them may be missing. */
export interface Seen {
  readonly member: Row | null;
  readonly enterprise: Row | null;
}

const ATTRIBUTES = [
  'username',
  'name',
  'access_level',
  'membership_state',
  'last_activity_on',
  'is_using_seat',
  'is_admin',
  'job_title',
  'two_factor_enabled',
];

export function accountOf(id: string, { member, enterprise }: Seen): SourceUser {
  const shown = { ...enterprise, ...member };
  // GitLab shows the address to owners only if the company owns the account.
  const email = textOf(enterprise?.email) ?? textOf(member?.email);
  const subject = signsInAs(member?.group_saml_identity) ?? signsInAs(member?.group_scim_identity);
  const because = whyInactive(shown);
  const attributes = Object.fromEntries(
    ATTRIBUTES.flatMap((name) => {
      const text = textOf(shown[name]);
      return text === null ? [] : [[name, text]];
    }),
  );
  return {
    id,
    state: because === null ? 'active' : 'inactive',
    ...(because === null ? {} : { because }),
    attributes: {
      ...attributes,
      ...(email === null ? {} : { email }),
      ...(subject === null ? {} : { extern_uid: subject }),
    },
    claims: {
      ...{ name: textOf(shown.name) ?? textOf(shown.username) ?? id, email, subject },
      ...{ isUnconfirmed: false, isOutsider: false },
    },
  };
}

function whyInactive({ state, membership_state: membership }: Partial<Row>): string | null {
  if (typeof state === 'string' && state !== 'active') return state;
  return typeof membership === 'string' && membership !== 'active' ? membership : null;
}

function signsInAs(identity: unknown): string | null {
  if (typeof identity !== 'object' || identity === null) return null;
  return textOf((identity as { readonly extern_uid?: unknown }).extern_uid);
}

function textOf(value: unknown): string | null {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return typeof value === 'string' && value !== '' ? value : null;
}

const MACHINES = /^((project|group)_\d+_bot|service_account_group_\d+)/;

/** The account of a token or a service; it belongs to nobody. */
export function isMachine({ username, bot, user_type: type }: Row): boolean {
  return bot === true || (typeof type === 'string' && type !== 'human') || MACHINES.test(String(username));
}
