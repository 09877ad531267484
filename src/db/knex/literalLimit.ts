/**
 * Writes the limit of a select into its text. Of a bound one neither database knows how small it is: SQLite plans such
 * a statement again for each use, and PostgreSQL plans for a tenth of the table.
 */

import type QueryCompiler from 'knex/lib/query/querycompiler.js';

export function withLiteralLimit<Compiler extends new (...given: never[]) => QueryCompiler>(
  compiler: Compiler,
): Compiler {
  return class extends (compiler as new (...given: never[]) => QueryCompiler) {
    override limit(): string {
      const { single } = this;
      single.skipBinding = { ...single.skipBinding, limit: Number.isSafeInteger(single.limit) };
      return super.limit();
    }
  } as Compiler;
}
