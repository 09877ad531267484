/**
 * What an admin should read about a run besides the changes: the first few sentences, and how many more there are.
 */

const TOLD_MAX = 5;

export class Problems {
  readonly #told: string[] = [];
  #more = 0;

  add(sentence: string): void {
    if (this.#told.length < TOLD_MAX) this.#told.push(sentence);
    else this.#more += 1;
  }

  /** Null where there is nothing to say. */
  get sentence(): string | null {
    if (this.#told.length === 0) return null;
    const told = this.#told.join(' ');
    return this.#more > 0 ? `${told} And ${this.#more} more.` : told;
  }
}
