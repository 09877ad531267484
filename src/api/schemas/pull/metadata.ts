/** The settings of each kind of pulled directory. */

import { z } from 'zod';
import { PULLED_STRATEGIES } from '../../../model/pull/pull.ts';
import { listOf } from '../../lists.ts';
import { Link, named } from '../common.ts';
import { Setting } from '../stores/metadata.ts';

export const SourceMapping = named(
  'SourceMapping',
  z.object({
    target: z.string().describe('An attribute of the directory.'),
    sources: z.array(z.string()).describe('Attributes of the source: the first that is not empty wins.'),
  }),
);

export const ConnectionMetadata = named(
  'ConnectionMetadata',
  z.object({
    strategy: z.enum(PULLED_STRATEGIES),
    vendor: z.string(),
    mode: z.literal('pull'),
    enriches: z.boolean().describe('Its records only add to people whom another connection brought.'),
    configuration: z.array(Setting),
    defaultMapping: z.array(SourceMapping),
    manager: z.object({ childKey: z.string(), parentKey: z.string() }).nullable(),
    _links: z.object({ self: Link }),
  }),
);

export const ConnectionMetadataList = named(
  'ConnectionMetadataList',
  listOf('connectionMetadata', ConnectionMetadata),
);
