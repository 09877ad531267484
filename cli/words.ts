/** Counts in words, as every command says them. */

const NOTHING = 'nothing was to do';

/** What is not zero; groups beside people. */
export function inWords(summary: object): string {
  const told = Object.entries(summary).flatMap(([name, value]): string[] => {
    if (typeof value === 'number') return value > 0 ? [`${name}: ${value}`] : [];
    const inside = inWords(value as object);
    return inside === NOTHING ? [] : [`${name}: (${inside})`];
  });
  return told.length === 0 ? NOTHING : told.join(', ');
}

/** With the verb that goes with the number: "1 person leaves", "2 people leave". */
export function people(count: number, one: string, several: string): string {
  return count === 1 ? `1 person ${one}` : `${count} people ${several}`;
}
