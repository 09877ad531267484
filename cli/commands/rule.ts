/** `rule`: who, and which groups, are in scope of a store. */

import type { AddCommand } from '../cli.ts';
import { confirm } from '../confirm.ts';
import { findRule, findStore } from '../find.ts';
import { RULE, RULES } from '../paths.ts';

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
      out.rows(await Array.fromAsync(client().all(RULES, { query })), {
        name: (row) => row.name,
        active: (row) => (row.active ? 'yes' : 'no'),
        expression: (row) => row.populationExpression ?? 'everyone',
        groups: (row) => row.groups.map(({ id }) => id),
        store: (row) => row.storeId,
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
      out.result(`${made.impact.entering} people enter scope, ${made.impact.leaving} leave it.`, made);
    });

  rule
    .command('delete <rule>')
    .description('delete a rule')
    .option('--widen', 'yes, even where no rule is left and everyone enters scope')
    .option('--yes', 'do not ask before people leave scope')
    .action(async (wanted: string, { widen, yes }: { widen?: boolean; yes?: boolean }) => {
      const { id: ruleId, name } = await findRule(client(), wanted);
      const given = { params: { ruleId }, query: { widen: widen === true } };
      const tried = await client().delete(RULE, { ...given, query: { ...given.query, preview: true } });
      if (tried.body) await confirmLeaving(tried.body.impact.leaving, yes);
      await client().delete(RULE, given);
      out.say(`${name} is deleted.`);
    });
};

async function confirmLeaving(people: number, yes: boolean | undefined): Promise<void> {
  if (people > 0) await confirm(`${people} people leave the scope of the store. Go on?`, yes);
}
