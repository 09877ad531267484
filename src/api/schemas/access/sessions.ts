/** A session in requests and answers; its secret is only in the cookie. */

import { z } from 'zod';
import { ADMIN_SCOPES } from '../../../auth/scopes.ts';
import { listOf } from '../../lists.ts';
import { Link, named, Time } from '../common.ts';

const SECRET_MAX = 1_000;
const secret = z
  .string()
  .min(1, 'must not be empty')
  .max(SECRET_MAX, `must have at most ${SECRET_MAX} characters`);

export const SignIn = named(
  'SignIn',
  z
    .strictObject({
      token: secret.optional().describe('An admin token.'),
      code: secret.optional().describe('The one-time code of a sign-in link.'),
    })
    .refine(({ token, code }) => (token === undefined) !== (code === undefined), {
      error: 'must have either token, or code',
    }),
);

const SHOWN = {
  name: z.string().describe('Of the admin token for which the session stands.'),
  scopes: z.array(z.enum(ADMIN_SCOPES)),
  environmentId: z.string().optional().describe('The one environment that the session may see.'),
  expiresAt: Time,
};

/** The session that sent the request. */
export const OwnSession = named('OwnSession', z.object({ ...SHOWN, _links: z.object({ self: Link }) }));

export const Session = named(
  'Session',
  z.object({
    id: z.string(),
    ...SHOWN,
    createdAt: Time,
    isOwn: z.boolean().describe('Whether the request came with it.'),
    _links: z.object({ self: Link }),
  }),
);

export const SessionList = named('SessionList', listOf('sessions', Session));
