/**
 * The directory of a history that is pulled: an emulated Okta organisation, asked without a socket, and how its answers
 * come to be wrong. Its lists have small pages, so that some can be lost.
 */

import { OktaRefusal, refusalAnswer } from '../../test/emulator/okta/answers.ts';
import type { OktaUser } from '../../test/emulator/okta/state.ts';
import { createOkta, type EmulatedOkta } from '../../test/emulator/okta.ts';
import type { Answer, EmulatedRequest } from '../../test/emulator/server.ts';
import type { Random } from '../random.ts';
import { FOREIGN, UNAVAILABLE } from './network.ts';

/** Chances per request; the first four are of lists that look as if they were whole. */
export interface DirectoryFaults {
  /** A page comes without what is on it. */
  lost: number;
  /** Nothing says that there is a page after it. */
  truncated: number;
  empty: number;
  /** People as they were some minutes ago. */
  stale: number;
  rateLimited: number;
  unavailable: number;
  foreign: number;
}

export const NO_DIRECTORY_FAULTS: Readonly<DirectoryFaults> = {
  lost: 0,
  truncated: 0,
  empty: 0,
  stale: 0,
  rateLimited: 0,
  unavailable: 0,
  foreign: 0,
};

const PAGE = '2';
/** Less than what the bridge reads again. */
const STALE_MAX_MS = 5 * 60_000;

/** People as they were until then. */
interface Past {
  readonly until: number;
  readonly users: ReadonlyMap<string, OktaUser>;
}

export class PulledDirectory {
  readonly host = 'acme.okta.example';
  readonly okta: EmulatedOkta;
  readonly faults: DirectoryFaults = { ...NO_DIRECTORY_FAULTS };
  /** How many lists were not what they look like. */
  altered = 0;
  #isNarrowed = false;
  readonly #past: Past[] = [];
  readonly #random: Random;
  readonly #now: () => number;

  constructor(random: Random, now: () => number) {
    this.#random = random;
    this.#now = now;
    this.okta = createOkta(`https://${this.host}`, { now });
  }

  get configuration(): Readonly<Record<string, string>> {
    return { ORG_URL: `https://${this.host}`, API_TOKEN: this.okta.apiToken };
  }

  /** Before people change there. */
  remember(): void {
    this.#past.push({ until: this.#now(), users: structuredClone(this.okta.state.users) });
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

  /** What comes back; `refused`: no connection. */
  arrive(request: EmulatedRequest): Answer | 'refused' {
    const { faults } = this;
    const random = this.#random;
    if (random.chance(faults.rateLimited)) return this.#limited();
    if (random.chance(faults.unavailable)) return random.chance(0.5) ? 'refused' : UNAVAILABLE;
    if (random.chance(faults.foreign)) return random.pick(FOREIGN);
    if (!isList(request)) return this.okta.handle(request);
    const query = new URLSearchParams(request.query);
    query.set('limit', PAGE);
    const asked = { ...request, query };
    if (this.#isNarrowed) this.altered += 1;
    const answer = random.chance(faults.stale) ? this.#formerly(asked) : this.okta.handle(asked);
    return answer.status === 200 ? this.#spoiled(answer) : answer;
  }

  #spoiled(answer: Answer): Answer {
    const { faults } = this;
    const random = this.#random;
    const link = answer.headers?.link ?? '';
    const self = link.split(', ')[0] ?? '';
    const ends = { ...answer, headers: { ...answer.headers, link: self } };
    const isEmpty = (answer.body as readonly unknown[]).length === 0;
    if (!isEmpty && random.chance(faults.lost)) return this.#wrong({ ...answer, body: [] });
    if (!isEmpty && random.chance(faults.empty)) return this.#wrong({ ...ends, body: [] });
    if (link !== self && random.chance(faults.truncated)) return this.#wrong(ends);
    return answer;
  }

  #wrong(answer: Answer): Answer {
    this.altered += 1;
    return answer;
  }

  #formerly(request: EmulatedRequest): Answer {
    const { users } = this.okta.state;
    const recent = this.#past.filter(({ until }) => until > this.#now() - STALE_MAX_MS);
    if (recent.length === 0 || request.path !== '/api/v1/users') return this.okta.handle(request);
    this.altered += 1;
    const now = [...users];
    const show = (entries: Iterable<readonly [string, OktaUser]>) => {
      users.clear();
      for (const [id, user] of entries) users.set(id, user);
    };
    show(this.#random.pick(recent).users);
    const answer = this.okta.handle(request);
    show(now);
    return answer;
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

function isList({ path }: EmulatedRequest): boolean {
  return /^\/api\/v1\/(?:users|groups)(?:\/[^/]+\/users)?$/.test(path);
}
