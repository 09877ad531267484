/** People over all connections and stores: how they are searched, shown and decided about. */

import { z } from 'zod';
import { STEP_OUTCOMES, STEPS } from '../../control/status/explanation/situation.ts';
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
    identities: z
      .array(
        z.object({
          connection: z.object({ id: z.string(), name: z.string(), handle: z.string() }),
          vendorId: z.string(),
          state: z.enum(['active', 'inactive']),
          attributes: z.record(z.string(), z.string()),
        }),
      )
      .describe('Accounts elsewhere, that of each connection first whose attributes rules and mappings see.'),
    groups: z.array(z.object({ id: z.string(), display: z.string() })),
    stores: z.array(PersonOnStore),
    identity: Identity.optional(),
    _links: z.object({ self: Link, timeline: Link, sync: Link }),
  }),
);

export const IdentityAnswer = named(
  'IdentityAnswer',
  z.strictObject({
    sameAs: idText.nullable().describe('The person who left, where they are the same; null: somebody else.'),
  }),
);

export const EXPLANATION_QUERY = { storeId: z.string('is required: the id of a store') };

export const Explanation = named(
  'Explanation',
  z.object({
    store: z.object({ id: z.string(), name: z.string(), type: z.string() }),
    sentence: z.string().describe('Why the person has, or has no, access to the store.'),
    steps: z
      .array(
        z.object({
          step: z.enum(STEPS),
          outcome: z
            .enum(STEP_OUTCOMES)
            .describe('`stopped`: the way ends here, and the steps that follow are `notReached`.'),
          detail: z.string(),
          evidence: z.array(z.object({ name: z.string(), value: z.string() })).optional(),
          at: Time.optional(),
        }),
      )
      .describe('From what the directory says to what the vendor confirmed: always these seven.'),
  }),
);

export const SYNC_QUERY = {
  wait: z
    .boolean('must be true or false')
    .default(false)
    .describe('Answer 200 once every store has concluded, at the latest after 30 seconds 202.'),
};

export const SettledPerson = named(
  'SettledPerson',
  z.object({
    settled: z.literal(true),
    _embedded: z.object({ explanations: z.array(Explanation) }),
  }),
);
