/** `npx scim-bridge`: the commands, and how they end. */

import tab from '@bomb.sh/tab/commander';
import { Command, CommanderError } from 'commander';
import { createCli } from './cli.ts';
import { addAlert } from './commands/alert.ts';
import { addConnection } from './commands/connection.ts';
import { addContext } from './commands/context.ts';
import { addEvents } from './commands/events.ts';
import { addHeld } from './commands/held.ts';
import { addIncident } from './commands/incident.ts';
import { addLocal } from './commands/local.ts';
import { addMapping } from './commands/mapping.ts';
import { addOpenApi } from './commands/openapi.ts';
import { addPerson } from './commands/person.ts';
import { addRule } from './commands/rule.ts';
import { addSource } from './commands/source.ts';
import { addStatus } from './commands/status.ts';
import { addStore } from './commands/store.ts';
import { addToken } from './commands/token.ts';
import { addWho } from './commands/who.ts';
import { EXIT, exitCodeOf } from './exit.ts';

const COMMANDS = [
  addStatus,
  addWho,
  addPerson,
  addStore,
  addHeld,
  addIncident,
  addConnection,
  addSource,
  addToken,
  addRule,
  addMapping,
  addAlert,
  addEvents,
  addContext,
  addOpenApi,
  addLocal,
];

const program = new Command('scim-bridge')
  .description('Asks and tells a scim-bridge what its admin API can do.')
  .option(
    '--context <name>',
    'a saved bridge; else SCIM_BRIDGE_URL and SCIM_BRIDGE_TOKEN, or the current one',
  )
  .option('--environment <id>', 'the environment: "default" unless the context names another')
  .option('--json', 'print what programs read')
  .showHelpAfterError('(--help says more)')
  .configureHelp({ showGlobalOptions: true })
  .addHelpText(
    'after',
    `
Exit codes: 0 done, 1 nothing found or refused, 2 not understood, 3 no bridge answers, 4 the token is not accepted.`,
  );

const cli = createCli(program, process.env);
for (const add of COMMANDS) add(program, cli);
tab(program);
overrideExits(program);

// Whoever reads the first lines alone (`| head`) has enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : EXIT.usage;
  else {
    process.exitCode = exitCodeOf(error);
    cli.out.say((error as Error).message);
  }
}

/** So that a mistake in the words ends with the exit code for it. */
function overrideExits(command: Command): void {
  command.exitOverride();
  for (const below of command.commands) overrideExits(below);
}
