/**
 * `npm run bench`: measures what the bridge promises about speed, on loopback with emulated vendors, in a few
 * minutes, and writes to `bench/results`. `npm run bench -- --full` uses the full sizes, `-- latency sync` runs only
 * those named; `TEST_DRIVER=sqlite3 npm run bench -- rates` measures only SQLite, with that driver.
 */

import { appendFileSync, mkdirSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { DRIVER } from '../test/database.ts';
import { onBoth, type Sizes } from './bench.ts';
import { bodies } from './bodies.ts';
import { calls, latency } from './changes.ts';
import { drivers } from './drivers.ts';
import { type Row, table } from './figures.ts';
import { filters } from './filters.ts';
import { floods } from './floods.ts';
import { joiners } from './joiners.ts';
import { memory } from './memory.ts';
import { people } from './people.ts';
import { pull } from './pull.ts';
import { rates } from './rates.ts';
import { reads } from './reads.ts';
import { largeGroup, lookUps } from './scale.ts';
import { members, wholeLists } from './scim.ts';
import { sources } from './sources.ts';
import { statements } from './statements.ts';
import { noOpSync } from './sync.ts';
import { throughput } from './throughput.ts';

const FULL: Sizes = {
  ...{ groupMembers: 100_000, users: 200_000, events: 1_000_000 },
  ...{
    syncPeople: 10_000,
    memoryPeople: 100_000,
    people: 100_000,
    pulledPeople: 100_000,
    sourcePeople: 2_000,
  },
};
const QUICK: Sizes = {
  ...{ groupMembers: 20_000, users: 50_000, events: 100_000 },
  ...{ syncPeople: 2_000, memoryPeople: 10_000, people: 20_000, pulledPeople: 10_000, sourcePeople: 2_000 },
};

const given = process.argv.slice(2);
const sizes = given.includes('--full') ? FULL : QUICK;
const named = given.filter((word) => !word.startsWith('--'));

const measurements: Readonly<Record<string, readonly [string, () => Promise<readonly Row[]>]>> = {
  latency: ['From the SCIM answer to the first byte at the vendor', latency],
  calls: ['Calls for one change (w: writes, r: reads)', calls],
  statements: ['Statements of one change', statements],
  throughput: ['The endpoint beside a bare Express and Knex handler, turn by turn', throughput],
  drivers: ['The two drivers of SQLite, turn by turn', drivers],
  rates: ['Changes a second where the vendor answers at once, 8 at a time', rates],
  joiners: ['Joiners at GitLab where each call takes its time', joiners],
  group: [`One member added to a group of 10 → of ${sizes.groupMembers}`, () => largeGroup(sizes)],
  lookup: [`Look-up among 1000 people → among ${sizes.users}`, () => lookUps(sizes)],
  reads: [
    `Reads: 1000 people, events, members → ${sizes.users}, ${sizes.events}, ${sizes.groupMembers}`,
    () => onBoth((dialect) => reads(sizes, dialect)),
  ],
  people: [
    `People found and shown among 1000 → among ${sizes.people}`,
    () => onBoth((dialect) => people(sizes, dialect)),
  ],
  members: [`SCIM alone: a group of 10 → of ${sizes.groupMembers}`, () => members(sizes)],
  bodies: ['Bodies of one client, and a read of another environment meanwhile', bodies],
  filters: [
    'A POST beside 150 of the dearest filters of another environment',
    () => onBoth((dialect) => filters(dialect, sizes.users)),
  ],
  floods: ['A PATCH beside 200 connections without a valid token', () => onBoth(floods)],
  replace: ['SCIM alone: whole lists of members', wholeLists],
  memory: [`Memory, in a process of its own: ${sizes.memoryPeople} people at GitLab`, () => memory(sizes)],
  pull: [
    `A directory of ${sizes.pulledPeople} people and ${sizes.pulledPeople / 10} groups, pulled from Okta`,
    () => pull(sizes),
  ],
  sources: [
    `Directories of ${sizes.sourcePeople} people and ${sizes.sourcePeople / 10} groups, source by source`,
    () => sources(sizes),
  ],
  sync: [`Sync of ${sizes.syncPeople} people at GitLab`, () => noOpSync(sizes)],
};

const unknown = named.filter((name) => !(name in measurements));
if (unknown.length > 0) {
  process.stderr.write(
    `There is no ${unknown.join(', ')}; there are ${Object.keys(measurements).join(', ')}.\n`,
  );
  process.exit(1);
}
const results = join(import.meta.dirname, 'results');
mkdirSync(results, { recursive: true });
const file = join(results, `${new Date().toISOString().slice(0, 16).replace(':', '')}.md`);

function say(text: string): void {
  process.stdout.write(text);
  appendFileSync(file, text);
}

say(
  `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim()}, SQLite${DRIVER === null ? '' : ` (${DRIVER})`} where nothing else is said\n`,
);
for (const [name, [title, measure]] of Object.entries(measurements)) {
  if (named.length === 0 || named.includes(name)) say(table(title, await measure()));
}
appendFileSync(file, '```\n');
process.stdout.write(`\nWritten to ${file}\n`);
