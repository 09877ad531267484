/** Reads a few things at once and gives the results in their order, so that a scan need not wait for each in turn. */

/** A rejection comes when its turn does; what was begun by then is left to end by itself. */
export async function* readAhead<Item, Result>(
  items: Iterable<Item>,
  atOnce: number,
  read: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const begun: Promise<Result>[] = [];
  for (const item of items) {
    const reading = read(item);
    // Whoever stops before its turn never looks at it.
    reading.catch(() => undefined);
    begun.push(reading);
    const first = begun.length < atOnce ? undefined : begun.shift();
    if (first) yield await first;
  }
  for (const reading of begun) yield await reading;
}
