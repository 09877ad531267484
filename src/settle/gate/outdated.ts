/** Ends an attempt whose plan rests on what is not so any more; nothing failed, and the task is planned anew. */

/** The store's settings, rules or mappings are others by now, or a request came to its end: plan the task anew. */
export class PlanOutdated extends Error {
  constructor(storeId: string) {
    super(`what was planned for store ${storeId} is outdated`);
    this.name = 'PlanOutdated';
  }
}
