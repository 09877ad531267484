/** People over all connections and stores: as they are found, shown, and decided about. */

import { z } from 'zod';
import { WORD_KINDS } from '../../db/people/words.ts';
import { listOf } from '../lists.ts';
import { Link, named, Reference, Time } from './common.ts';
import { PersonOnStore } from './directory.ts';
import { idText } from './texts.ts';

const CHARACTERS_MIN = 2;

export const PEOPLE_QUERY = {
  q: z
    .string(`must have at least ${CHARACTERS_MIN} characters`)
    .trim()
    .min(CHARACTERS_MIN, `must have at least ${CHARACTERS_MIN} characters`)
    .describe('The beginning of a name or one of its words, an address, a userName, an account, or an id.'),
};

const lifecycle = z.enum(['active', 'inactive', 'deleted']);

const UserOfPerson = named(
  'UserOfPerson',
  z.object({
    id: z.string(),
    connection: z.object({ id: z.string(), name: z.string() }),
    userName: z.string(),
    externalId: z.string().optional(),
    active: z.boolean(),
  }),
);

const FoundPerson = named(
  'FoundPerson',
  z.object({
    id: z.string(),
    display: z.string(),
    lifecycle,
    users: z.array(UserOfPerson),
    matchedOn: z.enum(WORD_KINDS),
    _links: z.object({ self: Link }),
  }),
);

export const PeopleList = named('PeopleList', listOf('people', FoundPerson));

const Identity = named(
  'Identity',
  z
    .object({
      state: z.enum(['open', 'same', 'other']),
      former: z.object({ id: z.string(), display: z.string(), leftAt: Time.nullable() }),
      attribute: z.enum(['userName', 'email', 'externalId']),
      stores: z.array(z.string()).describe('Where the account of the former person is.'),
      decidedBy: z.string().optional(),
      at: Time.optional(),
    })
    .describe('The question whether this person is one who left.'),
);

export const PersonDetails = named(
  'PersonDetails',
  z.object({
    id: z.string(),
    display: z.string(),
    lifecycle,
    environment: Reference,
    users: z.array(UserOfPerson),
    groups: z.array(z.object({ id: z.string(), display: z.string() })),
    stores: z.array(PersonOnStore),
    identity: Identity.optional(),
    _links: z.object({ self: Link, timeline: Link }),
  }),
);

export const IdentityAnswer = named(
  'IdentityAnswer',
  z.strictObject({
    sameAs: idText.nullable().describe('The person who left, where they are the same; null: somebody else.'),
  }),
);
