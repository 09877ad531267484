/**
 * Who gets a userName that several records of a scan have: the active one, or else the newest. Where two are active,
 * nobody does. Pure.
 */

import { nameKey } from './order.ts';
import { Twice } from './twice.ts';

export interface NamedRecord {
  readonly id: string;
  readonly state: string;
  readonly createdAt?: string;
}

/** Reads everybody twice, page by page: first which names occur more than once, then who gets them. */
export class Names<F extends { readonly userName: string }> {
  readonly #twice = new Twice();
  readonly #owners = new Map<string, NamedRecord | 'several'>();
  readonly #former = new Map<string, F>();

  /** For the first reading. */
  note(userName: string): void {
    this.#twice.note(nameKey(userName));
  }

  /** False where a second reading adds nothing. */
  get anyContested(): boolean {
    return this.#twice.any;
  }

  /** For the second reading. */
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
    return this.#twice.has(nameKey(userName));
  }

  loses(userName: string, { id }: NamedRecord): boolean {
    const owner = this.#owners.get(nameKey(userName));
    return owner === 'several' || (owner !== undefined && owner.id !== id);
  }

  /** Remembers the user that the directory has for an inactive record that lost its name. */
  lose(userName: string, former: F): void {
    if (nameKey(former.userName) === nameKey(userName)) this.#former.set(nameKey(userName), former);
  }

  formerly(userName: string): F | undefined {
    return this.#former.get(nameKey(userName));
  }
}

function preferred(one: NamedRecord, other: NamedRecord): NamedRecord | 'several' {
  if (one.id === other.id) return other;
  if (one.state === 'active' && other.state === 'active') return 'several';
  if (one.state !== other.state) return one.state === 'active' ? one : other;
  return (one.createdAt ?? '') >= (other.createdAt ?? '') ? one : other;
}
