/** Which people of a source have the same address. Where two of them are active, nobody knows whose it is. Pure. */

import { nameKey } from './order.ts';
import { Twice } from './twice.ts';

export interface Addressed {
  readonly id: string;
  readonly isActive: boolean;
  /** In the scan; otherwise as the source showed them before. */
  readonly isShown: boolean;
}

/** Reads everybody twice, page by page. It remembers nobody whose address is theirs alone. */
export class Addresses {
  readonly #twice = new Twice();
  readonly #holders = new Map<string, Addressed[]>();

  /** For the first reading. */
  note(address: string): void {
    this.#twice.note(nameKey(address));
  }

  /** False where a second reading adds nothing. */
  get anyShared(): boolean {
    return this.#twice.any;
  }

  /** For the second reading; each holder once. */
  add(address: string, holder: Addressed): void {
    const key = nameKey(address);
    if (!this.#twice.has(key)) return;
    const holders = this.#holders.get(key);
    if (holders) holders.push(holder);
    else this.#holders.set(key, [holder]);
  }

  /**
   * People who are active, as far as the bridge knows, but not in the scan, and who share an address with an active
   * person in the scan.
   */
  rivals(): readonly string[] {
    return [...this.#holders.values()].flatMap((holders) => {
      const active = holders.filter(({ isActive }) => isActive);
      return active.some(({ isShown }) => isShown)
        ? active.filter(({ isShown }) => !isShown).map(({ id }) => id)
        : [];
    });
  }

  /** Forgets people who turned out to be gone. */
  forget(ids: ReadonlySet<string>): void {
    for (const [key, holders] of this.#holders)
      this.#holders.set(
        key,
        holders.filter(({ id }) => !ids.has(id)),
      );
  }

  /** Whether more than one person has the address. */
  isShared(address: string): boolean {
    return this.#of(address).length > 1;
  }

  /** Whether two active people have the address. */
  isContested(address: string): boolean {
    return this.#of(address).filter(({ isActive }) => isActive).length > 1;
  }

  #of(address: string): readonly Addressed[] {
    return this.#holders.get(nameKey(address)) ?? [];
  }
}
