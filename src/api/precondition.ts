/** `If-Match` (RFC 9110 §13.1.1): a request that means one version of a resource changes no other. */

/** null where the request means whatever version there is. */
export function expectedVersions(header: string | undefined): readonly string[] | null {
  if (header === undefined || header.trim() === '' || header.trim() === '*') return null;
  // Clients send a tag back with and without `W/`, and some without its quotes.
  return header.split(',').map((tag) =>
    tag
      .trim()
      .replace(/^W\//i, '')
      .replace(/^"(.*)"$/, '$1'),
  );
}
