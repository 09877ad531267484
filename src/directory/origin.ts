/** Where a write to the directory comes from: a request that an identity provider sent, or a pull of a directory. */

export type Origin =
  | {
      readonly kind: 'request';
      readonly method: string;
      /** Relative to the endpoint: `/Users/42`. */
      readonly path: string;
      /** Redacted and bounded already. */
      readonly body?: unknown;
    }
  | {
      readonly kind: 'pull';
      /** The connection's name. */
      readonly source: string;
      /** Its settings leave out what is deleted, and nobody deleted that at the source. */
      readonly filters?: true;
    };

/** As the brake and an incident name it: `PATCH /Users/42`, `pull of Okta`. */
export function describeOrigin(origin: Origin): string {
  return origin.kind === 'request' ? `${origin.method} ${origin.path}` : `pull of ${origin.source}`;
}

/** What is deleted was filtered out: why, for the audit log; null where it was deleted. */
export function whyFiltered(origin: Origin): string | null {
  if (origin.kind === 'request' || !origin.filters) return null;
  return `filtered out: the filter, base, domains or groups of ${origin.source} were changed`;
}

/** What an event shows of the request; a pull has none. */
export function requestOf(origin: Origin): { readonly request?: unknown } {
  if (origin.kind === 'pull') return {};
  const { method, path, body } = origin;
  return { request: { method, path, body } };
}
