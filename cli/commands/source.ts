/** `source`: directories that are pulled, from the first check to each run. */

import type { Command } from 'commander';
import type { Client } from '../../client/client.ts';
import type { AddCommand, Cli } from '../cli.ts';
import { confirm } from '../confirm.ts';
import { EXIT, Exit, nothing } from '../exit.ts';
import { findConnection } from '../find.ts';
import { followPull } from '../follow.ts';
import { dayCount } from '../numbers.ts';
import type { Columns } from '../output.ts';
import { CONNECTION, CONNECTIONS } from '../paths.ts';
import { fieldsOf, inText, settingsOf } from '../settings.ts';
import { inWords } from '../words.ts';

interface Shown {
  readonly name: string;
  readonly strategy: string;
  readonly status: string;
  readonly paused?: { readonly message: string } | null | undefined;
  readonly lastSync?: { readonly at: string; readonly status: string } | null | undefined;
  readonly counts: { readonly users: number; readonly active: number; readonly groups: number };
  readonly id: string;
}

const COLUMNS: Columns<Shown> = {
  name: (source) => source.name,
  strategy: (source) => source.strategy,
  status: (source) => source.status,
  paused: (source) => source.paused?.message,
  users: (source) => source.counts.users,
  active: (source) => source.counts.active,
  groups: (source) => source.counts.groups,
  'last run': (source) => source.lastSync && `${source.lastSync.status} ${source.lastSync.at}`,
  id: (source) => source.id,
};

interface AddOptions {
  readonly matchPeople?: boolean;
}

const LOSSES: readonly string[] = ['deactivate', 'remove', 'leave'];

export const addSource: AddCommand = (program, cli) => {
  const source = program.command('source').description('directories that are pulled: Okta, Google, LDAP, …');
  addReading(source, cli);
  addSettings(source, cli);
  addRuns(source, cli);
};

async function findSource(client: Client, wanted: string) {
  const found = await findConnection(client, wanted);
  if (found.mode === 'pull') return found;
  throw nothing(`${found.name} is not pulled: its identity provider pushes. See \`connection show\`.`);
}

function addReading(source: Command, { client, out }: Cli): void {
  source
    .command('list')
    .description('list them')
    .action(async () => {
      const all = await Array.fromAsync(client().all(CONNECTIONS, {}));
      out.rows(
        all.filter(({ mode }) => mode === 'pull'),
        COLUMNS,
      );
    });

  source
    .command('show <source>')
    .description('show one with its settings')
    .action(async (name: string) => {
      const found = await findSource(client(), name);
      out.one(found, {
        ...COLUMNS,
        'every minutes': ({ sync }) => sync?.intervalMinutes,
        'in full every minutes': ({ sync }) => sync?.fullIntervalMinutes,
        'which groups': ({ groups }) => groups?.mode,
        domains: ({ domains }) => domains,
        'attributes seen': ({ attributesSeen }) => attributesSeen,
        ...settingsOf(found.configuration ?? {}),
      });
    });

  source
    .command('groups <source>')
    .description('the groups that it has, chosen or not, with the ids by which they are chosen')
    .option('--find <text>', 'those alone that have this in their name, address, DN or id')
    .addHelpText(
      'after',
      `
Example:
  scim-bridge source set "Our Okta" groups='{"mode":"Selected","selected":[{"id":"00g1example"}]}'`,
    )
    .action(async (name: string, { find: q }: { find?: string }) => {
      const { id: connectionId } = await findSource(client(), name);
      const given = { params: { connectionId }, query: q === undefined ? {} : { q } };
      out.rows(await Array.fromAsync(client().all(`${CONNECTION}/groups`, given)), {
        name: (group) => group.name,
        type: (group) => group.type,
        email: (group) => group.email,
        dn: (group) => group.dn,
        description: (group) => group.description,
        members: (group) => group.directMembersCount,
        id: (group) => group.id,
      });
    });

  source
    .command('unmatched <source>')
    .description('accounts that are nobody’s, of a source that only adds to people; and who comes near')
    .action(async (name: string) => {
      const { id: connectionId } = await findSource(client(), name);
      const params = { connectionId };
      out.rows(await Array.fromAsync(client().all(`${CONNECTION}/unmatched`, { params })), {
        name: (account) => account.name,
        email: (account) => account.email,
        why: (account) => account.why,
        near: (account) => account.near.map(({ display }) => display),
        id: (account) => account.id,
      });
    });

  source
    .command('check <source>')
    .description('is its credential good, which rights are granted, which are missing?')
    .action(async (name: string) => {
      const { id: connectionId } = await findSource(client(), name);
      const { body } = await client().post(`${CONNECTION}/check`, { params: { connectionId } });
      out.rows(body.details, { code: (detail) => detail.code, message: (detail) => detail.message });
      if (body.status === 'FAILED') throw new Exit(EXIT.refused, `${name} is not ready; see above.`);
      out.say(`${name} is ready.`);
    });

  source
    .command('runs <source>')
    .description('its runs, the newest first')
    .action(async (name: string) => {
      const { id: connectionId } = await findSource(client(), name);
      const runs = await Array.fromAsync(client().all(`${CONNECTION}/syncs`, { params: { connectionId } }));
      out.rows(runs, {
        at: (run) => run.createdAt,
        mode: (run) => run.mode,
        state: (run) => run.state,
        done: (run) => inWords(run.summary),
        why: (run) => run.error,
        id: (run) => run.id,
      });
    });
}

