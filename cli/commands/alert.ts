/** `alert`: whom the bridge calls, and about what. */

import type { AddCommand } from '../cli.ts';
import { confirm } from '../confirm.ts';
import { misused, nothing } from '../exit.ts';
import { findAlert } from '../find.ts';
import { lineCount } from '../numbers.ts';
import { ALERT, ALERTS } from '../paths.ts';

const KINDS = ['slack', 'webhook', 'email'] as const;
type Kind = (typeof KINDS)[number];

const EXAMPLES = `
Examples:
  scim-bridge alert add "On call" slack https://hooks.slack.com/services/… --on incident.opened incident.closed store.paused
  scim-bridge alert add SIEM webhook https://siem.acme.example/hook --on 'audit.*'
  scim-bridge alert add Owners email lea@acme.example,kim@acme.example --on leaver.overdue credential.expiring
  scim-bridge alert test "On call"`;

export const addAlert: AddCommand = (program, { client, out }) => {
  const alert = program.command('alert').description('whom the bridge calls, and about what');

  alert
    .command('list')
    .description('list them; a URL is never shown again')
    .action(async () =>
      out.rows(await Array.fromAsync(client().all(ALERTS, {})), {
        name: (row) => row.name,
        kind: (row) => row.kind,
        to: (row) => row.target.to ?? '',
        active: (row) => (row.active ? 'yes' : 'no'),
        on: (row) => row.events,
        id: (row) => row.id,
      }),
    );

  alert
    .command('add <name> <kind> <target>')
    .description(
      'make one: slack or webhook with a URL, email with addresses; prints the secret of a webhook',
    )
    .requiredOption(
      '--on <types...>',
      'what it tells of, such as incident.opened, or audit.* for every event',
    )
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, kind: string, target: string, { on }: { on: string[] }) => {
      if (!isKind(kind)) throw misused(`${kind} is no kind of alert: there are ${KINDS.join(', ')}.`);
      const to = target.split(',').map((address) => address.trim());
      const events = on as never;
      const body = { name, kind, target: kind === 'email' ? { to } : { url: target }, events };
      const made = await client().post(ALERTS, { body });
      if (made.body.secret !== undefined)
        out.say('The secret that verifies its signatures, shown this once:');
      out.result(made.body.secret ?? `${made.body.name} is made; try it with: alert test`, made.body);
    });

  alert
    .command('test <alert>')
    .description('send a message of type test, and wait for what comes of it')
    .action(async (wanted: string) => {
      const { id: alertId, name } = await findAlert(client(), wanted);
      const { body } = await client().post(`${ALERT}/test`, { params: { alertId } });
      const delivery = await outcomeOf(alertId, body.id);
      const last = delivery?.attempts.at(-1);
      if (delivery?.state === 'delivered') return out.result(`${name} has it (${last?.status}).`, delivery);
      if (out.isJson) out.result('', delivery ?? body);
      throw nothing(`${name} has not taken it yet: ${last?.error ?? WAITS}.`);
    });

  alert
    .command('deliveries <alert>')
    .description('what it told and has yet to tell, newest first')
    .option('--limit <count>', 'how many', lineCount, 20)
    .action(async (wanted: string, { limit }: { limit: number }) => {
      const { id: alertId } = await findAlert(client(), wanted);
      const { body } = await client().get(`${ALERT}/deliveries`, { params: { alertId }, query: { limit } });
      out.rows(body._embedded.deliveries, {
        at: (row) => row.at,
        type: (row) => row.type,
        state: (row) => row.state,
        attempts: (row) => row.attempts.length,
        answer: (row) => row.attempts.at(-1)?.error ?? row.attempts.at(-1)?.status ?? '',
        id: (row) => row.id,
      });
    });

  alert
    .command('delete <alert>')
    .description('delete one, with what it has not delivered')
    .option('--yes', 'do not ask')
    .action(async (wanted: string, { yes }: { yes?: boolean }) => {
      const { id: alertId, name } = await findAlert(client(), wanted);
      await confirm(`${name} goes with what it has not delivered. Go on?`, yes);
      await client().delete(ALERT, { params: { alertId } });
      out.say(`${name} is deleted.`);
    });

  /** Looks for half a minute whether somebody took it. */
  async function outcomeOf(alertId: string, id: string) {
    const until = Date.now() + TEST_WAIT_MS;
    for (;;) {
      const { body } = await client().get(`${ALERT}/deliveries`, {
        params: { alertId },
        query: { limit: 100 },
      });
      const found = body._embedded.deliveries.find((delivery) => delivery.id === id);
      if (found?.state !== 'pending' || found.attempts.length > 0 || Date.now() > until) return found;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
};

const TEST_WAIT_MS = 30_000;
const WAITS = 'it waits behind earlier messages that are not taken; "alert deliveries" lists them';
const POLL_MS = 300;

function isKind(kind: string): kind is Kind {
  return (KINDS as readonly string[]).includes(kind);
}
