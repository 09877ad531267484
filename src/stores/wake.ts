/** Tells the worker of this process at once that a transaction committed work; polling is the fallback. */

export interface Wake {
  /** Call after commit, never before. */
  signal(): void;
  /** The worker's side. */
  onSignal(listener: () => void): void;
}

export function createWake(): Wake {
  const listeners: (() => void)[] = [];
  return {
    signal() {
      for (const listener of listeners) listener();
    },
    onSignal(listener) {
      listeners.push(listener);
    },
  };
}
