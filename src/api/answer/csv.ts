/** Writes CSV (RFC 4180) in UTF-8, page by page. No cell can act as a formula in a spreadsheet. */

import type { Report } from '../../control/reports.ts';
import type { Written } from '../endpoint.ts';
import type { Sink } from './sink.ts';

export function csv(description: string): Written {
  return { mediaType: 'text/csv; charset=utf-8; header=present', description };
}

export function csvOf(report: Report): (sink: Sink) => Promise<void> {
  return async (sink) => {
    await sink.write(line(report.columns));
    for await (const rows of report.pages()) if (rows.length > 0) await sink.write(rows.map(line).join(''));
  };
}

function line(cells: readonly (string | number | boolean | null)[]): string {
  return `${cells.map((cell) => cellOf(cell === null ? '' : String(cell))).join(',')}\r\n`;
}

export function cellOf(text: string): string {
  const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
