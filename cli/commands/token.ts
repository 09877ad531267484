/** `token`: admin tokens. */

import type { AddCommand } from '../cli.ts';
import { confirm } from '../confirm.ts';
import { findAdminToken } from '../find.ts';

export const addToken: AddCommand = (program, { client, out }) => {
  const token = program.command('token').description('admin tokens');

  token
    .command('list')
    .description('list them; a token itself is never shown again')
    .action(async () =>
      out.rows(await Array.fromAsync(client().all('/admin-tokens', {})), {
        name: (row) => row.name,
        scopes: (row) => row.scopes,
        environment: (row) => row.environmentId,
        'valid until': (row) => row.validUntil,
        'last used': (row) => row.lastUsedAt,
        id: (row) => row.id,
      }),
    );

  token
    .command('create <name>')
    .description('make one; it is shown this once')
    .option('--read-only', 'it may change nothing')
    .option('--only <environment>', 'the one environment that it may see')
    .option('--until <time>', 'when it ends, such as 2030-01-31T12:00:00Z')
    .action(
      async (
        name: string,
        { readOnly, only, until }: { readOnly?: boolean; only?: string; until?: string },
      ) => {
        const { body } = await client().post('/admin-tokens', {
          body: {
            name,
            scopes: readOnly ? ['read'] : ['read', 'write'],
            ...(only === undefined ? {} : { environmentId: only }),
            ...(until === undefined ? {} : { validUntil: until }),
          },
        });
        out.result(body.token, body);
      },
    );

  token
    .command('renew <token>')
    .description('let it live for 30 more days, or until a time')
    .option('--until <time>', 'when it ends')
    .action(async (wanted: string, { until }: { until?: string }) => {
      const { id: tokenId } = await findAdminToken(client(), wanted);
      const body = until === undefined ? {} : { validUntil: until };
      const renewed = await client().post('/admin-tokens/:tokenId/renew', { params: { tokenId }, body });
      out.result(`valid until ${renewed.body.validUntil}`, renewed.body);
    });

  token
    .command('revoke <token>')
    .description('end it at once')
    .option('--yes', 'do not ask')
    .action(async (wanted: string, { yes }: { yes?: boolean }) => {
      const { id: tokenId, name } = await findAdminToken(client(), wanted);
      await confirm(`Whoever uses ${name} is refused from now on. Go on?`, yes);
      await client().delete('/admin-tokens/:tokenId', { params: { tokenId } });
      out.say(`${name} is revoked.`);
    });
};
