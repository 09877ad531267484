/** `openapi`: the API's description, for other tools. */

import type { AddCommand } from '../cli.ts';

export const addOpenApi: AddCommand = (program, { client }) => {
  program
    .command('openapi')
    .description('print the OpenAPI document of the bridge')
    .action(async () => {
      process.stdout.write(`${JSON.stringify(await client().document(), null, 2)}\n`);
    });
};
