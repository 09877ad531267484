/** `held`: losses that wait for a decision, over all stores, by person. */

import type { AddCommand } from '../cli.ts';
import { confirm } from '../confirm.ts';
import { misused } from '../exit.ts';

const HELD = '/environments/:envId/propagation/held';

interface Options {
  readonly all?: boolean;
  readonly yes?: boolean;
}

export const addHeld: AddCommand = (program, { client, out }) => {
  const held = program.command('held').description('losses that wait for a decision');

  held
    .command('list', { isDefault: true })
    .description('list them by person, those who left first')
    .action(async () =>
      out.rows(await Array.fromAsync(client().all(HELD, {})), {
        who: ({ person }) => person.display,
        person: ({ personState }) => personState,
        loses: ({ items }) =>
          items.flatMap(({ store, changes }) => changes.map(({ op }) => `${op} at ${store.name}`)),
        reason: ({ items }) => [...new Set(items.map(({ reason }) => reason))],
        since: ({ items }) => items[0]?.since,
        id: ({ person }) => person.id,
      }),
    );

  for (const [verb, what, warning] of [
    ['approve', 'carry out what these people would lose', 'lose access now'],
    ['discard', 'carry out nothing of it while the directory stays as it is', 'keep their access'],
  ] as const) {
    held
      .command(`${verb} [people...]`)
      .description(`${what}; people by the ids of the list`)
      .option('--all', 'all that are held at this moment')
      .option('--yes', 'do not ask')
      .action(async (people: readonly string[], { all, yes }: Options) => {
        if (people.length > 0 === (all === true)) throw misused('Give either people or --all.');
        await confirm(`${all ? 'All who wait' : `${people.length} people`} ${warning}. Go on?`, yes);
        const body = all ? { all: true as const } : { personIds: [...people] };
        const { body: decided } = await client().post(`${HELD}/${verb}`, { body });
        out.result(`${decided.ids.length} decided.`, decided);
      });
  }
};
