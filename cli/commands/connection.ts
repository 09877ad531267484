/** `connection`: where identities come from. */

import type { Client } from '../../client/client.ts';
import type { AddCommand } from '../cli.ts';
import { confirm } from '../confirm.ts';
import { nothing } from '../exit.ts';
import { findConnection } from '../find.ts';
import { dayCount } from '../numbers.ts';
import { CONNECTION, CONNECTIONS } from '../paths.ts';
import { fieldsOf } from '../settings.ts';

const CONFIGURATION = `${CONNECTION}/scim-configuration` as const;

export const addConnection: AddCommand = (program, { client, out }) => {
  const connection = program.command('connection').description('where identities come from');

  connection
    .command('list')
    .description('list them')
    .action(async () =>
      out.rows(await Array.fromAsync(client().all(CONNECTIONS, {})), {
        name: (row) => row.name,
        strategy: (row) => row.strategy,
        primary: (row) => (row.isPrimary ? 'yes' : ''),
        users: (row) => row.counts.users,
        active: (row) => row.counts.active,
        groups: (row) => row.counts.groups,
        id: (row) => row.id,
      }),
    );

  connection
    .command('add <name>')
    .description('make one')
    .option('--strategy <strategy>', 'okta, entra, auth0 or scim', 'scim')
    .option('--match-people', 'its people may be those whom other connections have, by their addresses')
    .action(async (name: string, options: { strategy: 'scim'; matchPeople?: boolean }) => {
      const { body } = await client().post(CONNECTIONS, { body: { name, ...options } });
      out.one(body, { name: (row) => row.name, strategy: (row) => row.strategy, id: (row) => row.id });
    });

  connection
    .command('show <connection>')
    .description('what to enter at the identity provider, and what it has sent so far')
    .action(async (name: string) => {
      const { id: connectionId } = await findConnection(client(), name);
      const { body } = await client().get(CONFIGURATION, { params: { connectionId } });
      out.one(body, {
        'SCIM base URL': (row) => row.scimBaseUrl,
        'user id attribute': (row) => row.userIdAttribute,
        'seen of users': (row) => namesOf(row.attributesSeen, 'user'),
        'seen of groups': (row) => namesOf(row.attributesSeen, 'group'),
        'last request': (row) => row.lastRequestAt,
      });
      if (out.isJson) return;
      out.rows(body.setupSteps, { step: (step) => step.title, seen: (step) => step.seenAt ?? 'not yet' });
      if (body.recentRefusals.length === 0) return;
      out.rows(body.recentRefusals, {
        refused: (row) => row.at,
        request: (row) => `${row.method} ${row.path}`,
        status: (row) => row.status,
        why: (row) => row.detail,
      });
    });

  connection
    .command('token <connection>')
    .description('make a token for the identity provider; it is shown this once')
    .option('--name <name>', 'what the token is for')
    .option('--days <days>', 'its lifetime; without an end otherwise', dayCount)
    .action(async (wanted: string, { name, days }: { name?: string; days?: number }) => {
      const { id: connectionId } = await findConnection(client(), wanted);
      const body = {
        ...(name === undefined ? {} : { name }),
        ...(days === undefined ? {} : { tokenLifetime: days * 86_400 }),
      };
      const made = await client().post(`${CONFIGURATION}/tokens`, { params: { connectionId }, body });
      out.result(made.body.token, made.body);
    });

  connection
    .command('set <connection> <fields...>')
    .description('change fields of it: field=value, or field= for its default')
    .addHelpText(
      'after',
      `
Fields: name, silentAfterHours, matchPeople, reusedIdentifiers, unknownAttributes, retentionDays, isPrimary.
Example:
  scim-bridge connection set Okta silentAfterHours=24 unknownAttributes=Ignore`,
    )
    .action(async (wanted: string, fields: readonly string[]) => {
      const { id: connectionId } = await findConnection(client(), wanted);
      const { body } = await client().patch(CONNECTION, {
        params: { connectionId },
        body: fieldsOf(fields),
      });
      out.result(`${wanted} is changed.`, body);
    });

  connection
    .command('tokens <connection>')
    .description('list its tokens; a token itself is never shown again')
    .action(async (wanted: string) =>
      out.rows(await tokensOf(client(), (await findConnection(client(), wanted)).id), {
        name: (row) => row.name,
        scopes: (row) => (row.scopes.length === ALL_SCOPES ? 'all' : row.scopes),
        'valid until': (row) => row.validUntil,
        'last used': (row) => row.lastUsedAt,
        id: (row) => row.tokenId,
      }),
    );

  connection
    .command('revoke <connection> <token>')
    .description('end one of its tokens at once, by name or id')
    .option('--yes', 'do not ask')
    .action(async (wanted: string, token: string, { yes }: { yes?: boolean }) => {
      const { id: connectionId } = await findConnection(client(), wanted);
      const named = (await tokensOf(client(), connectionId)).filter(
        ({ tokenId, name }) => tokenId === token || name?.toLowerCase() === token.toLowerCase(),
      );
      const [found, ...others] = named;
      if (!found)
        throw nothing(`${wanted} has no token ${token}; "connection tokens" lists those there are.`);
      if (others.length > 0) throw nothing(`Several are named ${token}; give the id.`);
      await confirm(`What uses ${token} is refused from now on. Go on?`, yes);
      const params = { connectionId, tokenId: found.tokenId };
      await client().delete(`${CONFIGURATION}/tokens/:tokenId`, { params });
      out.say(`${token} is revoked.`);
    });

  connection
    .command('delete <connection>')
    .description('delete one with its people, who lose their accounts as the stores say')
    .option('--keep-accounts', 'leave the accounts at the stores as they are')
    .option('--yes', 'do not ask')
    .action(async (wanted: string, { keepAccounts, yes }: { keepAccounts?: boolean; yes?: boolean }) => {
      const found = await findConnection(client(), wanted);
      const losing = keepAccounts ? 'their accounts stay' : 'their accounts go as the stores say';
      await confirm(
        `${found.name} goes with its ${found.counts.users === 1 ? '1 user' : `${found.counts.users} users`}; ${losing}. Go on?`,
        yes,
      );
      const given = {
        params: { connectionId: found.id },
        query: { confirm: true, keepAccounts: keepAccounts === true },
      };
      const { status } = await client().delete(CONNECTION, given);
      out.say(`${found.name} is ${status === 202 ? 'being deleted' : 'gone'}.`);
    });
};

function namesOf(seen: readonly { readonly kind: string; readonly name: string }[], wanted: string) {
  return seen.filter(({ kind }) => kind === wanted).map(({ name }) => name);
}

/** Of users and groups: get, post, put, patch, delete. */
const ALL_SCOPES = 10;

function tokensOf(client: Client, connectionId: string) {
  return Array.fromAsync(client.all(`${CONFIGURATION}/tokens`, { params: { connectionId } }));
}
