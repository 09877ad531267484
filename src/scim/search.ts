/** Lists and searches (RFC 7644 §3.4.2, §3.4.3), of one resource type or of all. */

import type { Answer, Call, Endpoint, Scim } from './call.ts';
import { listResponse } from './list.ts';
import type { ListQuery } from './query.ts';

/** Several types follow one another: positions count through, and sorting is within each type. */
export async function search(
  scim: Scim,
  call: Call,
  endpoints: readonly Endpoint[],
  query: ListQuery,
): Promise<Answer> {
  const resources: object[] = [];
  let total = 0;
  for (const endpoint of endpoints) {
    const skipped = Math.max(0, query.startIndex - 1 - total);
    const page = { ...query, startIndex: skipped + 1, count: query.count - resources.length };
    const found = await endpoint.list(scim, { ...call, projection: query.projection }, page);
    resources.push(...found.resources);
    total += found.total;
  }
  return { status: 200, body: listResponse(total, query.startIndex, resources) };
}
