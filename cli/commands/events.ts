/** `events`: the audit log. */

import { EVENTS_PATH, type Event, followEvents } from '../../client/events.ts';
import type { AddCommand, Cli } from '../cli.ts';
import { misused } from '../exit.ts';
import { findConnection, findStore } from '../find.ts';
import { findPerson } from '../findPerson.ts';
import { lineCount } from '../numbers.ts';
import { eventColumns } from '../output.ts';

interface Options {
  readonly subject?: string;
  readonly who?: string;
  readonly store?: string;
  readonly connection?: string;
  readonly kind?: string;
  readonly outcome?: Event['outcome'];
  readonly from?: string;
  readonly to?: string;
  readonly correlation?: string;
  readonly limit: number;
  readonly follow?: boolean;
}

export const addEvents: AddCommand = (program, cli) => {
  program
    .command('events')
    .description('what happened, newest first; or what happens, as it happens')
    .option('--who <person>', 'to one person, by name, address or id')
    .option('--subject <id>', 'to a person or a group, by id')
    .option('--store <store>', 'on one store')
    .option('--connection <connection>', 'what one identity provider sent')
    .option('--kind <kind>', 'such as change.disable, or change.*')
    .option('--outcome <outcome>', 'success, failure, held or skipped')
    .option('--correlation <id>', 'all that one request brought about')
    .option('--from <time>', 'inclusive: 10:42 of today on this machine, or 2026-01-31T10:42:00Z', asTime)
    .option('--to <time>', 'exclusive, in the same way', asTime)
    .option('--limit <n>', 'how many', lineCount, 50)
    .option('--follow', 'print each event as it happens, until it is interrupted')
    .addHelpText(
      'after',
      `
What did Okta send at 10:42? (--json shows the bodies)
  scim-bridge events --connection Okta --from 10:42 --to 10:43
  scim-bridge events --connection Okta --from 2026-01-31T10:42:00Z --to 2026-01-31T10:43:00Z --json
Who loses access, as it happens?
  scim-bridge events --follow --kind change.disable`,
    )
    .action(async (options: Options) => {
      if (options.follow && (options.from !== undefined || options.to !== undefined))
        throw misused('--follow begins now: leave --from and --to out.');
      const query = await queryOf(cli, options);
      if (options.follow) return follow(cli, query);
      const { body } = await cli.client().get(EVENTS_PATH, { query: { ...query, limit: options.limit } });
      cli.out.rows(body._embedded.events, eventColumns);
    });
};

async function queryOf({ client }: Cli, options: Options) {
  const { subject, who, store, connection, kind, outcome, from, to, correlation } = options;
  return {
    ...(subject === undefined ? {} : { subjectId: subject }),
    ...(who === undefined ? {} : { subjectId: (await findPerson(client(), who)).id }),
    ...(store === undefined ? {} : { storeId: (await findStore(client(), store)).id }),
    ...(connection === undefined ? {} : { connectionId: (await findConnection(client(), connection)).id }),
    ...(kind === undefined ? {} : { kind }),
    ...(outcome === undefined ? {} : { outcome }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(correlation === undefined ? {} : { correlationId: correlation }),
  };
}

/** A time of day is one of today, by the clock and the zone of whoever asks; the API takes what else there is. */
function asTime(text: string): string {
  const [, hours, minutes, seconds = '0'] = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(text) ?? [];
  if (hours === undefined) return text;
  const time = new Date();
  time.setHours(Number(hours), Number(minutes), Number(seconds), 0);
  return time.toISOString();
}

/** One line for each: JSON for programs, columns with tabs for people and pipes. */
async function follow({ client, out }: Cli, query: Awaited<ReturnType<typeof queryOf>>): Promise<void> {
  for await (const event of followEvents(client(), query, (why) => out.say(why)))
    out.line(event, eventColumns);
}
