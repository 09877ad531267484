/**
 * Settings that the product documents but this release does not have. A value that describes the present behaviour is
 * accepted. Any other is refused with a sentence, so that no accepted key does nothing. A setting that is built moves
 * to its like.
 */

import type { SettingSpec } from './settings.ts';

const TODAY = 'is not available yet';

export const COMING_SPECS = [
  {
    key: 'CREATE_ACTION',
    type: 'string',
    default: 'Create',
    allowed: ['Create'],
    notYet: `CREATE_ACTION other than Create ${TODAY}: accounts are created without a role of their own.`,
    description: 'How an account is created, where CREATE_USERS says that it is.',
  },
  {
    key: 'CREATE_ROLE',
    type: 'string',
    notYet: `CREATE_ROLE ${TODAY}: accounts are created without a role of their own.`,
    description: 'The role of new accounts, with CREATE_ACTION CreateWithRole.',
  },
  {
    key: 'DISABLE_ACTION',
    type: 'string',
    default: 'Disable',
    allowed: ['Disable'],
    notYet: `DISABLE_ACTION other than Disable ${TODAY}: accounts are disabled.`,
    description: 'How an account is disabled, where DISABLE_USERS says that it is.',
  },
  {
    key: 'DISABLE_ROLE',
    type: 'string',
    notYet: `DISABLE_ROLE ${TODAY}: accounts are disabled, and keep their role.`,
    description: 'The role that disabled accounts get, with DISABLE_ACTION ChangeRole.',
  },
] as const satisfies readonly SettingSpec[];
