/**
 * Plays one scene at a time: lets somebody ask the bridge for something, waits until every store has
 * settled, and prints what each store received and how it looks then.
 */

import type { Answer, Bridge, Json } from './bridge.ts';
import { EVERYBODY, type Person } from './cast.ts';
import { type Asked, askedRows, changesSince, nameOf, newestEvent, type Row, storeRows } from './rows.ts';
import type { Look, Store } from './stores.ts';
import { headLine, noteLines, type Paint, rowLines, WIDTH, wrap } from './table.ts';

export interface Scene {
  readonly title: string;
  /** One or two sentences of what to look at. */
  readonly about: string;
  readonly people: readonly Person[];
  readonly groups?: readonly string[];
  /** With the job titles of `people`. */
  readonly titles?: boolean;
}

/** Somebody who asks: each request becomes a row of the scene's table. */
export interface Asking {
  okta(op: string, what: string, method: string, path: string, body?: unknown): Promise<Answer>;
  admin(op: string, what: string, method: string, path: string, body?: unknown): Promise<Answer>;
}

export interface Stage {
  readonly bridge: Bridge;
  readonly stores: readonly Store[];
  readonly paint: Paint;
  /** So far. */
  readonly played: Scene[];
  print(line: string): void;
}

const SETTLE_WAIT_MAX_MS = 45_000;
/** Not more often: asking competes with the work that it waits for. */
const SETTLE_POLL_MS = 100;
const PEOPLE_NAMED_MAX = 6;

export async function playScene(
  stage: Stage,
  scene: Scene,
  act: (asking: Asking) => Promise<void>,
): Promise<void> {
  const { bridge, stores, paint, print } = stage;
  for (const store of stores) store.vendor?.forgetRequests();
  const last = await newestEvent(bridge);
  const asked: Asked[] = [];
  await act(createAsking(bridge, asked));
  await settled(stage);
  const events = await changesSince(bridge, last);
  const answeredAt = new Map(asked.map(({ answer }) => [answer.correlationId, answer.answeredAt]));
  const number = stage.played.push(scene);
  print('');
  print(paint.bold(`${String(number).padStart(2)}  ${scene.title}`));
  for (const line of wrap(scene.about, WIDTH - 4)) print(`    ${line}`);
  print(headLine(paint));
  for (const line of rowLines(askedRows(asked), paint)) print(line);
  for (const store of stores) await printStore(stage, scene, store, storeRows(store, events, answeredAt));
  await printWarning(stage);
}

function createAsking(bridge: Bridge, asked: Asked[]): Asking {
  const by =
    (who: string, ask: Bridge['scim']): Asking['okta'] =>
    async (op, what, method, path, body) => {
      const answer = await ask(method, path, body);
      asked.push({ who, op, what, answer });
      return answer;
    };
  return { okta: by('Okta', bridge.scim), admin: by('Admin', bridge.admin) };
}

async function printStore(stage: Stage, scene: Scene, store: Store, rows: readonly Row[]): Promise<void> {
  const { bridge, paint, print } = stage;
  const nothing: Row = {
    who: store.name,
    op: '',
    what: '',
    call: 'nothing',
    status: '',
    afterMs: null,
    tone: 'plain',
  };
  for (const line of rowLines(rows.length > 0 ? rows : [nothing], paint)) print(line);
  const look = await store.look(bridge, store.id);
  const { heldCount } = await statusOf(bridge, store);
  const held = heldCount > 0 ? [`${heldCount} held`] : [];
  const now = [...accountsNow(scene, look), ...held, ...groupsNow(scene, look)].join(' · ');
  for (const line of noteLines('now', now, paint)) print(line);
}

/** What the last store says about itself where its brake tripped; the others say the same. */
async function printWarning({ bridge, stores, paint, print }: Stage): Promise<void> {
  const store = stores.at(-1);
  if (!store) return;
  const details: readonly Json[] = (await statusOf(bridge, store)).details;
  const tripped = details.find(({ code }) => code === 'brake_tripped');
  if (!tripped) return;
  for (const line of wrap(`${store.name} says: ${tripped.message}`, WIDTH - 4))
    print(`    ${paint.tone('held', line)}`);
}

async function statusOf(bridge: Bridge, store: Store): Promise<Json> {
  return (await bridge.admin('GET', `/propagation/stores/${store.id}/syncStatus`)).body;
}

function accountsNow(scene: Scene, look: Look): readonly string[] {
  const state = (who: Person) => {
    const account = look.accounts.get(who.email);
    return account === undefined ? 'absent' : account.enabled ? 'enabled' : 'disabled';
  };
  return ['enabled', 'disabled'].flatMap((wanted) => {
    const people = scene.people.filter((who) => state(who) === wanted);
    if (people.length === 0) return [];
    if (people.length > PEOPLE_NAMED_MAX) return [`${people.length} ${wanted}`];
    const names = people.map((who) => {
      const title = look.accounts.get(who.email)?.title;
      return scene.titles && title ? `${who.given} (${title})` : who.given;
    });
    return [`${wanted}: ${names.join(', ')}`];
  });
}

function groupsNow(scene: Scene, look: Look): readonly string[] {
  return (scene.groups ?? []).map((name) => {
    const known = new Set(EVERYBODY.map(({ email }) => email));
    const members = (look.groups.get(name) ?? []).filter((email) => known.has(email));
    return `${name}: ${members.length > 0 ? members.map(nameOf).toSorted().join(', ') : 'nobody'}`;
  });
}

/** Until no store has work left. */
export async function settled({ bridge, stores }: Stage): Promise<void> {
  const deadline = Date.now() + SETTLE_WAIT_MAX_MS;
  for (;;) {
    await new Promise((done) => setTimeout(done, SETTLE_POLL_MS));
    const states: Json[] = [];
    for (const store of stores) states.push(await statusOf(bridge, store));
    if (states.every(({ pendingCount, syncState }) => pendingCount === 0 && syncState !== 'SYNCING')) return;
    if (Date.now() > deadline) throw new Error(notSettled(states));
  }
}

function notSettled(states: readonly Json[]): string {
  const each = states.map(
    ({ store, syncState, pendingCount }) => `${store.name} ${syncState} (${pendingCount} to do)`,
  );
  return `After ${SETTLE_WAIT_MAX_MS / 1000} seconds not every store had settled: ${each.join(', ')}.`;
}
