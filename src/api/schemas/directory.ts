/** Users and groups in the form of SCIM, with what the bridge adds. */

import { z } from 'zod';
import { SYNC_STATUSES } from '../../db/seen/syncStatuses.ts';
import { listOf } from '../lists.ts';
import { Link, named, Time } from './common.ts';
import { Held } from './stores/changes.ts';
import { Person } from './subject.ts';

export const FILTER = { filter: z.string().optional().describe('As RFC 7644 §3.4.2.2 has it.') };

const Meta = z.object({
  resourceType: z.enum(['User', 'Group']),
  created: Time,
  lastModified: Time,
  version: z.string(),
});

const Named = z.object({ value: z.string(), display: z.string() });

export const User = named(
  'User',
  z
    .looseObject({
      schemas: z.array(z.string()),
      id: z.string(),
      userName: z.string(),
      groups: z.array(Named),
      meta: Meta,
      person: Person,
      connectionId: z.string(),
      _links: z.object({ self: Link, syncStatus: Link, timeline: Link }),
    })
    .describe('With every attribute that the connection delivered.'),
);

export const UserList = named('UserList', listOf('users', User));

const GROUP = {
  schemas: z.array(z.string()),
  id: z.string(),
  displayName: z.string(),
  meta: Meta,
  connectionId: z.string(),
  _links: z.object({ self: Link }),
};

/** Lists leave out the members, because a group may have very many. */
const ListedGroup = named('ListedGroup', z.looseObject(GROUP));

export const GroupList = named('GroupList', listOf('groups', ListedGroup));

export const Group = named('Group', z.looseObject({ ...GROUP, members: z.array(Named) }));

export const PersonOnStore = named(
  'PersonOnStore',
  z.object({
    store: z.object({ id: z.string(), name: z.string(), type: z.string() }),
    status: z.enum(SYNC_STATUSES),
    accountState: z.enum(['none', 'invited', 'enabled', 'disabled', 'locked', 'removed']),
    since: Time.nullable(),
    reason: z.string().nullable(),
    held: z.array(Held),
    vendor: z
      .object({ status: z.int().nullable(), code: z.string().nullable(), message: z.string() })
      .optional(),
    remoteId: z.string().optional(),
    remoteName: z.string().optional(),
    origin: z.enum(['created', 'adopted']).optional(),
    privileged: z.literal(true).optional().describe('The account can do more there than people usually can.'),
    lastSyncAt: Time.nullable(),
    correlationId: z.string().nullable(),
  }),
);

export const UserSyncStatus = named(
  'UserSyncStatus',
  listOf('stores', PersonOnStore).extend({ person: Person }),
);
