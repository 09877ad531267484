/** A PostgreSQL server of a test's own, which the test may freeze without harm to others. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Client } from 'pg';

export interface FreezablePostgres {
  /** Without a database's name. */
  readonly url: string;
  /** No process of the server runs until `thaw`, but what it has open stays open. */
  freeze(): Promise<void>;
  thaw(): void;
  stop(): Promise<void>;
}

export async function startFreezablePostgres(): Promise<FreezablePostgres> {
  const child = spawn(process.execPath, [join(__dirname, '../ownPostgres.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data');
  const url = String(line).trim();
  const frozen: number[] = [];
  const thaw = () => {
    for (const pid of frozen.splice(0)) process.kill(pid, 'SIGCONT');
  };
  return {
    url,
    async freeze() {
      const client = new Client({ connectionString: `${url}/postgres` });
      await client.connect();
      // The first line of that file is the number of the process that makes all others: it stops first.
      const main = await client.query("select split_part(pg_read_file('postmaster.pid'), E'\\n', 1) as pid");
      const freeze = (pid: string) => {
        process.kill(Number(pid), 'SIGSTOP');
        frozen.push(Number(pid));
      };
      freeze(main.rows[0].pid);
      const { rows } = await client.query('select pid from pg_stat_activity where pid <> pg_backend_pid()');
      for (const { pid } of rows) freeze(pid);
      await client.end();
    },
    thaw,
    async stop() {
      thaw();
      child.stdin.end();
      await exited;
    },
  };
}
