/**
 * The kinds of request that GitLab counts separately, and how fast the bridge sends each: GitLab's rate limits on
 * users, groups and members (docs.gitlab.com/administration/settings/rate_limit_on_groups_api and its neighbours).
 */

import type { Bucket, Paced } from '../../pacer.ts';

/** GitLab counts by minute. A burst of half its number, refilled at half its rate, never exceeds the limit. */
const halfOf = (perMinute: number) => ({ perMinute: perMinute / 2, burst: perMinute / 2 });

type Row = readonly [name: string, method: string, path: RegExp, limit?: Bucket['limit']];

/** Where a pattern captures a part of the path, GitLab counts each such part separately. */
const KINDS: readonly Row[] = [
  ['list users', 'GET', /\/users$/],
  ['read a user', 'GET', /\/users\/[^/]+$/],
  ['create a user', 'POST', /\/users$/],
  ['edit a user', 'PUT', /\/users\/[^/]+$/],
  ['block or unblock', 'POST', /\/users\/[^/]+\/[a-z]+$/],
  ['delete a user', 'DELETE', /\/users\/[^/]+$/],
  ['list groups', 'GET', /\/groups$/, halfOf(200)],
  ['read a group', 'GET', /\/groups\/[^/]+$/, halfOf(400)],
  ['create a group', 'POST', /\/groups$/],
  ['edit a group', 'PUT', /\/groups\/[^/]+$/],
  ['list members', 'GET', /\/groups\/([^/]+)\/members(?:\/all)?$/, halfOf(200)],
  ['read a member', 'GET', /\/groups\/([^/]+)\/members\/(?:all\/)?\d+$/],
  ['add a member', 'POST', /\/groups\/([^/]+)\/members$/],
  ['edit a member', 'PUT', /\/groups\/([^/]+)\/members\/\d+$/],
  ['remove a member', 'DELETE', /\/groups\/([^/]+)\/members\/\d+$/, halfOf(60)],
];

/**
 * Self-managed instances limit nothing else unless an administrator sets a limit; the bridge then follows what the
 * answers say.
 */
export const BUCKETS: readonly Bucket[] = KINDS.map(
  ([name, method, path, limit]): Bucket => ({
    name,
    ...(limit ? { limit } : {}),
    keyOf: (request: Paced) => {
      const found = request.method === method ? path.exec(new URL(request.url).pathname) : null;
      return found && (found[1] ?? '');
    },
  }),
);
