/** What every command is given: a client of the chosen bridge, and the way to print. */

import type { Command } from 'commander';
import { type Client, createClient } from '../client/client.ts';
import { chosenContext } from './contexts.ts';
import { createOutput, type Output } from './output.ts';

export interface Cli {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Made at the first use: commands that run on this machine alone need none. */
  client(): Client;
  readonly out: Output;
}

/** Each file of `commands/` exports one: it adds its verbs. */
export type AddCommand = (program: Command, cli: Cli) => void;

interface GlobalOptions {
  readonly context?: string;
  readonly environment?: string;
  readonly json?: boolean;
}

export function createCli(program: Command, env: Cli['env']): Cli {
  const options = () => program.opts<GlobalOptions>();
  let client: Client | undefined;
  return {
    env,
    client() {
      if (client) return client;
      const { context, environment } = options();
      const chosen = chosenContext(env, context);
      client = createClient({
        ...chosen,
        environment: environment ?? env.SCIM_BRIDGE_ENVIRONMENT ?? chosen.environment ?? 'default',
      });
      return client;
    },
    out: createOutput(() => options().json === true),
  };
}
