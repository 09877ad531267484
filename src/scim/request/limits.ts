/**
 * The limits of one SCIM request, in one place. `docs/limits.md` tells them to people; discovery advertises those for
 * which SCIM has a place. A request beyond a limit gets 413 or 429 with a sentence that names the limit.
 */

const MIB = 1024 * 1024;

/** Enough for a group of 100,000 members as the bridge shows it: some apps PUT back what they got. */
export const BODY_BYTES_MAX = 32 * MIB;
/** Values in one body: 100,000 members of six values each, and some. Keys are not counted. */
export const VALUES_MAX = 650_000;
/** Entries of one list that holds no members: a user has a few addresses, roles and groups. */
export const LIST_MAX = 10_000;
/** Keys of one object; RFC 7643 knows some sixty. */
export const KEYS_MAX = 1000;
/** For one key: the bridge looks at each key as a whole. */
export const KEY_BYTES_MAX = 64 * 1024;
/** RFC 7643 resources are four deep. */
export const NESTING_MAX = 32;
/** Members that one request names. */
export const MEMBERS_MAX = 100_000;
/** Operations of one PATCH request. */
export const PATCH_OPERATIONS_MAX = 10_000;
/** Characters of all paths of one PATCH request: 10,000 members in separate operations take half of it. */
export const PATCH_PATH_CHARACTERS_MAX = MIB;
/** Operations of one bulk request; advertised in ServiceProviderConfig. */
export const BULK_OPERATIONS_MAX = 1000;
/** Resources in one answer; advertised as `filter.maxResults`. */
export const COUNT_MAX = 1000;
/** The number where the client names none. */
export const COUNT_DEFAULT = 100;

/** Requests of one connection that the process works on at once. Identity providers send a few dozen. */
export const CONCURRENT_REQUESTS_MAX = 500;
/** Bytes of bodies that the process holds, half-sent ones included: for one connection, and for all. */
export const BYTES_IN_HAND_MAX = { connection: 64 * MIB, process: 256 * MIB };
/** A larger body waits for its turn, because working on it takes several times its memory. */
export const LARGE_BODY_BYTES = MIB;
