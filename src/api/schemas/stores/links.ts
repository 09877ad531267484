/** Links in requests and answers, and the accounts of a store that has no vendor. */

import { z } from 'zod';
import { listOf } from '../../lists.ts';
import { Link as Href, named, Time } from '../common.ts';
import { Subject } from '../subject.ts';
import { idText, longText } from '../texts.ts';

const REMOTE_ID_MAX = 255;

export const NewLink = named(
  'NewLink',
  z.strictObject({
    subject: z.strictObject({ kind: z.enum(['user', 'group']), id: idText }),
    remoteId: longText(REMOTE_ID_MAX).trim().min(1, 'must not be empty'),
    confirm: z
      .boolean()
      .optional()
      .describe('Yes, also an account that can do more than people usually can.'),
  }),
);

const Attributes = z.record(z.string(), z.string());

export const Link = named(
  'StoreLink',
  z.object({
    id: z.string(),
    subject: Subject,
    remoteId: z.string(),
    remoteName: z.string(),
    origin: z.enum(['created', 'adopted']),
    state: z.enum(['enabled', 'disabled', 'invited', 'removed']),
    disabledBy: z.enum(['inactive', 'gone', 'hand', 'locked', 'unapproved']).optional(),
    applied: Attributes,
    observed: Attributes,
    createdAt: Time,
    updatedAt: Time,
    _links: z.object({ self: Href }),
  }),
);

export const LinkList = named('StoreLinkList', listOf('links', Link));

export const AccountList = named(
  'AccountList',
  listOf(
    'accounts',
    named(
      'Account',
      z.object({
        id: z.string(),
        identifier: z.string(),
        state: z.enum(['enabled', 'disabled']),
        attributes: Attributes,
        groups: z.array(z.object({ id: z.string(), name: z.string() })),
      }),
    ),
  ),
);
