/** `store`: targets, from the first check to the deletion. */

import type { Command } from 'commander';
import type { Client } from '../../client/client.ts';
import type { AddCommand, Cli } from '../cli.ts';
import { confirm } from '../confirm.ts';
import { EXIT, Exit } from '../exit.ts';
import { findStore } from '../find.ts';
import { followPreview, followSync } from '../follow.ts';
import type { Columns } from '../output.ts';
import { STORE, STORES } from '../paths.ts';
import { readSettings, settingsOf } from '../settings.ts';
import { inWords, people } from '../words.ts';

interface Shown {
  readonly name: string;
  readonly type: string;
  readonly status: string;
  readonly paused?: { readonly message: string } | undefined;
  readonly id: string;
}

const COLUMNS: Columns<Shown> = {
  name: (store) => store.name,
  type: (store) => store.type,
  status: (store) => store.status,
  paused: (store) => store.paused?.message,
  id: (store) => store.id,
};

export const addStore: AddCommand = (program, cli) => {
  const store = program.command('store').description('the targets: Slack workspaces, GitLab instances, …');
  addReading(store, cli);
  addSettings(store, cli);
  addRuns(store, cli);
};

function addReading(store: Command, { client, out }: Cli): void {
  store
    .command('list')
    .description('list the stores')
    .action(async () => out.rows(await Array.fromAsync(client().all(STORES, {})), COLUMNS));

  store
    .command('show <store>')
    .description('show a store with its settings')
    .action(async (name: string) => {
      const found = await findStore(client(), name);
      out.one(found, { ...COLUMNS, ...settingsOf(found.configuration) });
    });

  store
    .command('check <store>')
    .description('is its credential good, what may it do, what is missing?')
    .action(async (name: string) => {
      const { id } = await findStore(client(), name);
      const { body } = await client().post(`${STORES}/connection/status`, { body: { id } });
      out.rows(body.details, { code: (detail) => detail.code, message: (detail) => detail.message });
      if (body.status === 'FAILED') throw new Exit(EXIT.refused, `${name} is not ready; see above.`);
      out.say(`${name} is ready.`);
    });
}

function addSettings(store: Command, { client, out }: Cli): void {
  store
    .command('add <type> <name> [settings...]')
    .description('make a store, inactive; settings are KEY=value')
    .addHelpText(
      'after',
      '\nExample:\n  scim-bridge store add Slack "Our workspace" OAUTH_ACCESS_TOKEN="$SLACK_TOKEN"',
    )
    .action(async (type: string, name: string, settings: readonly string[]) => {
      const { body } = await client().post(STORES, {
        body: { type, name, configuration: readSettings(settings) },
      });
      out.one(body, COLUMNS);
    });

  store
    .command('set <store> <settings...>')
    .description('change settings: KEY=value, or KEY= for its default')
    .addHelpText(
      'after',
      '\nExample:\n  scim-bridge store set "Our workspace" BRAKE_MIN=5 PROTECTED_ACCOUNTS=\'["ceo@*"]\'',
    )
    .action(async (name: string, settings: readonly string[]) => {
      const { id } = await findStore(client(), name);
      const body = { configuration: readSettings(settings) };
      out.one((await client().patch(STORE, { params: { storeId: id }, body })).body, COLUMNS);
    });

  for (const [verb, what] of [
    ['deactivate', 'let it change nothing any more; accounts stay as they are'],
    ['pause', 'let its tasks wait'],
    ['resume', 'check its credential and go on'],
  ] as const) {
    store
      .command(`${verb} <store>`)
      .description(what)
      .action(async (name: string) => {
        const { id } = await findStore(client(), name);
        out.one((await client().post(`${STORE}/${verb}`, { params: { storeId: id } })).body, COLUMNS);
      });
  }

  store
    .command('activate <store>')
    .description('check its credential and let it change things')
    .option('--yes', 'do not look for losses first, and do not ask')
    .action(async (name: string, { yes }: { yes?: boolean }) => {
      const { id: storeId } = await findStore(client(), name);
      if (!yes) await confirmLosses(client(), storeId);
      out.one((await client().post(`${STORE}/activate`, { params: { storeId } })).body, COLUMNS);
    });

  store
    .command('delete <store>')
    .description('forget a store; a managed one deprovisions its people first')
    .option('--yes', 'do not ask')
    .action(async (name: string, { yes }: { yes?: boolean }) => {
      const found = await findStore(client(), name);
      const losing = found.managed ? ', and its people lose their accounts there as its settings say' : '';
      await confirm(`${found.name} is forgotten${losing}. Go on?`, yes);
      const given = { params: { storeId: found.id }, query: { confirm: true } };
      const { status } = await client().delete(STORE, given);
      out.say(status === 202 ? `${found.name} is being deleted.` : `${found.name} is forgotten.`);
    });
}

function addRuns(store: Command, { client, out }: Cli): void {
  store
    .command('preview <store>')
    .description('the changes that a sync, or the activation, would make now; nothing is changed')
    .option('--apply', 'and then make exactly these')
    .option('--yes', 'do not ask before losses')
    .action(async (name: string, { apply, yes }: { apply?: boolean; yes?: boolean }) => {
      const { id: storeId } = await findStore(client(), name);
      const preview = await followPreview(client(), storeId);
      const params = { storeId, previewId: preview.id };
      const changes = await Array.fromAsync(client().all(`${STORE}/preview/:previewId/changes`, { params }));
      out.rows(changes, {
        change: (change) => change.op,
        who: (change) => change.subject.display,
        member: (change) => change.member?.display,
        attributes: (change) => change.attributes?.map(({ name: key, to }) => `${key}=${to}`),
        held: (change) => (change.held ? 'held' : ''),
        drift: (change) => (change.drift ? 'by hand' : ''),
      });
      if (!apply) return;
      if (preview.losing > 0) await confirm(`${losing(preview.losing)}. Go on?`, yes);
      const { body } = await client().post(`${STORE}/preview/:previewId/apply`, { params, body: {} });
      tellSummary(await followSync(client(), storeId, body.id));
    });

  store
    .command('sync <store>')
    .description('compare the store with the directory, and repair what differs')
    .option('--report', 'only say what differs')
    .option('--yes', 'do not look for losses first, and do not ask')
    .action(async (name: string, { report, yes }: { report?: boolean; yes?: boolean }) => {
      const { id: storeId } = await findStore(client(), name);
      if (!report && !yes) await confirmLosses(client(), storeId);
      const { body } = await client().post(`${STORE}/sync`, {
        params: { storeId },
        body: { repair: !report },
      });
      tellSummary(await followSync(client(), storeId, body.id));
    });

  function tellSummary(run: { readonly summary: object }): void {
    const done = inWords(run.summary);
    out.result(`${done.charAt(0).toUpperCase()}${done.slice(1)}.`, run);
  }
}

/** Asks before what an activation or a repair would take from people. */
async function confirmLosses(client: Client, storeId: string): Promise<void> {
  const preview = await followPreview(client, storeId);
  if (preview.losing > 0)
    await confirm(`${losing(preview.losing)}; "store preview" says what. Go on?`, false);
}

function losing(count: number): string {
  return `${people(count, 'loses', 'lose')} something there`;
}
