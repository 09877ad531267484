/**
 * `npm run simulate -- --seed S --histories N [--from H] [--history H] [--keep 1,2,3] [--parallel P] [--theme T]
 * [--trace] [--log] [--go]`: plays histories; with a theme, only those of the range that have it. At the first
 * failure it prints the command that replays it and ends with 1. `--log` prints the bridge's own audit log.
 */

import { parseArgs } from 'node:util';
import { drawHistory, type History, hasTheme, playHistory } from './history.ts';
import { type Database, openSimulationDatabase } from './machine/database.ts';
import { shorten } from './shorten.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    histories: { type: 'string', default: '500' },
    from: { type: 'string', default: '0' },
    history: { type: 'string' },
    keep: { type: 'string' },
    parallel: { type: 'string' },
    theme: { type: 'string' },
    log: { type: 'boolean', default: false },
    go: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
  },
});

const one = values.history === undefined ? null : Number(values.history);
const from = one ?? Number(values.from);
const until = one === null ? from + Number(values.histories) : from + 1;

const parallel = values.parallel === undefined ? null : Number(values.parallel);
const replayed = parallel === null ? '' : ` --parallel ${parallel}`;

const PROGRESS_EVERY = 500;

process.exitCode = await simulate();

async function simulate(): Promise<number> {
  const database = await openSimulationDatabase();
  const startedAt = performance.now();
  const cpuAt = process.cpuUsage();
  let writes = 0;
  let crashes = 0;
  let failed = 0;
  let played = 0;
  for (let index = from; index < until; index++) {
    const history = kept(drawHistory(values.seed, index, parallel));
    if (values.theme !== undefined && !hasTheme(history, values.theme)) continue;
    const outcome = await playHistory(database, values.seed, index, history);
    if (values.trace) for (const line of outcome.trace) say(line);
    if (values.log) for (const line of await auditLog(database)) say(line);
    writes += outcome.writes;
    crashes += outcome.crashes;
    played += 1;
    if (played % PROGRESS_EVERY === 0 && index + 1 < until)
      say(`${played} histories, ${failed} failed so far`);
    if (outcome.complaints.length === 0) continue;
    failed += 1;
    say(`history ${index} of seed ${values.seed} failed:`);
    for (const complaint of outcome.complaints.slice(0, 5)) say(`  ${complaint}`);
    if (values.go) continue;
    const left = await shorten(database, values.seed, index, history, outcome.complaints[0] ?? '');
    say(`shortened to ${left.length} of ${history.actions.length} actions:`);
    for (const at of left) say(`  ${at}: ${JSON.stringify(history.actions[at])}`);
    say(`themes: ${JSON.stringify(history.themes)}`);
    say(`replay: npm run simulate -- --seed ${values.seed} --history ${index}${replayed}`);
    say(
      `shortened: npm run simulate -- --seed ${values.seed} --history ${index} --keep ${left.join(',')}${replayed}`,
    );
    break;
  }
  await database.close();
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const { user, system } = process.cpuUsage(cpuAt);
  const cpuSeconds = ((user + system) / 1_000_000).toFixed(1);
  const counts = `${writes} vendor writes, ${crashes} crashes`;
  say(`${played} histories, ${failed} failed, ${counts}, ${seconds} s (${cpuSeconds} s of processor)`);
  return failed > 0 ? 1 : 0;
}

/** Times are by the clocks of the two processes, which differ. */
async function auditLog(database: Database): Promise<readonly string[]> {
  const rows = await database.accesses[0].db('events').orderBy('id');
  return rows.map(({ at, kind, outcome, subject_display, store_name, reason }) =>
    [at, kind, outcome, subject_display, store_name, reason].filter((part) => part !== null).join(' | '),
  );
}

function kept(history: History): History {
  if (values.keep === undefined) return history;
  const keep = new Set(values.keep.split(',').map(Number));
  return { ...history, actions: history.actions.filter((_, at) => keep.has(at)) };
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
