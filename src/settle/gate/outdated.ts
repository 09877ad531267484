/** Ends an attempt whose plan is outdated. Nothing failed; the worker plans the task again. */

/**
 * The store's settings, rules or mappings have changed since the plan was made, or a request that causes it was
 * written to its end.
 */
export class PlanOutdated extends Error {
  constructor(storeId: string) {
    super(`what was planned for store ${storeId} is outdated`);
    this.name = 'PlanOutdated';
  }
}