function addSettings(source: Command, cli: Cli): void {
  const { client, out } = cli;
  source
    .command('add <strategy> <name> [settings...]')
    .description('make one, staged: nothing is read; settings are KEY=value')
    .option('--match-people', 'its people may be those whom other connections have, by their addresses')
    .addHelpText(
      'after',
      `
Strategies: oktaApi, google, ldap, and demo (a made-up company); slack and gitlabSelf only add to people who are here.
docs/sources has the settings of each.
Examples:
  scim-bridge source add oktaApi "Our Okta" ORG_URL=https://example.okta.com API_TOKEN="$OKTA_TOKEN"
  scim-bridge source add demo "Made up"`,
    )
    .action(async (strategy: 'oktaApi', name: string, settings: readonly string[], options: AddOptions) => {
      const body = { strategy, name, ...fieldsOf(settings), ...options };
      out.one((await client().post(CONNECTIONS, { body })).body, COLUMNS);
    });

  source
    .command('set <source> <settings...>')
    .description('change settings: KEY=value, or KEY= for its default; or fields of it, such as domains')
    .option('--yes', 'do not ask before losses')
    .addHelpText(
      'after',
      `
A change that may filter people out shows first what would follow, and asks.
Examples:
  scim-bridge source set "Our Okta" API_TOKEN="$OKTA_TOKEN" BRAKE_MIN=5
  scim-bridge source set "Our Okta" domains='["example.com"]' sync='{"intervalMinutes":5}'`,
    )
    .action(async (name: string, settings: readonly string[], { yes }: { yes?: boolean }) => {
      const { id: connectionId } = await findSource(client(), name);
      const [params, body] = [{ connectionId }, fieldsOf(settings)];
      const saved = await client().patch(CONNECTION, { params, body });
      if (!('preview' in saved.body)) return out.one(saved.body as Shown, COLUMNS);
      const preview = await followPull(client(), connectionId, saved.body.preview);
      await showChanges(cli, connectionId, preview.id);
      await confirm(`${inWords(preview.summary)}. Go on?`, yes);
      const begun = await client().patch(CONNECTION, { params, body, query: { apply: true } });
      if (begun.status === 202) tell(cli, await followPull(client(), connectionId, begun.body.id));
    });

  for (const [verb, what] of [
    ['pause', 'pull it no more until somebody resumes it'],
    ['resume', 'check its credential and go on'],
  ] as const) {
    source
      .command(`${verb} <source>`)
      .description(what)
      .action(async (name: string) => {
        const { id: connectionId } = await findSource(client(), name);
        out.one((await client().post(`${CONNECTION}/${verb}`, { params: { connectionId } })).body, COLUMNS);
      });
  }
}

function addRuns(source: Command, cli: Cli): void {
  const { client } = cli;
  source
    .command('activate <source>')
    .description('check it, show its first full sync, and run that')
    .option('--yes', 'do not ask before it is run')
    .action(async (name: string, { yes }: { yes?: boolean }) => {
      const { id: connectionId } = await findSource(client(), name);
      const params = { connectionId };
      const { body } = await client().post(`${CONNECTION}/activate`, { params });
      if (!('preview' in body)) throw new Error('the bridge answered something else than a preview');
      const preview = await followPull(client(), connectionId, body.preview);
      await showChanges(cli, connectionId, preview.id);
      await confirm(`${inWords(preview.summary)}. Go on?`, yes);
      const begun = await client().post(`${CONNECTION}/activate`, { params, query: { apply: true } });
      if ('id' in begun.body) tell(cli, await followPull(client(), connectionId, begun.body.id));
    });

  source
    .command('sync <source>')
    .description('pull it now')
    .option('--full', 'read everything, also where the source can tell what changed')
    .option('--preview', 'only show what would change')
    .option('--day <n>', 'of the demo directory: the day at which it stands', dayCount)
    .action(async (name: string, wanted: { full?: boolean; preview?: boolean; day?: number }) => {
      const { id: connectionId } = await findSource(client(), name);
      const params = { connectionId };
      const { body } = await client().post(`${CONNECTION}/syncs`, { params, body: wanted });
      const run = await followPull(client(), connectionId, body.id);
      if (wanted.preview) await showChanges(cli, connectionId, run.id);
      tell(cli, run);
    });
}

/** Losses first. */
async function showChanges({ client, out }: Cli, connectionId: string, syncId: string): Promise<void> {
  const params = { connectionId, syncId };
  const changes = await Array.fromAsync(client().all(`${CONNECTION}/syncs/:syncId/changes`, { params }));
  const losses = changes.filter(({ op }) => LOSSES.includes(op));
  out.rows([...losses, ...changes.filter(({ op }) => !LOSSES.includes(op))], {
    change: (change) => change.op,
    who: (change) => change.subject.display,
    group: (change) => change.member?.display,
    attributes: (change) => change.attributes?.map(({ name: key, to }) => `${key}=${inText(to)}`),
    held: (change) => (change.held ? 'held' : ''),
  });
}

interface Ended {
  readonly state: string;
  readonly error?: string | undefined;
  readonly summary: object;
}

function tell({ out }: Cli, run: Ended): void {
  out.result(`${run.state}: ${inWords(run.summary)}${run.error ? `. ${run.error}` : ''}`, run);
}
