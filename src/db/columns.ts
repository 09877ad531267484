/** How values that the two databases hold differently become the same in code. */

/** A JSON column: PostgreSQL hands out the value, SQLite its text. Such columns hold objects and lists only. */
export function fromJson<T>(value: unknown): T {
  return (typeof value === 'string' ? JSON.parse(value) : value) as T;
}

export function toJson(value: unknown): string {
  return JSON.stringify(value);
}

/** A nullable JSON column. */
export function fromJsonOrNull<T>(value: unknown): T | null {
  return value === null || value === undefined ? null : fromJson<T>(value);
}

/** A boolean column: SQLite hands out 0 and 1. */
export function fromBoolean(value: unknown): boolean {
  return value === true || value === 1;
}

/** How text is compared without regard to case, in columns and in look-ups alike. */
export function lower(text: string): string {
  return text.toLowerCase();
}
