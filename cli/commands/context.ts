/** `context`: the bridges that a person works with. */

import type { AddCommand } from '../cli.ts';
import { contextsFile, isAddress, readContexts, saveContexts } from '../contexts.ts';
import { misused } from '../exit.ts';

export const addContext: AddCommand = (program, { env, out }) => {
  const context = program.command('context').description('the bridges that you work with');

  context
    .command('add <name> <url>')
    .description('save a bridge; its token is read from SCIM_BRIDGE_TOKEN, or from stdin')
    .addHelpText(
      'after',
      '\nExample:\n  scim-bridge context add production https://scim.acme.example < token.txt',
    )
    .action(async (name: string, url: string) => {
      if (!isAddress(url)) throw misused(`${url} is no address; it looks like https://scim.acme.example`);
      const token = env.SCIM_BRIDGE_TOKEN || (await readStdin());
      if (!token) throw misused('The token is missing: set SCIM_BRIDGE_TOKEN, or give it on stdin.');
      const { contexts } = readContexts(env);
      saveContexts(env, { current: name, contexts: { ...contexts, [name]: { url, token } } });
      out.say(`${name} is the current context; ${contextsFile(env)} has it.`);
    });

  context
    .command('use <name>')
    .description('make a context the current one')
    .action((name: string) => {
      const { contexts } = readContexts(env);
      if (!contexts[name]) throw misused(`There is no context ${name}.`);
      saveContexts(env, { current: name, contexts });
    });

  context
    .command('list')
    .description('list them; tokens are not shown')
    .action(() => {
      const { current, contexts } = readContexts(env);
      const rows = Object.entries(contexts).map(([name, { url }]) => ({
        name,
        url,
        current: name === current,
      }));
      out.rows(rows, {
        name: (row) => row.name,
        url: (row) => row.url,
        current: (row) => (row.current ? 'yes' : ''),
      });
    });

  context
    .command('remove <name>')
    .description('forget one')
    .action((name: string) => {
      const { current, contexts } = readContexts(env);
      const { [name]: gone, ...left } = contexts;
      if (!gone) throw misused(`There is no context ${name}.`);
      saveContexts(env, { current: current === name ? null : current, contexts: left });
    });
};

async function readStdin(): Promise<string> {
  if (process.stdin.isTTY) return '';
  const parts: Buffer[] = [];
  for await (const part of process.stdin) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8').trim();
}
