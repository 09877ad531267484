/** Where a write to the directory comes from: a request of an identity provider, or a pull. */

export type Origin =
  | {
      readonly kind: 'request';
      readonly method: string;
      /** Relative to the endpoint: `/Users/42`. */
      readonly path: string;
      /** Already redacted and cut to size. */
      readonly body?: unknown;
    }
  | {
      readonly kind: 'pull';
      /** The connection's name. */
      readonly source: string;
      /** The connection's settings leave out what is deleted here; nobody deleted it at the source. */
      readonly filters?: true;
    };

/** In words, for the brake and incidents: `PATCH /Users/42`, `pull of Okta`. */
export function describeOrigin(origin: Origin): string {
  return origin.kind === 'request' ? `${origin.method} ${origin.path}` : `pull of ${origin.source}`;
}

/** For the audit log: why the settings leave out what is deleted; null where it was deleted at the source. */
export function whyFiltered(origin: Origin): string | null {
  if (origin.kind === 'request' || !origin.filters) return null;
  return `filtered out: the filter, base, domains or groups of ${origin.source} were changed`;
}

/** The request as an event shows it; a pull has none. */
export function requestOf(origin: Origin): { readonly request?: unknown } {
  if (origin.kind === 'pull') return {};
  const { method, path, body } = origin;
  return { request: { method, path, body } };
}
