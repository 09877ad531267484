/** Incidents, their people and the decisions about them; and losses held over all stores. */

import { z } from 'zod';
import { listOf } from '../lists.ts';
import { Link, named, Time } from './common.ts';
import { AttributeChanges, Change } from './stores/changes.ts';
import { Cause, Person } from './subject.ts';
import { idText, longText } from './texts.ts';

const NamedStore = z.object({ id: z.string(), name: z.string() });
const PersonState = z.enum(['active', 'inactive', 'deleted']);

export const IncidentState = z.enum(['OPEN', 'CLOSED']);

export const Incident = named(
  'Incident',
  z.object({
    id: z.string(),
    number: z.int(),
    kind: z.enum(['stores', 'source']),
    state: IncidentState,
    openedAt: Time,
    closedAt: Time.optional(),
    summary: z.string(),
    ifNothing: z.string().describe('What happens if nobody decides.'),
    connection: z.object({ id: z.string(), name: z.string() }).optional(),
    causes: z.array(Cause.extend({ people: z.int(), at: Time })),
    stores: z.array(
      z.object({
        store: NamedStore,
        lost: z.int().describe('People who have lost something and have it not back.'),
        held: z.int().describe('People of whom something is held.'),
        limit: z.int(),
        base: z.int(),
      }),
    ),
    claimedBy: z.object({ id: z.string(), name: z.string(), at: Time }).optional(),
    notes: z.array(named('IncidentNote', z.object({ at: Time, by: z.string(), text: z.string() }))),
    undo: z
      .object({ requested: z.int(), given: z.int(), moved: z.int(), impossible: z.int() })
      .optional()
      .describe('Losses that somebody wants back, and what became of them; the rest is on its way.'),
    _links: z.object({ self: Link, people: Link }),
  }),
);

export const IncidentList = named('IncidentList', listOf('incidents', Incident));

export const IncidentNote = Incident.shape.notes.element;

export const IncidentPeople = named(
  'IncidentPeople',
  listOf(
    'people',
    z.object({
      id: z.string(),
      person: Person,
      personState: PersonState.optional(),
      items: z.array(
        z.object({
          id: z.string(),
          store: NamedStore.optional().describe('Absent for what a pull would take from the directory.'),
          op: z.string(),
          member: z
            .object({ id: z.string(), display: z.string() })
            .optional()
            .describe('The group whose membership it is.'),
          attributes: z
            .array(AttributeChanges.element.extend({ to: z.string().nullable().describe('Null: nothing.') }))
            .optional(),
          state: z.enum(['held', 'taken', 'approved', 'discarded', 'undone', 'moved', 'impossible']),
          reason: z.string().optional(),
          cause: Cause.nullable(),
          at: Time,
        }),
      ),
    }),
  ),
);

export const HeldPeople = named(
  'HeldPeople',
  listOf(
    'held',
    z.object({
      person: Person,
      personState: PersonState.optional(),
      items: z.array(
        z.object({
          id: z.string(),
          store: NamedStore,
          changes: z.array(Change),
          cause: Cause.nullable(),
          reason: z.string(),
          since: Time,
        }),
      ),
    }),
  ),
);

const IDS_MAX = 10_000;

const ids = z
  .array(idText)
  .min(1, 'must not be empty')
  .max(IDS_MAX, `must have at most ${IDS_MAX} entries`)
  .optional();

/** The body must name exactly one choice: an empty body decides nothing. */
function one(body: Readonly<Record<string, unknown>>): boolean {
  return Object.values(body).filter((value) => value !== undefined).length === 1;
}

export const HeldDecision = named(
  'HeldDecision',
  z
    .strictObject({
      ids,
      personIds: ids,
      all: z.literal(true).optional().describe('All that are held at this moment.'),
    })
    .refine(one, { error: 'must have one of ids, personIds and all: true' }),
);

const SELECTION = {
  personIds: ids,
  causes: ids.describe('Correlation ids.'),
  all: z.literal(true).optional(),
};

export const IncidentDecision = named(
  'IncidentDecision',
  z
    .strictObject({ ...SELECTION, left: z.literal(true).optional().describe('Those who left.') })
    .refine(one, { error: 'must have one of personIds, causes, left: true and all: true' }),
);

export const IncidentUndo = named(
  'IncidentUndo',
  z.strictObject(SELECTION).refine(one, { error: 'must have one of personIds, causes and all: true' }),
);

export const IncidentDecided = named(
  'IncidentDecided',
  z.object({ decided: z.int(), people: z.int(), ids: z.array(z.string()) }),
);

export const IncidentClaim = named('IncidentClaim', z.strictObject({ force: z.boolean().default(false) }));

const NOTE_MAX = 4_000;

export const NewIncidentNote = named(
  'NewIncidentNote',
  z.strictObject({ text: longText(NOTE_MAX).min(1, 'must not be empty') }),
);
