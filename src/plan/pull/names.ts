/**
 * Whose a userName is, where several records of a scan have it: the active one's, else the newest one's; where two are
 * active, nobody's. Pure.
 */

import { nameKey } from './order.ts';

export interface NamedRecord {
  readonly id: string;
  readonly state: string;
  readonly createdAt?: string;
}

const BITS = 2 ** 23;

/** So much memory however many names there are; of names alone a few are taken for one of several. */
class Sieve {
  readonly #bits = new Uint8Array(BITS / 8);

  /** Whether it was there before. */
  add(at: number): boolean {
    const was = this.has(at);
    this.#bits[at >> 3] = (this.#bits[at >> 3] ?? 0) | (1 << (at & 7));
    return was;
  }

  has(at: number): boolean {
    return (((this.#bits[at >> 3] ?? 0) >> (at & 7)) & 1) === 1;
  }
}

/** Reads everybody twice, page by page: which names are there more than once, then whose those are. */
export class Names<F extends { readonly userName: string }> {
  readonly #once = new Sieve();
  readonly #twice = new Sieve();
  readonly #owners = new Map<string, NamedRecord | 'several'>();
  readonly #former = new Map<string, F>();
  #anyTwice = false;

  /** In the first reading. */
  note(userName: string): void {
    const at = placeOf(nameKey(userName));
    if (!this.#once.add(at)) return;
    this.#twice.add(at);
    this.#anyTwice = true;
  }

  /** False where a second reading adds nothing. */
  get anyContested(): boolean {
    return this.#anyTwice;
  }

  /** In the second one. */
  add(userName: string, { id, state, createdAt }: NamedRecord): void {
    if (!this.isContested(userName)) return;
    const name = nameKey(userName);
    const record = { id, state, ...(createdAt === undefined ? {} : { createdAt }) };
    const owner = this.#owners.get(name);
    this.#owners.set(
      name,
      owner === undefined ? record : owner === 'several' ? owner : preferred(owner, record),
    );
  }

  /** Whether another record may have the name too. */
  isContested(userName: string): boolean {
    return this.#twice.has(placeOf(nameKey(userName)));
  }

  loses(userName: string, { id }: NamedRecord): boolean {
    const owner = this.#owners.get(nameKey(userName));
    return owner === 'several' || (owner !== undefined && owner.id !== id);
  }

  /** Notes whom the directory has of an inactive record that lost its name. */
  lose(userName: string, former: F): void {
    if (nameKey(former.userName) === nameKey(userName)) this.#former.set(nameKey(userName), former);
  }

  formerly(userName: string): F | undefined {
    return this.#former.get(nameKey(userName));
  }
}

/** FNV-1a, cut to the bits that there are. */
function placeOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
  return (hash >>> 0) % BITS;
}

function preferred(one: NamedRecord, other: NamedRecord): NamedRecord | 'several' {
  if (one.id === other.id) return other;
  if (one.state === 'active' && other.state === 'active') return 'several';
  if (one.state !== other.state) return one.state === 'active' ? one : other;
  return (one.createdAt ?? '') >= (other.createdAt ?? '') ? one : other;
}
