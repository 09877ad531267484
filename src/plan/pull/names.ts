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

/** `F`: what the directory has of somebody. */
export class Names<F extends { readonly userName: string }> {
  readonly #owners = new Map<string, NamedRecord | 'several'>();
  readonly #former = new Map<string, F>();

  add(userName: string, { id, state, createdAt }: NamedRecord): void {
    const name = nameKey(userName);
    const record = { id, state, ...(createdAt === undefined ? {} : { createdAt }) };
    const owner = this.#owners.get(name);
    this.#owners.set(
      name,
      owner === undefined ? record : owner === 'several' ? owner : preferred(owner, record),
    );
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

function preferred(one: NamedRecord, other: NamedRecord): NamedRecord | 'several' {
  if (one.id === other.id) return other;
  if (one.state === 'active' && other.state === 'active') return 'several';
  if (one.state !== other.state) return one.state === 'active' ? one : other;
  return (one.createdAt ?? '') >= (other.createdAt ?? '') ? one : other;
}
