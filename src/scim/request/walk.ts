/** Walks through a body of any size: without recursion, and everybody else has a turn meanwhile. */

import { giveWay } from '../../support/turns.ts';

/** Every object and list of it, each with its own entries; what `visit` throws ends the walk. */
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
