/**
 * What a whole company takes: a preview in which everybody is new, then syncs where one in a hundred is.
 * Memory, time, and how long a leaver waits in the middle of it.
 */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openDatabase, parseDatabaseUrl } from '../src/db/open.ts';
import { eventually, patch } from '../test/bridge.ts';
import { freshDatabaseUrl } from '../test/database.ts';
import { type GitLabEmulator, startGitLabEmulator } from '../test/emulator/gitlab.ts';
import { isWrite } from '../test/fault/world.ts';
import type { Alone, Peak } from './alone.ts';
import type { Sizes } from './bench.ts';
import { ms, type Row, ratio, timed } from './figures.ts';
import { fill, type Linked, link } from './fill.ts';

/** How `npm start` and the image bound the memory for what is short-lived. */
const AS_NPM_START_DOES = ['--max-semi-space-size=8'];
const RSS_MAX_MB = 300;
/** So many times fewer people, to see whether memory grows with them. */
const FEWER = 10;
/** Of so many people one is new at the first sync; each costs some statements, and no call. */
const ONE_NEW_IN = 100;
const WITHIN_MS = 60 * 60_000;
const POLL_MS = 250;

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
  const child = fork(join(import.meta.dirname, 'alone.ts'), [url], {
    execArgv: AS_NPM_START_DOES,
  });
  try {
    const [alone] = (await once(child, 'message')) as [Alone];
    const peakMb = async () => {
      child.send('peak');
      const [peak] = (await once(child, 'message')) as [Peak];
      return peak.rssBytes / 1024 / 1024;
    };
    const people = await company(url, gitlab, count);
    const linkMost = async (storeId: string) => {
      const db = openDatabase(parseDatabaseUrl(url));
      await link(db, storeId, people.slice(count / ONE_NEW_IN)).finally(() => db.destroy());
    };
    const userIds = people.map(({ id }) => id);
    return await play(alone, gitlab, userIds, { peakMb, linkMost });
  } finally {
    child.disconnect();
    await once(child, 'exit');
    await gitlab.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Everybody in the directory has an account already, which no link names. */
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
  alone: Alone,
  gitlab: GitLabEmulator,
  userIds: readonly string[],
  { peakMb, linkMost }: { peakMb(): Promise<number>; linkMost(storeId: string): Promise<void> },
): Promise<Taken> {
  const { admin, scim } = clientOf(alone);
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

function until(holds: () => Promise<boolean>, everyMs = POLL_MS): Promise<unknown> {
  return eventually(async () => {
    if (await holds()) return true;
    await pause(everyMs);
    return undefined;
  }, WITHIN_MS);
}

function clientOf({ url, adminToken, scimToken }: Alone) {
  const ask = async (token: string, method: string, path: string, body: unknown, type: string) => {
    const answer = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': type }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} was answered ${answer.status}: ${text}`);
    return text === '' ? null : JSON.parse(text);
  };
  return {
    admin: (method: string, path: string, body?: unknown) =>
      ask(adminToken, method, `/v1/environments/default${path}`, body, 'application/json'),
    scim: (method: string, path: string, body: unknown) =>
      ask(scimToken, method, `/scim/v2${path}`, body, 'application/scim+json'),
  };
}
