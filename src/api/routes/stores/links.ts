/**
 * `…/stores/{id}/links`: which account or group belongs to whom, also set by hand; and the accounts of stores that
 * have no vendor.
 */

import { z } from 'zod';
import { linkByHand, unlink } from '../../../control/links.ts';
import { displaysOf } from '../../../db/identity/subjects.ts';
import { countUpTo } from '../../../db/paging.ts';
import { getLinkById, linksOf, listLinks } from '../../../db/seen/linkLists.ts';
import type { LinkRecord } from '../../../db/seen/links.ts';
import type { StoreRecord } from '../../../db/stores/stores.ts';
import { RequestError } from '../../../model/errors.ts';
import type { ApiDeps } from '../../deps.ts';
import { created, endpoint, noContent, ok } from '../../endpoint.ts';
import { storeHref } from '../../href.ts';
import { PAGE, page, readCursor } from '../../lists.ts';
import { notFound } from '../../path.ts';
import { AccountList, Link, LinkList, NewLink } from '../../schemas/stores/links.ts';

const STORE = '/environments/:envId/propagation/stores/:storeId';
const LINKS = `${STORE}/links` as const;

export const links = {
  listLinks: endpoint({
    method: 'get',
    path: LINKS,
    scope: 'read',
    scans: true,
    summary: 'List whose account or group is whose on a store',
    query: {
      ...PAGE,
      kind: z.enum(['user', 'group']).optional(),
      subjectId: z.string().optional(),
      remoteId: z.string().optional(),
    },
    answers: { 200: LinkList },
    handle: async (call, deps) => {
      const { store, query } = call;
      const { kind = null, subjectId = null, remoteId = null } = query;
      const filter = { kind, subjectId, remoteId };
      const key = readCursor(query, ['text']);
      const rows = await listLinks(deps.db, store.id, {
        ...filter,
        after: key && String(key[0]),
        limit: query.limit + 1,
      });
      const display = await displaysOf(
        deps.db,
        rows.map((link) => link.subject),
      );
      return ok(
        page(call, {
          name: 'links',
          rows,
          count: await countUpTo(deps.db, linksOf(deps.db, store.id, filter)),
          keyOf: (link) => [link.id],
          show: (link) => show(deps, store, link, display),
        }),
      );
    },
  }),

  createLink: endpoint({
    method: 'post',
    path: LINKS,
    scope: 'write',
    summary: 'Link a person or a group with an account or a group of the store by hand',
    body: NewLink,
    answers: { 201: Link },
    refusals: {
      409: 'The store has no such account or group, it is protected, or privileged and not confirmed, or one side is linked already.',
      503: 'The store could not be asked.',
    },
    handle: async ({ store, body, cause }, deps) => {
      const link = await linkByHand(deps.propagation, store, body, cause);
      const display = await displaysOf(deps.db, [link.subject]);
      return created(show(deps, store, link, display), storeHref(deps, store, 'links', link.id));
    },
  }),

  readLink: endpoint({
    method: 'get',
    path: `${LINKS}/:linkId`,
    scope: 'read',
    summary: 'Show a link',
    answers: { 200: Link },
    handle: async ({ store, params: { linkId } }, deps) => {
      const link = await getLinkById(deps.db, store.id, linkId);
      if (!link) throw notFound('link', linkId);
      return ok(show(deps, store, link, await displaysOf(deps.db, [link.subject])));
    },
  }),

  deleteLink: endpoint({
    method: 'delete',
    path: `${LINKS}/:linkId`,
    scope: 'write',
    summary: 'Remove a link; everything at the store stays as it is',
    answers: { 204: null },
    handle: async ({ store, params: { linkId }, cause }, deps) => {
      await unlink(deps.propagation, store, linkId, cause);
      return noContent;
    },
  }),

  listAccounts: endpoint({
    method: 'get',
    path: `${STORE}/accounts`,
    scope: 'read',
    summary: 'List the accounts of a store that the bridge keeps itself',
    query: PAGE,
    answers: { 200: AccountList },
    refusals: { 409: 'The accounts are at a vendor.' },
    handle: async (call, deps) => {
      const { store, query } = call;
      const { registry } = deps.propagation;
      const own = registry.get(store.type)?.ownAccounts;
      if (!own) {
        const shown = registry.types.filter((type) => registry.get(type)?.ownAccounts).join(' and ');
        throw new RequestError(
          409,
          `Only ${shown} stores show their accounts here; those of ${store.name} are at ${store.type} itself.`,
        );
      }
      const key = readCursor(query, ['text']);
      return ok(
        page(call, {
          name: 'accounts',
          rows: await own.list(store.id, key && String(key[0]), query.limit + 1),
          count: await own.count(store.id),
          keyOf: (account) => [account.id],
          show: ({ enabled, ...account }) => ({
            ...account,
            state: enabled ? ('enabled' as const) : ('disabled' as const),
          }),
        }),
      );
    },
  }),
};

function show(
  deps: ApiDeps,
  store: StoreRecord,
  link: LinkRecord,
  displayOf: Awaited<ReturnType<typeof displaysOf>>,
) {
  const { id, subject, remoteId, remoteName, origin, state, disabledBy, applied, observed } = link;
  return {
    id,
    subject: { ...subject, display: displayOf(subject) },
    ...{ remoteId, remoteName, origin, state },
    ...(disabledBy === null ? {} : { disabledBy }),
    ...{ applied, observed },
    createdAt: link.createdAt,
    updatedAt: link.updatedAt,
    _links: { self: { href: storeHref(deps, store, 'links', id) } },
  };
}
