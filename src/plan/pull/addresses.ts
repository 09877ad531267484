/** Who of a source have the same address. Of two who are active nobody knows whose it is. Pure. */

import { nameKey } from './order.ts';
import { Twice } from './twice.ts';

export interface Addressed {
  readonly id: string;
  readonly isActive: boolean;
  /** In the scan; else as the source showed them before. */
  readonly isShown: boolean;
}

/** Reads everybody twice, page by page. Of addresses that one alone has it keeps nobody. */
export class Addresses {
  readonly #twice = new Twice();
  readonly #holders = new Map<string, Addressed[]>();

  /** In the first reading. */
  note(address: string): void {
    this.#twice.note(nameKey(address));
  }

  /** False where a second reading adds nothing. */
  get anyShared(): boolean {
    return this.#twice.any;
  }

  /** In the second one, each once. */
  add(address: string, holder: Addressed): void {
    const key = nameKey(address);
    if (!this.#twice.has(key)) return;
    const holders = this.#holders.get(key);
    if (holders) holders.push(holder);
    else this.#holders.set(key, [holder]);
  }

  /** Those who are not in the scan and active as far as is known, and have the address of somebody active who is in it. */
  rivals(): readonly string[] {
    return [...this.#holders.values()].flatMap((holders) => {
      const active = holders.filter(({ isActive }) => isActive);
      return active.some(({ isShown }) => isShown)
        ? active.filter(({ isShown }) => !isShown).map(({ id }) => id)
        : [];
    });
  }

  /** Those who turned out to be gone. */
  forget(ids: ReadonlySet<string>): void {
    for (const [key, holders] of this.#holders)
      this.#holders.set(
        key,
        holders.filter(({ id }) => !ids.has(id)),
      );
  }

  /** Whether somebody else has it too. */
  isShared(address: string): boolean {
    return this.#of(address).length > 1;
  }

  /** Whether two who are active have it. */
  isContested(address: string): boolean {
    return this.#of(address).filter(({ isActive }) => isActive).length > 1;
  }

  #of(address: string): readonly Addressed[] {
    return this.#holders.get(nameKey(address)) ?? [];
  }
}
