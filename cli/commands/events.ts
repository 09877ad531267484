/** `events`: the audit log. */

import type { AddCommand } from '../cli.ts';
import { findStore } from '../find.ts';

const EVENTS = '/environments/:envId/events';

interface Options {
  readonly subject?: string;
  readonly store?: string;
  readonly kind?: string;
  readonly from?: string;
  readonly to?: string;
  readonly correlation?: string;
  readonly limit: string;
}

export const addEvents: AddCommand = (program, { client, out }) => {
  program
    .command('events')
    .description('what happened, newest first')
    .option('--subject <id>', 'a person, or a group')
    .option('--store <store>', 'on one store')
    .option('--kind <kind>', 'such as change.disable, or change.*')
    .option('--correlation <id>', 'all that one request brought about')
    .option('--from <time>', 'inclusive, such as 2026-01-31T10:42:00Z')
    .option('--to <time>', 'exclusive')
    .option('--limit <n>', 'how many', '50')
    .addHelpText(
      'after',
      '\nWhat did the IdP send at 10:42?\n  scim-bridge events --from 2026-01-31T10:42:00Z --to 2026-01-31T10:43:00Z',
    )
    .action(async ({ subject, store, kind, from, to, correlation, limit }: Options) => {
      const { body } = await client().get(EVENTS, {
        query: {
          limit: Number(limit),
          ...(subject === undefined ? {} : { subjectId: subject }),
          ...(store === undefined ? {} : { storeId: (await findStore(client(), store)).id }),
          ...(kind === undefined ? {} : { kind }),
          ...(from === undefined ? {} : { from }),
          ...(to === undefined ? {} : { to }),
          ...(correlation === undefined ? {} : { correlationId: correlation }),
        },
      });
      out.rows(body._embedded.events, {
        at: (row) => row.at,
        kind: (row) => row.kind,
        outcome: (row) => row.outcome,
        by: (row) => row.actor.name,
        who: (row) => row.subject?.display ?? row.subject?.id,
        store: (row) => row.store?.name,
        reason: (row) => row.reason,
      });
    });
};
