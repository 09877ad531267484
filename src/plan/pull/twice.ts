/** Which of very many texts come more than once, in a memory that does not grow with them. */

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

/** Some that come once may be taken for one of several. */
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

/** FNV-1a, cut to the bits that there are. */
function placeOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
  return (hash >>> 0) % BITS;
}
