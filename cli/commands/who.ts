/** `who`: why somebody has, or has no, access. */

import type { Client } from '../../client/client.ts';
import type { AddCommand, Cli } from '../cli.ts';
import { findStore, findStores } from '../find.ts';
import { findPerson } from '../findPerson.ts';
import { PERSON } from '../paths.ts';

interface Options {
  readonly store?: string;
  readonly steps?: boolean;
}

export const addWho: AddCommand = (program, cli) => {
  program
    .command('who <person>')
    .description('why somebody has, or has no, access: by name, address, account or id; leavers too')
    .option('--store <store>', 'on one store; otherwise on all')
    .option('--steps', 'with every step from the directory to the vendor')
    .addHelpText(
      'after',
      `
Examples:
  scim-bridge who kim@acme.example
  scim-bridge who "Kim Roe" --store Slack --steps`,
    )
    .action((wanted: string, options: Options) => tell(cli, wanted, options));
};

async function tell({ client, out }: Cli, wanted: string, { store, steps }: Options): Promise<void> {
  const api = client();
  const { id: personId } = await findPerson(api, wanted);
  const stores = store === undefined ? await findStores(api) : [await findStore(api, store)];
  const told = [];
  for (const { id } of stores) told.push(await explain(api, personId, id));
  if (out.isJson) return out.rows(told, {});
  if (told.length === 0) out.say('There is no store yet.');
  for (const { sentence, steps: all } of told) {
    out.result(sentence, null);
    if (steps)
      out.rows(all, {
        step: (row) => row.step,
        outcome: (row) => row.outcome,
        detail: (row) => row.detail,
        at: (row) => row.at,
      });
  }
}

async function explain(client: Client, personId: string, storeId: string) {
  const { body } = await client.get(`${PERSON}/explanation`, { params: { personId }, query: { storeId } });
  return body;
}
