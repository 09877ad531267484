/**
 * Reads a few things at once and gives the results in their order, so that a scan need not wait for one after the
 * other.
 */

/** A failed read throws when its turn comes. Reads that have begun by then end by themselves. */
export async function* readAhead<Item, Result>(
  items: Iterable<Item>,
  atOnce: number,
  read: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const begun: Promise<Result>[] = [];
  for (const item of items) {
    const reading = read(item);
    // A caller that stops early never looks at this result.
    reading.catch(() => undefined);
    begun.push(reading);
    const first = begun.length < atOnce ? undefined : begun.shift();
    if (first) yield await first;
  }
  for (const reading of begun) yield await reading;
}
