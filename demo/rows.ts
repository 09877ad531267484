/**
 * What happened in one scene, as rows: what was asked of the bridge, and each change that a store took,
 * joined with the request that its vendor really received and the time it took from the SCIM answer.
 */

import type { LoggedRequest } from '../test/emulator/server.ts';
import type { Answer, Bridge, Json } from './bridge.ts';
import { EVERYBODY } from './cast.ts';
import { type Store, writes } from './stores.ts';

export type Tone = 'asked' | 'gain' | 'loss' | 'held' | 'plain';

export interface Row {
  readonly who: string;
  readonly op: string;
  readonly what: string;
  readonly call: string;
  readonly status: string;
  /** From the answer that caused the change until the vendor received it; for Demo, until it was done. */
  readonly afterMs: number | null;
  readonly tone: Tone;
}

/** One request to the bridge, with the story's words for it. */
export interface Asked {
  readonly who: string;
  readonly op: string;
  readonly what: string;
  readonly answer: Answer;
}

export function askedRows(asked: readonly Asked[]): readonly Row[] {
  return asked.map(({ who, op, what, answer }) => ({
    who,
    op,
    what,
    call: `${answer.method.padEnd(METHOD_WIDTH)} ${shortIds(answer.path)}`,
    status: String(answer.status),
    afterMs: null,
    tone: 'asked',
  }));
}

const METHOD_WIDTH = 6;
const EVENTS_MAX = 1000;

/** The id of the newest event: what comes after it belongs to the next scene. */
export async function newestEvent(bridge: Bridge): Promise<number> {
  const { body } = await bridge.admin('GET', '/events?limit=1');
  return Number(body._embedded.events[0]?.id ?? 0);
}

/** Of all stores, in the order in which the bridge recorded them. */
export async function changesSince(bridge: Bridge, eventId: number): Promise<readonly Json[]> {
  const { body } = await bridge.admin('GET', `/events?limit=${EVENTS_MAX}`);
  const events: readonly Json[] = body._embedded.events;
  return events.filter((event) => Number(event.id) > eventId && event.store).toReversed();
}

export function storeRows(
  store: Store,
  events: readonly Json[],
  answeredAt: ReadonlyMap<string, number>,
): readonly Row[] {
  const unexplained = [...writes(store)];
  const rows = events
    .filter((event) => event.store.id === store.id)
    .flatMap((event) => rowOf(store, event, unexplained, answeredAt));
  // What no event explains would be a mistake of the bridge: the table hides none.
  const others = unexplained.map((request): Row => {
    const { call, status } = callOf(request);
    return {
      who: store.name,
      op: '?',
      what: 'not in the audit log',
      call,
      status,
      afterMs: null,
      tone: 'held',
    };
  });
  return [...rows, ...others];
}

const TONES: Readonly<Record<string, Tone>> = {
  create: 'gain',
  adopt: 'gain',
  enable: 'gain',
  grant: 'gain',
  update: 'plain',
  disable: 'loss',
  delete: 'loss',
  revoke: 'loss',
};

/** Takes the event's requests out of `unexplained`. */
function rowOf(
  store: Store,
  event: Json,
  unexplained: LoggedRequest[],
  answeredAt: ReadonlyMap<string, number>,
): readonly Row[] {
  const [room, op = ''] = String(event.kind).split('.');
  const tone = TONES[op];
  if (room !== 'change' || tone === undefined || event.outcome === 'skipped') return [];
  const causes: readonly string[] = event.correlationIds;
  const since = Math.min(...causes.flatMap((id) => answeredAt.get(id) ?? []));
  const calls: readonly Json[] = (event.calls ?? []).filter((call: Json) => call.method !== 'GET');
  const received = calls.flatMap((call) => take(unexplained, call));
  const row = { who: store.name, op, what: describe(event, op), tone };
  const after = (at: number) => (Number.isFinite(since) ? Math.max(0, at - since) : null);
  if (received.length === 0) {
    const call = store.vendor ? 'no call: it is there already' : 'in its own database';
    const afterMs = store.vendor ? null : after(Date.parse(event.at));
    return [{ ...row, call, status: '', afterMs }];
  }
  return received.map((request) => ({ ...row, ...callOf(request), afterMs: after(request.at) }));
}

function take(unexplained: LoggedRequest[], call: Json): readonly LoggedRequest[] {
  const index = unexplained.findIndex(({ method, path }) => method === call.method && path === call.path);
  return index < 0 ? [] : unexplained.splice(index, 1);
}

function callOf({ method, path, status }: LoggedRequest): Pick<Row, 'call' | 'status'> {
  return { call: `${method.padEnd(METHOD_WIDTH)} ${path}`, status: String(status) };
}

function describe(event: Json, op: string): string {
  const subject = nameOf(event.subject.display ?? '');
  if (op === 'grant' || op === 'revoke') {
    const members: readonly Json[] = event.after?.members ?? [];
    const names = members.map(({ display }) => nameOf(display)).join(', ');
    return `${subject} ${op === 'grant' ? '+' : '−'} ${names}`;
  }
  const changed = Object.entries(event.after ?? {});
  const values = changed.map(([name, to]) => `${name} = ${to}`).join(', ');
  return op === 'update' ? `${subject}: ${values}` : subject;
}

/** The given name of whoever has this email address, user name, handle or full name; else what was given. */
export function nameOf(display: string): string {
  const wanted = display.toLowerCase();
  const found = EVERYBODY.find(({ given, family, email }) =>
    [email, given, `${given} ${family}`].some((name) => name.toLowerCase() === wanted),
  );
  return found?.given ?? display;
}

/** Ids that only a machine can tell apart are cut short. */
export function shortIds(path: string): string {
  return path
    .replace(/^\/v1\/environments\/default\/propagation/, '…')
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, (id) => `${id.slice(-4)}`)
    .replace(/&startIndex=1&count=100$/, '');
}
