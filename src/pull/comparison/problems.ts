/** What people should know of a run beside what it changes: the first sentences, and how many there are more. */

const TOLD_MAX = 5;

export class Problems {
  readonly #told: string[] = [];
  #more = 0;

  add(sentence: string): void {
    if (this.#told.length < TOLD_MAX) this.#told.push(sentence);
    else this.#more += 1;
  }

  /** Null where there is none. */
  get sentence(): string | null {
    if (this.#told.length === 0) return null;
    const told = this.#told.join(' ');
    return this.#more > 0 ? `${told} And ${this.#more} more.` : told;
  }
}
