/** `rule`: who, and which groups, are in scope of a store. */

import type { AddCommand } from '../cli.ts';
import { confirm } from '../confirm.ts';
import { nothing } from '../exit.ts';
import { findRule, findStore, findStores } from '../find.ts';
import { RULE, RULES } from '../paths.ts';
import { people } from '../words.ts';

interface Terms {
  readonly expression?: string;
  readonly group?: readonly string[];
  readonly yes?: boolean;
}

export const addRule: AddCommand = (program, { client, out }) => {
  const rule = program.command('rule').description('who is in scope of a store');

  rule
    .command('list')
    .description('list them')
    .option('--store <store>', 'of one store')
    .action(async ({ store }: { store?: string }) => {
      const query = store === undefined ? {} : { storeId: (await findStore(client(), store)).id };
      const names = new Map((await findStores(client())).map(({ id, name }) => [id, name]));
      out.rows(await Array.fromAsync(client().all(RULES, { query })), {
        name: (row) => row.name,
        active: (row) => (row.active ? 'yes' : 'no'),
        expression: (row) => row.populationExpression ?? (row.groups.length > 0 ? '' : 'everyone'),
        groups: (row) => row.groups.map(({ id }) => id),
        store: (row) => names.get(row.storeId) ?? row.storeId,
        id: (row) => row.id,
      });
    });

  rule
    .command('add <name> <store>')
    .description('make a rule; whoever no rule of the store names leaves its scope')
    .option('--expression <filter>', 'a SCIM filter on users')
    .option('--group <id...>', 'SCIM groups, one of which must have the person')
    .option('--yes', 'do not ask before people leave scope')
    .addHelpText(
      'after',
      '\nExample:\n  scim-bridge rule add Engineers GitLab --expression \'title sw "Engineer"\'',
    )
    .action(async (name: string, store: string, { expression, group, yes }: Terms) => {
      const { id: storeId } = await findStore(client(), store);
      const body = {
        ...{ name, storeId },
        ...(expression === undefined ? {} : { populationExpression: expression }),
        ...(group === undefined ? {} : { groups: group.map((id) => ({ id })) }),
      };
      const { body: tried } = await client().post(RULES, { body, query: { preview: true } });
      await confirmLeaving(tried.impact.leaving, yes);
      const { body: made } = await client().post(RULES, { body });
      out.result(
        `${people(made.impact.entering, 'enters', 'enter')} scope, ${people(made.impact.leaving, 'leaves', 'leave')} it.`,
        made,
      );
    });

  rule
    .command('delete <rule>')
    .description('delete a rule')
    .option('--widen', 'yes, even where no rule is left and everyone enters scope')
    .option('--yes', 'do not ask before people leave scope')
    .action(async (wanted: string, { widen, yes }: { widen?: boolean; yes?: boolean }) => {
      const { id: ruleId, name } = await findRule(client(), wanted);
      const given = { params: { ruleId }, query: { widen: widen === true } };
      const query = { ...given.query, preview: true };
      const tried = await client()
        .delete(RULE, { ...given, query })
        .catch(sayWiden);
      if (tried.body) await confirmLeaving(tried.body.impact.leaving, yes);
      await client().delete(RULE, given);
      out.say(`${name} is deleted.`);
    });
};

async function confirmLeaving(count: number, yes: boolean | undefined): Promise<void> {
  if (count > 0) await confirm(`${people(count, 'leaves', 'leave')} the scope of the store. Go on?`, yes);
}

/** The bridge names the parameter of the API; here it is an option. */
function sayWiden(error: Error): never {
  if (!error.message.includes('?widen=true')) throw error;
  throw nothing(error.message.replace('Add ?widen=true', 'Say --widen'));
}
