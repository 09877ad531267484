/** Lists and searches (RFC 7644 §3.4.2, §3.4.3) of one resource type or of all. */

import type { Pace } from '../db/lists/ranges.ts';
import { searchTogether } from '../db/lists/search.ts';
import { dialectOf } from '../db/open.ts';
import { sortKeyToSql } from '../directory/query/sort.ts';
import { cut, listOf, rowsWanted, startOf } from './answer/cursor.ts';
import { filterOf, listResponse, readList } from './answer/list.ts';
import type { Answer, Call, Endpoint, ListAnswer, Listed, LongBody, Scim } from './request/call.ts';
import type { ListQuery } from './request/query.ts';

/** All types share one order. */
export async function search(
  scim: Scim,
  call: Call,
  endpoints: readonly Endpoint[],
  query: ListQuery,
): Promise<Answer> {
  const selecting = { ...call, projection: query.projection };
  const [only] = endpoints;
  const found =
    only && endpoints.length === 1
      ? await only.list(scim, selecting, query)
      : await searchAll(scim, selecting, endpoints, query);
  return { status: 200, ...(await responseOf(query, found)) };
}

/**
 * Reads the first resource before it sends anything, so that the status can still say that the database does not
 * answer.
 */
async function responseOf(query: ListQuery, found: ListAnswer): Promise<LongBody> {
  const [first, ...others] = found.resources;
  if (!first || !found.resources.some((one) => typeof one === 'function'))
    return { body: listResponse(query, found) };
  const pages = allOf(await read(first), others);
  return { body: listResponse(query, found, []), more: { list: 'Resources', pages } };
}

async function* allOf(
  first: readonly object[] | LongBody,
  others: readonly Listed[],
): AsyncGenerator<readonly object[] | LongBody> {
  yield first;
  for (const one of others) yield await read(one);
}

async function read(one: Listed): Promise<readonly object[] | LongBody> {
  return typeof one === 'function' ? one() : [one];
}

async function searchAll(
  scim: Scim,
  call: Call,
  endpoints: readonly Endpoint[],
  query: ListQuery,
): Promise<ListAnswer> {
  const dialect = dialectOf(scim.directory.db);
  const connectionId = call.principal.connection.id;
  const allKinds = endpoints.map(({ kind }) => kind);
  const start = startOf(query, listOf(connectionId, allKinds, query));
  const pageOf = (pace: Pace | null) => ({
    connectionId,
    kinds: endpoints.map(({ kind }) => ({
      kind,
      filter: filterOf(query, kind, dialect),
      sortKey: query.sortBy === null ? null : sortKeyToSql(query.sortBy, kind, dialect),
    })),
    descending: query.descending,
    offset: start.position,
    limit: rowsWanted(query),
    pace,
  });
  const found = await readList(scim, call, query, allKinds, (db, pace) => searchTogether(db, pageOf(pace)));
  const { items, nextCursor } = cut(query, start, found.items, () => null);
  const byId = new Map<string, Listed>();
  for (const { kind, readAll } of endpoints) {
    const ids = items.filter((item) => item.kind === kind).map((item) => item.id);
    for (const [id, resource] of await readAll(scim, call, ids)) byId.set(id, resource);
  }
  // Leaves out resources that were deleted after the ids were read.
  const resources = items.flatMap(({ id }) => byId.get(id) ?? []);
  return { total: found.total, resources, ...nextCursor };
}
