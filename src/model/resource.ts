/**
 * SCIM resources as the directory stores them: plain JSON with attribute names in the case of RFC 7643, without
 * `schemas`, `id`, `meta`, `password` and everything that the server computes.
 */

export type Resource = Readonly<Record<string, unknown>>;

export interface Email {
  readonly value: string;
  readonly type: string | null;
  readonly primary: boolean;
}

/** The e-mail addresses that have a value, in the order they were given. */
export function emailsOf(user: Resource): readonly Email[] {
  if (!Array.isArray(user.emails)) return [];
  return user.emails.flatMap((email: unknown) => {
    if (typeof email !== 'object' || email === null) return [];
    const { value, type, primary } = email as Record<string, unknown>;
    if (typeof value !== 'string' || value === '') return [];
    return [{ value, type: typeof type === 'string' ? type : null, primary: primary === true }];
  });
}

/** The address marked primary, else the work one, else the first; null where there is none. */
export function primaryEmail(user: Resource): string | null {
  const emails = emailsOf(user);
  const chosen =
    emails.find((email) => email.primary) ??
    emails.find((email) => email.type?.toLowerCase() === 'work') ??
    emails[0];
  return chosen?.value ?? null;
}

/** True unless the identity provider said `active: false`. */
export function isActive(user: Resource): boolean {
  return user.active !== false;
}
