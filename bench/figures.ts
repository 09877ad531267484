/** Figures and the table in which they are printed. */

export interface Row {
  readonly what: string;
  readonly figure: string;
  /** The goal of the figure, if it has one. */
  readonly goal?: string;
}

export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const index = Math.min(sorted.length - 1, Math.ceil((percent / 100) * sorted.length) - 1);
  return sorted[Math.max(0, index)] ?? Number.NaN;
}

export const median = (values: readonly number[]) => percentile(values, 50);
export const ms = (value: number) => `${value.toFixed(value < 10 ? 1 : 0)} ms`;
export const ratio = (a: number, b: number) => `${(a / b).toFixed(2)}x`;

/** Milliseconds that it took. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

export async function timesOf(count: number, work: (n: number) => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let n = 0; n < count; n++) times.push(await timed(() => work(n)));
  return times;
}

export function table(title: string, rows: readonly Row[]): string {
  const width = (cells: readonly string[]) => Math.max(...cells.map((cell) => cell.length));
  const what = width(rows.map((row) => row.what));
  const figure = width(rows.map((row) => row.figure));
  const lines = rows.map((row) =>
    `  ${row.what.padEnd(what)}  ${row.figure.padStart(figure)}  ${row.goal ? `goal: ${row.goal}` : ''}`.trimEnd(),
  );
  return `\n${title}\n${lines.join('\n')}\n`;
}
