/** `person`: one person over all connections and stores. `who` says why. */

import type { Command } from 'commander';
import type { AddCommand, Cli } from '../cli.ts';
import { confirm } from '../confirm.ts';
import { misused } from '../exit.ts';
import { findPerson } from '../findPerson.ts';
import { lineCount } from '../numbers.ts';
import { eventColumns } from '../output.ts';
import { PEOPLE, PERSON } from '../paths.ts';

export const addPerson: AddCommand = (program, cli) => {
  const person = program.command('person').description('people over all connections and stores');
  addReading(person, cli);
  addDeciding(person, cli);
};

function addReading(person: Command, { client, out }: Cli): void {
  person
    .command('find <text>')
    .description('by the beginning of a name, an address, a user name, an account or an id')
    .option('--limit <n>', 'how many', lineCount, 50)
    .action(async (q: string, { limit }: { limit: number }) => {
      const { body } = await client().get(PEOPLE, { query: { q, limit } });
      out.rows(body._embedded.people, {
        who: (row) => row.display,
        state: (row) => row.lifecycle,
        'found by': (row) => row.matchedOn,
        connections: (row) => row.users.map(({ connection }) => connection.name),
        id: (row) => row.id,
      });
    });

  person
    .command('show <person>')
    .description('how somebody stands on every store')
    .action(async (wanted: string) => {
      const { id: personId } = await findPerson(client(), wanted);
      const { body } = await client().get(PERSON, { params: { personId } });
      if (out.isJson) return out.one(body, {});
      out.say(`${body.display}: ${body.lifecycle}, ${body.id}`);
      if (body.groups.length > 0) out.say(`Groups: ${body.groups.map(({ display }) => display).join(', ')}`);
      out.rows(body.stores, {
        store: ({ store }) => store.name,
        status: (row) => row.status,
        account: (row) => row.remoteName ?? '',
        state: (row) => row.accountState,
        since: (row) => row.since,
        reason: (row) => row.reason,
      });
    });

  person
    .command('timeline <person>')
    .description('what happened to somebody, newest first')
    .option('--limit <n>', 'how many', lineCount, 50)
    .action(async (wanted: string, { limit }: { limit: number }) => {
      const { id: personId } = await findPerson(client(), wanted);
      const { body } = await client().get(`${PERSON}/timeline`, { params: { personId }, query: { limit } });
      out.rows(body._embedded.events, eventColumns);
    });
}

function addDeciding(person: Command, { client, out }: Cli): void {
  person
    .command('sync <person>')
    .description('settle somebody on every store now, and say how it ended')
    .action(async (wanted: string) => {
      const { id: personId } = await findPerson(client(), wanted);
      const given = { params: { personId }, query: { wait: true } };
      const answer = await client().post(`${PERSON}/sync`, given);
      if (out.isJson) return out.one(answer.body, {});
      if (answer.status === 202)
        return out.say(`Not every store has concluded; "who ${wanted}" says how it goes.`);
      for (const { sentence } of answer.body._embedded.explanations) out.result(sentence, null);
    });

  person
    .command('identity <person>')
    .description('say whether a newcomer is the person who left and had their identifier')
    .option('--same', 'they are one, and everything comes back')
    .option('--other', 'they are two; the old account stays what it is')
    .option('--yes', 'do not ask')
    .action(
      async (wanted: string, { same, other, yes }: { same?: boolean; other?: boolean; yes?: boolean }) => {
        if ((same === true) === (other === true)) throw misused('Say which: --same or --other.');
        const { id: personId } = await findPerson(client(), wanted);
        const { body: known } = await client().get(PERSON, { params: { personId } });
        const former = known.identity?.former;
        if (!former) throw misused(`Nobody asks who ${known.display} is.`);
        const what = same ? `is ${former.display}, and gets back what they had` : `is not ${former.display}`;
        await confirm(`${known.display} ${what}. This is said once. Go on?`, yes);
        const body = { sameAs: same ? former.id : null };
        const decided = await client().post(`${PERSON}/identity`, { params: { personId }, body });
        out.result(`${known.display} ${what}.`, decided.body);
      },
    );
}
