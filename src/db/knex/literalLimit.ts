/**
 * Writes the limit of a select into its text. If the limit is a bound value, neither database knows how small it is:
 * SQLite plans the statement again for each use, and PostgreSQL plans for a tenth of the table. Unusual limits stay
 * bound, because clients choose the length of a page, and each text is another statement to prepare.
 */

import type QueryCompiler from 'knex/lib/query/querycompiler.js';

const SMALL = 20;
const ROUND = 50;

function isUsual(limit: unknown): boolean {
  return Number.isSafeInteger(limit) && (Number(limit) <= SMALL || Number(limit) % ROUND === 0);
}

export function withLiteralLimit<Compiler extends new (...given: never[]) => QueryCompiler>(
  compiler: Compiler,
): Compiler {
  return class extends (compiler as new (...given: never[]) => QueryCompiler) {
    override limit(): string {
      const { single } = this;
      single.skipBinding = { ...single.skipBinding, limit: isUsual(single.limit) };
      return super.limit();
    }
  } as Compiler;
}
