/**
 * What GitLab counts apart, and how fast the bridge asks for it: GitLab's rate limits on users, groups and members
 * (docs.gitlab.com/administration/settings/rate_limit_on_groups_api and its neighbours).
 */

import type { Bucket, Paced } from '../../pacer.ts';

/**
 * GitLab counts in windows of a minute, so that half of its number at once, refilled at that rate, never exceeds it.
 */
const halfOf = (perMinute: number) => ({ perMinute: perMinute / 2, burst: perMinute / 2 });

type Row = readonly [name: string, method: string, path: RegExp, limit?: Bucket['limit']];

/** Where a path captures something, GitLab counts by it. */
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

/** Self-managed instances limit nothing else unless an administrator says so; what they answer is believed. */
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
