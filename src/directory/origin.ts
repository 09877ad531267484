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
    };

/** As the brake and an incident name it: `PATCH /Users/42`, `pull of Okta`. */
export function describeOrigin(origin: Origin): string {
  return origin.kind === 'request' ? `${origin.method} ${origin.path}` : `pull of ${origin.source}`;
}

/** What an event shows of the request; a pull has none. */
export function requestOf(origin: Origin): { readonly request?: unknown } {
  if (origin.kind === 'pull') return {};
  const { method, path, body } = origin;
  return { request: { method, path, body } };
}
