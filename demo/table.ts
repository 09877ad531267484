/** Rows as lines of at most `WIDTH` columns, with a little colour where the terminal has it. Pure. */

import type { Row, Tone } from './rows.ts';

export const WIDTH = 100;
const WHO = 6;
const OP = 11;
const WHAT = 31;
const CALL = 34;
const STATUS = 3;
const AFTER = 8;
const INDENT = '  ';
/** So many requests, or changes, of one kind become one row. */
const FOLD_ASKED_FROM = 4;
const FOLD_CHANGES_FROM = 5;

export interface Paint {
  bold(text: string): string;
  dim(text: string): string;
  tone(tone: Tone, text: string): string;
}

const PLAIN: Paint = { bold: (text) => text, dim: (text) => text, tone: (_tone, text) => text };

const CODES: Readonly<Record<Tone, number>> = { asked: 36, gain: 32, loss: 31, held: 33, plain: 34 };

export function createPaint(coloured: boolean): Paint {
  if (!coloured) return PLAIN;
  const wrap = (code: number, text: string) => `\u001b[${code}m${text}\u001b[0m`;
  return {
    bold: (text) => wrap(1, text),
    dim: (text) => wrap(2, text),
    tone: (tone, text) => wrap(CODES[tone], text),
  };
}

/** Names the two columns that do not explain themselves. */
export function headLine(paint: Paint): string {
  const left = [cell('', WHO), cell('', OP), cell('', WHAT), cell('call', CALL), cell('', STATUS)];
  return INDENT + paint.dim(`${left.join(' ')} ${'after'.padStart(AFTER)}`);
}

/** The name is said once; the cells are cut to their widths. */
export function rowLines(rows: readonly Row[], paint: Paint): readonly string[] {
  return fold(rows).map((row, index, all) => {
    const who = index > 0 && all[index - 1]?.who === row.who ? '' : row.who;
    const after = row.afterMs === null ? '' : (row.upTo ? '≤ ' : '') + duration(row.afterMs);
    return [
      INDENT + paint.bold(cell(who, WHO)),
      paint.tone(row.tone, cell(row.op, OP)),
      cell(row.what, WHAT),
      paint.dim(cell(row.call, CALL)),
      paint.dim(row.status.padStart(STATUS)),
      after.padStart(AFTER),
    ]
      .join(' ')
      .trimEnd();
  });
}

/** A line below a store's rows, under their second column; broken between words. */
export function noteLines(op: string, text: string, paint: Paint): readonly string[] {
  const left = INDENT.length + WHO + 1 + OP + 1;
  return wrap(text, WIDTH - left).map((line, index) => {
    const label = paint.dim(cell(index === 0 ? op : '', OP));
    return `${' '.repeat(left - OP - 1)}${label} ${line}`;
  });
}

export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

interface FoldedRow extends Row {
  /** Whether `afterMs` is the longest of many. */
  readonly upTo?: boolean;
}

function fold(rows: readonly Row[]): readonly FoldedRow[] {
  const groups = Map.groupBy(rows, ({ who, op, call }) => `${who} ${op} ${shape(call)}`);
  return rows.flatMap((row) => {
    const group = groups.get(`${row.who} ${row.op} ${shape(row.call)}`) ?? [];
    if (group.length < (row.tone === 'asked' ? FOLD_ASKED_FROM : FOLD_CHANGES_FROM)) return [row];
    return row === group[0] ? [foldedRow(row, group)] : [];
  });
}

function foldedRow(first: Row, group: readonly Row[]): FoldedRow {
  const times = group.flatMap(({ afterMs }) => afterMs ?? []);
  const what = `${group.length}: ${group.map((row) => row.what).join(', ')}`;
  const afterMs = times.length > 0 ? Math.max(...times) : null;
  return { ...first, what, call: shape(first.call), afterMs, upTo: true };
}

/** The call without what tells one person's from another's. */
function shape(call: string): string {
  return call.replace(/eq ".*"/, 'eq "…"').replace(/(Users|users|members)\/[^/]+/, '$1/…');
}

function cell(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width);
}

function duration(ms: number): string {
  if (ms < 1) return '< 1 ms';
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
