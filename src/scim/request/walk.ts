/** Walks through a body of any size without recursion, with turns for other requests in between. */

import { giveWay } from '../../support/turns.ts';

/** Visits every object and list with its own entries; an error of `visit` ends the walk. */
export async function walk(
  body: object,
  visit: (entries: readonly [string, unknown][], container: object) => void,
): Promise<void> {
  const open = [body];
  for (let container = open.pop(); container; container = open.pop()) {
    await giveWay();
    const entries = Object.entries(container);
    for (const [, child] of entries) if (typeof child === 'object' && child !== null) open.push(child);
    visit(entries, container);
  }
}
