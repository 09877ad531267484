/** What the bridge works on: one person or one group, seen from a store. */

export type Kind = 'user' | 'group';

/** A person (`kind: 'user'`, `id` is the person's id, not the SCIM user's) or a SCIM group. */
export interface Subject {
  readonly kind: Kind;
  readonly id: string;
}
