/** An admin token in requests and answers. Only the answer that makes the token shows its text. */

import { z } from 'zod';
import { ADMIN_SCOPES } from '../../../auth/scopes.ts';
import { listOf } from '../../lists.ts';
import { Link, named, Time } from '../common.ts';
import { idText, nameText } from '../texts.ts';

const WantedEnd = z.iso
  .datetime({ offset: true, error: 'must be a time such as 2030-01-31T12:00:00Z' })
  .nullish();

export const NewAdminToken = named(
  'NewAdminToken',
  z.strictObject({
    name: nameText,
    scopes: z.array(z.enum(ADMIN_SCOPES)).min(1, 'must name at least one of read, write'),
    environmentId: idText.nullish().describe('The one environment that the token may see; all without it.'),
    validUntil: WantedEnd.describe('Until it is revoked, without it.'),
  }),
);

export const Renewal = named(
  'Renewal',
  z.strictObject({
    validUntil: WantedEnd.describe(
      'Without it, 30 days from now for a token that has an end. null: until it is revoked.',
    ),
  }),
);

const SHOWN = {
  id: z.string(),
  name: z.string(),
  scopes: z.array(z.enum(ADMIN_SCOPES)),
  environmentId: z.string().nullable(),
  createdAt: Time,
  validUntil: Time.nullable(),
  lastUsedAt: Time.nullable(),
  _links: z.object({ self: Link }),
};

export const AdminToken = named('AdminToken', z.object(SHOWN));

export const MadeAdminToken = named(
  'MadeAdminToken',
  z.object({ ...SHOWN, token: z.string().describe('Shown this once.') }),
);

export const AdminTokenList = named('AdminTokenList', listOf('adminTokens', AdminToken));
