/**
 * What a command prints. Results go to stdout, as a table for people or as JSON for programs; messages go to stderr.
 * What came from elsewhere is printed without control characters: a name must not move the cursor.
 */

import { stripVTControlCharacters } from 'node:util';
import { Table } from 'console-table-printer';
import type { Event } from '../client/events.ts';

export type Columns<Row> = Readonly<Record<string, (row: Row) => unknown>>;

export interface Output {
  readonly isJson: boolean;
  /** A list: one row each. */
  rows<Row>(rows: readonly Row[], columns: Columns<Row>): void;
  /** One thing: its fields below each other. */
  one<Row>(row: Row, fields: Columns<Row>): void;
  /** One of many that come one after the other: a line each, also as JSON. */
  line<Row>(row: Row, columns: Columns<Row>): void;
  /** A sentence that is itself the result. */
  result(sentence: string, value: unknown): void;
  /** Tells a person how it goes. */
  say(message: string): void;
}

/** `asJson` is asked at each use: the options are read after the commands are declared. */
export function createOutput(asJson: () => boolean): Output {
  const json = (value: unknown) => process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
  return {
    get isJson() {
      return asJson();
    },
    rows(rows, columns) {
      if (asJson()) json(rows);
      else if (rows.length === 0) process.stderr.write('None.\n');
      else print(rows.map((row) => cells(row, columns)));
    },
    one(row, fields) {
      if (asJson()) json(row);
      else print(Object.entries(cells(row, fields)).map(([field, value]) => ({ field, value })));
    },
    line(row, columns) {
      const text = asJson() ? JSON.stringify(row) : Object.values(cells(row, columns)).join('\t');
      process.stdout.write(`${text}\n`);
    },
    result(sentence, value) {
      if (asJson()) json(value);
      else process.stdout.write(`${plain(sentence)}\n`);
    },
    say(message) {
      process.stderr.write(`${message.split('\n').map(plain).join('\n')}\n`);
    },
  };
}

/** The audit log, wherever it is listed. */
export const eventColumns: Columns<Event> = {
  at: (row) => row.at,
  kind: (row) => row.kind,
  outcome: (row) => row.outcome,
  by: (row) => row.actor.name,
  who: (row) => row.subject?.display ?? row.subject?.id,
  store: (row) => row.store?.name,
  reason: (row) => row.reason,
  sent: (row) => requestLine(row.request),
  called: (row) => row.calls?.map(({ method, path, status }) => `${method} ${path} ${status}`).join(', '),
};

/** What an identity provider sent, without its body. */
function requestLine(request: unknown): string {
  const { method, path } = (request ?? {}) as { method?: unknown; path?: unknown };
  return method === undefined ? '' : `${method} ${path}`;
}

type Cells = Readonly<Record<string, string>>;

function cells<Row>(row: Row, columns: Columns<Row>): Cells {
  return Object.fromEntries(Object.entries(columns).map(([name, of]) => [name, plain(of(row))]));
}

function print(rows: readonly Cells[]): void {
  const names = Object.keys(rows[0] ?? {});
  const table = new Table({ columns: names.map((name) => ({ name, alignment: 'left' as const })) });
  for (const row of rows) table.addRow(row);
  process.stdout.write(`${process.stdout.isTTY ? table.render() : unframed(names, rows)}\n`);
}

/** Without a terminal: columns only, which `grep`, `cut` and `awk` take as they are. */
function unframed(names: readonly string[], rows: readonly Cells[]): string {
  return [names, ...rows.map((row) => names.map((name) => row[name] ?? ''))]
    .map((line) => line.join('\t'))
    .join('\n');
}

function plain(value: unknown): string {
  const text = Array.isArray(value) ? value.join(', ') : String(value ?? '');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what has to go
  return stripVTControlCharacters(text).replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ');
}
