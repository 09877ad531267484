/** Which of very many texts occur more than once, in a memory of fixed size. */

const BITS = 2 ** 23;

/** A set of fixed size, however many names it holds. It may take a few names for others. */
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

/** May report a text as repeated that occurred once. */
export class Twice {
  readonly #once = new Sieve();
  readonly #twice = new Sieve();
  #any = false;

  note(text: string): void {
    const at = placeOf(text);
    if (!this.#once.add(at)) return;
    this.#twice.add(at);
    this.#any = true;
  }

  has(text: string): boolean {
    return this.#twice.has(placeOf(text));
  }

  get any(): boolean {
    return this.#any;
  }
}

/** FNV-1a, reduced to the number of bits. */
function placeOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
  return (hash >>> 0) % BITS;
}
