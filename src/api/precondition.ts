/** `If-Match` (RFC 9110 §13.1.1): a request that expects one version of a resource changes no other version. */

/** null where the request takes any version. */
export function expectedVersions(header: string | undefined): readonly string[] | null {
  if (header === undefined || header.trim() === '' || header.trim() === '*') return null;
  // Clients send a tag back with or without `W/`, some even without its quotes.
  return header.split(',').map((tag) =>
    tag
      .trim()
      .replace(/^W\//i, '')
      .replace(/^"(.*)"$/, '$1'),
  );
}
