/** Answers of every kind that a bridge may meet in place of a vendor's: statuses × bodies. */

export const STATUSES = [
  200, 204, 301, 302, 400, 401, 403, 404, 405, 409, 413, 414, 421, 429, 431, 500, 502, 503,
] as const;

export type BodyKind = 'vendor' | 'foreign' | 'html' | 'text' | 'empty' | 'cut';

export const BODY_KINDS: readonly BodyKind[] = ['vendor', 'foreign', 'html', 'text', 'empty', 'cut'];

export interface Cell {
  readonly status: (typeof STATUSES)[number];
  readonly kind: BodyKind;
}

export const CELLS: readonly Cell[] = STATUSES.flatMap((status) =>
  BODY_KINDS.map((kind) => ({ status, kind })),
);

/** `vendor`: the vendor's own body for the status, as an object or a literal. */
export function bodyText(kind: BodyKind, vendor: unknown): string {
  switch (kind) {
    case 'vendor':
      return JSON.stringify(vendor);
    case 'foreign':
      return JSON.stringify({ error: 'no route', message: 'upstream says no', status: 'unknown' });
    case 'html':
      return '<!doctype html><html><title>Sign in</title></html>';
    case 'text':
      return 'default backend - 404';
    case 'empty':
      return '';
    case 'cut': {
      const whole = JSON.stringify(vendor) ?? '';
      return whole.startsWith('{') || whole.startsWith('[') ? whole.slice(0, -1) : '{"id": 1, "user';
    }
  }
}

export function headersOf({ status, kind }: Cell): Record<string, string> {
  const type = kind === 'html' ? 'text/html' : kind === 'text' ? 'text/plain' : 'application/json';
  const moved = status === 301 || status === 302;
  return { 'content-type': type, ...(moved ? { location: 'https://login.example/?secret=1' } : {}) };
}
