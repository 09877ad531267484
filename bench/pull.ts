/**
 * What a pulled directory costs: the first run, a run without changes, and a delta. Measures memory, time, and how
 * long a SCIM client waits for a write meanwhile.
 */

import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { openDatabase, parseDatabaseUrl } from '../src/db/open.ts';
import { patch, person } from '../test/bridge.ts';
import { freshDatabaseUrl } from '../test/database.ts';
import { type OktaEmulator, startOktaEmulator } from '../test/emulator/okta.ts';
import type { Sizes } from './bench.ts';
import { type BridgeAlone, startAlone, until } from './child.ts';
import { ms, type Row, timed } from './figures.ts';
import type { Waits, Watched } from './watch.ts';

const RSS_MAX_MB = 300;
const GROUP_MEMBERS = 20;
/** This many people are renamed before a delta. */
const CHANGED = 100;
const UNLIMITED = 1_000_000_000;
/** The company is this old: a delta begins ten minutes before the last change that was seen. */
const FOUNDED_MS_AGO = 24 * 60 * 60_000;
const CLIENT_PAUSE_MS = 50;

export async function pull({ pulledPeople }: Sizes): Promise<readonly Row[]> {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-bench-'));
  const url = await freshDatabaseUrl('sqlite', directory);
  const limits = { users: UNLIMITED, user: UNLIMITED, groups: UNLIMITED, group: UNLIMITED, other: UNLIMITED };
  let agoMs = FOUNDED_MS_AGO;
  const okta = await startOktaEmulator({ limits, now: () => Date.now() - agoMs });
  // Before the bridge starts: it closes connections that stand idle as long as this takes.
  const ids = company(okta, pulledPeople);
  agoMs = 0;
  touch(okta, ids);
  const bridge = await startAlone(url);
  try {
    return await play(bridge, okta, ids, () => written(url));
  } finally {
    await bridge.stop();
    await okta.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Fills the company. Answers the ids of its people. */
function company({ state }: OktaEmulator, count: number): readonly string[] {
  const ids = Array.from({ length: count }, (_, n) => {
    const profile = { title: 'Engineer', employeeNumber: String(n), managerId: String(n % 100) };
    return state.addUser({ login: `p${n}@acme.example`, profile }).id;
  });
  for (let n = 0; n < count / 10; n++) {
    const members = Array.from({ length: GROUP_MEMBERS }, (_, k) => ids[(n * 10 + k) % count] as string);
    state.addGroup(`Group ${n}`, members);
  }
  return ids;
}

/** Changes one person and one group lately, so that a delta begins there and not at the founding. */
function touch({ state }: OktaEmulator, [first = '']: readonly string[]): void {
  state.setProfile(first, { title: 'Founder' });
  const [group] = [...state.groups.values()].filter(({ type }) => type === 'OKTA_GROUP');
  if (group) state.setMembers(group.id, [...group.members]);
}

async function play(
  bridge: BridgeAlone,
  okta: OktaEmulator,
  ids: readonly string[],
  written: () => Promise<string>,
): Promise<readonly Row[]> {
  const { admin, peakMb } = bridge;
  const { app, url, privateKey } = okta;
  const idleMb = await peakMb();
  const connection = await admin('POST', '/connections', {
    ...{ name: 'Okta', strategy: 'oktaApi', sync: { enabled: false } },
    configuration: { ORG_URL: url, CLIENT_ID: app.clientId, KEY_ID: app.keyId, PRIVATE_KEY: privateKey },
  });
  const path = `/connections/${connection.id}`;
  const ended = async (runId: string, expected: number) => {
    await until(async () => !['QUEUED', 'RUNNING'].includes((await run(runId)).state));
    const { state, error, summary } = await run(runId);
    const { created, updated } = summary;
    if (state !== 'DONE' || created + updated !== expected)
      throw new Error(`it ended ${state}, ${created} made, ${updated} changed: ${error}`);
  };
  const run = (id: string) => admin('GET', `${path}/syncs/${id}`);
  const sync = async (body: object, expected: number) =>
    ended((await admin('POST', `${path}/syncs`, body)).id, expected);
  const client = await startClient(bridge);
  try {
    const first = await client.beside(async () =>
      ended((await admin('POST', `${path}/activate?apply=true`)).id, ids.length),
    );
    const firstMb = await peakMb();
    const before = await written();
    const noOp = await client.beside(() => sync({ full: true }, 0));
    const isUntouched = (await written()) === before;
    const noOpMb = await peakMb();
    for (const id of ids.slice(0, CHANGED)) okta.state.setProfile(id, { title: 'Manager' });
    const delta = await client.beside(() => sync({}, CHANGED));
    const idle = await client.beside(() => sync({}, 0));
    const waits = (what: string, { longestMs }: Beside): Row => ({
      what: `${what}: longest wait of a SCIM client's PATCH`,
      figure: ms(longestMs),
    });
    const goal = `< ${RSS_MAX_MB} MiB`;
    return [
      { what: 'before any work', figure: `${idleMb.toFixed(0)} MiB` },
      { what: 'first run', figure: ms(first.tookMs) },
      { what: 'first run: peak of the process', figure: `${firstMb.toFixed(0)} MiB`, goal },
      waits('first run', first),
      { what: 'full run that changes nothing', figure: ms(noOp.tookMs) },
      { what: 'and: peak of the process', figure: `${noOpMb.toFixed(0)} MiB`, goal },
      waits('and', noOp),
      {
        what: 'and: it writes to the directory',
        figure: isUntouched ? 'nothing' : 'something',
        goal: 'nothing',
      },
      { what: `delta of ${CHANGED}`, figure: ms(delta.tookMs) },
      waits('delta', delta),
      { what: 'delta of nobody', figure: ms(idle.tookMs) },
    ];
  } finally {
    await client.stop();
  }
}

interface Beside {
  readonly tookMs: number;
  readonly longestMs: number;
}

/** A SCIM client of another connection that keeps writing one user of its own. */
async function startClient({ scim, url, scimToken }: BridgeAlone) {
  const { id } = await scim('POST', '/Users', person('watched'));
  const titles = ['Engineer', 'Manager'];
  const workerData: Watched = {
    ...{ url: `${url}/scim/v2/Users/${id}`, token: scimToken },
    pauseMs: CLIENT_PAUSE_MS,
    patches: titles.map((value) => JSON.stringify(patch({ op: 'replace', path: 'title', value }))),
  };
  const worker = new Worker(join(import.meta.dirname, 'watch.ts'), { workerData });
  const waits = async () => {
    worker.postMessage('tell');
    const [{ times, refused }] = (await once(worker, 'message')) as [Waits];
    if (refused > 0) throw new Error(`${refused} writes of the watching client were refused`);
    return times;
  };
  return {
    async beside(work: () => Promise<unknown>): Promise<Beside> {
      await waits();
      const tookMs = await timed(work);
      return { tookMs, longestMs: (await waits()).reduce((a, b) => Math.max(a, b), 0) };
    },
    async stop() {
      worker.postMessage('end');
      await once(worker, 'exit');
    },
  };
}

/** A text that changes with every write to what Okta has brought. */
async function written(url: string): Promise<string> {
  const db = openDatabase(parseDatabaseUrl(url));
  try {
    const pushed = db('connections').where({ strategy: 'oktaApi' }).select('id');
    const users = db('users').whereIn('connection_id', pushed);
    const groups = db('groups').whereIn('connection_id', pushed);
    const counted = await Promise.all([
      users.count({ n: '*' }).sum({ v: 'version' }).max({ at: 'updated_at' }),
      groups.count({ n: '*' }).sum({ v: 'version' }).max({ at: 'updated_at' }),
      db('group_members').count({ n: '*' }).max({ at: 'created_at' }),
    ]);
    return JSON.stringify(counted);
  } finally {
    await db.destroy();
  }
}
