/** What the bridge works on: one person or one group, seen from a store. */

export type Kind = 'user' | 'group';

/** A person (`kind: 'user'`, `id` is the person's id, not the SCIM user's) or a SCIM group. */
export interface Subject<K extends Kind = Kind> {
  readonly kind: K;
  readonly id: string;
}

/** A subject with the name that people read in plans and events. */
export interface NamedSubject<K extends Kind = Kind> extends Subject<K> {
  readonly display: string;
}
