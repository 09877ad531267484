/** `incident`: what the brake stopped and what its causes had taken, decided once for all stores. */

import type { Command } from 'commander';
import type { Client } from '../../client/client.ts';
import type { AddCommand, Cli } from '../cli.ts';
import { confirm } from '../confirm.ts';
import { misused, nothing } from '../exit.ts';
import { followUndo } from '../follow.ts';
import { INCIDENT, INCIDENTS } from '../paths.ts';
import { people } from '../words.ts';

/** More are told by the people's own lines. */
const CAUSES_TOLD_MAX = 10;

interface Selection {
  readonly person?: readonly string[];
  readonly cause?: readonly string[];
  readonly left?: boolean;
  readonly all?: boolean;
  readonly yes?: boolean;
}

type Undo = Readonly<Record<'requested' | 'given' | 'moved' | 'impossible', number>>;

export const addIncident: AddCommand = (program, cli) => {
  const incident = program
    .command('incident')
    .description('what the brake stopped, and what was taken already');
  addReading(incident, cli);
  addDecisions(incident, cli);
};

function addReading(incident: Command, { client, out }: Cli): void {
  incident
    .command('list')
    .description('list them')
    .action(async () =>
      out.rows(await Array.fromAsync(client().all(INCIDENTS, {})), {
        number: (row) => row.number,
        state: (row) => row.state,
        opened: (row) => row.openedAt,
        summary: (row) => row.summary,
        claimed: (row) => row.claimedBy?.name,
      }),
    );

  incident
    .command('show <number>')
    .description('who lost what, what is held, and what happens if nobody decides')
    .action(async (number: string) => {
      const api = client();
      const found = await findIncident(api, number);
      const concerned = await Array.fromAsync(
        api.all(`${INCIDENT}/people`, { params: { incidentId: found.id } }),
      );
      if (!out.isJson) {
        out.say(found.summary);
        out.say(found.ifNothing);
        for (const { description, people: count, correlationId } of found.causes.slice(0, CAUSES_TOLD_MAX))
          out.say(`${people(count, 'by', 'by')} ${description} (${correlationId})`);
        const more = found.causes.length - CAUSES_TOLD_MAX;
        if (more > 0) out.say(`and ${more} more causes; --json has them all.`);
        for (const { by, text } of found.notes) out.say(`${by}: ${text}`);
        out.rows(
          concerned.flatMap(({ person, personState, items }) =>
            items.map((item) => ({ ...item, person, personState })),
          ),
          {
            who: (row) => row.person.display,
            person: (row) => row.personState,
            store: (row) => row.store?.name ?? 'the directory',
            loses: (row) => (row.member ? `${row.op} ${row.member.display}` : row.op),
            state: (row) => row.state,
            id: (row) => row.person.id,
          },
        );
      } else out.one({ ...found, people: concerned }, {});
    });
}

function addDecisions(incident: Command, { client, out }: Cli): void {
  for (const [verb, what, warning] of [
    ['approve', 'carry out what is held', 'lose access now'],
    ['discard', 'carry out nothing of what is held', 'keep their access'],
    ['undo', 'give back what was taken, and discard what is held', 'get back what was taken'],
  ] as const) {
    const command = incident
      .command(`${verb} <number>`)
      .description(what)
      .option('--person <id...>', 'of these people')
      .option('--cause <correlationId...>', 'of these causes')
      .option('--all', 'of all')
      .option('--yes', 'do not ask');
    if (verb !== 'undo') command.option('--left', 'of those who left');
    command.action(async (number: string, options: Selection) => {
      const body = selected(options);
      const { id: incidentId } = await findIncident(client(), number);
      await confirm(`Those chosen of incident ${number} ${warning}. Go on?`, options.yes);
      const given = { params: { incidentId }, body };
      const { body: decided } = await client().post(`${INCIDENT}/${verb}`, given);
      out.result(`Decided for ${people(decided.people, '', '').trim()}.`, decided);
      if (verb !== 'undo' || out.isJson) return;
      const undo = await followUndo(client(), incidentId);
      if (undo) out.say(givenBack(undo));
    });
  }
}

/** What of all that was asked back has come back so far. */
function givenBack(undo: Undo): string {
  const { requested, given, moved, impossible } = undo;
  const waiting = requested - given - moved - impossible;
  return [
    `${given} of ${requested} losses are given back.`,
    moved > 0 ? `${moved} are left alone, because the person or the account has moved since.` : '',
    impossible > 0 ? `${impossible} cannot be given back.` : '',
    waiting > 0 ? `${waiting} still wait for their store; see status.` : '',
  ]
    .filter(Boolean)
    .join(' ');
}

function selected({ person, cause, left, all }: Selection) {
  const chosen = [
    person && { personIds: [...person] },
    cause && { causes: [...cause] },
    left && { left: true as const },
    all && { all: true as const },
  ].filter((one) => one !== undefined && one !== false);
  const [first, ...more] = chosen;
  if (!first || more.length > 0) throw misused('Say of whom: one of --person, --cause, --left and --all.');
  return first;
}

/** By its number, or its id. */
async function findIncident(client: Client, wanted: string) {
  for await (const one of client.all(INCIDENTS, {}))
    if (String(one.number) === wanted.replace(/^#/, '') || one.id === wanted) return one;
  throw nothing(`There is no incident ${wanted}.`);
}
