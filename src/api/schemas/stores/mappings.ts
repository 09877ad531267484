/** Mappings of attributes and groups in requests and answers. */

import { z } from 'zod';
import { GROUP_MAPPINGS_MAX } from '../../../control/mappings.ts';
import { Link, named } from '../common.ts';
import { comesLater, nameText } from '../texts.ts';
import { ChangeSummary } from './changes.ts';

/** More than the target attributes of any store type. */
const MAPPINGS_MAX = 200;

export const MappingsReplacement = named(
  'MappingsReplacement',
  z.strictObject({
    mappings: z
      .array(z.strictObject({ targetAttribute: nameText, sourceAttribute: nameText.nullable() }))
      .max(MAPPINGS_MAX, `must have at most ${MAPPINGS_MAX} entries`)
      .default([])
      .describe('What is not named is mapped as the type maps it; a source of null un-maps.'),
    groupMappings: z
      .array(
        z.strictObject({
          original: nameText.optional(),
          externalId: nameText.optional(),
          translation: nameText,
          accessLevel: nameText.nullish(),
          channels: comesLater('groups feed no channels so far'),
        }),
      )
      .max(GROUP_MAPPINGS_MAX, `must have at most ${GROUP_MAPPINGS_MAX} entries`)
      .default([]),
    _links: z.unknown().optional(),
    impact: z.unknown().optional(),
  }),
);

const MAPPINGS = {
  mappings: z.array(z.object({ targetAttribute: z.string(), sourceAttribute: z.string().nullable() })),
  groupMappings: z.array(
    z.object({
      original: z.string().optional(),
      externalId: z.string().optional(),
      translation: z.string(),
      accessLevel: z.string().optional(),
    }),
  ),
  _links: z.object({ self: Link }),
};

export const Mappings = named('Mappings', z.object(MAPPINGS));

const MappingsImpact = z.object({ summary: ChangeSummary }).describe('Of this change alone.');

const SavedMappings = named('SavedMappings', z.object({ ...MAPPINGS, impact: MappingsImpact }));

const MappingsImpactOnly = named('MappingsImpact', z.object({ impact: MappingsImpact }));

export const SavedMappingsOrImpact = named(
  'SavedMappingsOrImpact',
  z.union([SavedMappings, MappingsImpactOnly]),
);
