/**
 * The attempts of one worker at one store that are under way: at which tasks, when one is over, and whether one ended
 * by a fault of the worker. It starts the attempts that it is given and stops none.
 */

import type { DueTask } from '../db/queue/queue.ts';

export class AttemptsUnderWay {
  /** By the id of the task. */
  readonly #tasks = new Map<string, DueTask>();
  #failure: { readonly error: unknown } | null = null;
  #nextEnd = Promise.withResolvers<void>();

  /** Resolves when the attempt is over, whatever its result. */
  begin(task: DueTask, attempt: () => Promise<void>): Promise<void> {
    this.#tasks.set(task.id, task);
    return Promise.resolve()
      .then(attempt)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .then(() => {
        this.#tasks.delete(task.id);
        const ended = this.#nextEnd;
        this.#nextEnd = Promise.withResolvers();
        ended.resolve();
      });
  }

  get count(): number {
    return this.#tasks.size;
  }

  get tasks(): readonly DueTask[] {
    return [...this.#tasks.values()];
  }

  has(subject: DueTask['subject']): boolean {
    return this.tasks.some((task) => task.subject.kind === subject.kind && task.subject.id === subject.id);
  }

  /** Resolves when the next of them is over. */
  freed(): Promise<void> {
    return this.#nextEnd.promise;
  }

  /** Resolves when all of them are over. */
  async over(): Promise<void> {
    while (this.#tasks.size > 0) await this.freed();
  }

  /** Throws what ended an attempt: the lease is lost, or the database is gone. */
  throwIfFailed(): void {
    if (this.#failure) throw this.#failure.error;
  }
}
