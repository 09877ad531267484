/** Lists of bound values, cut to what one statement may hold. */

/** Below the limits of both databases on bound values, with room for the query's own. */
const VALUES_PER_QUERY_MAX = 500;

export function* chunks<T>(values: readonly T[]): Generator<readonly T[]> {
  for (let from = 0; from < values.length; from += VALUES_PER_QUERY_MAX) {
    yield values.slice(from, from + VALUES_PER_QUERY_MAX);
  }
}
