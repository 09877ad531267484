/** Schemas that many answers share, and the names of schemas in the document. */

import { z } from 'zod';

/** Schemas with a name of their own in the document. */
export const names = z.registry<{ id: string }>();

/** Gives the schema this name in the document. */
export function named<S extends z.ZodType>(id: string, schema: S): S {
  names.add(schema, { id });
  return schema;
}

export const Time = z.iso.datetime();

export const Link = named('Link', z.object({ href: z.url() }));

/** Names another resource. */
export const Reference = z.object({ id: z.string() });

/** RFC 9457. */
export const Problem = named(
  'Problem',
  z.object({
    type: z.literal('about:blank'),
    title: z.string(),
    status: z.int(),
    detail: z.string().describe('What happened, to whom, and what to do.'),
    code: z
      .string()
      .optional()
      .describe('For programs, where the status alone does not tell: `no_worker` asks to come again.'),
    errors: z.array(
      z.object({
        pointer: z.string().describe('RFC 6901, or `/` and a query parameter.'),
        detail: z.string(),
      }),
    ),
    claimedBy: z
      .object({ id: z.string(), name: z.string(), at: Time })
      .optional()
      .describe('Who sees to the incident that somebody else claims.'),
    correlationId: z.string(),
  }),
);
