/**
 * The pulled directory of a history: an emulated Okta organisation, asked without a socket, and the ways in which its
 * answers become wrong. Its lists have small pages, so that pages can be lost.
 */

import { OktaRefusal, refusalAnswer } from '../../test/emulator/okta/answers.ts';
import type { OktaGroup, OktaUser } from '../../test/emulator/okta/state.ts';
import { createOkta, type EmulatedOkta } from '../../test/emulator/okta.ts';
import type { Answer, EmulatedRequest } from '../../test/emulator/server.ts';
import type { Random } from '../random.ts';
import { FOREIGN, UNAVAILABLE } from './network.ts';

/** Chances per request. The first six give lists that look complete and are not. */
export interface DirectoryFaults {
  /** A page comes without its records. */
  lost: number;
  /** A page comes without the link to the next. */
  truncated: number;
  empty: number;
  /** Shows people as they were some minutes ago. */
  stale: number;
  /** Shows everything as it was at one moment some minutes ago. */
  lagging: number;
  /** Every list is empty. */
  emptied: number;
  rateLimited: number;
  unavailable: number;
  foreign: number;
}

export const NO_DIRECTORY_FAULTS: Readonly<DirectoryFaults> = {
  lost: 0,
  truncated: 0,
  empty: 0,
  stale: 0,
  lagging: 0,
  emptied: 0,
  rateLimited: 0,
  unavailable: 0,
  foreign: 0,
};

const PAGE = '2';
/** Less than the time that the bridge reads again. */
const STALE_MAX_MS = 5 * 60_000;

/** The directory until that time. */
interface Past {
  readonly until: number;
  readonly users: ReadonlyMap<string, OktaUser>;
  readonly groups: ReadonlyMap<string, OktaGroup>;
}

export class PulledDirectory {
  readonly host = 'acme.okta.example';
  readonly okta: EmulatedOkta;
  readonly faults: DirectoryFaults = { ...NO_DIRECTORY_FAULTS };
  /** How many lists were not what they seemed. */
  altered = 0;
  /** When a list last showed an older state. */
  oldAt = 0;
  #isNarrowed = false;
  /** Another company with the same ids. */
  readonly #other: EmulatedOkta;
  #isSwapped = false;
  readonly #past: Past[] = [];
  readonly #random: Random;
  readonly #now: () => number;

  constructor(random: Random, now: () => number) {
    this.#random = random;
    this.#now = now;
    this.okta = createOkta(`https://${this.host}`, { now });
    this.#other = createOkta(`https://${this.host}`, { now });
    this.#other.state.orgId = '00oanother';
    this.#other.state.addUser({ login: 'x@other.example', status: 'SUSPENDED' });
    this.#other.state.addGroup('Strangers');
  }

  get configuration(): Readonly<Record<string, string>> {
    return { ORG_URL: `https://${this.host}`, API_TOKEN: this.okta.apiToken };
  }

  /** Called before people change there. */
  remember(): void {
    const { users, groups } = structuredClone({
      users: this.okta.state.users,
      groups: this.okta.state.groups,
    });
    this.#past.push({ until: this.#now(), users, groups });
  }

  /** The same address and credential now lead to another company. */
  swap(isSwapped: boolean): void {
    this.#isSwapped = isSwapped;
  }

  setRole(role: 'whole' | 'narrowed' | 'revoked'): void {
    const { tokens, apiToken, state } = this.okta;
    this.#isNarrowed = role === 'narrowed';
    if (role === 'revoked') {
      tokens.apiTokens.delete(apiToken);
      return;
    }
    const own = [...state.groups.values()].find(({ type }) => type !== 'BUILT_IN')?.id;
    tokens.apiTokens.set(apiToken, role === 'whole' ? 'readOnly' : new Set(own === undefined ? [] : [own]));
  }

  /** What the caller gets; `refused`: no connection. */
  arrive(request: EmulatedRequest): Answer | 'refused' {
    const { faults } = this;
    const random = this.#random;
    if (random.chance(faults.rateLimited)) return this.#limited();
    if (random.chance(faults.unavailable)) return random.chance(0.5) ? 'refused' : UNAVAILABLE;
    if (random.chance(faults.foreign)) return random.pick(FOREIGN);
    if (this.#isSwapped) return this.#wrong(this.#other.handle(request));
    if (!isList(request)) return this.okta.handle(request);
    const query = new URLSearchParams(request.query);
    query.set('limit', PAGE);
    const asked = { ...request, query };
    if (this.#isNarrowed) this.altered += 1;
    const answer = this.#answer(asked);
    return answer.status === 200 ? this.#spoiled(answer, request.path.endsWith('/users')) : answer;
  }

  #spoiled(answer: Answer, isOfPeople: boolean): Answer {
    const { faults } = this;
    const random = this.#random;
    const link = answer.headers?.link ?? '';
    const self = link.split(', ')[0] ?? '';
    const ends = { ...answer, headers: { ...answer.headers, link: self } };
    const isEmpty = (answer.body as readonly unknown[]).length === 0;
    if (isOfPeople && random.chance(faults.emptied)) return this.#wrong({ ...ends, body: [] });
    if (!isEmpty && random.chance(faults.lost)) return this.#wrong({ ...answer, body: [] });
    if (!isEmpty && random.chance(faults.empty)) return this.#wrong({ ...ends, body: [] });
    if (link !== self && random.chance(faults.truncated)) return this.#wrong(ends);
    return answer;
  }

  #wrong(answer: Answer): Answer {
    this.altered += 1;
    return answer;
  }

  #answer(request: EmulatedRequest): Answer {
    const { faults } = this;
    const random = this.#random;
    const recent = this.#past.filter(({ until }) => until > this.#now() - STALE_MAX_MS);
    const [oldest] = recent;
    if (oldest && random.chance(faults.lagging)) return this.#asOf(oldest, request);
    const isStale = random.chance(faults.stale) && request.path === '/api/v1/users';
    if (!oldest || !isStale) return this.okta.handle(request);
    return this.#asOf({ users: random.pick(recent).users, groups: this.okta.state.groups }, request);
  }

  #asOf(past: Pick<Past, 'users' | 'groups'>, request: EmulatedRequest): Answer {
    const { users, groups } = this.okta.state;
    const now = { users: new Map(users), groups: new Map(groups) };
    show(users, past.users);
    show(groups, new Map(past.groups));
    const answer = this.okta.handle(request);
    show(users, now.users);
    show(groups, now.groups);
    this.oldAt = this.#now();
    return this.#wrong(answer);
  }

  #limited(): Answer {
    const seconds = Math.ceil(this.#now() / 1_000) + this.#random.int(1, 30);
    const headers = {
      date: new Date(this.#now()).toUTCString(),
      'x-rate-limit-limit': '600',
      'x-rate-limit-remaining': '0',
      'x-rate-limit-reset': String(seconds),
    };
    return { ...refusalAnswer(new OktaRefusal(429, 'E0000047', 'API call exceeded rate limit.')), headers };
  }
}

function show<T>(shown: Map<string, T>, entries: ReadonlyMap<string, T>): void {
  shown.clear();
  for (const [id, one] of entries) shown.set(id, one);
}

function isList({ path }: EmulatedRequest): boolean {
  return /^\/api\/v1\/(?:users|groups)(?:\/[^/]+\/users)?$/.test(path);
}
