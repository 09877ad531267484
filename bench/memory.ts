/**
 * What a whole company costs: a preview in which everybody is new, then syncs in which one in a hundred is. Measures
 * memory, time, and how long a leaver waits meanwhile.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase, parseDatabaseUrl } from '../src/db/open.ts';
import { patch } from '../test/bridge.ts';
import { freshDatabaseUrl } from '../test/database.ts';
import { type GitLabEmulator, startGitLabEmulator } from '../test/emulator/gitlab.ts';
import { isWrite } from '../test/fault/world.ts';
import type { Sizes } from './bench.ts';
import { type BridgeAlone, startAlone, until } from './child.ts';
import { ms, type Row, ratio, timed } from './figures.ts';
import { fill, type Linked, link } from './fill.ts';

const RSS_MAX_MB = 300;
/** A second run has this many times fewer people and shows whether memory grows with them. */
const FEWER = 10;
/** One in this many people is new at the first sync; each costs some statements and no call. */
const ONE_NEW_IN = 100;

interface Taken {
  readonly idleMb: number;
  readonly previewMb: number;
  readonly syncMb: number;
  readonly previewMs: number;
  readonly syncMs: number;
  readonly leaverMs: number;
  readonly noOpMs: number;
  readonly noOpWrites: number;
}

export async function memory({ memoryPeople }: Sizes): Promise<readonly Row[]> {
  const fewer = memoryPeople / FEWER;
  const few = await taken(fewer);
  const many = await taken(memoryPeople);
  const grown = (what: string, of: 'previewMb' | 'syncMb'): Row => ({
    what: `${what}: peak of the process, ${fewer} → ${memoryPeople} people`,
    figure: `${few[of].toFixed(0)} → ${many[of].toFixed(0)} MiB (${ratio(many[of], few[of])})`,
    goal: `flat, < ${RSS_MAX_MB} MiB`,
  });
  return [
    { what: 'before any work', figure: `${many.idleMb.toFixed(0)} MiB` },
    grown('preview', 'previewMb'),
    grown('then syncs', 'syncMb'),
    { what: `preview of ${memoryPeople}, read to its last page`, figure: ms(many.previewMs) },
    { what: `sync of ${memoryPeople} that adopts ${memoryPeople / ONE_NEW_IN}`, figure: ms(many.syncMs) },
    { what: 'a leaver in the middle of it, until GitLab is told', figure: ms(many.leaverMs) },
    { what: `sync of ${memoryPeople} that changes nothing`, figure: ms(many.noOpMs) },
    { what: 'writes of it', figure: String(many.noOpWrites), goal: '0' },
  ];
}

async function taken(count: number): Promise<Taken> {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-bench-'));
  const url = await freshDatabaseUrl('sqlite', directory);
  const gitlab = await startGitLabEmulator();
  const alone = await startAlone(url);
  try {
    const people = await company(url, gitlab, count);
    const linkMost = async (storeId: string) => {
      const db = openDatabase(parseDatabaseUrl(url));
      await link(db, storeId, people.slice(count / ONE_NEW_IN)).finally(() => db.destroy());
    };
    const userIds = people.map(({ id }) => id);
    return await play(alone, gitlab, userIds, linkMost);
  } finally {
    await alone.stop();
    await gitlab.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Everybody in the directory has an account already, but no links. */
async function company(url: string, gitlab: GitLabEmulator, count: number): Promise<readonly Linked[]> {
  const accounts = Array.from({ length: count }, (_, n) =>
    gitlab.state.addUser({ username: `p${n}`, name: `p${n} Doe`, email: `p${n}@acme.example` }),
  );
  const db = openDatabase(parseDatabaseUrl(url));
  const ids = await fill({ db, count, prefix: 'p' }).finally(() => db.destroy());
  return accounts.map(({ id, username, name, email }, n) => ({
    id: ids[n] as string,
    name: username,
    remoteId: String(id),
    observed: { username, name, email },
  }));
}

async function play(
  { admin, scim, peakMb }: BridgeAlone,
  gitlab: GitLabEmulator,
  userIds: readonly string[],
  linkMost: (storeId: string) => Promise<void>,
): Promise<Taken> {
  const idleMb = await peakMb();
  const configuration = { BASE_URL: gitlab.url, ACCESS_TOKEN: gitlab.adminToken };
  const store = { type: 'GitLabSelfManaged', name: 'GitLab', configuration };
  const { id: storeId } = await admin('POST', '/propagation/stores', store);
  const path = `/propagation/stores/${storeId}`;
  const previewMs = await timed(async () => {
    const { id } = await admin('POST', `${path}/preview`);
    await until(async () => (await admin('GET', `${path}/preview/${id}`)).state !== 'RUNNING');
    const preview = await admin('GET', `${path}/preview/${id}`);
    const adopted = preview.summary.adopt;
    if (preview.state !== 'DONE' || adopted !== userIds.length)
      throw new Error(`the preview ended ${preview.state} and adopts ${adopted}`);
    let next: string | undefined = `${path}/preview/${id}/changes?limit=200`;
    while (next) {
      const page = await admin('GET', next);
      next = page._links.next?.href.replace(/^.*\/environments\/default/, '');
    }
  });
  const previewMb = await peakMb();
  await linkMost(storeId);

  const done = () => until(async () => (await admin('GET', `${path}/syncStatus`)).syncState === 'SYNCED');
  let leaverMs = Number.NaN;
  const syncMs = await timed(async () => {
    await admin('PUT', path, { ...store, status: 'ACTIVE' });
    await until(async () => (await admin('GET', `${path}/syncStatus`)).successCount > userIds.length / 2);
    leaverMs = await leave();
    await done();
  });
  gitlab.forgetRequests();
  const noOpMs = await timed(async () => {
    const { id } = await admin('POST', `${path}/sync`, {});
    await until(async () => (await admin('GET', `${path}/syncs/${id}`)).state === 'DONE');
  });
  const noOpWrites = gitlab.requests.filter(isWrite).length;
  return { idleMb, previewMb, syncMb: await peakMb(), previewMs, syncMs, leaverMs, noOpMs, noOpWrites };

  async function leave(): Promise<number> {
    const leaving = patch({ op: 'replace', path: 'active', value: false });
    await scim('PATCH', `/Users/${userIds[0]}`, leaving);
    const answeredAt = Date.now();
    const block = () => gitlab.requests.find(({ path: asked }) => asked.endsWith('/block'));
    await until(async () => block() !== undefined, 2);
    return Math.max(0, (block()?.at ?? Number.NaN) - answeredAt);
  }
}
