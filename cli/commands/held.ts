/** `held`: losses that the brake stopped, and their decision. */

import type { AddCommand } from '../cli.ts';
import { confirm } from '../confirm.ts';
import { misused } from '../exit.ts';
import { findStore } from '../find.ts';
import { STORE } from '../paths.ts';

export const addHeld: AddCommand = (program, { client, out }) => {
  const held = program.command('held').description('losses that wait for a decision');

  held
    .command('list <store>', { isDefault: true })
    .description('list them, people who left first')
    .action(async (name: string) => {
      const { id: storeId } = await findStore(client(), name);
      const rows = await Array.fromAsync(client().all(`${STORE}/held`, { params: { storeId } }));
      out.rows(rows, {
        who: (row) => row.subject.display,
        person: (row) => row.personState,
        loses: (row) => row.changes.map(({ op, member }) => (member ? `${op} ${member.display}` : op)),
        reason: (row) => row.reason,
        since: (row) => row.since,
        id: (row) => row.id,
      });
    });

  for (const [verb, what, warning] of [
    ['approve', 'carry these out', 'lose access now'],
    ['discard', 'do not carry these out while the directory stays as it is', 'keep their access'],
  ] as const) {
    held
      .command(`${verb} <store> [ids...]`)
      .description(what)
      .option('--all', 'all that are held at this moment')
      .option('--yes', 'do not ask')
      .action(
        async (name: string, ids: readonly string[], { all, yes }: { all?: boolean; yes?: boolean }) => {
          if (ids.length > 0 === (all === true)) throw misused('Give either ids or --all.');
          const { id: storeId } = await findStore(client(), name);
          await confirm(
            `${all ? 'All who wait' : `${ids.length} of those who wait`} ${warning}. Go on?`,
            yes,
          );
          const body = all ? { all: true as const } : { ids: [...ids] };
          const given = { params: { storeId }, body };
          const { body: decided } = await client().post(`${STORE}/held/${verb}`, given);
          out.result(`${decided.ids.length} decided.`, decided);
        },
      );
  }
};
